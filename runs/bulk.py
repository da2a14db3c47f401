"""How does one command reach many runs? A list is frozen, shown, confirmed, and becomes ordinary commands.

Nothing here decides: every command is admitted, gated, counted and perhaps refused by itself, and what is confirmed
twice is asked for once. Source: DESIGN §8; study/ui.md §1c.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F, QuerySet
from django.db.models.functions import Now

from audit import vault
from plans import document
from plans import queries as plan_queries
from runs import clock, inbox, operations
from runs.engine import transitions
from runs.engine.transitions import HELD, LABELLED, NOT_SENT, UNKNOWN_OUTCOME, Standing
from runs.models import BULK_COMMANDS, Bulk, BulkItem, Inbox, Run
from runs.queries import RunFilter

MOST = 10_000  # runs of one list
FORGOTTEN = timedelta(days=1)  # a list that nobody confirmed by then is thrown away
PAGE = 100


# What may be asked


@dataclass(frozen=True, slots=True)
class All:
    """Everything that a filter matches. runs: how many, at most one more than `most`."""

    runs: int
    words: str
    most: int

    @property
    def too_many(self) -> bool:
        return self.runs > self.most


def all_of(wanted: RunFilter) -> All | None:
    """Return what may be asked of every run that matches a filter; None when nothing was narrowed."""
    if not wanted.given() or not offered(wanted):
        return None
    runs = wanted.apply(Run.objects.order_by())[: MOST + 1].count()
    return All(runs, words(wanted, runs), MOST)


def offered(wanted: RunFilter) -> list[str]:
    """Return the commands that at least some run of this status and reason could take, by the one table."""
    statuses = [wanted.status] if wanted.status else list(transitions.OPEN)
    reasons = [wanted.reason] if wanted.reason else ["", UNKNOWN_OUTCOME, HELD]
    best = [
        Standing(status, reason, ("any",), evidence, 1)
        for status in statuses
        for reason in reasons
        for evidence in ("", NOT_SENT)
    ]
    return [name for name in BULK_COMMANDS if any(transitions.refusal(name, run) is None for run in best)]


def words(wanted: RunFilter, runs: int) -> str:
    """Return a filter in words, as it is kept with the list."""
    parts = [f"{wanted.status} run{'' if runs == 1 else 's'}".strip()]
    parts += [f"of plan {wanted.plan}"] if wanted.plan else []
    parts += [f"at step {wanted.step}"] if wanted.step else []
    parts += [f"with the reason {wanted.reason}"] if wanted.reason else []
    parts += [f"found by “{wanted.q.strip()}”"] if wanted.q.strip() else []
    return " ".join(parts)


# The list


@transaction.atomic
def freeze(
    *, actor: str, command: str, wanted: RunFilter, ticked: Mapping[int, int] | None = None, back: str = ""
) -> Bulk:
    """Keep the list of runs a command is meant for, each with the entry number seen and what stands against it.

    ticked: {run number: entry number on the page}; None for every run that matches the filter, as it stands now.
    back: the address of the page the list comes from.
    Raises: operations.Refused when there is no such bulk command, no run, or there are too many.
    """
    if command not in BULK_COMMANDS:
        raise operations.Refused(f"“{command}” is not a command for several runs.")
    runs = Run.objects.filter(no__in=list(ticked)) if ticked is not None else wanted.apply(Run.objects.all())
    found = list(runs.order_by("no")[: MOST + 1])
    if not found:
        raise operations.Refused("No run is meant: tick the runs you mean, or narrow the list to them.")
    if len(found) > MOST:
        raise operations.Refused(f"More than {MOST} runs match; at most {MOST} can be asked at once. Narrow the list.")
    Bulk.objects.filter(confirmed_at=None, created_at__lt=Now() - FORGOTTEN).delete()
    count = len(found)
    text = f"all {count} {words(wanted, count)}" if ticked is None else f"{count} ticked of the {words(wanted, 0)}"
    bulk = Bulk.objects.create(command=command, filter=text, actor=actor, back=back)
    lane = clock.state().lane
    rows = [(run, run.n if ticked is None else ticked[run.no]) for run in found]
    BulkItem.objects.bulk_create(
        BulkItem(bulk=bulk, place=place, run=run, expected_n=n, refusal=_refusal(run, n, command, lane))
        for place, (run, n) in enumerate(rows, 1)
    )
    return bulk


def _refusal(run: Run, n: int, command: str, lane: int) -> str:
    if n != run.n:
        return f"It changed since you ticked it and is {run.status} now."
    try:
        return transitions.refusal(command, operations.standing_of(run, at=lane)) or ""
    except (plan_queries.Corrupt, document.Invalid):
        return "Its plan version is not what it was; verify the stream of its plan first."


@transaction.atomic
def confirm(*, bulk_id: uuid.UUID, actor: str, note: str, label: str = "") -> int:
    """Ask for the command on every run of a list that could take it; return how many commands are new.

    Confirming a list again changes nothing.
    Raises: operations.Refused for somebody else's list, a missing reason or a missing outcome.
    """
    bulk = Bulk.objects.select_for_update().get(pk=bulk_id)
    if bulk.confirmed_at is not None:
        return 0
    if bulk.actor != actor:
        raise operations.Refused("Somebody else made this list. Make your own, and confirm that.")
    if not note.strip():
        raise operations.Refused("Give a reason: it is kept with every command.")
    if (bulk.command in LABELLED) != bool(label):
        raise operations.Refused("Choose the outcome along which the runs go on.")
    held = vault.hold(kind="note", value=note.strip(), subject=f"bulk/{bulk.pk}")
    Bulk.objects.filter(pk=bulk.pk).update(note=held, label=label, confirmed_at=Now())
    asked = {"command": bulk.command, "actor": actor, "note": held, "label": label}
    rows = [(command_id(bulk, no, n), {**asked, "run": no, "expected_n": n}) for no, n in _possible(bulk)]
    return inbox.put_many(source="command", kind="command", rows=rows)


def command_id(bulk: Bulk, no: int, n: int) -> str:
    """Return the id of one run's command: the same list asks each run once, however often it is confirmed."""
    return str(uuid.uuid5(bulk.pk, f"{no}/{n}"))


