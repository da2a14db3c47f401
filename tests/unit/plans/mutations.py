"""Plans that are nearly good: every place of a document, what may stand there, and what may not.

The format is told here a second time, on purpose: neither the schema nor the reader is asked.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any

_LONG = "x" * 41
_YEARS = 5 * 366 * 86_400

# role: values that must not stand in such a place, beside those of another type
BAD: dict[str, list[Any]] = {
    "schema": ["dee.plan/2", ""],
    "key": ["new", "templates", "", "Trial", "a b", "a_b", "-a", _LONG, "ä"],
    "name": ["", "Trial", "a b", "a_b", "-a", _LONG, "ä"],
    "word": ["", "Trial", "a b", "_a", "-a", _LONG, "ä"],
    "kind": ["sms", "", "End", "send-email"],
    "template": ["welcome", "welcome@0", "welcome@01", "@1", "Welcome@1", "welcome@1234567", "a_b@1"],
    "event": ["read", "", "Opened"],
    "operator": ["matches", "", "AND"],
    "ref": ["run.tock", "contact.email", "contact.attr.", "contact.attr.Tier", "step..outcome", "step.a.label", ""],
    "type": ["float", "", "String"],
    "channel": ["sms", "", "Email"],
    "time": ["24:00", "9:00", "09:60", "0900", "09:00:00", ""],
    "day": [0, 8, -1],
    "count": [0, -1],
    "seconds": [-1, _YEARS + 1],
    "timeout": [0, -1, _YEARS + 1],
    "weight": [0, 10_001],
    "max_steps": [0, 10_001],
    "title": ["x" * 201],
    "description": ["x" * 4001],
    "task title": ["", " ", "x" * 201],
    "instructions": ["x" * 2001],
    "goal": [0, 1, "true"],
    "value": [],
}

# role of an object: (keys it must have, may an unknown key be added?)
OBJECTS: dict[str, tuple[tuple[str, ...], bool]] = {
    "plan": (("schema", "key", "entry", "purpose", "policy", "limits", "steps"), True),
    "meta": ((), True),
    "limits": (("max_steps", "max_duration_s"), True),
    "exit": (("when", "goto"), True),
    "step send_email": (("kind", "template", "on"), True),
    "step call": (("kind", "template", "on"), True),
    "step wait": (("kind", "seconds", "on"), True),
    "step wait_until": (("kind", "time", "on"), True),
    "step wait_for_event": (("kind", "event", "timeout_s", "on"), True),
    "step branch": (("kind", "cases", "else"), True),
    "step split": (("kind", "arms"), True),
    "step record_opt_out": (("kind", "channels", "on"), True),
    "step task": (("kind", "title", "timeout_s", "on"), True),
    "step end": (("kind", "result"), True),
    "on send_email": (("sent",), True),
    "on call": (("answered", "no_answer", "busy", "voicemail"), True),
    "on wait": (("completed",), True),
    "on wait_until": (("completed",), True),
    "on wait_for_event": (("event", "timeout"), True),
    "on record_opt_out": (("recorded",), True),
    "on task": (("timeout",), False),
    "case": (("name", "when", "goto"), True),
    "else": (("name", "goto"), True),
    "arm": (("name", "weight", "goto"), True),
    "attributes": ((), False),
    "steps": ((), False),
    **{f"condition {op}": (("op",), True) for op in ("true", "false")},
    **{f"condition {op}": (("op", "args"), True) for op in ("and", "or")},
    "condition not": (("op", "arg"), True),
    **{f"condition {op}": (("op", "ref", "value"), True) for op in ("eq", "ne", "lt", "le", "gt", "ge")},
    "condition in": (("op", "ref", "values"), True),
    "condition is_set": (("op", "ref"), True),
    "condition event_seen": (("op", "event"), True),
    "condition event_count_ge": (("op", "event", "count"), True),
    "condition event_within": (("op", "event", "seconds"), True),
    "condition outcome_is": (("op", "step", "label"), True),
    "condition visits_ge": (("op", "step", "count"), True),
}

# role of an object whose keys are its author's: keys that must not stand there
BAD_KEYS = {
    "steps": ["a_b", _LONG],
    "attributes": ["7x", "a-b", _LONG],
    "on task": [_LONG],
}

# role of a list: (fewest, most, may an entry stand there twice?)
LISTS: dict[str, tuple[int, int, bool]] = {
    "exits": (0, 20, True),
    "cases": (1, 20, True),
    "arms": (2, 20, True),
    "args": (1, 64, True),
    "values": (1, 64, True),
    "days": (1, 7, False),
    "channels": (1, 2, False),
}

_ROLES = {
    "template": "template", "event": "event", "of": "name", "seconds": "seconds", "timeout_s": "timeout",
    "max_lateness_s": "timeout", "time": "time", "title": "task title", "instructions": "instructions",
    "result": "word", "goal": "goal",
}  # fmt: skip
_LEAF_ROLES = {
    "ref": "ref", "value": "value", "default": "value", "event": "event", "of": "name", "count": "count",
    "seconds": "count", "step": "name", "label": "word",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """One value in a document: the way to it, and its role in the format."""

    path: tuple[str | int, ...]
    role: str
    value: Any


def places(plan: dict[str, Any]) -> Iterator[Place]:
    """Yield every place of a good plan."""
    yield Place((), "plan", plan)
    for key in ("schema", "key"):
        yield Place((key,), key, plan[key])
    for key, role in (("entry", "name"), ("policy", "name"), ("purpose", "word")):
        yield Place((key,), role, plan[key])
    yield Place(("limits",), "limits", plan["limits"])
    yield Place(("limits", "max_steps"), "max_steps", plan["limits"]["max_steps"])
    yield Place(("limits", "max_duration_s"), "timeout", plan["limits"]["max_duration_s"])
    for key in ("meta", "attributes", "steps"):
        if key in plan:
            yield Place((key,), key, plan[key])
    for key, text in plan.get("meta", {}).items():
        yield Place(("meta", key), key, text)
    for key, kind in plan.get("attributes", {}).items():
        yield Place(("attributes", key), "type", kind)
    if "exit_on" in plan:
        yield Place(("exit_on",), "exits", plan["exit_on"])
    for index, exit in enumerate(plan.get("exit_on", [])):
        yield from _arm(exit, ("exit_on", index), "exit")
    for name, step in plan["steps"].items():
        yield from _step(step, ("steps", name))


def _step(step: dict[str, Any], path: tuple[str | int, ...]) -> Iterator[Place]:
    kind = step["kind"]
    yield Place(path, f"step {kind}", step)
    yield Place((*path, "kind"), "kind", kind)
    for key, value in step.items():
        here = (*path, key)
        if key in _ROLES:
            yield Place(here, _ROLES[key], value)
        elif key == "on":
            yield Place(here, f"on {kind}", value)
            for label, to in value.items():
                yield Place((*here, label), "name", to)
        elif key == "require":
            yield from _condition(value, here)
        elif key == "else":
            yield from _arm(value, here, "else")
        elif key in ("cases", "arms"):
            yield Place(here, key, value)
            for index, arm in enumerate(value):
                yield from _arm(arm, (*here, index), key.removesuffix("s"))
        elif key in ("days", "channels"):
            yield Place(here, key, value)
            for index, item in enumerate(value):
                yield Place((*here, index), key.removesuffix("s"), item)


def _arm(arm: dict[str, Any], path: tuple[str | int, ...], role: str) -> Iterator[Place]:
    yield Place(path, role, arm)
    for key, each in (("name", "word"), ("goto", "name"), ("weight", "weight")):
        if key in arm:
            yield Place((*path, key), each, arm[key])
    if "when" in arm:
        yield from _condition(arm["when"], (*path, "when"))


def _condition(when: dict[str, Any], path: tuple[str | int, ...]) -> Iterator[Place]:
    yield Place(path, f"condition {when['op']}", when)
    for key, value in when.items():
        here = (*path, key)
        if key in _LEAF_ROLES:
            yield Place(here, _LEAF_ROLES[key], value)
        elif key == "op":
            yield Place(here, "operator", value)
        elif key == "arg":
            yield from _condition(value, here)
        elif key == "args":
            yield Place(here, "args", value)
            for index, arg in enumerate(value):
                yield from _condition(arg, (*here, index))
        elif key == "values":
            yield Place(here, "values", value)
            for index, item in enumerate(value):
                yield Place((*here, index), "value", item)


def faults(place: Place) -> Iterator[tuple[str, Any]]:
    """Yield (what is wrong, the value that has it) for every fault of shape that a place may have."""
    value, role = place.value, place.role
    for other in (None, True, 7, "x", [], {}):
        if type(other) is not type(value) and not (role == "value" and isinstance(other, bool | int | str)):
            yield "wrong type", other
    for bad in BAD.get(role, ()):
        yield "bad value", bad
    if role in OBJECTS:
        required, closed = OBJECTS[role]
        for key in required:
            yield "missing key", {name: item for name, item in value.items() if name != key}
            yield "misspelt key", {f"{name}x" if name == key else name: item for name, item in value.items()}
        if closed:
            yield "unknown key", {**value, "zzz": "x"}
    for key in BAD_KEYS.get(role, ()):
        yield "bad key", {**value, key: next(iter(value.values()))}
    if role == "on task":
        yield "too few", {"timeout": value["timeout"]}
        yield "too many", value | {f"more-{index}": value["timeout"] for index in range(11)}
    if role in LISTS:
        yield from _list_faults(role, value)


def _list_faults(role: str, value: list[Any]) -> Iterator[tuple[str, Any]]:
    fewest, most, twice = LISTS[role]
    if fewest:
        yield "too few", value[: fewest - 1]
    if role != "args":  # of these the whole condition has a number it may have, which no schema can count
        yield "too many", [*value, *(value[:1] * most)]
    if not twice:
        yield "twice", [*value[: most - 1], value[0]] if len(value) > 1 else [value[0], value[0]]


def put(plan: dict[str, Any], path: tuple[str | int, ...], value: Any) -> Any:
    """Return a copy of a plan with another value in one place."""
    if not path:
        return deepcopy(value)
    changed = deepcopy(plan)
    holder: Any = changed
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = deepcopy(value)
    return changed


def slots(plan: dict[str, Any]) -> dict[tuple[str, str], list[Place]]:
    """Return the places of a good plan by (role of what holds it, key): "*" for a list and for an author's own keys."""
    roles: dict[tuple[str | int, ...], str] = {}
    found: dict[tuple[str, str], list[Place]] = {}
    for place in places(plan):
        roles[place.path] = place.role
        holder = roles[place.path[:-1]] if place.path else ""
        key = str(place.path[-1]) if place.path and holder in OBJECTS and holder not in BAD_KEYS else "*"
        found.setdefault((holder, key), []).append(place)
    return found


