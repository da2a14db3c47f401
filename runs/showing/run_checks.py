"""What did the gate look at, written out: every rule with its numbers, its verdict and what it waits for?

Pure: takes the values of a `gate.decided` entry and gives text for pages. `runs.showing.seen` says the same
in a few words.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from plans import captions
from runs.showing import seen

Data = Mapping[str, Any]

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
VERDICTS = {"allow": "allowed", "pause": "waits until", "deny": "refused", "": ""}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the gate looked at. decision: allow, pause, deny, or "" for what only informs.

    since: when the consent was recorded as given. until: the instant it waits for; there: what the contact's clock
    shows then. decides: whether the verdict of the whole gate is this one's.
    """

    rule: str
    title: str
    decision: str
    text: str
    since: int | None = None
    until: int | None = None
    there: str = ""
    decides: bool = False

    @property
    def verdict(self) -> str:
        """Return what follows from it, in words."""
        return VERDICTS[self.decision]


@dataclass(frozen=True, slots=True)
class Beside:
    """What lies beside the entry. given: {(channel, purpose, version): when a consent was given}. clock: the wall
    clock of a zone at an instant."""

    given: Mapping[tuple[str, str, int], int] = field(default_factory=dict)
    clock: Callable[[str, int], str] = lambda _zone, _at: ""


def written_out(data: Data, beside: Beside) -> list[Check]:
    """Return every rule of a gate's verdict as a sentence, in the order of the rules, and what else it looked at."""
    checks: list[Check] = []
    for verdict in data["rules"]:
        say = _RULES.get(verdict["rule"], _unknown)
        checks += say(data["facts"], verdict, beside)
    return [_deciding(check, data) for check in [*checks, *_others(data)]]


def _deciding(check: Check, data: Data) -> Check:
    if data["verdict"] == "allow" or check.rule != data["rule"] or check.decision != data["verdict"]:
        return check
    return replace(check, decides=True)


def _unknown(_facts: Data, verdict: Data, _: Beside) -> list[Check]:
    name = str(verdict["rule"]).replace("_", " ").capitalize()
    return [Check(verdict["rule"], name, verdict["decision"], verdict["code"], until=verdict["until"])]


def _kill_switch(facts: Data, verdict: Data, _: Beside) -> list[Check]:
    covers = {"global": "everything", "channel": "the channel ", "plan": "the plan "}
    stopped = [f"{covers[one['scope']]}{one['key']}" for one in facts["kill"]]
    text = f"engaged for {' and '.join(stopped)}; it is asked again" if stopped else "none is engaged for this send"
    return [Check("kill_switch", "Kill switch", verdict["decision"], text, until=verdict["until"])]


def _plan_state(facts: Data, verdict: Data, _: Beside) -> list[Check]:
    text = f"{facts['plan']} is {facts['plan_state']}"
    if verdict["decision"] != "allow":
        text += ", and only an active plan may send"
    return [Check("plan_state", "Plan", verdict["decision"], text)]


def _contact_state(facts: Data, verdict: Data, _: Beside) -> list[Check]:
    state, way = facts["contact_state"], _way(facts)
    if state == "missing":
        text = "does not exist"
    elif state != "active":
        text = f"is {state}, and only an active contact is written to or called"
    else:
        text = f"active, with {way} to reach" if facts["address"] else f"active, but without {way}"
    return [Check("contact_state", "Contact", verdict["decision"], text)]


def _way(facts: Data) -> str:
    return "an email address" if facts["channel"] == "email" else "a phone number"


def _suppression(facts: Data, verdict: Data, _: Beside) -> list[Check]:
    hits = [
        f"{_plain(hit['reason'])} ({_scope(hit['scope'], facts)}, entry {hit['id']})" for hit in facts["suppressions"]
    ]
    text = ", ".join(hits) or f"no entry covers {facts['channel']} for this plan"
    return [Check("suppression", "Suppression list", verdict["decision"], text)]