def _possible(bulk: Bulk) -> QuerySet[BulkItem, tuple[int, int]]:
    items = BulkItem.objects.filter(bulk=bulk, refusal="").order_by("place")
    return items.values_list("run_id", "expected_n")


# What would happen


@dataclass(frozen=True, slots=True)
class Outcome:
    """An outcome that runs of a list can go on along. leads: the steps it leads to. runs: how many have it."""

    label: str
    leads: Sequence[str]
    runs: int


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a list would do. changed: how many have moved on since, and would be refused as stale."""

    runs: int
    possible: int
    changed: int
    refusals: Sequence[tuple[str, int]]
    outcomes: Sequence[Outcome]


def dry_run(bulk: Bulk) -> DryRun:
    """Return what confirming a list would do, counted; a fixed number of queries."""
    items = BulkItem.objects.filter(bulk=bulk)
    groups = [(row["refusal"], row["c"]) for row in items.values("refusal").annotate(c=Count("pk")).order_by("-c")]
    possible = sum(c for refusal, c in groups if not refusal)
    return DryRun(
        runs=sum(c for _, c in groups),
        possible=possible,
        changed=items.filter(refusal="").exclude(run__n=F("expected_n")).count(),
        refusals=[(refusal, c) for refusal, c in groups if refusal],
        outcomes=_outcomes(items) if bulk.command in LABELLED else (),
    )


def _outcomes(items: QuerySet[BulkItem]) -> list[Outcome]:
    places = items.filter(refusal="").order_by().values("run__plan_version_id", "run__step").annotate(c=Count("pk"))
    leads: dict[str, dict[str, int]] = {}
    for place in places:
        step = plan_queries.parsed(place["run__plan_version_id"]).steps[place["run__step"]]
        for label, goto in step.on.items():
            there = leads.setdefault(label, {})
            there[goto] = there.get(goto, 0) + place["c"]
    found = [Outcome(label, sorted(there), sum(there.values())) for label, there in leads.items()]
    return sorted(found, key=lambda outcome: -outcome.runs)


# What came of it


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of a confirmed list so far. refusals: (sentence, how many), those at freezing included."""

    runs: int
    applied: int
    waiting: int
    refused: int
    refusals: Sequence[tuple[str, int]]

    @property
    def done(self) -> int:
        return self.runs - self.waiting


def progress(bulk: Bulk) -> Progress:
    """Return what the engine has decided about a list; a fixed number of queries."""
    groups = BulkItem.objects.filter(bulk=bulk).values("refusal").annotate(c=Count("pk")).order_by()
    left = {row["refusal"]: row["c"] for row in groups}
    left.pop("", None)
    ids = [command_id(bulk, no, n) for no, n in _possible(bulk)]
    rows = Inbox.objects.filter(source="command", external_id__in=ids).order_by()
    verdicts: dict[str, int] = {}
    for row in rows.values("verdict", "reason").annotate(c=Count("pk")):
        verdicts[row["verdict"]] = verdicts.get(row["verdict"], 0) + row["c"]
        if row["verdict"] not in ("", "applied"):
            why = "It changed before the engine took the command." if _is_stale(row["reason"]) else row["reason"]
            left[why] = left.get(why, 0) + row["c"]
    applied, waiting = verdicts.get("applied", 0), verdicts.get("", 0)
    refused = sum(left.values())
    ordered = sorted(left.items(), key=lambda pair: -pair[1])
    return Progress(applied + waiting + refused, applied, waiting, refused, ordered)


def _is_stale(reason: str) -> bool:
    return reason.startswith("Stale:")


@dataclass(frozen=True, slots=True)
class Shown:
    """One run of a list on a page. input: its command in the inbox, None when none was put there."""

    item: BulkItem
    input: Inbox | None
    changed: bool


def page(bulk: Bulk, after: int) -> tuple[list[Shown], int | None]:
    """Return the runs of a list after a place, and the place to go on from; three queries whatever their number."""
    items = BulkItem.objects.filter(bulk=bulk, place__gt=after).select_related("run__contact")
    found = list(items.defer("run__state", "run__contact__attributes").order_by("place")[: PAGE + 1])
    ids = {command_id(bulk, item.run_id, item.expected_n): item.place for item in found if not item.refusal}
    rows = Inbox.objects.filter(source="command", external_id__in=list(ids)) if bulk.confirmed_at else ()
    inputs: dict[int, Any] = {ids[row.external_id]: row for row in rows}
    shown = [Shown(item, inputs.get(item.place), item.run.n != item.expected_n) for item in found[:PAGE]]
    return shown, found[PAGE - 1].place if len(found) > PAGE else None


def newest(limit: int = 50) -> list[Bulk]:
    """Return the lists that were confirmed, and those that may still be, newest first."""
    return list(Bulk.objects.order_by("-created_at")[:limit])
