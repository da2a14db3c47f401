"""Which steps of a plan only got another name in its next version? Pairs of steps that say the same otherwise.

Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Mapping
from dataclasses import replace

from plans import graph
from plans.conditions import Condition
from plans.steps import Branch, Call, Plan, SendEmail, Split, Step, WaitForEvent

Names = Mapping[str, str]
_OUTCOME = ".outcome"
# Stands for every name that is only in one of the two plans; no step can be called so.
_ANY = "?"


def renamed(old: Plan, new: Plan) -> dict[str, str]:
    """Return {old name: new name} of the steps that are the same in everything but their name.

    Steps that lead to one another may all have new names at once. Of several equal ones the first in the old plan's
    flow gets the first in the new one's.
    """
    gone = [name for name in graph.flow_order(old) if name not in new.steps]
    added = [name for name in graph.flow_order(new) if name not in old.steps]
    blurred = dict.fromkeys([*gone, *added], _ANY)
    pairs: dict[str, str] = {}
    free = {name: _nameless(new.steps[name], blurred) for name in added}
    for name in gone:
        shape = _nameless(old.steps[name], blurred)
        twin = next((other for other, each in free.items() if each == shape), None)
        if twin is not None:
            pairs[name] = twin
            del free[twin]
    return _agreeing(pairs, old, new)


def _agreeing(pairs: dict[str, str], old: Plan, new: Plan) -> dict[str, str]:
    """Leave out pairs that turn out to lead elsewhere, until those that are left hold together."""
    while True:
        held = {name: twin for name, twin in pairs.items() if step(old.steps[name], pairs) == new.steps[twin]}
        if len(held) == len(pairs):
            return held
        pairs = held


def _nameless(found: Step, blurred: Names) -> Step:
    return replace(step(found, blurred), name=_ANY)


def plan(found: Plan, names: Names) -> Plan:
    """Return a plan in which steps go by other names; its text and hash stay those of the original."""
    steps = [step(each, names) for each in found.steps.values()]
    exits = [replace(each, when=condition(each.when, names), goto=_to(each.goto, names)) for each in found.exit_on]
    return replace(
        found,
        entry=_to(found.entry, names),
        steps={each.name: each for each in sorted(steps, key=lambda each: each.name)},
        exit_on=tuple(exits),
    )


def step(found: Step, names: Names) -> Step:
    """Return a step in which steps, itself included, go by other names."""
    on = {label: _to(target, names) for label, target in found.on.items()}
    found = replace(found, name=_to(found.name, names), on=on)
    match found:
        case SendEmail() | Call():
            return found if found.require is None else replace(found, require=condition(found.require, names))
        case WaitForEvent():
            return found if found.of is None else replace(found, of=_to(found.of, names))
        case Branch():
            cases = [
                replace(case, when=condition(case.when, names), goto=_to(case.goto, names)) for case in found.cases
            ]
            last = replace(found.otherwise, goto=_to(found.otherwise.goto, names))
            return replace(found, cases=tuple(cases), otherwise=last)
        case Split():
            return replace(found, arms=tuple(replace(arm, goto=_to(arm.goto, names)) for arm in found.arms))
    return found


def condition(when: Condition, names: Names) -> Condition:
    """Return a condition in which steps go by other names."""
    said = dict(when)
    for key in ("of", "step"):
        if isinstance(said.get(key), str):
            said[key] = _to(said[key], names)
    ref = said.get("ref")
    if isinstance(ref, str) and ref.startswith("step."):
        said["ref"] = f"step.{_to(ref.removeprefix('step.').removesuffix(_OUTCOME), names)}{_OUTCOME}"
    if "arg" in said:
        said["arg"] = condition(said["arg"], names)
    if "args" in said:
        said["args"] = [condition(arg, names) for arg in said["args"]]
    return said


def _to(name: str, names: Names) -> str:
    return names.get(name, name)
