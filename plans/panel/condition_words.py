"""How does the builder name what a condition can be about, what it can ask, and what it says so far?

Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Mapping
from typing import Any

from channels.kinds import CALL_RESULTS, EMAIL_EVENTS
from plans import captions, conditions
from plans.panel.choices import Choices
from plans.panel.codecs import Option
from plans.panel.condition_changes import ATTRIBUTE, OPERATORS, OUTCOME, TICK, Node, Sort, readable, sort_of

UNFINISHED = "not complete yet"
TOO_DEEP = f"A condition is nested at most {conditions.MAX_DEPTH} levels deep; flatten it first."
TOO_MANY = f"A condition has at most {conditions.MAX_NODES} parts; spread it over several branches."
NO_OUTCOMES = "No step of this plan has outcomes yet; add one first."
NO_STEPS = "This plan has no steps yet; add one first."

GROUPS: Mapping[str, str] = {"and": "all of these hold", "or": "any of these holds", "not": "none of these holds"}
INTO: Mapping[str, str] = {"and": "all of …", "or": "any of …", "not": "not …"}
_PLAIN: Mapping[str, str] = {
    "eq": "is", "ne": "is not", "lt": "is less than", "le": "is at most", "gt": "is more than", "ge": "is at least",
    "in": "is one of", "is_set": "is set", "event_seen": "happened", "event_count_ge": "happened",
    "event_within": "happened in the last", "outcome_is": "was", "visits_ge": "at least",
}  # fmt: skip
# Said differently of an outcome.
_OF_OUTCOMES: Mapping[str, str] = {
    "eq": "was, or is by default",
    "ne": "was not",
    "in": "was one of",
    "is_set": "is known",
}


def event_text(event: str) -> str:
    """Return an event as people say it: "bounced hard"."""
    return event.replace("_", " ")


def events(channel: object) -> list[Option]:
    """Return the events to choose from: of one channel, or of both under headings."""
    known = [("of an email", EMAIL_EVENTS, "email"), ("of a call", CALL_RESULTS, "voice")]
    return [
        Option(str(event), event_text(event), str(event), heading if channel is None else "")
        for heading, listed, each in known
        if channel in (None, each)
        for event in listed
    ]


def subjects(choices: Choices, refused: str) -> list[Option]:
    """Return what a single condition can be about. refused: why it cannot become a group now, "" if it can."""
    happened, contact, run = "What happened", "The contact", "The run"
    found = [
        Option("event", "an event", "event", happened),
        Option(OUTCOME, "the outcome of a step", OUTCOME, happened, "" if choices.labels else NO_OUTCOMES),
        Option("visits", "how often a step was entered", "visits", happened, "" if choices.steps else NO_STEPS),
    ]
    found += [Option(ref, name, ref, contact) for name in choices.attributes if (ref := ATTRIBUTE + name)]
    found.append(Option(TICK, "the time since the run started", TICK, run))
    found += [Option("true", "always", "true", "Fixed"), Option("false", "never", "false", "Fixed")]
    return found + [Option(op, INTO[op], op, "Put it into a group", refused) for op in GROUPS]


def operators(node: Node, choices: Choices) -> list[Option]:
    """Return what can be asked about a node's fact; what it asks now is among them, fitting or not."""
    sort = sort_of(node, choices)
    listed = [*OPERATORS[sort], *([node["op"]] if node["op"] not in OPERATORS[sort] else [])]
    return [Option(op, operator_text(op, sort), op) for op in listed]


def operator_text(op: str, sort: Sort) -> str:
    """Return an operator in words."""
    return (_OF_OUTCOMES if sort == "label" else {}).get(op) or _PLAIN.get(op, op)


def sentence(node: Any) -> str:
    """Return a condition in words, or that it is not complete yet."""
    return captions.condition(node) if _sound(node) else UNFINISHED


def _sound(node: Any) -> bool:
    """Say whether a condition can be said in words: every key that it needs is there and of its type."""
    if not readable(node) or any(key not in node for key in conditions.KEYS[node["op"]][0]):
        return False
    types = {"ref": str, "event": str, "step": str, "label": str, "count": int, "seconds": int}
    if any(type(node[key]) is not kind or node[key] == "" for key, kind in types.items() if key in node):
        return False
    if node.get("seconds", 0) < 0:
        return False
    inner = node["args"] if "args" in node else [node["arg"]] if node["op"] == "not" else None
    return inner is None or (bool(inner) and all(_sound(each) for each in inner))
