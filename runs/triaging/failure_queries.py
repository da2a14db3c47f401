"""What does the failure inbox read? Every function is a fixed number of queries, whatever the number of failed runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Min, OuterRef, Q, QuerySet, Subquery

from audit.models import Entry
from runs.models import Intent, Run
from runs.queries import PAGE
from runs.triaging.failure_filter import FAILED_AT, FAILED_N, FailureFilter, awake_at, snoozed_at

MOST_GROUPS = 50
NEWS = 1000
BY_CAUSE = ("reason", "step", "plan_key")


@dataclass(frozen=True, slots=True)
class Group:
    """Failed runs that share reason, step and plan. oldest: lane second of the first failure.
    share: percent of the largest group, for the bar.
    """

    reason: str
    step: str
    plan_key: str
    runs: int
    oldest: int
    share: int


@dataclass(frozen=True, slots=True)
class Groups:
    """The causes behind a filter, the largest first. runs, snoozed, oldest: over all of them, shown or not."""

    groups: Sequence[Group]
    runs: int
    snoozed: int
    oldest: int | None
    more: int


def groups(wanted: FailureFilter) -> Groups:
    """Return the causes of the failed runs a filter means, whatever cause it names; one query."""
    everywhere = wanted.of_cause("", "", "")
    shown, hidden = awake_at(wanted.now), snoozed_at(wanted.now)
    if wanted.snoozed:
        shown, hidden = hidden, shown
    failed = everywhere.but_snooze(Run.objects.order_by()).annotate(failed_at=FAILED_AT).values(*BY_CAUSE)
    counted = failed.annotate(
        runs=Count("pk", filter=shown), others=Count("pk", filter=hidden), oldest=Min("failed_at", filter=shown)
    )
    rows = list(counted.order_by("-runs", *BY_CAUSE))
    found = [row for row in rows if row["runs"]]
    most = max((row["runs"] for row in found), default=1)
    return Groups(
        [
            Group(
                **{name: row[name] for name in (*BY_CAUSE, "runs", "oldest")},
                share=max(2, round(100 * row["runs"] / most)),
            )
            for row in found[:MOST_GROUPS]
        ],
        runs=sum(row["runs"] for row in rows),
        snoozed=sum(row["runs" if wanted.snoozed else "others"] for row in rows),
        oldest=min((row["oldest"] for row in found), default=None),
        more=max(0, len(found) - MOST_GROUPS),
    )


@dataclass(frozen=True, slots=True)
class FailurePage:
    """One page of the inbox. further: the place to go on from, as `after` in the address, or ""."""

    rows: Sequence[Run]
    further: str
    first: bool


def failures(wanted: FailureFilter, after: str) -> FailurePage:
    """Return a page of failed runs, by when they failed. after: the place of the last one seen, or ""."""
    rows = _shown(wanted)
    place = _place(after)
    if place is not None:
        at, no = place
        side = "lt" if wanted.sort else "gt"
        rows = rows.filter(Q(**{f"failed_at__{side}": at}) | Q(**{"failed_at": at, f"no__{side}": no}))
    order = ("-failed_at", "-no") if wanted.sort else ("failed_at", "no")
    found = list(rows.order_by(*order)[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    return FailurePage(found[:PAGE], f"{last.failed_at}-{last.no}" if last else "", place is None)  # type: ignore[attr-defined]


def every_failure(wanted: FailureFilter) -> QuerySet[Run]:
    """Return the failed runs a filter means, in its order, to be read piece by piece."""
    return _shown(wanted).order_by("-failed_at" if wanted.sort else "failed_at", "no")


def _shown(wanted: FailureFilter) -> QuerySet[Run]:
    """Return failed runs as the inbox shows them: since when, and how often the step was sent."""
    step = Intent.objects.filter(run=OuterRef("no"), step=OuterRef("step"), visit=OuterRef("visit"))
    rows = Run.objects.select_related("contact", "plan_version", "triage").defer(
        "plan_version__body", "plan_version__meta", "contact__attributes"
    )
    attempts = Subquery(step.order_by("-attempt").values("attempt")[:1])
    return wanted.apply(rows).annotate(failed_at=FAILED_AT, failed_n=FAILED_N, attempts=attempts)


def _place(after: str) -> tuple[int, int] | None:
    at, _, no = after.partition("-")
    parts = [part for part in (at, no) if part.isascii() and part.isdigit() and len(part) < 19]
    return (int(at), int(no)) if len(parts) == 2 else None


def failed_since(wanted: FailureFilter, known: int) -> int:
    """Return how many runs that a filter means have failed since the log had `known` entries; counted up to NEWS."""
    newest = Entry.objects.filter(seq__gte=known, type="run.failed").order_by("-seq").values_list("st", flat=True)
    runs = {int(st.removeprefix("run/")) for st in newest[:NEWS]}
    return wanted.apply(Run.objects.filter(no__in=runs)).count() if runs else 0
