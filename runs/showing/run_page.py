"""What stands on the page of one run? Why it stands still, what may be done, its story, and what lies around it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from audit import chain, clear
from audit.models import Entry
from channels import registry
from channels.messages import masked
from channels.models import OutboxMessage
from channels.views import BADGES
from policies import zones
from runs import clock, commands, pages, queries, store
from runs.engine import transitions
from runs.inbox import event_id
from runs.models import Inbox, Run
from runs.showing import explain, reasons, run_checks, run_reads, run_story, run_timeline
from runs.triaging import failure_filter, triage

VERIFY = "audit.verify_log"
_SENT = ("send.intended", "send.redispatched")

Data = Mapping[str, Any]


def context(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Return all that the page of a run shows; a fixed number of queries, however long its story is."""
    entries = queries.entries(run, limit=run_reads.ENTRIES)
    broken = pages.chain_break(run, entries)
    bodies = pages.decoded(entries[: broken.n - 1] if broken else entries)
    clocks, inputs = clock.state(), run_reads.inputs(run)
    asked = [{**pages.asked(row), "row": row} for row in inputs if row.kind == "command" and row.verdict != "applied"]
    beside = pages.beside(bodies, asked)
    plan = pages.plan_of(run)
    story = run_timeline.Story(
        run.start_at,
        pages.rows_of(entries, bodies, beside, broken.n if broken else 0),
        bodies,
        beside.names,
        run_checks.Beside(run_reads.given(run.contact_id), pages.clock),
        plan,
    )
    timeline = run_timeline.timeline(story, request.GET.get("show", "all"), pages.number(request, "page"))
    return {
        "run": run,
        "broken": broken,
        "final": run.status in transitions.FINAL,
        "timeline": timeline,
        "rows": timeline.rows,
        "total": len(entries),
        "last_tick": entries[-1].tick if entries else 0,
        "picture": pages.picture(run, plan, bodies),
        "events": _events(inputs, bodies),
        "acts": _acts(entries, bodies, asked, beside),
        "may_see": clear.may_see(request.user),
        "may_verify": request.user.has_perm(VERIFY),
        "messages_sent": _messages(request, run, timeline.attempts, beside.names),
        "sends_here": sum(1 for body in bodies if body["type"] in _SENT and body["step"] == run.step),
        "most": run_reads.MOST,
        "more_inputs": len(inputs) == run_reads.MOST,
        "sandbox": registry.all_sandbox(),
        "task": pages.task(run),
        "triage": triage.of(run),
        "command_id": pages.command_shown(request),
        **_stands(request, run, broken, bodies, clocks.lane),
        **_around(request, run, bodies, clocks),
    }


# Why it stands where it stands, and what may be done


def _stands(
    request: HttpRequest, run: Run, broken: chain.Break | None, bodies: Sequence[Data], lane: int
) -> dict[str, Any]:
    stands, state = pages.standing(run, at=lane), store.state_of(run)
    evidence = stands.evidence if stands else ""
    told = explain.evidence(bodies, state.unsure, evidence) if evidence else None
    refusals = pages.refusals(run, stands, broken)
    if not request.user.has_perm("runs.command_run"):
        refusals = dict.fromkeys(refusals, commands.NO_RIGHT)
    offers = commands.offers(run, stands, refusals)
    return {
        "standing": reasons.standing(run.status, run.reason, run.step, evidence),
        "offers": [one for one in offers if not one.refusal],
        "refused": commands.grouped(offers),
        "evidence": told,
        "known": evidence,
        "given_up": state.exhausted,
        "evidence_at": run.start_at + told.tick if told else None,
        "way_out": commands.way_out(evidence),
    }


