"""What came of a list so far? The result of each of its runs, the counts, and how long the rest will take."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import connection
from django.db.models import QuerySet

from runs.admit import STOPPED
from runs.many import bulk
from runs.models import Bulk, BulkItem

STALE = "Stale:"
RATE_FROM = 5  # so many decisions say something about the rate


class Result(StrEnum):
    """What became of one run of a list."""

    DONE = "done"
    REFUSED = "refused"
    WAITING = "waiting"
    STOPPED = "stopped"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one run, and why it is that."""

    result: Result
    why: str = ""


def outcomes(found: Bulk) -> dict[int, Outcome]:
    """Return {place: outcome} of a confirmed list; two queries."""
    rows = list(BulkItem.objects.filter(bulk=found).values_list("place", "run_id", "expected_n", "refusal"))
    places = {bulk.command_id(found, no, n): place for place, no, n, refusal in rows if not refusal}
    told = {place: Outcome(Result.LEFT, refusal) for place, _, _, refusal in rows if refusal}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT external_id, verdict, reason FROM runs_inbox WHERE source = 'command' AND external_id = ANY(%s)",
            [list(places)],
        )
        told |= {places[id]: _outcome(verdict, reason) for id, verdict, reason in cursor.fetchall()}
    return told


def _outcome(verdict: str, reason: str) -> Outcome:
    if verdict in ("", "applied"):
        return Outcome(Result.DONE if verdict else Result.WAITING)
    if reason.startswith(STOPPED):
        return Outcome(Result.STOPPED, reason.removeprefix(STOPPED).strip().capitalize())
    return Outcome(Result.REFUSED, "It changed before the engine took the command." if _is_stale(reason) else reason)


def _is_stale(reason: str) -> bool:
    return reason.startswith(STALE)


@dataclass(frozen=True, slots=True)
class Progress:
    """The counts of a list. refused: by the engine, or left alone from the beginning, which `left` counts.

        refusals: (sentence, runs).
    rate: runs a minute, None while too few were decided. left_s: seconds that the rest will take at that rate.
    """

    runs: int
    applied: int
    waiting: int
    refused: int
    stopped: int
    left: int
    refusals: Sequence[tuple[str, int]]
    rate: int | None = None
    left_s: int | None = None

    @property
    def done(self) -> int:
        return self.runs - self.waiting

    @property
    def percent(self) -> int:
        return 100 * self.done // self.runs if self.runs else 100


def progress(found: Bulk, told: Mapping[int, Outcome], now: datetime) -> Progress:
    """Count the outcomes of a list. now: the database's clock."""
    counts = Counter(outcome.result for outcome in told.values())
    why = Counter(outcome.why for outcome in told.values() if outcome.why)
    decided = counts[Result.DONE] + counts[Result.REFUSED] + counts[Result.STOPPED]
    assert found.confirmed_at is not None
    seconds = max(1.0, (now - found.confirmed_at).total_seconds())
    known = decided >= RATE_FROM and counts[Result.WAITING] > 0
    return Progress(
        runs=len(told),
        applied=counts[Result.DONE],
        waiting=counts[Result.WAITING],
        refused=counts[Result.REFUSED] + counts[Result.LEFT],
        stopped=counts[Result.STOPPED],
        left=counts[Result.LEFT],
        refusals=why.most_common(),
        rate=round(60 * decided / seconds) if known else None,
        left_s=round(counts[Result.WAITING] * seconds / decided) if known else None,
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """One run of a list on a page. outcome: None before the list is confirmed. changed: it moved on since."""

    item: BulkItem
    outcome: Outcome | None
    changed: bool


def page(
    found: Bulk, after: int, told: Mapping[int, Outcome] | None = None, show: str = ""
) -> tuple[list[Shown], int | None]:
    """Return the runs of a list after a place, and the place to go on from; one query.

    told: the outcomes of a confirmed list. show: only runs of this result.
    """
    items = _items(found).filter(place__gt=after)
    if told is not None and show:
        meant = sorted(place for place, outcome in told.items() if outcome.result == show and place > after)
        items = items.filter(place__in=meant[: bulk.PAGE + 1])
    rows = list(items.order_by("place")[: bulk.PAGE + 1])
    shown = [
        Shown(item, told.get(item.place) if told is not None else None, item.run.n != item.expected_n)
        for item in rows[: bulk.PAGE]
    ]
    return shown, rows[bulk.PAGE - 1].place if len(rows) > bulk.PAGE else None


def every(found: Bulk, told: Mapping[int, Outcome]) -> Iterator[tuple[BulkItem, Outcome]]:
    """Yield every run of a confirmed list with its outcome, in the order of the list."""
    for item in _items(found).order_by("place").iterator(2_000):
        yield item, told[item.place]


def _items(found: Bulk) -> QuerySet[BulkItem]:
    items = BulkItem.objects.filter(bulk=found).select_related("run__contact")
    return items.defer("run__state", "run__contact__attributes")


# The list of lists


@dataclass(frozen=True, slots=True)
class Job:
    """A bulk action on the list of them. waiting: commands that the engine has not taken yet."""

    bulk: Bulk
    waiting: int

    @property
    def state(self) -> str:
        """One of: open, running, stopping, stopped, finished."""
        if self.bulk.confirmed_at is None:
            return "open"
        if self.bulk.cancelled_at is not None:
            return "stopping" if self.waiting else "stopped"
        return "running" if self.waiting else "finished"


def jobs(limit: int = 50) -> list[Job]:
    """Return the newest lists, confirmed or not, each with what is left to do; two queries."""
    rows = list(Bulk.objects.order_by("-created_at")[:limit])
    left = bulk.waiting() if rows else {}
    return [Job(row, left.get(str(row.pk), 0)) for row in rows]
