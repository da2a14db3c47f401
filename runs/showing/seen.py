"""What did a condition and the gate look at, and what did they see? Every fact with its number.

Pure: takes the values of an entry and gives text for pages.
"""

from collections.abc import Mapping
from typing import Any

from plans import captions
from runs.showing import reasons

Data = Mapping[str, Any]


def leaf(found: Data) -> str:
    """Return what a condition looked at, what it saw, and whether it held."""
    asked = {**found, "value": found.get("expected", found.get("value"))}
    seen, op = found["value"], found["op"]
    if op.startswith("event_") and op != "event_within":
        times = "once" if seen == 1 else f"{seen} times"
        saw = "never seen" if not seen else f"seen {times}" if not isinstance(seen, bool) else "seen"
    elif op == "event_within":
        saw = "never seen" if seen is None else f"last at tick {seen}"
    else:
        saw = "not set" if seen is None else f"is {str(seen).lower() if isinstance(seen, bool) else seen}"
    return f"{captions.condition(asked)}: {'yes' if found['result'] else 'no'} ({saw})"


def gate(data: Data) -> list[str]:
    """Return each fact the gate looked at, with its numbers, in the order of the rules."""
    facts = data["facts"]
    verdicts = {verdict["rule"]: verdict for verdict in data["rules"]}
    said = [*_suppression(facts), *_consent(facts), *_counters(facts), *_hours(facts, verdicts.get("calling_hours"))]
    shown = {"suppression", "consent", "calling_hours", "daily_limit", "budget"}
    for rule, verdict in verdicts.items():
        if verdict["decision"] != "allow" and rule not in shown:
            said.append(f"✗ {reasons.RULE_CODES.get(verdict['code'], verdict['code'])}")
    refused = "✗ " if data["rule"] == "require" else ""
    said += [f"{refused}requires {leaf(found)}" for found in data.get("require", ())]
    if data["error"]:
        said.append(f"✗ the template needs “{data['error']}”")
    if facts["late_by"]:
        said.append(f"late by {facts['late_by']} s")
    return said


def _suppression(facts: Data) -> list[str]:
    hits = facts["suppressions"]
    return [f"✗ suppressed: {hit['reason'].replace('_', ' ')} ({hit['scope']})" for hit in hits] or [
        "suppression clear"
    ]


def _consent(facts: Data) -> list[str]:
    consent = facts["consent"]
    parts = ["consent", facts["channel"], consent["status"]]
    if consent["version"]:
        parts += [f"v{consent['version']}", consent["kind"]]
    return [("" if consent["status"] == "granted" else "✗ ") + " ".join(part for part in parts if part)]


def _counters(facts: Data) -> list[str]:
    if facts.get("again"):
        return ["counted when it was dispatched first"]
    return [_counter(counter, facts["currency"]) for counter in facts["counters"]]


def _counter(counter: Data, currency: str) -> str:
    name = counter["key"].split(":")[1]
    over = "" if counter["used"] + counter["amount"] <= counter["limit"] else "✗ "
    if counter["rule"] == "budget":
        used, limit, more = (money(counter[part]) for part in ("used", "limit", "amount"))
        return f"{over}budget {name} {used}/{limit} {currency} (+{more})"
    return f"{over}limit {name} {counter['used']}/{counter['limit']}"


def money(micros: int) -> str:
    """Return micro-units as an amount with two decimals, more only when they are not zero."""
    whole, rest = divmod(micros, 1_000_000)
    return f"{whole}.{f'{rest:06}'.rstrip('0').ljust(2, '0')}"


def _hours(facts: Data, verdict: Data | None) -> list[str]:
    hours = facts["hours"]
    if not hours["applies"]:
        return ["hours do not apply"]
    inside = verdict is None or verdict["decision"] == "allow"
    zones = [f"{zone['name']} {zone['minute'] // 60:02}:{zone['minute'] % 60:02}" for zone in hours["zones"]]
    return [("" if inside else "✗ ") + f"hours {', '.join(zones) or 'no zone'} {'inside' if inside else 'outside'}"]
