"""How does one command reach many runs? A list is frozen, shown, confirmed, and becomes ordinary commands.

Nothing here decides: every command is admitted, gated, counted and perhaps refused by itself, and what is confirmed
twice is asked for once. Source: DESIGN §8; study/ui.md §1c.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Count, F, QuerySet
from django.db.models.functions import Now

from audit import log, vault
from plans import document
from plans import queries as plan_queries
from runs import clock, inbox, operations
from runs.engine import transitions
from runs.engine.transitions import HELD, LABELLED, NOT_SENT, UNKNOWN_OUTCOME, Standing
from runs.models import BULK_COMMANDS, Bulk, BulkItem, Run
from runs.queries import RunFilter
from runs.triaging.failure_filter import FailureFilter

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
    parts += wanted.words() if isinstance(wanted, FailureFilter) else []
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
    if ticked is None and isinstance(wanted, FailureFilter) and (hidden := wanted.left_out()):
        text += f" ({hidden} snoozed left out)"
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
    asked = {"command": bulk.command, "actor": actor, "note": held, "label": label, "bulk": str(bulk.pk)}
    rows = [(command_id(bulk, no, n), {**asked, "run": no, "expected_n": n}) for no, n in _possible(bulk)]
    return inbox.put_many(source="command", kind="command", rows=rows)


def command_id(bulk: Bulk, no: int, n: int) -> str:
    """Return the id of one run's command: the same list asks each run once, however often it is confirmed."""
    return str(uuid.uuid5(bulk.pk, f"{no}/{n}"))


def _possible(bulk: Bulk) -> QuerySet[BulkItem, tuple[int, int]]:
    items = BulkItem.objects.filter(bulk=bulk, refusal="").order_by("place")
    return items.values_list("run_id", "expected_n")


def cancel(*, bulk_id: uuid.UUID, actor: str) -> Bulk:
    """Stop a list: the engine refuses each of its commands that it has not taken yet; what it took stays done.

    The entry is written under the lock on the log's head, which every engine transaction holds too: so each of them
    comes before the stop or after it, and which runs it still reached is in the order of the log.
    Raises: operations.Refused when there is nothing left to stop.
    """
    with log.writing(by=actor) as writer:
        bulk = Bulk.objects.select_for_update().get(pk=bulk_id)
        if bulk.cancelled_at is not None:
            raise operations.Refused("It was stopped already.")
        if bulk.confirmed_at is None:
            raise operations.Refused("Nobody has confirmed it, so nothing is under way.")
        if str(bulk.pk) not in waiting():
            raise operations.Refused("There is nothing left to stop: the engine has decided about every run.")
        writer.append(f"bulk/{bulk.pk}", "bulk.cancelled", {})
        bulk.cancelled_at, bulk.cancelled_by = writer.at, actor
        bulk.save(update_fields=["cancelled_at", "cancelled_by"])
        return bulk


def waiting() -> dict[str, int]:
    """Return {list: how many of its commands the engine has not taken yet}, from the inputs without a place."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT body::jsonb ->> 'bulk', count(*) FROM runs_inbox"
            " WHERE place IS NULL AND kind = 'command' AND source = 'command' GROUP BY 1"
        )
        return {bulk: count for bulk, count in cursor.fetchall() if bulk}


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
