"""What did the comparison find? Differences, how many of each were compared, and what cannot be told any more. Pure."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from enum import Enum, IntEnum
from typing import Any

MOST_KEPT = 1_000  # differences told one by one; the others are counted
STREAMS = "streams"  # their heads are no evidence of anything by themselves


class Gone(Enum):
    """Stands for a value that the log only commits to and that was erased, or does not open its commitment."""

    GONE = "gone"


GONE = Gone.GONE


class Verdict(IntEnum):
    """The exit codes of `rebuild_check`."""

    SAME = 0
    DIFFERENT = 20
    NOTHING = 40


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as the log tells it.

    area: which kind of row or fact. where: which one. what: the column or, within an entry, the JSON pointer.
    recorded: what stands there. recomputed: what follows from the log.
    """

    area: str
    where: str
    what: str
    recorded: Any
    recomputed: Any

    def __str__(self) -> str:
        place = f"{self.where} {self.what}".strip()
        return f"{self.area}: {place}: recorded {_shown(self.recorded)}, the log gives {_shown(self.recomputed)}"


@dataclass(slots=True)
class Report:
    """Filled while comparing. entries: of the log. compared: how many of each area."""

    entries: int = 0
    compared: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    differing: int = 0
    erased: Counter[str] = field(default_factory=Counter)  # what was not compared, as its values are erased
    skipped: dict[str, list[str]] = field(default_factory=dict)  # reason to what was not compared for it
    other_tzdata: Counter[str] = field(default_factory=Counter)  # measured with another version of the zone database
    unread: Counter[str] = field(default_factory=Counter)  # entries of types this version does not know
    _told: set[tuple[str, str, str]] = field(default_factory=set)
    _gone: Counter[tuple[str, str]] = field(default_factory=Counter)

    def differ(self, area: str, where: str, what: str, recorded: Any, recomputed: Any) -> None:
        """Note a difference; the same place is noted once."""
        place = (area, where, what)
        if place in self._told:
            return
        self.differing += 1
        if len(self.differences) < MOST_KEPT:
            self._told.add(place)
            self.differences.append(Difference(area, where, what, recorded, recomputed))

    def names(self, area: str, where: str) -> bool:
        """Say whether a difference at this place is noted already."""
        return any(found.area == area and found.where == where for found in self.differences)

    def skip(self, what: str, why: str) -> None:
        """Note something that was not compared."""
        self.skipped.setdefault(why, []).append(what)

    def lack(self, what: str, stream: str, many: int = 1) -> None:
        """Note that something hangs on a value that is GONE. stream: where the log commits to it."""
        self._gone[what, stream] += many

    def explain(self, erased: Collection[str]) -> None:
        """Say of everything that is GONE why. erased: streams whose values were erased, as an entry of theirs says."""
        for (what, stream), many in sorted(self._gone.items()):
            if stream in erased:
                self.erased[what] += many
            else:
                self.skip(f"{what} of {stream}", "the vault does not hold the value that the log commits to")

    def compare(self, area: str, where: str, recorded: Any, recomputed: Any, *, at: str = "", stream: str = "") -> None:
        """Compare two values and note where they part. What is GONE is not compared, but said; see `lack`."""
        for pointer, one, other in parting(recorded, recomputed, at):
            what = pointer if at else pointer[1:]
            if GONE in (one, other):
                self.lack(f"{area}: {what}", stream)
            else:
                self.differ(area, where, what, one, other)

    @property
    def verdict(self) -> Verdict:
        """Return the verdict; nothing compared is never the same."""
        if self.differing:
            return Verdict.DIFFERENT
        compared = sum(many for area, many in self.compared.items() if area != STREAMS)
        return Verdict.SAME if compared else Verdict.NOTHING

    def as_data(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "verdict": self.verdict.name.lower(),
            "exit_code": int(self.verdict),
            "entries": self.entries,
            "compared": dict(sorted(self.compared.items())),
            "differing": self.differing,
            "differences": [asdict(found) for found in self.differences],
            "erased": dict(sorted(self.erased.items())),
            "skipped": self.skipped,
            "other_tzdata": dict(sorted(self.other_tzdata.items())),
            "unread": dict(sorted(self.unread.items())),
        }


def parting(recorded: Any, recomputed: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (JSON pointer, recorded, recomputed) for every innermost place at which two JSON values part."""
    if isinstance(recorded, dict) and isinstance(recomputed, dict):
        for name in sorted(recorded.keys() | recomputed.keys()):
            yield from parting(recorded.get(name), recomputed.get(name), f"{at}/{name}")
    elif isinstance(recorded, list) and isinstance(recomputed, list) and len(recorded) == len(recomputed):
        for index, pair in enumerate(zip(recorded, recomputed, strict=True)):
            yield from parting(*pair, f"{at}/{index}")
    elif type(recorded) is not type(recomputed) or recorded != recomputed:
        yield at, recorded, recomputed


def _shown(value: Any) -> str:
    text = "nothing" if value is None else str(value) or "an empty text"
    return text if len(text) <= 120 else f"{text[:119]}…"
