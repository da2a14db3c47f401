"""Why does a run stand where it stands, and what did each entry decide? In sentences, with the numbers that were seen.

Pure: takes values and gives text for pages. The trace line of an entry comes from `runs.engine.trace`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from channels import kinds
from plans import captions
from runs.engine import trace

LEVELS = {
    "READY": "info",
    "WAITING": "info",
    "PAUSED": "warn",
    "DISPATCHING": "info",
    "FAILED": "bad",
    "COMPLETED": "ok",
    "STOPPED": "muted",
}

# Which entry types each filter of the timeline shows. "all" is everything; an unknown type is still in "all".
FILTERS: Mapping[str, frozenset[str]] = {
    "decisions": frozenset({"step.waiting", "step.completed", "branch.evaluated", "run.exited"}),
    "sends": frozenset({"send.intended", "send.outcome", "send.voided"}),
    "policy": frozenset({"gate.decided", "run.paused", "send.voided"}),
    "events": frozenset({"event.received", "event.after_end"}),
    "operator": frozenset({"command.accepted"}),
    "errors": frozenset({"run.failed", "engine.fault"}),
}
_DOTS = {
    "run": "run",
    "gate": "policy",
    "send": "send",
    "step": "decision",
    "branch": "decision",
    "event": "event",
    "command": "operator",
    "engine": "error",
}

RULE_CODES = {
    "kill_switch": "the kill switch is engaged",
    "plan_not_active": "the plan is not active",
    "contact_erased": "the contact was erased",
    "contact_closed": "the contact is closed",
    "contact_missing": "the contact does not exist",
    "no_address": "the contact has no address for this channel",
    "suppressed": "the address is on the suppression list",
    "consent_missing": "there is no consent for this channel and purpose",
    "consent_revoked": "consent was withdrawn",
    "timezone_unresolved": "no time zone can be told for the contact, and calling hours apply",
    "outside_hours": "it is outside the calling hours",
    "no_window": "the calling hours never open for this contact",
    "daily_limit": "the daily limit is used up",
    "policy_missing": "the plan's policy does not exist",
    "missing_price": "the policy has no price for this channel",
    "budget_exceeded": "the budget is used up",
}
HELD = {"daily_limit": "Held by a daily limit", "calling_hours": "Held by the calling hours", "kill_switch": "Held"}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands: a level for the colour, what happened, why, and what has to be done by whom."""

    level: str
    head: str
    why: str
    need: str


def standing(status: str, reason: str, step: str) -> Standing:
    """Return the one sentence a run's page begins with, in three parts."""
    level = LEVELS[status]
    kind, _, detail = reason.partition(":")
    if status == "FAILED":
        return _failed(kind, detail, step)
    if status == "PAUSED":
        why = RULE_CODES.get(detail, detail.replace("_", " "))
        return Standing(
            level,
            f"{HELD.get(kind, 'Held by a policy')} at {step}:",
            f"{why}.",
            "It passes the gate again by itself at that time; nothing is needed from you.",
        )
    if status == "COMPLETED":
        return Standing(level, "Completed:", f"{reason}.", "Events that arrive later are kept as evidence only.")
    if status == "STOPPED":
        said = {"cancelled": "an operator cancelled it", "opted_out": "the contact opted out"}.get(kind, reason)
        return Standing(level, "Stopped:", f"{said}.", "Nothing more is sent for this run.")
    words = {
        "READY": ("Ready", f"its next action at {step} is due; the engine takes it in its turn."),
        "WAITING": ("Waiting", f"at {step}."),
        "DISPATCHING": ("Sending", f"a message of {step} is on its way; its outcome is expected within seconds."),
    }
    head, why = words[status]
    return Standing(level, f"{head}:", why, "Nothing is needed from you.")


def _failed(kind: str, detail: str, step: str) -> Standing:
    head, wait = f"Stopped at {step}:", "Nothing else happens until an operator retries, resolves or cancels it."
    if kind == "step_failed":
        return Standing("bad", head, _code(detail), f"The message certainly did not leave. {wait}")
    if kind == "unknown_outcome":
        need = (
            "It may have reached the contact, so a retry is not offered: find out at the provider, "
            "then resolve it with what you found, or cancel."
        )
        return Standing("bad", head, _unknown(detail), need)
    if kind == "policy_denied":
        why = f"the gate refused the send ({detail.replace('_', ' ')})."
        return Standing(
            "bad", head, why, "Remove the cause, then retry: a retry passes the same gate and can be refused again."
        )
    if kind == "render_failed":
        why = f"the template needs “{detail}”, which this contact does not have."
        return Standing("bad", head, why, f"Nothing was sent. Give the contact this attribute, then retry. {wait}")
    if kind == "engine_fault":
        why = f"DEE itself met an error here ({detail})."
        return Standing("bad", head, why, f"The log of the worker has its trace. {wait}")
    limits = {"step_limit": "more steps than the plan allows.", "duration_limit": "it ran longer than the plan allows."}
    return Standing("bad", head, limits.get(kind, f"{kind} {detail}".strip() + "."), wait)


