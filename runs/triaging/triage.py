"""Who looks after a failed run, what do they know about it, and until when is it out of the way?

Every act is an entry of the stream triage/<run number>, in the transaction that changes the row. Nothing here moves a
run: its commands go through the engine as ever. Only what the person saw is acted on: a run that has moved on since,
or that a colleague has taken meanwhile, is left alone, and the result says who was faster.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model

from audit import log, vault
from audit import queries as audit_queries
from audit.log import Writer
from audit.models import Entry
from runs import clock
from runs.models import Run, Triage
from runs.operations import Refused
from runs.triaging.failure_filter import FAILED_N

RIGHT = "runs.command_run"
MOST = 100  # runs of one act: what a page shows, and no more
MAX_SNOOZE_S = 366 * 86_400
MAX_NOTE = 2_000
STREAM = "triage/"

Seen = Mapping[int, tuple[int, int]]  # {run number: (its entry number, the number of its triage entries) on the page}
Act = tuple[str, dict[str, Any]]  # the type and the data of an entry


@dataclass(frozen=True, slots=True)
class Left:
    """A run that was left alone, and the sentence that says why."""

    ref: str
    why: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an act on several runs: the numbers of those it holds for now, and the others."""

    done: Sequence[int]
    left: Sequence[Left]


@dataclass(frozen=True, slots=True)
class Done:
    """One act of triage as it is told. at: the instant as text. by: a name. note: what was written, if it is there."""

    at: str
    actor: str
    by: str
    text: str
    note: str = ""
    until: int | None = None


# From a row, the number of its failure's entry and its latest act to what is to be written; None when nothing changes.
Change = Callable[[Triage, int, Done | None], Act | None]


def assign(*, actor: str, seen: Seen, to: str) -> Result:
    """Give failed runs to a person, as the log names them, or with "" to nobody.

    Raises: Refused when no run is meant, or when that person could do nothing with them.
    """
    if to and to not in {person for person, _ in people()}:
        raise Refused("Choose somebody who is active and may command runs; others could only look at it.")

    def change(row: Triage, _n: int, _: Done | None) -> Act | None:
        if row.assignee == to:
            return None
        row.assignee = to
        return "triage.assigned", {"to": to}

    return _act(actor, seen, change)


def snooze(*, actor: str, seen: Seen, until: int) -> Result:
    """Take failed runs out of the way until a second of the desk's clock, or until they fail anew.

    Raises: Refused when no run is meant, or when the time lies behind or more than a year ahead.
    """
    now = clock.state().wall
    if not now < until <= now + MAX_SNOOZE_S:
        raise Refused("Choose a time to come, at most a year ahead.")

    def change(row: Triage, n: int, _: Done | None) -> Act | None:
        if (row.snoozed_until, row.snoozed_n) == (until, n):
            return None
        row.snoozed_until, row.snoozed_n = until, n
        return "triage.snoozed", {"until": until, "failure": n}

    return _act(actor, seen, change)


def wake(*, actor: str, seen: Seen) -> Result:
    """Bring snoozed runs back into the inbox. Raises: Refused when no run is meant."""

    def change(row: Triage, _n: int, _: Done | None) -> Act | None:
        if row.snoozed_until is None:
            return None
        row.snoozed_until = row.snoozed_n = None
        return "triage.woken", {}

    return _act(actor, seen, change)


def note(*, actor: str, seen: Seen, text: str) -> Result:
    """Add a note to failed runs; its text is personal, so the log holds its fingerprint only. Raises: Refused."""
    text = text.strip()
    if not text:
        raise Refused("Write something: an empty note helps nobody.")
    if len(text) > MAX_NOTE:
        raise Refused(f"A note holds at most {MAX_NOTE} characters; this one has {len(text)}.")

    def change(row: Triage, _n: int, latest: Done | None) -> Act | None:
        if latest is not None and latest.note == text:
            return None  # the same form, sent again
        row.notes += 1
        return "triage.noted", {"note": vault.hold(kind="note", value=text, subject=row.stream)}

    return _act(actor, seen, change, adds_only=True)