def _scope(scope: str, facts: Data) -> str:
    return {"global": "everything", "channel": f"channel {facts['channel']}", "plan": f"plan {facts['plan']}"}[scope]


def _consent(facts: Data, verdict: Data, beside: Beside) -> list[Check]:
    consent, channel, purpose = facts["consent"], facts["channel"], facts["purpose"]
    since = beside.given.get((channel, purpose, consent["version"]))
    if consent["status"] == "granted":
        text = f"granted, basis {_plain(consent['kind'])}, version {consent['version']}"
    elif consent["status"] == "revoked":
        text = f"withdrawn, version {consent['version']}"
    else:
        text, since = "nobody has recorded any, and unknown is no", None
    return [Check("consent", f"Consent for {channel}, {purpose}", verdict["decision"], text, since=since)]


def _calling_hours(facts: Data, verdict: Data, beside: Beside) -> list[Check]:
    hours, decision, until = facts["hours"], verdict["decision"], verdict["until"]
    if not hours["applies"]:
        text = f"none apply to {facts['channel']} for {facts['purpose']}"
        return [Check("calling_hours", "Calling hours", decision, text)]
    if not hours["zones"]:
        text = "no time zone can be told for the contact, and hours apply"
        return [Check("calling_hours", "Calling hours", decision, text)]
    names = " and ".join(zone["name"] for zone in hours["zones"])
    several = len(hours["zones"]) > 1
    clocks = [_clock(zone, hours["windows"], named=several) for zone in hours["zones"]]
    text = "; ".join(clocks)
    if decision == "deny":
        text += "; no minute of the week is inside" + (" in all of them" if several else "")
    there = "; ".join(beside.clock(zone["name"], until) for zone in hours["zones"]) if until is not None else ""
    return [Check("calling_hours", f"Calling hours in {names}", decision, text, until=until, there=there)]


def _clock(zone: Data, windows: Sequence[Data], *, named: bool) -> str:
    spans = [f"{one['from']}\u2013{one['to']}" for one in windows if zone["weekday"] in one["days"]]
    today = f"window{'' if len(spans) == 1 else 's'} {', '.join(spans)}" if spans else "closed all day"
    here = f"{zone['minute'] // 60:02}:{zone['minute'] % 60:02} on {DAYS[zone['weekday'] - 1]}, {today}"
    return f"{zone['name']} {here}" if named else here


def _daily_limit(facts: Data, verdict: Data, _: Beside) -> list[Check]:
    counters = _counters(facts, "daily_limit")
    if facts.get("again"):
        return [Check("daily_limit", "Daily limit", verdict["decision"], "counted when it was dispatched first")]
    if not counters:
        return [Check("daily_limit", "Daily limit", verdict["decision"], f"none is set for {facts['channel']}")]
    return [_limit(counter) for counter in counters]


def _limit(counter: Data) -> Check:
    used, limit, more = counter["used"], counter["limit"], counter["amount"]
    fits = used + more <= limit
    text = f"{used:,} of {limit:,} used, " + (f"this is {_more(more)} more" if fits else "no room for this one")
    until = None if fits else counter["resets_at"]
    return Check("daily_limit", f"Daily limit {_name(counter)}", "allow" if fits else "pause", text, until=until)


def _more(units: int) -> str:
    return "one" if units == 1 else f"{units:,}"


def _budget(facts: Data, verdict: Data, _: Beside) -> list[Check]:
    decision, currency = verdict["decision"], facts["currency"]
    if not facts["policy"]["hash"]:
        return [Check("budget", "Budget", decision, f"the plan's policy {facts['policy']['key']} does not exist")]
    if facts["price"] is None:
        return [Check("budget", "Budget", decision, f"the policy has no price for {facts['channel']}")]
    if facts.get("again"):
        return [Check("budget", "Budget", decision, "counted when it was dispatched first")]
    counters = _counters(facts, "budget")
    if not counters:
        text = f"none is set; this costs {seen.money(facts['price'])} {currency}"
        return [Check("budget", "Budget", decision, text)]
    return [_money_left(counter, currency) for counter in counters]


