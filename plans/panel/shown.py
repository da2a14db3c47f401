"""What does the side panel show of a step, or of the plan itself? The values for its templates.

Pure: no Django, clock, random, environment, file or network.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from plans import captions
from plans.panel.choices import Choices
from plans.panel.given import Given
from plans.panel.parts import Group, Part, everything
from plans.panel.plan_parts import plan_parts
from plans.panel.step_parts import step_parts
from plans.problems import Problem, pointer

STILL_MISSING = "This is still missing; fill it in."
_MISSING = re.compile(r'The key "(.+)" is missing; add it\.')


@dataclass(frozen=True, slots=True)
class StepForm:
    """The form of one step. kind: in words. problems: the sentences that belong to no field of it."""

    name: str
    kind: str
    about: str
    parts: tuple[Part, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanForm:
    """The form of the plan itself. problems: the sentences that belong to no field of it."""

    key: str
    parts: tuple[Part, ...]
    problems: tuple[str, ...]


def step_form(
    name: str, body: dict[str, Any], choices: Choices, problems: Sequence[Problem], given: Given | None = None
) -> StepForm:
    """Return the form of a step as its body stands. given: what was posted last; with errors, it is shown as posted.

    problems: those of the whole draft, or of this step.
    """
    where = pointer("steps", name)
    mine = [(p.pointer[len(where) :], p.message) for p in problems if (p.pointer + "/").startswith(where + "/")]
    parts, rest = _with_problems(step_parts(body, choices), mine, given)
    kind = body.get("kind")
    known = kind if isinstance(kind, str) and kind in captions.KINDS else ""
    return StepForm(name, captions.KINDS.get(known, "no known kind"), captions.ABOUT.get(known, ""), parts, rest)


def plan_form(
    document: dict[str, Any], choices: Choices, problems: Sequence[Problem], given: Given | None = None
) -> PlanForm:
    """Return the form of the plan itself. problems: those of the whole draft; given: as for a step."""
    mine = [(p.pointer, p.message) for p in problems if not (p.pointer + "/").startswith("/steps/")]
    parts, rest = _with_problems(plan_parts(document, choices), mine, given)
    key = document.get("key")
    return PlanForm(key if isinstance(key, str) else "", parts, rest)


def _with_problems(
    parts: tuple[Part, ...], problems: Iterable[tuple[str, str]], given: Given | None
) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Return the parts, each with the problems at its place or below it, and the problems that have no place."""
    places = {_place(part) for part in everything(parts)}
    found: dict[str, list[str]] = {}
    for where, message in problems:
        missing = _MISSING.fullmatch(message)
        if missing and where + pointer(missing[1]) in places:
            where, message = where + pointer(missing[1]), STILL_MISSING
        while where and where not in places:
            where = where.rpartition("/")[0]
        found.setdefault(where, []).append(message)
    refused = dict(given.errors) if given else {}
    typed = dict(given.typed) if given and given.errors else {}
    rest = [*found.get("", []), *([refused["do"]] if "do" in refused else [])]
    return tuple(_filled(part, found, refused, typed) for part in parts), tuple(rest)


def _filled(part: Part, found: Mapping[str, list[str]], refused: Mapping[str, str], typed: Mapping[str, Any]) -> Part:
    mine = found.get(_place(part), [])
    if isinstance(part, Group):
        inner = tuple(_filled(each, found, refused, typed) for each in part.parts)
        return replace(part, parts=inner, problems=tuple(mine))
    first = part.names[0]
    said = (refused[first],) if first in refused else tuple(mine)
    return replace(part, problems=said, shown=typed.get(first, part.shown))


def _place(part: Part) -> str:
    return pointer(*(part.path if part.at is None else part.at))