def _code(code: str) -> str:
    try:
        return kinds.failure(code).sentence
    except ValueError:
        return f"{code.replace('_', ' ')}."


def _unknown(code: str) -> str:
    return (
        "Nobody knows what came of it: the provider never told a result."
        if code == "no_result"
        else f"Nobody knows what came of it. {_code(code)}"
    )


def held(reason: str) -> str:
    """Return why a policy holds a run, in a few words."""
    _, _, code = reason.partition(":")
    return RULE_CODES.get(code, code.replace("_", " ")).capitalize()


def cause(reason: str) -> str:
    """Return a failure's reason code in a few words, for lists."""
    kind, _, detail = reason.partition(":")
    if kind in ("step_failed", "unknown_outcome") and detail:
        return (_unknown(detail) if kind == "unknown_outcome" else _code(detail)).rstrip(".")
    return _failed(kind, detail, "").why.rstrip(".")


# Entries


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as the timeline shows it. bad: it is, or led to, a failure. dot: which kind of thing it is."""

    n: int
    tick: int
    type: str
    step: str
    action: str
    outcome: str
    reasons: Sequence[str]
    dot: str
    bad: bool


def row(body: Mapping[str, Any], names: Mapping[str, str], notes: Mapping[int, str]) -> Row:
    """Return an entry's decoded body as a row. names: {actor: name to show}; notes: {vault ref: text}."""
    line, type, data = trace.describe(body), body["type"], body["data"]
    bad = type in ("run.failed", "engine.fault") or (type == "send.outcome" and data["settle"] != "post")
    bad = bad or (type == "gate.decided" and data["verdict"] == "deny")
    dot = "error" if bad else "policy" if type == "run.paused" else _DOTS.get(type.partition(".")[0], "run")
    return Row(
        body["n"],
        body["tick"],
        type,
        body["step"],
        line.action,
        line.outcome,
        _reasons(type, data, names, notes),
        dot,
        bad,
    )


def unread(entry: Any, broken_at: int) -> Row:
    """Return the row of an entry (with columns n, tick, type, step) at or after a break: nothing is read into it."""
    here = entry.n == broken_at
    said = (
        "BROKEN here: its text is not what was written" if here else f"proves nothing: the chain breaks at {broken_at}"
    )
    return Row(entry.n, entry.tick, entry.type, entry.step, entry.type, said, [], "error" if here else "run", here)


def _reasons(type: str, data: Mapping[str, Any], names: Mapping[str, str], notes: Mapping[int, str]) -> list[str]:
    match type:
        case "gate.decided":
            return gate(data)
        case "branch.evaluated" | "run.exited":
            return [leaf(found) for found in data["leaves"]]
        case "command.accepted":
            return [names.get(data["actor"], data["actor"]), note(data["note"], notes)]
        case "send.outcome" if data["code"]:
            return [_code(data["code"]), _SETTLED[data["settle"]]]
        case "send.intended":
            return [f"attempt {data['attempt']}", f"template {data['template']}", f"intent {data['intent'][:8]}"]
        case "run.failed":
            return [cause(data["reason"]), "waits for an operator"]
        case "run.started":
            return [f"contact {data['contact']['ref']}", names.get(data["source"], data["source"])]
        case "step.completed" if data["next"]:
            return [f"next {data['next']}"]
        case "run.paused":
            return [
                f"until {datetime.fromtimestamp(data['until'], UTC):%d %b %Y %H:%M:%S} UTC",
                "then it passes the gate again",
            ]
        case "run.completed" if data["goal"]:
            return ["goal reached"]
        case "event.received" | "event.after_end":
            return [data["source"]] + (["a machine did this, it does not count"] if data["machine"] else [])
    return []


_SETTLED = {
    "post": "counted",
    "void": "did not leave; what was reserved is free again",
    "keep": "may have left; stays counted",
}