# Messages


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it was rendered; recipient, subject and text only for those who may see them."""

    row: OutboxMessage
    to: str
    subject: str
    body: str
    sender: str
    tone: str
    outcome: str
    attempt: str


def _messages(
    request: HttpRequest, run: Run, attempts: Sequence[run_story.Part], names: Mapping[str, str]
) -> list[Message]:
    readable = clear.may_see(request.user)
    headings = {part.intent: run_timeline.heading(part, names) for part in attempts}
    return [_message(row, readable, headings.get(row.intent, "")) for row in run_reads.messages(run)]


def _message(row: OutboxMessage, readable: bool, attempt: str) -> Message:
    tone, outcome = BADGES[row.outcome]
    sender = str(settings.DEE_MAIL_FROM) if row.adapter == "smtp" else ""
    if not readable:
        return Message(row, masked(row.to_address), "", "", "", tone, outcome, attempt)
    return Message(row, row.to_address, row.subject, row.body, sender, tone, outcome, attempt)


# Inbound events


@dataclass(frozen=True, slots=True)
class Inbound:
    """An event or report that reached the run. n: its entry, 0 when it left none. how, why: how it met the run.

    raw: what was kept of it, laid out for reading.
    """

    row: Inbox
    event: str
    n: int
    how: str
    why: str

    @property
    def raw(self) -> str:
        return json.dumps(pages.asked(self.row), ensure_ascii=False, indent=2, sort_keys=True)


def _events(inputs: Sequence[Inbox], bodies: Sequence[Data]) -> list[Inbound]:
    places = {body["data"]["id"]: body["n"] for body in bodies if body["type"].startswith("event.")}
    reports = {body["data"]["intent"]: body["n"] for body in bodies if body["type"] == "send.reported"}
    return [_inbound(row, places, reports, bodies) for row in inputs if row.kind in run_reads.EVENTS]


def _inbound(row: Inbox, places: Mapping[str, int], reports: Mapping[str, int], bodies: Sequence[Data]) -> Inbound:
    asked = pages.asked(row)
    named = event_id(row.source, row.external_id)
    n = places.get(named, 0) if row.kind == "event" else reports.get(str(asked.get("intent")), 0)
    event = str(asked.get("event") or asked.get("label") or asked.get("code") or asked.get("kind")).replace("_", " ")
    if not row.verdict:
        return Inbound(row, event, 0, "waiting", "The engine takes it in its turn.")
    if row.verdict != "applied" or not n:
        return Inbound(row, event, n, row.verdict, row.reason)
    return Inbound(row, event, n, *run_story.reception(n, bodies))


# What people did


@dataclass(frozen=True, slots=True)
class Act:
    """What a person asked of the run. n: its entry in the chain, 0 when it was refused or still waits."""

    n: int
    tick: int | None
    command: str
    who: str
    reason: str
    label: str
    verdict: str
    refusal: str
    row: Inbox | None = None


def _acts(entries: Sequence[Entry], bodies: Sequence[Data], asked: Sequence[Data], beside: explain.Beside) -> list[Act]:
    done = [_act(body["data"], beside, n=body["n"], tick=body["tick"]) for body in bodies if _is_command(body)]
    return done + [_act(data, beside, row=data["row"]) for data in asked]


def _is_command(body: Data) -> bool:
    return bool(body["type"] == "command.accepted")


def _act(data: Data, beside: explain.Beside, *, n: int = 0, tick: int | None = None, row: Inbox | None = None) -> Act:
    verdict = "carried out" if row is None else row.verdict or "waiting"
    return Act(
        n,
        tick,
        str(data["command"]).replace("_", " "),
        beside.names.get(data["actor"], data["actor"]),
        explain.note(data.get("note"), beside.notes),
        str(data.get("label") or ""),
        verdict,
        row.reason if row else "",
        row,
    )


# Around it


@dataclass(frozen=True, slots=True)
class Planned:
    """When a run of this contact acts next by itself, and what the contact's clock shows then."""

    run: Run
    there: str


def _around(request: HttpRequest, run: Run, bodies: Sequence[Data], clocks: clock.ClockState) -> dict[str, Any]:
    zone, lane = zones.zone_of(run.contact.zone, run.contact.phone), clocks.lane
    others = run_reads.others(run)
    due = sorted((each for each in [run, *others] if each.due_at is not None), key=lambda each: (each.due_at, each.no))
    inbox = request.GET.get("inbox")
    given = _cause(run, bodies) if inbox is None else dict(parse_qsl(inbox))
    alike = failure_filter.read(given, now=clocks.wall, me=pages.actor(request))
    around = run_reads.neighbours(run, alike)
    kept = {"inbox": inbox} if inbox is not None else {}
    return {
        "zone": zone,
        "lane": lane,
        "there": pages.clock(zone, lane) if zone else "",
        "planned": [Planned(each, pages.clock(zone, each.due_at) if zone else "") for each in due if each.due_at],
        "siblings": others,
        "around": around,
        "alike": "" if not given else "with the same cause" if inbox is None else "in your view of the inbox",
        "unlike": "" if not given else "another cause" if inbox is None else "outside your view",
        "before": around.before,
        "after": around.after,
        "inbox": inbox,
        "inbox_url": failure_filter.back_to(inbox) if inbox is not None else "",
        "carry": _query(kept),
        "poll": _query({"show": request.GET.get("show", ""), "page": request.GET.get("page", ""), **kept}),
        "page_url": request.build_absolute_uri(reverse("runs:run", args=[run.no])),
    }


def _cause(run: Run, bodies: Sequence[Data]) -> dict[str, str]:
    """Return the cause of a run's latest failure, as the inbox groups failures; empty when it never failed."""
    failed = next((body for body in reversed(bodies) if body["type"] == "run.failed"), None)
    return {"reason": failed["data"]["reason"], "step": failed["step"], "plan": run.plan_key} if failed else {}


def _query(given: Mapping[str, str]) -> str:
    return urlencode({name: value for name, value in given.items() if value or name == "inbox"})