def _act(actor: str, seen: Seen, change: Change, *, adds_only: bool = False) -> Result:
    """Change the triage of those runs that are as they were seen, each with its entry.

    adds_only: the act takes nothing from a colleague, so what they did meanwhile does not stand against it.
    """
    if not seen:
        raise Refused("No run is meant: tick the runs you mean.")
    if len(seen) > MOST:
        raise Refused(f"At most {MOST} runs at once.")
    done, left = [], []
    with log.writing(by=actor) as writer:
        runs = Run.objects.filter(no__in=list(seen)).only("no", "status", "n").annotate(failed_n=FAILED_N)
        rows = Triage.objects.in_bulk([run.no for run in runs])
        told = acts_of(rows)
        for run in runs.order_by("no"):
            n, acts = seen[run.no]
            row = rows.get(run.no) or Triage(run=run, n=0)
            latest = told[run.no][-1] if run.no in told else None
            why = _moved_on(run, n)
            act = None if why else change(row, run.failed_n, latest)
            if act is not None and not adds_only and row.n != acts and latest is not None and latest.actor != actor:
                why = f"{latest.by} was faster: {latest.text}."
            if why:
                left.append(Left(run.ref, why))
                continue
            _write(writer, row, act)
            done.append(run.no)
    return Result(done, left)


def _write(writer: Writer, row: Triage, act: Act | None) -> None:
    if act is not None:
        row.n = writer.append(row.stream, *act).n
        row.save()


def _moved_on(run: Run, n: int) -> str:
    if run.status != "FAILED":
        return f"It has moved on since you saw it and is {run.status} now."
    if run.failed_n > n:  # type: ignore[attr-defined]
        return "It was tried again since you saw it, and has failed anew."
    return ""


# Reading


def people() -> list[tuple[str, str]]:
    """Return (actor, name) of everybody whom a failed run can be assigned to."""
    backend = "django.contrib.auth.backends.ModelBackend"
    able = get_user_model().objects.with_perm(RIGHT, backend=backend)
    rows = able.filter(is_staff=True).order_by("username").distinct()
    return [(f"user:{user.pk}", user.get_username()) for user in rows]


@dataclass(frozen=True, slots=True)
class State:
    """The triage of one run now. snoozed_until: None unless it is out of the way at this moment."""

    assignee: str
    assignee_name: str
    snoozed_until: int | None
    notes: int
    acts: Sequence[Done]


def of(run: Run) -> State:
    """Return who looks after a run, whether it is snoozed, and what was done, oldest first; at most six queries."""
    row = Triage.objects.filter(run=run.no).first()
    if row is None:
        return State("", "", None, 0, ())
    failed_n = Run.objects.filter(no=run.no).values_list(FAILED_N, flat=True).first()
    name = audit_queries.actor_names([row.assignee])[row.assignee] if row.assignee else ""
    asleep = run.status == "FAILED" and is_snoozed(row, failed_n or 0, clock.state().wall)
    until = row.snoozed_until if asleep else None
    return State(row.assignee, name, until, row.notes, acts_of([run.no]).get(run.no, ()))


def is_snoozed(row: Triage, failed_n: int, now: int) -> bool:
    """Return whether a run is out of the way: the time has not come, and it has not failed anew."""
    return row.snoozed_until is not None and row.snoozed_until > now and row.snoozed_n == failed_n


def acts_of(numbers: Iterable[int]) -> dict[int, list[Done]]:
    """Return {run number: what was done, oldest first}; three queries whatever their number."""
    streams = {f"{STREAM}{no}": no for no in numbers}
    entries = list(Entry.objects.filter(st__in=list(streams)).order_by("st", "n")) if streams else []
    read = [(entry, json.loads(entry.body)["data"], json.loads(entry.stamp)) for entry in entries]
    actors = {stamp["by"] for _, _, stamp in read} | {data["to"] for _, data, _ in read if data.get("to")}
    names = audit_queries.actor_names(actors) if actors else {}
    refs = [data["note"]["ref"] for _, data, _ in read if "note" in data]
    notes = vault.reveal_many(refs) if refs else {}
    found: dict[int, list[Done]] = {}
    for entry, data, stamp in read:
        told = _told(entry.type, data, stamp, names, notes)
        found.setdefault(streams[entry.st], []).append(told)
    return found


def _told(
    type: str, data: Mapping[str, Any], stamp: Mapping[str, str], names: Mapping[str, str], notes: Mapping[int, str]
) -> Done:
    at, actor, by = stamp["at"], stamp["by"], names[stamp["by"]]
    match type:
        case "triage.assigned":
            to = data["to"]
            whom = "took it" if to == stamp["by"] else f"assigned it to {names[to]}" if to else "assigned it to nobody"
            return Done(at, actor, by, whom)
        case "triage.snoozed":
            return Done(at, actor, by, "snoozed it", until=data["until"])
        case "triage.woken":
            return Done(at, actor, by, "woke it up")
    return Done(at, actor, by, "noted", note=notes.get(data["note"]["ref"], "(the note was erased)"))
