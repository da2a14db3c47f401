"""What do several pages of runs show in the same way? Timelines, the picture of the path, outcomes, links."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from audit import desk, vault
from audit import queries as audit_queries
from audit.models import Entry
from plans import diagram, document, layout
from plans import queries as plan_queries
from runs import explain
from runs.engine import machine
from runs.models import Inbox, Run


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """An entry with what the page says of it."""

    entry: Entry
    line: explain.Row


def actor(request: HttpRequest) -> str:
    """Return who is acting, as the log names people."""
    return f"user:{request.user.pk}"


def decoded(entry: Entry) -> dict[str, Any]:
    """Return the value of an entry's stored text. Verification reads the text itself, never this."""
    return json.loads(entry.body)


def timeline(entries: Sequence[Entry], bodies: Sequence[Mapping[str, Any]]) -> list[TimelineRow]:
    """Return entries as rows, with the names of people and the reasons they gave; two queries at most."""
    actors = {body["data"]["actor"] for body in bodies if body["type"] == "command.accepted"}
    actors |= {body["data"]["source"] for body in bodies if body["type"] == "run.started"}
    refs = [
        body["data"]["note"]["ref"] for body in bodies if body["type"] == "command.accepted" and body["data"]["note"]
    ]
    names = audit_queries.actor_names(actors) if actors else {}
    notes = vault.reveal_many(refs) if refs else {}
    return [TimelineRow(entry, explain.row(body, names, notes)) for entry, body in zip(entries, bodies, strict=True)]


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
    return machine.targets(plan.steps[run.step]) if plan and run.step in plan.steps else {}


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
