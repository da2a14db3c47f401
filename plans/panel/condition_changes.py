"""What becomes of a condition when its kind, its fact or its operator is changed? Whatever still fits is kept.

Nodes may be unfinished or wrong, so nothing here raises on what it meets.
Pure: no Django, clock, random, environment, file or network.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

from channels.kinds import Event
from plans import conditions
from plans.panel.choices import Choices

Node = dict[str, Any]
Sort = Literal["text", "number", "yesno", "duration", "label", "event", "visits", "none"]

GROUPS = ("and", "or", "not")
FIXED = ("true", "false")
EVENTS = ("event_seen", "event_count_ge", "event_within")
TICK, OUTCOME, ATTRIBUTE = "run.tick", "outcome", "contact.attr."
DAY = 86_400

_SORTS: Mapping[str, Sort] = {"string": "text", "int": "number", "bool": "yesno"}
# The operators of each sort of fact, the first being what a new comparison asks.
OPERATORS: Mapping[Sort, tuple[str, ...]] = {
    "text": ("eq", "ne", "in", "is_set"),
    "number": ("ge", "gt", "le", "lt", "eq", "ne", "in", "is_set"),
    "yesno": ("eq", "ne", "is_set"),
    "duration": ("ge", "gt", "le", "lt", "eq", "ne"),
    "label": ("outcome_is", "ne", "in", "is_set", "eq"),
    "event": EVENTS,
    "visits": ("visits_ge",),
    "none": (),
}
_OUTCOME_REF = re.compile(r"step\.(.*)\.outcome", re.DOTALL)
_ALL_KEYS = frozenset(("op", *(key for keys in conditions.KEYS.values() for part in keys for key in part)))


def fresh() -> Node:
    """Return the condition that a new place starts with."""
    return {"op": "event_seen", "event": str(Event.OPENED)}


def readable(node: Any) -> bool:
    """Say whether a node can be shown as fields, whatever is still missing in it."""
    if not isinstance(node, dict) or not isinstance(node.get("op"), str) or node["op"] not in conditions.KEYS:
        return False
    return all(isinstance(node.get(key, []), list) for key in ("args", "values"))


def about(node: Node) -> str:
    """Return what a readable node is about: "and", "event", "outcome", "contact.attr.tier", …; "" for nothing known."""
    op = node["op"]
    if op in (*GROUPS, *FIXED):
        return str(op)
    if op in EVENTS:
        return "event"
    if op in ("outcome_is", "visits_ge"):
        return OUTCOME if op == "outcome_is" else "visits"
    ref = node.get("ref")
    if not isinstance(ref, str):
        return ""
    return OUTCOME if _ref_step(ref) is not None else ref


def sort_of(node: Node, choices: Choices) -> Sort:
    """Return which sort of fact a readable node speaks of."""
    subject = about(node)
    if subject in ("event", "visits"):
        return subject  # type: ignore[return-value]  # one of the two
    if subject in (*GROUPS, *FIXED):
        return "none"
    if subject in (TICK, OUTCOME):
        return "duration" if subject == TICK else "label"
    declared = choices.attributes.get(subject.removeprefix(ATTRIBUTE))
    if subject.startswith(ATTRIBUTE) and declared:
        return _SORTS[declared]
    value = node.get("value", next(iter(node.get("values", ())), None))
    return "yesno" if isinstance(value, bool) else "number" if isinstance(value, int) else "text"


def starting_value(sort: Sort, node: Node, choices: Choices) -> Any:
    """Return what a new comparison of this sort is with."""
    known = choices.labels.get(step_of(node), ("",))
    return {"number": 0, "yesno": True, "duration": DAY, "label": known[0]}.get(sort, "")


def step_of(node: Node) -> str:
    """Return the step a node names, in whichever way it does; "" for none."""
    for key in ("of", "step"):
        if isinstance(node.get(key), str):
            return str(node[key])
    return _ref_step(node.get("ref")) or ""


def of_outcome(step: str) -> str:
    """Return the fact that a step's outcome is."""
    return f"step.{step}.outcome"


def _ref_step(ref: Any) -> str | None:
    """Return the step whose outcome a fact is, None for another fact."""
    found = _OUTCOME_REF.fullmatch(ref) if isinstance(ref, str) else None
    return found[1] if found else None


# --- changes ------------------------------------------------------------------------------------------------------


