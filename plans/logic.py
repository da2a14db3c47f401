"""What follows from a condition without looking at any run? Constant conditions, and one condition implying another.

Both answers are sound and not complete: "unknown" is always possible, a wrong answer never.
Pure: no Django, clock, random, environment, file or network.
"""

from typing import Any

from plans.conditions import Condition


def constant(condition: Condition) -> bool | None:
    """Return the value a checked condition has in every run, or None when it depends on the run."""
    op = condition["op"]
    if op in ("true", "false"):
        return bool(op == "true")
    if op == "not":
        inner = constant(condition["arg"])
        return None if inner is None else not inner
    if op in ("and", "or"):
        decisive = bool(op == "or")  # one true makes an `or` true, one false makes an `and` false
        args = condition["args"]
        values = [constant(arg) for arg in args]
        if decisive in values or _contradict(args):
            return decisive
        return not decisive if None not in values else None
    return _constant_tick(condition) if condition.get("ref") == "run.tick" else None


def implies(first: Condition, second: Condition) -> bool:
    """Return True when in every run where the first checked condition holds, the second holds too."""
    return _Implication().holds(first, second)


def _contradict(args: list[Condition]) -> bool:
    """True when an argument is the negation of another: such an `and` never holds, such an `or` always does."""
    negated = [arg["arg"] for arg in args if arg["op"] == "not"]
    return any(arg in negated for arg in args)


def _constant_tick(leaf: Condition) -> bool | None:
    """run.tick is never negative, so a comparison with a negative number or with 0 can be decided."""
    op, value = leaf["op"], leaf.get("value", 0)
    if op in ("lt", "le") and value < (1 if op == "lt" else 0):
        return False
    if op in ("gt", "ge") and value <= (-1 if op == "gt" else 0):
        return True
    return op == "ne" if op in ("eq", "ne") and value < 0 else None


class _Implication:
    """One question. Pairs of nodes are remembered, so the work is at most the product of both sizes."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], bool] = {}

    def holds(self, first: Condition, second: Condition) -> bool:
        key = (id(first), id(second))
        if key not in self._known:
            self._known[key] = self._holds(first, second)
        return self._known[key]

    def _holds(self, first: Condition, second: Condition) -> bool:
        if first == second or constant(first) is False or constant(second) is True:
            return True
        if first["op"] == "or":
            return all(self.holds(arg, second) for arg in first["args"])
        if second["op"] == "and":
            return all(self.holds(first, arg) for arg in second["args"])
        if first["op"] == "and" and any(self.holds(arg, second) for arg in first["args"]):
            return True
        if second["op"] == "or":
            return any(self.holds(first, arg) for arg in second["args"])
        if first["op"] == second["op"] == "not":
            return self.holds(second["arg"], first["arg"])
        return _leaf_implies(dict(first), dict(second))


def _leaf_implies(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Leaves about the same fact, of which the first asks for at least as much."""
    if first["op"] == "event_seen":
        first = {**first, "op": "event_count_ge", "count": 1}
    if second["op"] == "event_seen":
        second = {**second, "op": "event_count_ge", "count": 1}
    if first["op"] == "event_within" and second["op"] == "event_count_ge" and second["count"] == 1:
        return _same_event(first, second)
    if first["op"] != second["op"]:
        return False
    if first["op"] == "event_count_ge":
        return _same_event(first, second) and bool(first["count"] >= second["count"])
    if first["op"] == "event_within":
        return _same_event(first, second) and bool(first["seconds"] <= second["seconds"])
    if first["op"] == "visits_ge":
        return bool(first["step"] == second["step"] and first["count"] >= second["count"])
    return False


def _same_event(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """An event of one step is also an event of any step."""
    return bool(first["event"] == second["event"] and second.get("of") in (None, first.get("of")))
