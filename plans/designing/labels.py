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
    changed = 0

    def label(word: Any) -> Any:
        return names.get(word, word) if isinstance(word, str) else word

    def part(found: dict[str, Any]) -> None:
        if found.get("step") == step and "label" in found:
            found["label"] = label(found["label"])
        if found.get("ref") == f"step.{step}.outcome":
            found |= {key: label(found[key]) for key in ("value", "default") if key in found}
            if isinstance(found.get("values"), list):
                found["values"] = [label(value) for value in found["values"]]

    def condition(when: Any) -> Any:
        nonlocal changed
        now = ways.each_part(when, part)
        changed += now != when
        return now

    found = dict(document)
    if isinstance(found.get("steps"), dict):
        found["steps"] = {name: ways.with_conditions(body, condition) for name, body in found["steps"].items()}
    if isinstance(found.get("exit_on"), list):
        found["exit_on"] = [ways.with_condition(exit, "when", condition) for exit in found["exit_on"]]
    return found, changed
