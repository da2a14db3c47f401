"""How is a row of stacked bars drawn? Integers for one SVG; colours are classes, a table says the same. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

# key, words, class: from the bottom of a bar to its top
SERIES = (
    ("done", "completed", "is-done"),
    ("stopped", "stopped", "is-stopped"),
    ("open", "open", "is-open"),
    ("failed", "failed", "is-failed"),
)
WIDTH, HEIGHT, LEFT, TOP, BOTTOM, GAP = 900, 210, 44, 12, 30, 0.36


@dataclass(frozen=True, slots=True)
class Part:
    x: int
    y: int
    width: int
    height: int
    css: str
    title: str


@dataclass(frozen=True, slots=True)
class Label:
    """A text at a place. numbers: for a day its counts in the order of SERIES, for the table."""

    x: int
    y: int
    text: str
    numbers: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """width, height: of the drawing. grid: (y, text) of the lines behind the bars."""

    width: int
    height: int
    left: int
    parts: Sequence[Part]
    labels: Sequence[Label]
    grid: Sequence[Label]
    sentence: str


def stacked(days: Sequence[tuple[int, Mapping[str, int]]]) -> Chart:
    """Return the drawing of (epoch seconds of the day, counts by series key), oldest first."""
    top = _ceiling(max((sum(counts.values()) for _, counts in days), default=0))
    room, floor = HEIGHT - TOP - BOTTOM, HEIGHT - BOTTOM
    slot = (WIDTH - LEFT) / max(1, len(days))
    parts, labels = [], []
    for index, (second, counts) in enumerate(days):
        x, y, name = LEFT + slot * index, floor, _day(second)
        for key, words, css in SERIES:
            count = counts.get(key, 0)
            height = round(room * count / top)
            if count:
                height = max(2, height)
                y -= height
                parts.append(
                    Part(
                        round(x + slot * GAP / 2),
                        y,
                        round(slot * (1 - GAP)),
                        height - 1,
                        css,
                        f"{name}: {count} {words}",
                    )
                )
        labels.append(Label(round(x + slot / 2), HEIGHT - 10, name, [counts.get(key, 0) for key, _, _ in SERIES]))
    total = sum(sum(counts.values()) for _, counts in days)
    failed = sum(counts.get("failed", 0) for _, counts in days)
    sentence = f"Runs started per day over {len(days)} days: {total} in all, {failed} of them stand FAILED."
    grid = [Label(LEFT, floor - round(room * step / 2), str(top * step // 2)) for step in (0, 1, 2)]
    return Chart(WIDTH, HEIGHT, LEFT, parts, labels, grid, sentence)


def _ceiling(most: int) -> int:
    """Return a round even number that is not below the highest bar."""
    size = 2
    while size < most:
        for factor in (2, 5, 10):
            if size // 2 * factor * 2 >= most:
                return size // 2 * factor * 2
        size *= 10
    return size


def _day(second: int) -> str:
    at = datetime.fromtimestamp(second, UTC)
    return f"{at.day} {at:%b}"
