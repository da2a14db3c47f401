"""How is a row of stacked bars drawn? Integers for one SVG; colours are classes, a table says the same. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from audit.templatetags.dee import count as grouped

BOTTOM, RIGHT, GAP = 30, 8, 0.36
LABEL_WIDTH = 52  # a day's name and the air beside it; narrower slots name every second day, or every third


@dataclass(frozen=True, slots=True)
class Frame:
    """What is drawn and how large. series: key, words, class, from the bottom of a bar to its top."""

    series: Sequence[tuple[str, str, str]]
    width: int = 680
    height: int = 280
    left: int = 44
    top: int = 12


RUNS = Frame(
    (
        ("done", "completed", "is-done"),
        ("stopped", "stopped", "is-stopped"),
        ("open", "open", "is-open"),
        ("failed", "failed", "is-failed"),
    )
)
MESSAGES = Frame(
    (
        ("sent", "sent", "is-sent"),
        ("underway", "on its way", "is-open"),
        ("unknown", "unknown", "is-stopped"),
        ("unsent", "not sent", "is-failed"),
    ),
    width=300,
    height=104,
)


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
    """A text at a place. shown: there is room for it. numbers: for a day its counts in the order of the series."""

    x: int
    y: int
    text: str
    numbers: Sequence[int] = ()
    shown: bool = True


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


def stacked(days: Sequence[tuple[int, Mapping[str, int]]], frame: Frame = RUNS, of: str = "Runs started") -> Chart:
    """Return the drawing of (epoch seconds of the day, counts by series key), oldest first. of: what is counted."""
    top = _ceiling(max((sum(counts.values()) for _, counts in days), default=0))
    floor = frame.height - BOTTOM
    slot = (frame.width - frame.left - RIGHT) / max(1, len(days))
    every = max(1, -(-LABEL_WIDTH // max(1, int(slot))))
    parts, labels = [], []
    for index, (second, counts) in enumerate(days):
        x, name = frame.left + slot * index, _day(second)
        parts += _bar(counts, frame, top, (round(x + slot * GAP / 2), round(slot * (1 - GAP)), name))
        numbers = [counts.get(key, 0) for key, _, _ in frame.series]
        shown = (len(days) - 1 - index) % every == 0  # counted from today, which is always named
        labels.append(Label(round(x + slot / 2), frame.height - 10, name, numbers, shown))
    room = floor - frame.top
    grid = [Label(frame.left, floor - round(room * step / 2), grouped(top * step // 2)) for step in (0, 1, 2)]
    return Chart(frame.width, frame.height, frame.left, parts, labels, grid, _sentence(days, frame, of))


def _bar(counts: Mapping[str, int], frame: Frame, top: int, place: tuple[int, int, str]) -> list[Part]:
    """Return the parts of one day's bar, from the floor up. place: left edge, width, name of the day."""
    x, width, name = place
    y = floor = frame.height - BOTTOM
    parts = []
    for key, words, css in frame.series:
        count = counts.get(key, 0)
        if count:
            height = max(2, round((floor - frame.top) * count / top))
            y -= height
            parts.append(Part(x, y, width, height - 1, css, f"{name}: {grouped(count)} {words}"))
    return parts


def _sentence(days: Sequence[tuple[int, Mapping[str, int]]], frame: Frame, of: str) -> str:
    total = grouped(sum(sum(counts.values()) for _, counts in days))
    sums = [(words, sum(counts.get(key, 0) for _, counts in days)) for key, words, _ in frame.series]
    said = ", ".join(f"{grouped(number)} {words}" for words, number in sums if number)
    span = "1 day" if len(days) == 1 else f"{len(days)} days"
    return f"{of} per day over {span}: {total} in all{f': {said}' if said else ''}."


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
