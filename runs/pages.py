"""What do several pages of runs show in the same way? Timelines, the picture of the path, outcomes, links."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from audit import chain, desk, vault, verify
from audit import queries as audit_queries
from audit.models import Entry
from plans import diagram, document, layout
from plans import queries as plan_queries
from runs import explain
from runs.engine import transitions, walk
from runs.models import Inbox, Run


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


def refusal(run: Run, command: str, broken: chain.Break | None) -> str | None:
    """Return the sentence why a command may not be given now, or None. A retry needs evidence that holds."""
    if broken and command == "retry":
        return (
            f"The run's own evidence is broken at entry {broken.n}, so nothing may be sent on it."
            " Cancel it, or find out who changed the log."
        )
    return transitions.refusal(command, run.status, run.reason, tuple(labels(run)))


def checked_refusal(run: Run, command: str) -> str | None:
    """The same, after reading the run's whole chain where that matters."""
    return refusal(run, command, verify.check(run.stream).first_break if command == "retry" else None)


def decoded(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return the values of entries whose chain holds. Verification reads the texts themselves, never these."""
    return [json.loads(entry.body) for entry in entries]


def timeline(entries: Sequence[Entry], broken_at: int = 0) -> list[TimelineRow]:
    """Return entries as rows, with the names of people and the reasons they gave; two queries at most.

    broken_at: from this entry on only the columns are shown, because the texts prove nothing.
    """
    sound = [entry for entry in entries if not broken_at or entry.n < broken_at]
    bodies = decoded(sound)
    commands = [body["data"] for body in bodies if body["type"] == "command.accepted"]
    actors = {data["actor"] for data in commands}
    actors |= {body["data"]["source"] for body in bodies if body["type"] == "run.started"}
    refs = [data["note"]["ref"] for data in commands if data["note"]]
    names = audit_queries.actor_names(actors) if actors else {}
    notes = vault.reveal_many(refs) if refs else {}
    rows = [TimelineRow(entry, explain.row(body, names, notes)) for entry, body in zip(sound, bodies, strict=True)]
    return rows + [TimelineRow(entry, explain.unread(entry, broken_at)) for entry in entries[len(sound) :]]


def plan_of(run: Run) -> document.Plan | None:
    """Return the plan version a run is pinned to; None when what is stored no longer hashes to its hash."""
    try:
        return plan_queries.parsed(run.plan_version_id)
    except (plan_queries.Corrupt, document.Invalid):
        return None


def picture(run: Run, bodies: Sequence[Mapping[str, Any]]) -> diagram.Diagram | None:
    """Return the graph of the run's own plan version with the path it walked."""
    plan = plan_of(run)
    if plan is None:
        return None
    states, walked = explain.walked(bodies, run.status, run.step)
    return diagram.draw(plan, layout.layout(plan), diagram.Marks(states, walked))


def labels(run: Run) -> dict[str, str]:
    """Return {outcome: where it leads} of the step the run stands at."""
    plan = plan_of(run)
    return walk.targets(plan.steps[run.step]) if plan and run.step in plan.steps else {}


def asked(row: Inbox) -> dict[str, Any]:
    """Return what an input asks for."""
    return json.loads(row.body)


def given(request: HttpRequest, names: Sequence[str]) -> dict[str, str]:
    """Return the query parameters of these names that are set."""
    return {name: value for name in names if (value := request.GET.get(name, "").strip())}


def number(request: HttpRequest, name: str) -> int | None:
    """Return a query parameter as a number, or None when it is missing or none."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


link = desk.link
wants_part = desk.wants_part
