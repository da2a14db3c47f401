"""What do several pages of runs show in the same way? Timelines, the picture of the path, outcomes, links."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest

from audit import chain, desk, vault, verify
from audit import queries as audit_queries
from audit.models import Entry
from plans import diagram, document, layout
from plans import queries as plan_queries
from plans.steps import Task
from policies import hours
from runs import operations, queries
from runs.engine import transitions
from runs.models import Inbox, Run
from runs.showing import explain

# Commands that let a message leave: they need evidence that holds.
SENDING = frozenset({"retry", "redispatch", "send_again"})


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """An entry with what the page says of it."""

    entry: Entry
    line: explain.Row


def actor(request: HttpRequest) -> str:
    """Return who is acting, as the log names people."""
    return f"user:{request.user.pk}"


def chain_break(run: Run, entries: Sequence[Entry]) -> chain.Break | None:
    """Return what is wrong with a run's entries, from the first on, or None: no page tells a story over a break."""
    rows = (
        chain.Row(e.st, e.n, e.type, e.tick, e.step, bytes(e.prev), bytes(e.hash), e.body, e.seq, e.stamp)
        for e in entries
    )
    return chain.first_break(run.stream, rows)[0]


# Commands


def standing(run: Run, *, at: int | None = None) -> transitions.Standing | None:
    """Return what decides which commands a run takes; None when its plan version is not what it was.

    at: the lane clock, None to read it.
    """
    try:
        return operations.standing_of(run, at=at)
    except (plan_queries.Corrupt, document.Invalid):
        return None


def refusals(
    run: Run, stands: transitions.Standing | None, broken: chain.Break | None
) -> dict[transitions.Command, str | None]:
    """Return for each command the sentence why it may not be given now, or None."""
    return {command: _refusal(run, command, stands, broken) for command in transitions.Command}


def checked_refusals(run: Run, stands: transitions.Standing | None) -> dict[transitions.Command, str | None]:
    """The same, after reading the run's whole chain."""
    return refusals(run, stands, verify.check(run.stream).first_break)


def checked_refusal(run: Run, command: str) -> str | None:
    """Return the sentence why one command may not be given now, or None; reads the run's chain where that matters."""
    broken = verify.check(run.stream).first_break if command in SENDING else None
    return _refusal(run, command, standing(run), broken)


def _refusal(run: Run, command: str, stands: transitions.Standing | None, broken: chain.Break | None) -> str | None:
    if broken and command in SENDING:
        return (
            f"The run's own evidence is broken at entry {broken.n}, so nothing may be sent on it."
            " Cancel it, or find out who changed the log."
        )
    if stands is None:
        return f"The plan version of {run.ref} is not what it was; verify the stream of its plan first."
    return transitions.refusal(command, stands)


def labels(run: Run, stands: transitions.Standing | None) -> dict[str, str]:
    """Return {outcome: where it leads} of the step the run stands at, as far as a person may choose it."""
    if stands is None or not stands.labels:
        return {}
    leads = plan_queries.parsed(run.plan_version_id).steps[run.step].on
    return {label: leads[label] for label in stands.labels}


def task(run: Run) -> Task | None:
    """Return what a person is asked to do, when the run waits for one."""
    if run.status != transitions.Status.WAITING or run.reason != transitions.TASK:
        return None
    plan = plan_of(run)
    here = plan.steps.get(run.step) if plan else None
    return here if isinstance(here, Task) else None


# What is told of a run


