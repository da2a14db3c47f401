"""Where does a step lead? The fields of its outcomes' targets, of the cases of a branch and of the arms of a split.

Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from plans import captions, steps
from plans.panel import acts
from plans.panel import condition_changes as changes
from plans.panel.choices import Choices
from plans.panel.codecs import Choice, Number, Option, Text, choice
from plans.panel.condition_parts import condition
from plans.panel.lists import MOST_SHOWN, moves, others, unshowable
from plans.panel.parts import Button, Field, Group, Part
from plans.panel.paths import ABSENT, Path, get, name
from plans.step_reading import MAX_ARMS, MIN_SPLIT

Body = dict[str, Any]
NOWHERE = "(nowhere yet)"
NEW_STEP = "+"  # a target's token for a step that is to be made, before its kind


@dataclass(frozen=True, slots=True)
class NewStep:
    """What a target field says when a new step of a kind is to be made and led to."""

    kind: str


_NEW = tuple(
    Option(NEW_STEP + kind, f"new {words}", NewStep(kind), "New step…") for kind, words in captions.KINDS.items()
)


def target_options(choices: Choices) -> list[Option]:
    """Return what an outcome can lead to; made once for all outcomes of a form."""
    return [*(Option(step, step, step, "Steps of this plan") for step in choices.steps), *_NEW]


def target(body: Any, path: Path, label: str, options: Sequence[Option], none: Any = ABSENT) -> Field:
    """Return the field that says where an outcome leads. none: what the document says when it leads nowhere."""
    value = get(body, path)
    made = choice(options, value, blank=NOWHERE, none=none, missing="no such step")
    codec = Choice(made.options, "target")
    return Field(path, label, codec, value, codec.show(value))


def ways(body: Body, path: Path, labels: Collection[str], choices: Choices) -> Part:
    """Return the fields for a closed list of outcomes."""
    on = get(body, path)
    if on is not ABSENT and not isinstance(on, dict):
        return unshowable(path, "Leads to", on, {})
    options = target_options(choices)
    fields = [target(body, (*path, label), label, options) for label in labels]
    about = "blocked may lead nowhere: then a refusal by the gate fails the run." if steps.BLOCKED in labels else ""
    rest = others(on, path, labels) if isinstance(on, dict) else ()
    return Group(path, "Leads to", "ways", (*fields, *rest), help=about)


# --- arms ---------------------------------------------------------------------------------------------------------


def branch(body: Body, choices: Choices) -> tuple[Part, ...]:
    """Return the cases of a branch, in the order in which they are asked, and its last arm."""
    options = target_options(choices)
    items = get(body, ("cases",))
    items = [] if items is ABSENT else items
    otherwise = get(body, ("else",))
    last = otherwise if otherwise is not ABSENT else {}
    if isinstance(last, dict):
        path: Path = ("else",)
        parts = (_name(body, path), target(body, (*path, "goto"), "Leads to", options))
        final: Part = Group(path, "Otherwise", "card", (*parts, *others(last, path, ("name", "goto"))))
    else:
        final = unshowable(("else",), "Otherwise", last, {"name": "else"})
    if not isinstance(items, list) or len(items) > MOST_SHOWN:
        return unshowable(("cases",), "Cases", items, []), final
    cards = [_case(body, index, choices, options) for index in range(len(items))]
    new = {"name": _free(_names(body, "cases"), "case"), "when": changes.fresh()}
    refused = f"A branch has at most {MAX_ARMS} cases." if len(items) >= MAX_ARMS else ""
    act, focus = acts.append(("cases",), new), name(("cases", len(items), "name"))
    add = Button("add-case", "Add a case", "Add a case to this branch", act, refused, focus)
    about = "Asked from the top; the first that holds is taken."
    return Group(("cases",), "Cases", "list", tuple(cards), help=about, adds=(add,)), final


def _case(body: Body, index: int, choices: Choices, options: Sequence[Option]) -> Part:
    path: Path = ("cases", index)
    item = get(body, path)
    tools = _tools(path, len(body["cases"]), 1, "A branch has at least one case.")
    if not isinstance(item, dict):
        return _broken(path, item, {"name": _free(_names(body, "cases"), "case"), "when": changes.fresh()}, tools)
    when = condition((*path, "when"), get(item, ("when",)), choices)
    parts = (_name(body, path), replace(when, title="When"), target(body, (*path, "goto"), "Leads to", options))
    rest = others(item, path, ("name", "when", "goto"))
    return Group(path, f"Case {index + 1}", "card", (*parts, *rest), tools=tools)


def split(body: Body, choices: Choices) -> tuple[Part, ...]:
    """Return the arms of a split with their shares."""
    items = get(body, ("arms",))
    items = [] if items is ABSENT else items
    if not isinstance(items, list) or len(items) > MOST_SHOWN:
        return (unshowable(("arms",), "Arms", items, []),)
    weights = [item.get("weight") if isinstance(item, dict) else None for item in items]
    known = [weight for weight in weights if type(weight) is int and weight > 0]
    total = sum(known) if len(known) == len(weights) else 0
    options = target_options(choices)
    cards = [_arm(body, index, total, options) for index in range(len(items))]
    new = {"name": _free(_names(body, "arms"), "arm"), "weight": 1}
    refused = f"A split has at most {MAX_ARMS} arms." if len(items) >= MAX_ARMS else ""
    act, focus = acts.append(("arms",), new), name(("arms", len(items), "name"))
    add = Button("add-arm", "Add an arm", "Add an arm to this split", act, refused, focus)
    about = "A contact always gets the same arm, by chance in the proportion of the weights."
    return (Group(("arms",), "Arms", "list", tuple(cards), help=about, adds=(add,)),)


def _percent(part: int, whole: int) -> str:
    """Return a share in percent with at most one decimal, rounded to the nearest."""
    tenths = (2000 * part + whole) // (2 * whole)
    return f"{tenths // 10}.{tenths % 10}".removesuffix(".0")


def _arm(body: Body, index: int, total: int, options: Sequence[Option]) -> Part:
    path: Path = ("arms", index)
    item, number = get(body, path), len(body["arms"])
    tools = _tools(path, number, MIN_SPLIT, f"A split has at least {MIN_SPLIT} arms.")
    if not isinstance(item, dict):
        return _broken(path, item, {"name": _free(_names(body, "arms"), "arm"), "weight": 1}, tools)
    weight, codec = get(item, ("weight",)), Number()
    share = f"{_percent(weight, total)} % of the contacts" if total else ""
    parts = (
        _name(body, path),
        Field((*path, "weight"), "Weight", codec, weight, codec.show(weight)),
        target(body, (*path, "goto"), "Leads to", options),
    )
    rest = others(item, path, ("name", "weight", "goto"))
    return Group(path, f"Arm {index + 1}", "card", (*parts, *rest), said=share, tools=tools)


def _name(body: Body, path: Path) -> Field:
    value, codec = get(body, (*path, "name")), Text(40, strip=True)
    return Field((*path, "name"), "Name", codec, value, codec.show(value))


def _tools(path: Path, number: int, least: int, refused: str) -> tuple[Button, ...]:
    what = f"{'case' if path[0] == 'cases' else 'arm'} {int(path[1]) + 1}"
    why, focus = "" if number > least else refused, "do~add-case" if path[0] == "cases" else "do~add-arm"
    remove = Button(f"remove:{name(path)}", "✕", f"Remove {what}", acts.remove(path), why, focus)
    return (*moves(path, number, what), remove)


def _broken(path: Path, item: Any, instead: Body, tools: tuple[Button, ...]) -> Group:
    found = unshowable(path, f"{path[0]} {int(path[1]) + 1}", item, instead)
    return Group(path, found.legend, "odd", told=found.told, tools=tools, adds=found.adds)


def _names(body: Body, key: str) -> set[str]:
    found = body.get(key)
    arms = [*(found if isinstance(found, list) else ()), body.get("else")]
    return {str(arm.get("name")) for arm in arms if isinstance(arm, dict)}


def _free(taken: Collection[str], base: str) -> str:
    return next(word for n in count(1) if (word := f"{base}-{n}") not in taken)
