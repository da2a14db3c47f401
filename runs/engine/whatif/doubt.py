"""Does a condition hold when some facts are not known? Kleene's three values over the leaves that the core looked at.

The core decides on what is known; here each of its decisions is looked at again. An answer that could be another one,
had the unknown facts been there, is no answer. Pure. Source: study/engine.md §7 "What-if".
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from channels.kinds import CALL_RESULTS, EMAIL_EVENTS
from plans import conditions
from plans.steps import Case, Kind

# What may come of a message of each kind of step.
EVENTS: Mapping[str, frozenset[str]] = {Kind.SEND_EMAIL: frozenset(EMAIL_EVENTS), Kind.CALL: frozenset(CALL_RESULTS)}
# Only such leaves can change with news that nobody has: more of the same event never undoes them.
_EVENT_LEAVES = ("event_seen", "event_count_ge", "event_within")
_ATTRIBUTE = "contact.attr."


@dataclass(frozen=True, slots=True)
class Need:
    """Something that has to be known to go on. entry: it is a fact of the contact that the run's start lacks."""

    what: str
    entry: bool = False

    def __str__(self) -> str:
        return self.what


@dataclass(frozen=True, slots=True)
class Fog:
    """What is not known. hidden: the events that may have come of a message nobody sent, by its step.

    assumed: (step, event) pairs somebody vouches for. attributes: those the past run recorded, or would have.
    """

    hidden: dict[str, frozenset[str]]
    assumed: Collection[tuple[str, str]]
    attributes: Collection[str]

    def event(self, event: str, of: str) -> Need | None:
        """Return what would have to be known before it can be said that an event did not come."""
        for step, events in self.hidden.items():
            if of in ("", step) and event in events and (step, event) not in self.assumed:
                return Need(f"event {event} of {step}")
        return None

    def leaf(self, leaf: Mapping[str, Any]) -> Need | None:
        """Return what would have to be known before a recorded leaf's result is certain, None when it is."""
        if leaf["op"] in _EVENT_LEAVES:
            return None if leaf["result"] else self.event(leaf["event"], leaf.get("of") or "")
        ref = leaf.get("ref", "")
        name = ref.removeprefix(_ATTRIBUTE)
        if name != ref and name not in self.attributes:
            return Need(f"attribute {name}", entry=True)
        return None


def holds(
    condition: conditions.Condition, leaves: Iterator[Mapping[str, Any]], doubt: Callable[[Mapping[str, Any]], bool]
) -> bool | None:
    """Return whether a condition holds, None when that is not known.

    leaves: as `conditions.evaluate` recorded them, in order. doubt: whether a leaf's result is uncertain.
    """
    op = condition["op"]
    if op == "not":
        inner = holds(condition["arg"], leaves, doubt)
        return None if inner is None else not inner
    if op in ("and", "or"):
        parts = [holds(arg, leaves, doubt) for arg in condition["args"]]
        decides: bool = op == "or"
        if decides in parts:
            return decides
        return None if None in parts else not decides
    leaf = next(leaves)
    return None if doubt(leaf) else bool(leaf["result"])


def of_condition(condition: conditions.Condition, leaves: Iterator[Mapping[str, Any]], fog: Fog) -> list[Need]:
    """Return what is needed before it is certain whether a condition holds; nothing when it is."""
    needs: list[Need] = []

    def doubt(leaf: Mapping[str, Any]) -> bool:
        need = fog.leaf(leaf)
        if need:
            needs.append(need)
        return need is not None

    return list(dict.fromkeys(needs)) if holds(condition, leaves, doubt) is None else []


def of_branch(cases: tuple[Case, ...], chosen: str, leaves: Iterator[Mapping[str, Any]], fog: Fog) -> list[Need]:
    """Return what is needed before it is certain that a branch takes this arm."""
    for case in cases:
        needs = of_condition(case.when, leaves, fog)
        if needs or case.name == chosen:
            return needs
    return []


def of_snapshot(condition: conditions.Condition, snapshot: conditions.Snapshot, fog: Fog) -> list[Need]:
    """Return what is needed before it is certain whether a condition holds on a snapshot."""
    return of_condition(condition, iter(conditions.evaluate(condition, snapshot)[1]), fog)
