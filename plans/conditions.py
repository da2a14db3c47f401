"""Does a condition hold for a run? The condition language: its check at publish and its evaluation on a snapshot.

A condition is a JSON tree. Checked once, it is total: evaluation cannot raise, read a clock or loop. A comparison with
a fact that is not set is false; a plan says otherwise with `default` or asks `is_set` first.
Pure: no Django, clock, random, environment, file or network.

Source: DESIGN §5; study/engine.md §3 "Condition language".
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Literal

from channels.kinds import CALL_RESULTS, EMAIL_EVENTS, Channel, Event
from plans import steps
from plans.problems import Problem, listed, pointer

MAX_DEPTH = 8
MAX_NODES = 64

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {"eq": eq, "ne": ne, "lt": lt, "le": le, "gt": gt, "ge": ge}

# op: (required keys, optional keys), beside "op"
KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "true": ((), ()),
    "false": ((), ()),
    "and": (("args",), ()),
    "or": (("args",), ()),
    "not": (("arg",), ()),
    **{op: (("ref", "value"), ("default",)) for op in COMPARISONS},
    "in": (("ref", "values"), ("default",)),
    "is_set": (("ref",), ()),
    "event_seen": (("event",), ("of",)),
    "event_count_ge": (("event", "count"), ("of",)),
    "event_within": (("event", "seconds"), ("of",)),
    "outcome_is": (("step", "label"), ()),
    "visits_ge": (("step", "count"), ()),
}

EVENTS: Mapping[Channel, tuple[Event, ...]] = {Channel.EMAIL: EMAIL_EVENTS, Channel.VOICE: CALL_RESULTS}
TYPES: Mapping[str, type] = {"string": str, "int": int, "bool": bool}

Condition = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """What a condition may speak of: declared attributes (name to type), the plan's steps, and where it stands."""

    attributes: Mapping[str, str]
    steps: Mapping[str, steps.Step]
    pointer: str
    step: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The facts of a run at one instant. Ticks are seconds since its start.

    events: by step name, "" for all steps together, then by event: {"count", "first", "last"}, the latter two ticks.
    outcomes: the last label of each step left. visits: how often each step was entered.
    """

    tick: int
    attrs: Mapping[str, Any]
    events: Mapping[str, Mapping[str, Mapping[str, int]]]
    outcomes: Mapping[str, str]
    visits: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Reference:
    """A step named in a condition, and where. It must be able to come before, or for "visits" be the step itself."""

    pointer: str
    step: str
    role: Literal["event", "outcome", "visits"]


# --- evaluation ---------------------------------------------------------------------------------------------------


def evaluate(condition: Condition, snapshot: Snapshot) -> tuple[bool, list[dict[str, Any]]]:
    """Return whether a checked condition holds, and every leaf in order with the fact it saw.

    Every leaf is evaluated, also where the result is already certain, so that the record is complete. A leaf in the
    record has its own keys plus `value` (count, attribute value, tick of the last event, label or None) and `result`;
    the constant that a comparison names moves to `expected`.
    """
    leaves: list[dict[str, Any]] = []
    return _evaluate(condition, snapshot, leaves), leaves


def _evaluate(condition: Condition, snapshot: Snapshot, leaves: list[dict[str, Any]]) -> bool:
    op = condition["op"]
    if op == "not":
        return not _evaluate(condition["arg"], snapshot, leaves)
    if op in ("and", "or"):
        results = [_evaluate(arg, snapshot, leaves) for arg in condition["args"]]
        return all(results) if op == "and" else any(results)
    value, result = _leaf(op, condition, snapshot)
    record = dict(condition)
    if "value" in record:
        record["expected"] = record.pop("value")
    leaves.append({**record, "value": value, "result": result})
    return result


def _leaf(op: str, leaf: Condition, snapshot: Snapshot) -> tuple[Any, bool]:
    if op in ("true", "false"):
        return op == "true", op == "true"
    if op in ("event_seen", "event_count_ge", "event_within"):
        return _event_leaf(op, leaf, snapshot)
    if op == "outcome_is":
        label = snapshot.outcomes.get(leaf["step"])
        return label, label == leaf["label"]
    if op == "visits_ge":
        visits = snapshot.visits.get(leaf["step"], 0)
        return visits, visits >= leaf["count"]
    value = _fact(leaf["ref"], snapshot)
    if op == "is_set":
        return value, value is not None
    return value, _compare(op, leaf, value)


def _event_leaf(op: str, leaf: Condition, snapshot: Snapshot) -> tuple[int | None, bool]:
    seen = snapshot.events.get(leaf.get("of") or "", {}).get(leaf["event"])
    if op == "event_within":
        last = seen["last"] if seen else None
        return last, last is not None and snapshot.tick - last <= leaf["seconds"]
    count = seen["count"] if seen else 0
    return count, count >= leaf.get("count", 1)


def _fact(ref: str, snapshot: Snapshot) -> Any:
    if ref == "run.tick":
        return snapshot.tick
    if ref.startswith("contact.attr."):
        return snapshot.attrs.get(ref.removeprefix("contact.attr."))
    return snapshot.outcomes.get(ref.removeprefix("step.").removesuffix(".outcome"))


def _compare(op: str, leaf: Condition, value: Any) -> bool:
    wanted = leaf["values"] if op == "in" else [leaf["value"]]
    # A contact may hold another type than the plan declares: such a value counts as not set, since 1 is not True here.
    if value is None or type(value) is not type(wanted[0]):
        value = leaf.get("default")
    if value is None:
        return False
    return value in wanted if op == "in" else COMPARISONS[op](value, wanted[0])


# --- reading a tree -----------------------------------------------------------------------------------------------


def walk(condition: Any, where: str = "") -> Iterator[tuple[str, Condition]]:
    """Yield (JSON pointer, node) for every node of a tree, parents first; parts that are no nodes are left out."""
    if not isinstance(condition, dict):
        return
    yield where, condition
    args = condition.get("args")
    for index, arg in enumerate(args if isinstance(args, list) else []):
        yield from walk(arg, where + pointer("args", index))
    yield from walk(condition.get("arg"), where + pointer("arg"))


def references(condition: Condition, where: str) -> Iterator[Reference]:
    """Yield every step that a condition names."""
    for at, node in walk(condition, where):
        op = node.get("op")
        if isinstance(node.get("of"), str):
            yield Reference(at + "/of", node["of"], "event")
        if op in ("outcome_is", "visits_ge") and isinstance(node.get("step"), str):
            yield Reference(at + "/step", node["step"], "outcome" if op == "outcome_is" else "visits")
        ref = node.get("ref")
        if isinstance(ref, str) and ref.startswith("step."):
            yield Reference(at + "/ref", ref.removeprefix("step.").removesuffix(".outcome"), "outcome")


# --- the check at publish -----------------------------------------------------------------------------------------


def check(condition: Any, context: Context) -> list[Problem]:
    """Return everything wrong with a condition: keys, types, names it does not know, values that may be unset, size."""
    checker = _Checker(context)
    checker.node(condition, context.pointer, 1, frozenset())
    nodes = sum(1 for _ in walk(condition))
    if nodes > MAX_NODES:
        checker.refuse(
            context.pointer,
            f"The condition has {nodes} parts; {MAX_NODES} are allowed. Split it over several branches.",
        )
    return checker.problems


class _Checker:
    def __init__(self, context: Context) -> None:
        self.context = context
        self.problems: list[Problem] = []

    def refuse(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, self.context.step, message))

    def node(self, node: Any, where: str, depth: int, guarded: frozenset[str]) -> None:
        if depth > MAX_DEPTH:
            self.refuse(where, f"The condition is nested deeper than {MAX_DEPTH} levels; flatten it.")
            return
        if not isinstance(node, dict) or not isinstance(node.get("op"), str):
            self.refuse(
                where, 'A condition is an object with an "op", such as {"op": "event_seen", "event": "opened"}.'
            )
            return
        op = node["op"]
        if op not in KEYS:
            self.refuse(where + "/op", f'"{op[:40]}" is not an operator; use one of {", ".join(KEYS)}.')
        elif not self._keys(op, node, where):
            return
        elif op in ("and", "or"):
            self._args(op, node["args"], where, depth, guarded)
        elif op == "not":
            self.node(node["arg"], where + "/arg", depth + 1, guarded)
        elif "event" in node:
            self._event(node, where)
        elif op in ("outcome_is", "visits_ge"):
            self._step(op, node, where)
        elif "ref" in node:
            self._comparison(op, node, where, guarded)

    def _keys(self, op: str, node: Condition, where: str) -> bool:
        required, optional = KEYS[op]
        missing = [key for key in required if key not in node]
        if missing:
            self.refuse(where, f'The operator "{op}" also needs {listed(missing)}.')
        for key in node:
            if key not in ("op", *required, *optional):
                known = ", ".join(("op", *required, *optional))
                self.refuse(where + pointer(key), f'Remove the unknown key "{key}"; "{op}" takes {known}.')
        return not missing

    def _args(self, op: str, args: Any, where: str, depth: int, guarded: frozenset[str]) -> None:
        if not isinstance(args, list) or not args:
            self.refuse(where + "/args", f'"args" of "{op}" is a list with at least one condition.')
            return
        guarded |= {ref for arg in args if (ref := _guard(op, arg))}
        for index, arg in enumerate(args):
            self.node(arg, where + pointer("args", index), depth + 1, guarded)

    def _event(self, node: Condition, where: str) -> None:
        if "of" in node and node["of"] is None:
            self.refuse(where + "/of", "null is no step; leave the key out for the events of any step.")
        self.problems += check_event(
            node["event"],
            node.get("of"),
            Context(self.context.attributes, self.context.steps, where, self.context.step),
        )
        for key in ("count", "seconds"):
            if key in node:
                self._positive(node[key], where + pointer(key), key)

    def _positive(self, value: Any, where: str, key: str) -> None:
        if type(value) is not int or value < 1:
            self.refuse(where, f'"{key}" is a whole number, 1 or more.')

    def _step(self, op: str, node: Condition, where: str) -> None:
        if op == "visits_ge":
            self._positive(node["count"], where + "/count", "count")
        step = self.context.steps.get(node["step"]) if isinstance(node["step"], str) else None
        if step is None:
            self.refuse(
                where + "/step", f'There is no step named "{str(node["step"])[:40]}"; name a step of this plan.'
            )
        elif op == "outcome_is" and node["label"] not in labels(step):
            self.refuse(where + "/label", _bad_label(node["label"], step))

    def _comparison(self, op: str, node: Condition, where: str, guarded: frozenset[str]) -> None:
        ref = node["ref"]
        found = self._type(ref, where + "/ref")
        if found is None or op == "is_set":
            return
        expected, nullable = found
        if op not in ("eq", "ne", "in") and expected is not int:
            self.refuse(
                where + "/op", f'"{op}" compares numbers, and {ref} is {_type_name(expected)}; use "eq", "ne" or "in".'
            )
        values = node.get("values", [])
        if op == "in" and (not isinstance(values, list) or not 0 < len(values) <= MAX_NODES):
            self.refuse(where + "/values", f'"values" is a list of 1 to {MAX_NODES} values.')
            values = []
        for index, value in enumerate(values):
            self._value(value, ref, expected, where + pointer("values", index))
        for key in ("value", "default"):
            if key in node:
                self._value(node[key], ref, expected, where + pointer(key))
        if nullable and "default" not in node and ref not in guarded:
            self.refuse(
                where,
                f'{ref} may be unset; add a "default", or {{"op": "is_set", "ref": "{ref}"}} beside it in an "and".',
            )

    def _value(self, value: Any, ref: str, expected: type, where: str) -> None:
        if type(value) is not expected:
            self.refuse(
                where,
                f"{ref} is {_type_name(expected)}; compare it with {_type_name(expected)}, not {str(value)[:40]!r}.",
            )
        elif ref.startswith("step."):
            step = self.context.steps[ref.removeprefix("step.").removesuffix(".outcome")]
            if value not in labels(step):
                self.refuse(where, _bad_label(value, step))

    def _type(self, ref: Any, where: str) -> tuple[type, bool] | None:
        """Return (type, may be unset) of a fact, or report it and return None."""
        parts = ref.split(".") if isinstance(ref, str) else []
        if ref == "run.tick":
            return int, False
        if len(parts) == 3 and parts[:2] == ["contact", "attr"]:
            if parts[2] in self.context.attributes:
                return TYPES[self.context.attributes[parts[2]]], True
            self.refuse(where, f'The attribute "{parts[2]}" is not declared; add it to "attributes" of the plan.')
        elif len(parts) == 3 and parts[0] == "step" and parts[2] == "outcome":
            if parts[1] in self.context.steps:
                return str, True
            self.refuse(where, f'There is no step named "{parts[1]}"; name a step of this plan.')
        else:
            self.refuse(
                where, f"{str(ref)[:60]!r} is no fact; use contact.attr.<name>, step.<name>.outcome or run.tick."
            )
        return None


def check_event(event: Any, of: Any, context: Context) -> list[Problem]:
    """Return what is wrong with an event and the step it is `of` (None: any step); context.pointer holds both keys."""
    problems = []
    if event not in list(Event):
        known = ", ".join(Event)
        problems.append(
            Problem(
                context.pointer + "/event", context.step, f'"{str(event)[:40]}" is not an event; use one of {known}.'
            )
        )
    if of is None:
        return problems
    step = context.steps.get(of) if isinstance(of, str) else None
    channel = steps.CHANNELS.get(step.kind) if step else None
    if step is None:
        message = f'There is no step named "{str(of)[:40]}"; name the step whose events you mean.'
    elif channel is None:
        message = f'"{of}" is a {step.kind} step and brings no events; name a send_email or call step.'
    elif not problems and event not in EVENTS[channel]:
        message = f'A {step.kind} step brings no event "{event}"; use one of {", ".join(EVENTS[channel])}.'
    else:
        return problems
    return [*problems, Problem(context.pointer + "/of", context.step, message)]


def labels(step: steps.Step) -> tuple[str, ...]:
    """Return the outcome labels a step can have."""
    written = isinstance(step, steps.Branch | steps.Split | steps.Task)
    return tuple(step.on) if written else steps.LABELS[step.kind]


def _bad_label(label: Any, step: steps.Step) -> str:
    known = ", ".join(labels(step)) or "none, it ends the run"
    return f'"{str(label)[:40]}" is not an outcome of "{step.name}"; it has {known}.'


def _guard(op: str, arg: Any) -> str | None:
    """Return the ref that an argument makes safe for its neighbours: is_set in an `and`, not is_set in an `or`."""
    if op == "or" and isinstance(arg, dict) and arg.get("op") == "not":
        arg = arg.get("arg")
    elif op == "or":
        return None
    ref = arg.get("ref") if isinstance(arg, dict) and arg.get("op") == "is_set" else None
    return ref if isinstance(ref, str) else None


def _type_name(kind: type) -> str:
    return {str: "a text", int: "a whole number", bool: "true or false"}[kind]
