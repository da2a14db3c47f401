"""Which outcome of a step got another name, and where else does the plan speak of it?

A form changes one name at a time, so a rename is told from what was there before. Like everything that reads drafts,
this is total over any JSON. Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Mapping
from typing import Any

from plans.designing import ways
from plans.steps import TIMEOUT, Kind

Names = Mapping[str, str]


def renamed(before: ways.Body, after: ways.Body) -> dict[str, str]:
    """Return old to new of the arms, or of the outcome of a task, that an edit gave another name."""
    kind = ways.kind_of(before)
    if kind != ways.kind_of(after):
        return {}
    if kind == Kind.TASK:
        old, new = ([label for label in ways.outcomes(body) if label != TIMEOUT] for body in (before, after))
        gone, come = [label for label in old if label not in new], [label for label in new if label not in old]
        return {gone[0]: come[0]} if len(gone) == len(come) == 1 else {}
    old, new = ways.arms(before), ways.arms(after)
    if len(old) != len(new):
        return {}
    return {was: now for was, now in zip(old, new, strict=True) if was and now and was not in new and now not in old}


def followed(document: Mapping[str, Any], step: str, names: Names) -> tuple[dict[str, Any], int]:
    """Return a document whose conditions speak of a step's outcomes by their new names, and how many had to change."""
    follower = _Follower(step, names)
    found = dict(document)
    bodies = found.get("steps")
    if isinstance(bodies, dict):
        found["steps"] = {name: follower.body(body) for name, body in bodies.items()}
    if isinstance(found.get("exit_on"), list):
        found["exit_on"] = [follower.holder(exit, "when") for exit in found["exit_on"]]
    return found, follower.count


class _Follower:
    """Goes through conditions and counts those that it changes."""

    def __init__(self, step: str, names: Names) -> None:
        self.step, self.names, self.count = step, names, 0

    def body(self, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        found = self.holder(body, "require")
        if isinstance(found.get("cases"), list):
            found = {**found, "cases": [self.holder(case, "when") for case in found["cases"]]}
        return found

    def holder(self, holder: Any, key: str) -> Any:
        """Return what holds a condition under a key with that condition changed."""
        if not isinstance(holder, dict) or key not in holder:
            return holder
        now = self._condition(holder[key])
        if now == holder[key]:
            return holder
        self.count += 1
        return {**holder, key: now}

    def _condition(self, when: Any) -> Any:
        if not isinstance(when, dict):
            return when
        found = dict(when)
        if found.get("step") == self.step and "label" in found:
            found["label"] = self._label(found["label"])
        if found.get("ref") == f"step.{self.step}.outcome":
            found |= {key: self._label(found[key]) for key in ("value", "default") if key in found}
            if isinstance(found.get("values"), list):
                found["values"] = [self._label(value) for value in found["values"]]
        if isinstance(found.get("args"), list):
            found["args"] = [self._condition(arg) for arg in found["args"]]
        if "arg" in found:
            found["arg"] = self._condition(found["arg"])
        return found

    def _label(self, word: Any) -> Any:
        return self.names.get(word, word) if isinstance(word, str) else word