def _money_left(counter: Data, currency: str) -> Check:
    used, limit, more = counter["used"], counter["limit"], counter["amount"]
    fits = used + more <= limit
    text = f"{seen.money(used)} of {seen.money(limit)} {currency} used, this costs {seen.money(more)}"
    if not fits:
        text += f", {seen.money(max(0, limit - used))} {currency} left"
    return Check("budget", f"Budget {_name(counter)}", "allow" if fits else "deny", text)


def _counters(facts: Data, rule: str) -> list[Data]:
    return [counter for counter in facts["counters"] if counter["rule"] == rule]


def _name(counter: Data) -> str:
    return str(counter["key"]).split(":")[1]


def _plain(word: str) -> str:
    return word.replace("_", " ")


_RULES: Mapping[str, Callable[[Data, Data, Beside], list[Check]]] = {
    "kill_switch": _kill_switch,
    "plan_state": _plan_state,
    "contact_state": _contact_state,
    "suppression": _suppression,
    "consent": _consent,
    "calling_hours": _calling_hours,
    "daily_limit": _daily_limit,
    "budget": _budget,
}


def _others(data: Data) -> list[Check]:
    """Return what is no rule of a policy: the step's own condition, the template's needs, how late it was."""
    found = []
    if data.get("require"):
        denied = data["verdict"] == "deny"
        # Where another rule refused first, nobody asked any more whether the condition as a whole held.
        decision = "deny" if data["rule"] == "require" else "" if denied else "allow"
        text = "; ".join(seen.leaf(leaf) for leaf in data["require"])
        found.append(Check("require", "What the step requires", decision, text))
    if data["error"]:
        text = f"needs “{data['error']}”, which this contact does not have, so no message can be made"
        found.append(Check("template", f"Template {data['template']}", "", text))
    if data["facts"]["late_by"]:
        found.append(Check("lateness", "Lateness", "", f"{data['facts']['late_by']:,} s behind its time"))
    return found


# The snapshot of a condition


@dataclass(frozen=True, slots=True)
class Leaf:
    """One thing a condition looked at: the fact, the value it saw, what was wanted, and whether that held."""

    fact: str
    wanted: str
    saw: str
    held: bool


def snapshot(leaves: Sequence[Data]) -> list[Leaf]:
    """Return what a condition looked at, leaf by leaf in its own order."""
    return [Leaf(*_wanted(leaf), _saw(leaf), leaf["result"]) for leaf in leaves]


def _wanted(leaf: Data) -> tuple[str, str]:
    """Return the fact of a leaf and what is wanted of it."""
    op, of = leaf["op"], f" of {leaf['of']}" if leaf.get("of") else ""
    match op:
        case "event_seen":
            return f"{leaf['event']}{of}", "seen"
        case "event_count_ge":
            return f"{leaf['event']}{of}", f"{leaf['count']} times or more"
        case "event_within":
            words = captions.condition(leaf)
            return f"{leaf['event']}{of}", words[words.rindex("in the last") :]
        case "outcome_is":
            return f"outcome of {leaf['step']}", str(leaf["label"])
        case "visits_ge":
            return f"visits of {leaf['step']}", f"{leaf['count']} or more"
        case "true" | "false":
            return "nothing", "always" if op == "true" else "never"
    words = captions.condition({**leaf, "value": leaf.get("expected")})
    fact = captions.condition({"op": "is_set", "ref": leaf["ref"]}).removesuffix(" is set")
    return fact, words.removeprefix(fact).strip()


def _saw(leaf: Data) -> str:
    value, op = leaf["value"], leaf["op"]
    if op in ("true", "false"):
        return "nothing"
    if op in ("event_seen", "event_count_ge"):
        return {0: "never", 1: "once"}.get(value, f"{value} times")
    if op == "event_within":
        return "never" if value is None else f"last at tick {value}"
    if value is None:
        return f"not set, taken as {leaf['default']}" if leaf.get("default") is not None else "not set"
    return str(value).lower() if isinstance(value, bool) else str(value)