def decoded(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return the values of entries whose chain holds. Verification reads the texts themselves, never these."""
    return [json.loads(entry.body) for entry in entries]


def timeline(entries: Sequence[Entry], broken_at: int = 0) -> list[TimelineRow]:
    """Return entries as rows, with the names of people and the reasons they gave; three queries at most.

    broken_at: from this entry on only the columns are shown, because the texts prove nothing.
    """
    sound = [entry for entry in entries if not broken_at or entry.n < broken_at]
    bodies = decoded(sound)
    return rows_of(entries, bodies, beside(bodies), broken_at)


def rows_of(
    entries: Sequence[Entry], bodies: Sequence[Mapping[str, Any]], beside: explain.Beside, broken_at: int = 0
) -> list[TimelineRow]:
    """Return entries as rows. bodies: the texts of those before a break, decoded."""
    sound = entries[: len(bodies)]
    rows = [TimelineRow(entry, explain.row(body, beside)) for entry, body in zip(sound, bodies, strict=True)]
    return rows + [TimelineRow(entry, explain.unread(entry, broken_at)) for entry in entries[len(sound) :]]


def beside(bodies: Sequence[Mapping[str, Any]], asked_for: Sequence[Mapping[str, Any]] = ()) -> explain.Beside:
    """Return what helps to read entries: names, reasons, recovery rules. asked_for: commands that became no entry."""
    commands = [body["data"] for body in bodies if body["type"] == "command.accepted"] + list(asked_for)
    actors = {data["actor"] for data in commands}
    actors |= {body["data"]["source"] for body in bodies if body["type"] == "run.started"}
    refs = [data["note"]["ref"] for data in commands if data.get("note")]
    hashes = {body["data"]["policy"]["hash"] for body in bodies if body["type"].startswith("recovery.")}
    return explain.Beside(
        names=audit_queries.actor_names(actors) if actors else {},
        notes=vault.reveal_many(refs) if refs else {},
        rules=queries.recovery_rules(hashes) if hashes else {},
        clock=clock,
    )


def clock(zone: str, at: int) -> str:
    """Return what a wall clock of a zone shows at an instant."""
    if not hours.is_zone(zone):
        return zone
    here = datetime.fromtimestamp(at + hours.local(zone, at)["offset_s"], UTC)
    return f"{here:%H:%M} in {zone} on {here:%a} {here.day} {here:%b %Y}"


def plan_of(run: Run) -> document.Plan | None:
    """Return the plan of the run's own version, or None when what is stored no longer hashes to its hash."""
    try:
        return plan_queries.parsed(run.plan_version_id)
    except (plan_queries.Corrupt, document.Invalid):
        return None


def picture(run: Run, plan: document.Plan | None, bodies: Sequence[Mapping[str, Any]]) -> diagram.Diagram | None:
    """Return the graph of the run's own plan version with the path it walked; None when there is no such plan."""
    if plan is None:
        return None
    states, walked = explain.walked(bodies, run.status, run.step)
    return diagram.draw(plan, layout.layout(plan), diagram.Marks(states, walked))


@dataclass(frozen=True, slots=True)
class Since:
    """What happened to a run after the entry a person decided on."""

    expected_n: int
    rows: Sequence[TimelineRow]
    by_operator: Sequence[TimelineRow]


def since(run: Run, expected_n: int) -> Since:
    """Return who did what to a run after an entry."""
    broken = verify.check(run.stream).first_break
    rows = timeline(queries.entries(run, after=expected_n, limit=20), broken.n if broken else 0)
    return Since(expected_n, rows, [row for row in rows if row.line.type == "command.accepted"])


def asked(row: Inbox) -> dict[str, Any]:
    """Return what an input asks for."""
    return json.loads(row.body)


# Requests


def given(request: HttpRequest, names: Sequence[str]) -> dict[str, str]:
    """Return the query parameters of these names that are set."""
    return {name: value for name in names if (value := request.GET.get(name, "").strip())}


def number(request: HttpRequest, name: str) -> int | None:
    """Return a query parameter as a number, or None when it is missing or none."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def command_shown(request: HttpRequest) -> str:
    """Return the id of the command whose verdict a page shows, as its address names it, if there is such a one."""
    asked_for = request.GET.get("command", "")
    return asked_for if asked_for and queries.command_input(asked_for) else ""


link = desk.link
wants_part = desk.wants_part