def broken(plan: dict[str, Any], rng: Random) -> tuple[Place, str, Any]:
    """Return (where, what is wrong, the document) of a good plan with one fault of shape."""
    found = slots(plan)
    place = rng.choice(found[rng.choice(sorted(found))])  # the rare places as often as the many
    fault, value = rng.choice(list(faults(place)))
    return place, fault, put(plan, place.path, value)


def shaken(plan: dict[str, Any], rng: Random) -> Any:
    """Return a good plan with a few values anywhere replaced, moved, or taken away: good or not, nobody knows."""
    changed: Any = plan
    for _ in range(rng.randint(1, 4)):
        found = list(_anywhere(changed))
        path, old = rng.choice(found)
        chance = rng.random()
        if chance < 0.35:
            changed = put(changed, path, rng.choice(found)[1])
        elif chance < 0.7:
            changed = put(changed, path, rng.choice(_junk(old)))
        elif path:
            changed = deepcopy(changed)
            holder = changed
            for part in path[:-1]:
                holder = holder[part]
            del holder[path[-1]]
    return changed


def _junk(old: Any) -> list[Any]:
    words = [bad for values in BAD.values() for bad in values]
    numbers = [old + 1, old - 1, 0, 2**53 - 1, -(2**53 - 1)] if isinstance(old, int) else []
    return [
        *words,
        *numbers * 4,
        None,
        True,
        [],
        {},
        [[]],
        [old],
        {"op": "true"},
        {"x": old},
        "a\nb",
        "e\u0301",
        "\x7f",
    ]


def _anywhere(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    yield path, value
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from _anywhere(item, (*path, key))