def with_operator(node: Node, op: str, choices: Choices) -> Node:
    """Return a node that asks another thing about the same fact."""
    required, optional = conditions.KEYS[op]
    new = starting_value(sort_of(node, choices), node, choices)
    said = {"value": new, "values": [new], **_said(node)}
    facts = {
        **said,
        "step": step_of(node),
        "label": said["value"],
        "ref": of_outcome(step_of(node)) if about(node) == OUTCOME else node.get("ref", ""),
        "event": node.get("event", str(Event.OPENED)),
        "count": node.get("count", 2),
        "seconds": node.get("seconds", DAY),
    }
    kept = {key: value for key, value in node.items() if key in optional or key not in _ALL_KEYS}
    return {"op": op, **{key: facts[key] for key in required}, **kept}


def _said(node: Node) -> Node:
    """Return what a node compares with, as one value and as several, where it says any."""
    if node.get("values"):
        return {"value": node["values"][0], "values": node["values"]}
    value = node.get("value", node.get("label"))
    return {} if value is None else {"value": value, "values": [value]}


def with_subject(node: Node, subject: str, choices: Choices) -> Node:
    """Return a condition about something else."""
    if subject == about(node):
        return node
    if subject in GROUPS:
        return grouped(node, subject)
    if subject in FIXED:
        return {"op": subject}
    if subject == "event":
        step = step_of(node)
        return {**fresh(), **({"of": step} if step in choices.sends else {})}
    if subject == "visits":
        step = step_of(node) or next(iter(choices.steps), "")
        return {"op": "visits_ge", "step": step, "count": node.get("count", 2)}
    if subject == OUTCOME:
        step = step_of(node)
        step = step if step in choices.labels else next(iter(choices.labels), "")
        return {"op": "outcome_is", "step": step, "label": choices.labels.get(step, ("",))[0]}
    return _compared(node, subject, choices)


def _compared(node: Node, ref: str, choices: Choices) -> Node:
    """Return a comparison with a fact, with the operator and the values of the one before where they fit."""
    was, known = sort_of(node, choices), "ref" in node
    found: Node = {**node, "ref": ref} if known else {"op": "eq", "ref": ref}
    if not known:
        found["op"] = OPERATORS[sort_of(found, choices)][0]
    sort = sort_of(found, choices)
    if sort != was:
        value = node.get("seconds") if sort == "duration" else None
        found = {key: value for key, value in found.items() if key not in ("value", "values", "default")}
        found["value"] = starting_value(sort, found, choices) if value is None else value
    op = found["op"]
    return with_operator(found, op if op in OPERATORS[sort] else OPERATORS[sort][0], choices)


def grouped(node: Node, op: str) -> Node:
    """Return a condition inside a group of this kind; a group becomes one, with all its parts."""
    if node.get("op") in ("and", "or"):
        args = node.get("args", [])
        if op != "not":
            return {**node, "op": op}
        return {"op": "not", "arg": args[0] if len(args) == 1 else node if node["op"] == "or" else {**node, "op": "or"}}
    if node.get("op") == "not" and op != "not":
        arg = node.get("arg")
        inner = arg if isinstance(arg, dict) and arg.get("op") in ("and", "or") else None
        return {**inner, "op": op} if inner else {"op": op, "args": [] if arg is None else [arg]}
    return wrapped(node, op)


def wrapped(node: Any, op: str) -> Node:
    """Return a group that holds a condition and nothing else."""
    return {"op": "not", "arg": node} if op == "not" else {"op": op, "args": [node]}


def unwrapped(node: Any) -> Any:
    """Return the only condition that a group holds; another group as it is."""
    args = node.get("args", [node.get("arg", node)]) if isinstance(node, dict) else []
    return args[0] if isinstance(args, list) and len(args) == 1 else node


def guarded(node: Node) -> Node:
    """Return a comparison that is asked only where its fact is set."""
    return {"op": "and", "args": [is_set(node), node]}


def is_set(node: Node) -> Node:
    """Return the question whether a comparison's fact is set."""
    return {"op": "is_set", "ref": node.get("ref")}


def asked_first(group: Node) -> frozenset[str]:
    """Return the facts that every part of a group may take as set: an "and" has a part that asks for each."""
    parts = group.get("args", []) if group.get("op") == "and" else []
    refs = [part.get("ref") for part in parts if isinstance(part, dict) and part.get("op") == "is_set"]
    return frozenset(ref for ref in refs if isinstance(ref, str))


def height(node: Any) -> int:
    """Return how many levels a condition has."""
    return max((where.count("/arg") + 1 for where, _ in conditions.walk(node)), default=1)


def size(node: Any) -> int:
    """Return how many parts a condition has."""
    return sum(1 for _ in conditions.walk(node))
