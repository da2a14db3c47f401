"""What does the page of one run read beside the run and its entries? Each function is one query."""

from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet, Value

from channels.models import OutboxMessage
from policies.models import Consent
from runs.models import Inbox, Run
from runs.queries import RunFilter

MOST = 50  # messages and inputs that one page shows; the mailbox and the inbox have all of them
ENTRIES = 5_000  # entries that one page reads; as many as one may replay on the server
EVENTS = ("event", "report")


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The failed runs before and after a run, None when there is none. alike: it has the same cause, or the filter."""

    before: int | None = None
    after: int | None = None
    before_alike: bool = False
    after_alike: bool = False


def neighbours(run: Run, alike: RunFilter) -> Neighbours:
    """Return the next failed runs on both sides, those that a filter or a cause picks before any other."""
    failed = Run.objects.filter(status="FAILED")
    same = alike.apply(failed)
    rows = [_nearest(of, run.no, side, rank) for rank, of in enumerate((same, failed)) for side in ("before", "after")]
    found: dict[str, tuple[int, int]] = {}
    for side, rank, no in rows[0].union(*rows[1:], all=True):
        found[side] = min(found.get(side, (rank, no)), (rank, no))
    before, after = found.get("before"), found.get("after")
    return Neighbours(
        before[1] if before else None,
        after[1] if after else None,
        before is not None and before[0] == 0,
        after is not None and after[0] == 0,
    )


def _nearest(runs: QuerySet[Run], no: int, side: str, rank: int) -> QuerySet[Run, Any]:
    beyond = runs.filter(no__lt=no).order_by("-no") if side == "before" else runs.filter(no__gt=no).order_by("no")
    return beyond.annotate(side=Value(side), rank=Value(rank)).values_list("side", "rank", "no")[:1]


def messages(run: Run) -> list[OutboxMessage]:
    """Return the newest messages of a run as they were rendered, oldest first."""
    rows = OutboxMessage.objects.filter(run=run.stream).defer("salt")
    return list(reversed(rows.order_by("-created_at", "-intent")[:MOST]))


def inputs(run: Run) -> list[Inbox]:
    """Return the newest inputs that reached a run or were refused for it, in the order of their admission."""
    rows = Inbox.objects.filter(run=run).order_by(F("place").desc(nulls_first=True), "-id")
    return list(reversed(rows[:MOST]))


def others(run: Run, limit: int = 10) -> list[Run]:
    """Return other runs of the same contact: those that still go on first, then the newest."""
    rows = Run.objects.filter(contact=run.contact_id).exclude(no=run.no)
    columns = ("no", "status", "reason", "plan_key", "step", "start_at", "due_at")
    return list(rows.only(*columns).order_by(F("ended_at").desc(nulls_first=True), "-no")[:limit])


def given(contact_id: int) -> dict[tuple[str, str, int], int]:
    """Return {(channel, purpose, version): when it was said} of a contact's consents."""
    rows = Consent.objects.filter(contact=contact_id).values_list("channel", "purpose", "version", "at")
    return {(channel, purpose, version): at for channel, purpose, version, at in rows}