def note(held: Mapping[str, Any] | None, notes: Mapping[int, str]) -> str:
    """Return the text behind a commitment, or that it was erased."""
    if held is None:
        return ""
    text = notes.get(held["ref"])
    return f"“{text}”" if text is not None else "(the reason was erased)"


def leaf(found: Mapping[str, Any]) -> str:
    """Return what a condition looked at, what it saw, and whether it held."""
    asked = {**found, "value": found.get("expected", found.get("value"))}
    seen, op = found["value"], found["op"]
    if op.startswith("event_") and op != "event_within":
        saw = "never seen" if not seen else f"seen {seen} times" if not isinstance(seen, bool) else "seen"
    elif op == "event_within":
        saw = "never seen" if seen is None else f"last at tick {seen}"
    else:
        saw = "not set" if seen is None else f"is {str(seen).lower() if isinstance(seen, bool) else seen}"
    return f"{captions.condition(asked)}: {'yes' if found['result'] else 'no'} ({saw})"


def gate(data: Mapping[str, Any]) -> list[str]:
    """Return each fact the gate looked at, with its numbers, in the order of the rules."""
    facts = data["facts"]
    verdicts = {verdict["rule"]: verdict for verdict in data["rules"]}
    said = [*_suppression(facts), *_consent(facts), *_counters(facts), *_hours(facts, verdicts.get("calling_hours"))]
    shown = {"suppression", "consent", "calling_hours", "daily_limit", "budget"}
    for rule, verdict in verdicts.items():
        if verdict["decision"] != "allow" and rule not in shown:
            said.append(f"✗ {RULE_CODES.get(verdict['code'], verdict['code'])}")
    if data["error"]:
        said.append(f"✗ the template needs “{data['error']}”")
    if facts["late_by"]:
        said.append(f"late by {facts['late_by']} s")
    return said


def _suppression(facts: Mapping[str, Any]) -> list[str]:
    hits = facts["suppressions"]
    return [f"✗ suppressed: {hit['reason'].replace('_', ' ')} ({hit['scope']})" for hit in hits] or [
        "suppression clear"
    ]


def _consent(facts: Mapping[str, Any]) -> list[str]:
    consent = facts["consent"]
    parts = ["consent", facts["channel"], consent["status"]]
    if consent["version"]:
        parts += [f"v{consent['version']}", consent["kind"]]
    return [("" if consent["status"] == "granted" else "✗ ") + " ".join(part for part in parts if part)]


def _counters(facts: Mapping[str, Any]) -> list[str]:
    return [_counter(counter, facts["currency"]) for counter in facts["counters"]]


def _counter(counter: Mapping[str, Any], currency: str) -> str:
    name = counter["key"].split(":")[1]
    over = "" if counter["used"] + counter["amount"] <= counter["limit"] else "✗ "
    if counter["rule"] == "budget":
        used, limit, more = (_money(counter[part]) for part in ("used", "limit", "amount"))
        return f"{over}budget {name} {used}/{limit} {currency} (+{more})"
    return f"{over}limit {name} {counter['used']}/{counter['limit']}"


def _money(micros: int) -> str:
    whole, rest = divmod(micros, 1_000_000)
    return f"{whole}.{f'{rest:06}'.rstrip('0').ljust(2, '0')}"


def _hours(facts: Mapping[str, Any], verdict: Mapping[str, Any] | None) -> list[str]:
    hours = facts["hours"]
    if not hours["applies"]:
        return ["hours do not apply"]
    inside = verdict is None or verdict["decision"] == "allow"
    zones = [f"{zone['name']} {zone['minute'] // 60:02}:{zone['minute'] % 60:02}" for zone in hours["zones"]]
    return [("" if inside else "✗ ") + f"hours {', '.join(zones) or 'no zone'} {'inside' if inside else 'outside'}"]


def walked(rows: Sequence[Mapping[str, Any]], status: str, step: str) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """Return ({step: done, current or failed}, {(step, label) left by}) from a run's decoded entries, oldest first."""
    states: dict[str, str] = {}
    wires: set[tuple[str, str]] = set()
    for body in rows:
        name, data = body["step"], body["data"]
        if not name or body["type"].startswith(("event.", "command.", "run.started")):
            continue
        states[name] = "done"
        label = data.get("case") if body["type"] == "branch.evaluated" else data.get("label")
        if label and data.get("next"):
            wires.add((name, label))
    if step and status not in ("COMPLETED", "STOPPED"):
        states[step] = "failed" if status == "FAILED" else "current"
    return states, wires
