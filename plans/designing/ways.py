"""Where does a step of a draft lead? Its outcomes and their targets, read from JSON that may be unfinished.

A draft may hold anything, so nothing here raises on what it meets; what is wrong is said by the checks.
Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Callable, Mapping
from typing import Any

from plans import graph, steps

Body = dict[str, Any]
KINDS: Mapping[str, steps.Kind] = {kind.value: kind for kind in steps.Kind}


def outcomes(body: Any) -> dict[str, str]:
    """Return label to target of a step, "" where an outcome leads nowhere yet.

    A label of the kind's closed list is there also when the draft does not mention it; `blocked` only when it does,
    for it may stay unmapped.
    """
    kind = kind_of(body)
    if kind in (steps.Kind.BRANCH, steps.Kind.SPLIT):
        return {arm["name"]: _text(arm.get("goto")) for arm in _arms(body) if isinstance(arm.get("name"), str)}
    if kind in (None, steps.Kind.END):
        return {}
    on = _mapping(body.get("on"))
    closed = steps.LABELS[kind] if kind != steps.Kind.TASK else (steps.TIMEOUT,)
    known = [label for label in closed if label in on or label != steps.BLOCKED]
    own = sorted(label for label in on if label not in closed) if kind == steps.Kind.TASK else []
    return {label: _text(on.get(label)) for label in (*own, *known)}


def arms(body: Any) -> list[str]:
    """Return the names of the arms of a branch or a split, in order, "" for one without; none of any other step."""
    return [_text(arm.get("name")) for arm in _arms(body)]


def flow(document: Mapping[str, Any]) -> list[str]:
    """Return the names of a document's steps in the order in which a reader follows it; see `graph.flow_order`."""
    bodies = _mapping(document.get("steps"))
    names = sorted(bodies)
    follow = {name: [to for to in dict.fromkeys(outcomes(bodies[name]).values()) if to in bodies] for name in names}
    exits = document.get("exit_on")
    starts = [document.get("entry"), *(exit.get("goto") for exit in _objects(exits)), *names]
    return graph.traverse([name for name in starts if isinstance(name, str) and name in bodies], follow)[0]


def leading(body: Body, label: str, target: str) -> Body:
    """Return a step whose outcome leads to a target, "" for nowhere; a label that it does not have changes nothing."""
    if label not in outcomes(body) and not _may_have(body, label):
        return body
    kind = kind_of(body)
    if kind == steps.Kind.BRANCH:
        cases = body.get("cases")
        found = {**body, "cases": [_arm(arm, label, target) for arm in cases] if isinstance(cases, list) else cases}
        return {**found, "else": _arm(body.get("else"), label, target)} if "else" in body else found
    if kind == steps.Kind.SPLIT:
        return {**body, "arms": [_arm(arm, label, target) for arm in body["arms"]]}
    on = _mapping(body.get("on"))
    if target or (kind == steps.Kind.TASK and label != steps.TIMEOUT):
        return {**body, "on": {**on, label: target}}  # a task's own label stays, for nothing else names it
    return {**body, "on": {name: to for name, to in on.items() if name != label}}


def renamed(body: Any, name: Callable[[str], str]) -> Any:
    """Return a step in which every name of a step is what `name` says: targets, `of`, conditions."""
    if not isinstance(body, dict):
        return body
    found = dict(body)
    for label, target in outcomes(body).items():
        if target:
            found = leading(found, label, name(target))
    if isinstance(found.get("of"), str):
        found["of"] = name(found["of"])
    return with_conditions(found, lambda when: condition(when, name))


def with_conditions(body: Any, change: Callable[[Any], Any]) -> Any:
    """Return a step whose conditions are what `change` makes of them."""
    if not isinstance(body, dict):
        return body
    found = with_condition(body, "require", change)
    if isinstance(found.get("cases"), list):
        found["cases"] = [with_condition(case, "when", change) for case in found["cases"]]
    return found


def with_condition(holder: Any, key: str, change: Callable[[Any], Any]) -> Any:
    """Return what holds a condition under a key, with that condition changed."""
    if not isinstance(holder, dict):
        return holder
    return {**holder, key: change(holder[key])} if key in holder else dict(holder)


def condition(when: Any, name: Callable[[str], str]) -> Any:
    """Return a condition in which every step is named as `name` says."""

    def part(found: dict[str, Any]) -> None:
        for key in ("of", "step"):
            if isinstance(found.get(key), str):
                found[key] = name(found[key])
        ref = found.get("ref")
        if isinstance(ref, str) and ref.startswith("step.") and ref.endswith(".outcome"):
            found["ref"] = f"step.{name(ref.removeprefix('step.').removesuffix('.outcome'))}.outcome"

    return each_part(when, part)


def each_part(when: Any, change: Callable[[dict[str, Any]], None]) -> Any:
    """Return a condition of which every part was given to `change`, the outermost first."""
    if not isinstance(when, dict):
        return when
    found = dict(when)
    change(found)
    if isinstance(found.get("args"), list):
        found["args"] = [each_part(arg, change) for arg in found["args"]]
    if "arg" in found:
        found["arg"] = each_part(found["arg"], change)
    return found


def kind_of(body: Any) -> steps.Kind | None:
    """Return the kind of a step, None when it has none that is known."""
    kind = body.get("kind") if isinstance(body, dict) else None
    return KINDS.get(kind) if isinstance(kind, str) else None


def _may_have(body: Body, label: str) -> bool:
    kind = kind_of(body)
    return kind is not None and label == steps.BLOCKED and label in steps.LABELS[kind]


def _arm(arm: Any, label: str, target: str) -> Any:
    if not isinstance(arm, dict) or arm.get("name") != label:
        return arm
    if target:
        return {**arm, "goto": target}
    return {key: value for key, value in arm.items() if key != "goto"}


def _arms(body: Any) -> list[Mapping[str, Any]]:
    kind = kind_of(body)
    if kind == steps.Kind.BRANCH:
        return [*_objects(body.get("cases")), *_objects([body.get("else")])]
    return _objects(body.get("arms")) if kind == steps.Kind.SPLIT else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
