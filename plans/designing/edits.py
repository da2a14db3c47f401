"""What may somebody do to a draft? A closed list of edits, each a function from one sheet to the next.

An edit never judges whether the plan is good: drafts may be unfinished, and the checks say so at every change. It is
refused only when it means nothing, with a sentence. Pure: no Django, clock, random, environment, file or network.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from plans import steps
from plans.designing import labels, ways
from plans.document import MAX_PLAN_STEPS, Invalid, decode
from plans.problems import listed
from plans.reading import NAME, NAME_RULE

COPIED = "dee.steps/1"
FAR = 100_000  # how far from the picture's corner a card may be put

# What a new step of each kind says, until its author says something else.
NEW: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    steps.Kind.SEND_EMAIL: ("email", {"template": "", "on": {}}),
    steps.Kind.CALL: ("call", {"template": "", "on": {}}),
    steps.Kind.WAIT: ("wait", {"seconds": 86_400, "on": {}}),
    steps.Kind.WAIT_UNTIL: ("wait-until", {"time": "09:00", "on": {}}),
    steps.Kind.WAIT_FOR_EVENT: ("wait-for-event", {"event": "replied", "timeout_s": 259_200, "on": {}}),
    steps.Kind.BRANCH: (
        "branch",
        {"cases": [{"name": "yes", "when": {"op": "event_seen", "event": "opened"}}], "else": {"name": "no"}},
    ),
    steps.Kind.SPLIT: ("split", {"arms": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}]}),
    steps.Kind.RECORD_OPT_OUT: ("opt-out", {"channels": ["email"], "on": {}}),
    steps.Kind.TASK: ("task", {"title": "", "timeout_s": 259_200, "on": {"done": ""}}),
    steps.Kind.END: ("end", {"result": "finished"}),
}

Places = Mapping[str, tuple[int, int]]


class Impossible(ValueError):
    """The edit means nothing on this sheet; the message is a sentence for the person who made it."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A draft as it is edited: its document, and where cards were put by hand (step: upper left corner)."""

    document: Mapping[str, Any]
    places: Places

    @property
    def steps(self) -> dict[str, Any]:
        """The steps of the document, none when there is nothing that could hold them."""
        found = self.document.get("steps")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit made of a sheet. said: what was done, a sentence. step: which to show next, "" for none."""

    sheet: Sheet
    said: str
    step: str = ""


# --- steps --------------------------------------------------------------------------------------------------------


def add(
    sheet: Sheet,
    kind: str,
    after: str = "",
    label: str = "",
    at: tuple[int, int] | None = None,
    *,
    if_alone: bool = False,
) -> Edited:
    """Add a step of a kind: on its own, or behind another step's outcome, before what that led to.

    after without a label: the first outcome that leads nowhere, or the only one. at: the card's upper left corner;
    with if_alone only when nothing leads to the step, for then the picture has no better place for it.
    """
    if kind not in NEW:
        raise Impossible(f'"{kind[:40]}" is not a kind of step; use one of {", ".join(NEW)}.')
    base, body = NEW[kind]
    name = _fresh(sheet.steps, base)
    new: ways.Body = {"kind": str(kind), **body}
    _room(sheet, 1)
    said = f"Added {name}"
    known = dict(sheet.steps)
    if after:
        before = step_body(sheet, after)
        label = label or _open_way(before)
        if label:
            was = ways.outcomes(before).get(label, "")
            if was:
                first = next(iter(ways.outcomes(new)), "")
                new = ways.leading(new, first, was) if first else new
            known[after] = ways.leading(before, label, name)
            said += f", to which {label} of {after} leads"
    known[name] = new
    document = {**sheet.document, "steps": known}
    if not sheet.steps:
        document["entry"] = name
    placed = at if at and not (if_alone and after and label) else None
    places = {**sheet.places, name: _checked(placed)} if placed else sheet.places
    return Edited(Sheet(document, places), said + ".", name)


def remove(sheet: Sheet, step: str) -> Edited:
    """Take a step away. What led to it leads where it led when there is only one such place, else nowhere."""
    body = step_body(sheet, step)
    onward = [to for to in dict.fromkeys(ways.outcomes(body).values()) if to and to != step]
    target = onward[0] if len(onward) == 1 else ""
    left = {name: _redirected(other, step, target) for name, other in sheet.steps.items() if name != step}
    document = {**sheet.document, "steps": left}
    if sheet.document.get("entry") == step:
        document["entry"] = target
    exits = sheet.document.get("exit_on")
    if isinstance(exits, list):
        document["exit_on"] = [_exit_redirected(exit, step, target) for exit in exits]
    places = {name: at for name, at in sheet.places.items() if name != step}
    return Edited(Sheet(document, places), f"Removed {step}.", target)


def rename(sheet: Sheet, step: str, to: str) -> Edited:
    """Give a step another name, everywhere the plan names it."""
    step_body(sheet, step)
    if to == step:
        return Edited(sheet, f"{step} keeps its name.", step)
    if not NAME.fullmatch(to):
        raise Impossible(f'"{to[:60]}" cannot be the name of a step: {NAME_RULE}.')
    if to in sheet.steps:
        raise Impossible(f'There is already a step named "{to}"; choose another name.')

    def name(word: str) -> str:
        return to if word == step else word

    document = _named(sheet.document, name)
    document["steps"] = {name(other): ways.renamed(body, name) for other, body in sheet.steps.items()}
    places = {name(other): at for other, at in sheet.places.items()}
    return Edited(Sheet(document, places), f"Renamed {step} to {to}.", to)


def connect(sheet: Sheet, step: str, labels: tuple[str, ...], to: str) -> Edited:
    """Let outcomes of a step lead to another one, "" for nowhere."""
    body = step_body(sheet, step)
    if to:
        step_body(sheet, to)
    found = body
    for label in labels:
        found = ways.leading(found, label, to)
        if ways.outcomes(found).get(label, "") != to:
            known = ", ".join(ways.outcomes(body)) or "none, it ends the run"
            raise Impossible(f'"{label[:40]}" is not an outcome of "{step}"; it has {known}.')
    if not labels:
        raise Impossible(f"Say which outcome of {step} should lead there.")
    verb = "lead" if len(labels) > 1 else "leads"
    said = f"{' and '.join(labels)} of {step} now {verb} to {to or 'nowhere'}."
    return Edited(_put(sheet, step, found), said, step)


def put(sheet: Sheet, step: str, body: Mapping[str, Any]) -> Edited:
    """Replace what a step says, as its form gave it; conditions that name an outcome follow when it is renamed."""
    names = labels.renamed(step_body(sheet, step), dict(body))
    found, said = _put(sheet, step, dict(body)), f"Changed {step}."
    if names:
        document, changed = labels.followed(found.document, step, names)
        found = replace(found, document=document)
        said += f" {changed} condition{'s follow' if changed > 1 else ' follows'} the new name." if changed else ""
    return Edited(found, said, step)


def duplicate(sheet: Sheet, step: str) -> Edited:
    """Make a second step that says the same and leads to the same places."""
    body = step_body(sheet, step)
    _room(sheet, 1)
    name = _fresh(sheet.steps, re.sub(r"-\d+$", "", step))
    found = _put(sheet, name, body)
    if step in sheet.places:
        x, y = sheet.places[step]
        found = replace(found, places={**sheet.places, name: (x + 24, y + 72)})
    return Edited(found, f"Added {name}, a copy of {step}.", name)


def copied(sheet: Sheet, step: str) -> dict[str, Any]:
    """Return what the clipboard holds of a step, for `paste` here or in another plan."""
    return {"schema": COPIED, "steps": {step: step_body(sheet, step)}}


def paste(sheet: Sheet, text: str) -> Edited:
    """Add copied steps under names that are free; what they led to outside this plan leads nowhere."""
    try:
        value = decode(text)
    except Invalid:
        value = None
    found = value.get("steps") if isinstance(value, dict) and value.get("schema") == COPIED else None
    if not isinstance(found, dict) or not found or not all(isinstance(body, dict) for body in found.values()):
        raise Impossible("The clipboard holds no step of a plan; copy one with Copy first.")
    _room(sheet, len(found))
    names: dict[str, str] = {}
    for old in found:
        base = old if NAME.fullmatch(old) else "step"
        names[old] = _fresh({*sheet.steps, *names.values()}, base)

    def name(word: str) -> str:
        return names.get(word) or (word if word in sheet.steps else "")

    known = {**sheet.steps, **{names[old]: _kept(ways.renamed(body, name)) for old, body in found.items()}}
    first = next(iter(names.values()))
    said = f"Pasted {listed(list(names.values()))}."
    return Edited(Sheet({**sheet.document, "steps": known}, sheet.places), said, first)


# --- where cards stand --------------------------------------------------------------------------------------------


def move(sheet: Sheet, step: str, at: tuple[int, int]) -> Edited:
    """Put a card somewhere by hand; it stays there until Tidy."""
    step_body(sheet, step)
    return Edited(replace(sheet, places={**sheet.places, step: _checked(at)}), f"Moved {step}.", step)


def tidy(sheet: Sheet, step: str = "") -> Edited:
    """Let the picture place every card again."""
    return Edited(replace(sheet, places={}), "Tidied: every card stands where the picture places it.", step)


# --- the plan -----------------------------------------------------------------------------------------------------


def start(sheet: Sheet, step: str) -> Edited:
    """Let runs begin with a step."""
    step_body(sheet, step)
    return Edited(replace(sheet, document={**sheet.document, "entry": step}), f"Runs start with {step} now.", step)


def put_plan(sheet: Sheet, document: Mapping[str, Any]) -> Edited:
    """Replace what the plan says beside its steps, as its form gave it."""
    return Edited(replace(sheet, document={**document, "steps": sheet.document.get("steps", {})}), "Changed the plan.")


# --- parts --------------------------------------------------------------------------------------------------------


def step_body(sheet: Sheet, name: str) -> ways.Body:
    """Return what a step says. Raises: Impossible when there is none, or nothing that a form could show."""
    found = sheet.steps.get(name)
    if name not in sheet.steps:
        raise Impossible(f'There is no step "{name[:40]}" any more; somebody may have removed or renamed it.')
    if not isinstance(found, dict):
        raise Impossible(f'The step "{name}" is not an object; mend it in the text of the plan.')
    return found


def _put(sheet: Sheet, name: str, body: Any) -> Sheet:
    return replace(sheet, document={**sheet.document, "steps": {**sheet.steps, name: body}})


def _room(sheet: Sheet, more: int) -> None:
    if len(sheet.steps) + more > MAX_PLAN_STEPS:
        raise Impossible(f"A plan has at most {MAX_PLAN_STEPS} steps; split it into two plans.")


def _fresh(taken: Any, base: str) -> str:
    base = base[:36].rstrip("-") or "step"
    if base not in taken:
        return base
    return next(name for n in count(2) if (name := f"{base}-{n}") not in taken)


def _open_way(body: ways.Body) -> str:
    found = ways.outcomes(body)
    nowhere = [label for label, to in found.items() if not to]
    if nowhere:
        return nowhere[0]
    return next(iter(found)) if len(set(found.values())) == 1 and len(found) == 1 else ""


def _redirected(body: Any, gone: str, target: str) -> Any:
    for label, to in ways.outcomes(body).items():
        if to == gone:
            body = ways.leading(body, label, target)
    return body


def _exit_redirected(exit: Any, gone: str, target: str) -> Any:
    if not isinstance(exit, dict) or exit.get("goto") != gone:
        return exit
    kept = {key: value for key, value in exit.items() if key != "goto"}
    return {**kept, "goto": target} if target else kept


def _named(document: Mapping[str, Any], name: Callable[[str], str]) -> dict[str, Any]:
    """Return the parts of a document beside its steps with every step named as `name` says."""
    found = dict(document)
    if isinstance(found.get("entry"), str):
        found["entry"] = name(found["entry"])
    if isinstance(found.get("exit_on"), list):
        found["exit_on"] = [_exit_named(exit, name) for exit in found["exit_on"]]
    return found


def _exit_named(exit: Any, name: Callable[[str], str]) -> Any:
    found = ways.with_condition(exit, "when", lambda when: ways.condition(when, name))
    if isinstance(found, dict) and isinstance(found.get("goto"), str):
        found["goto"] = name(found["goto"])
    return found


def _kept(body: ways.Body) -> ways.Body:
    """Return a pasted step without the names that nothing here has."""
    if body.get("of") == "":
        body = {key: value for key, value in body.items() if key != "of"}
    for label, target in ways.outcomes(body).items():
        if not target:
            body = ways.leading(body, label, "")
    return body


def _checked(at: tuple[int, int]) -> tuple[int, int]:
    if not all(-FAR <= part <= FAR for part in at):
        raise Impossible("That is too far from the picture; drop the card nearer to the others.")
    return at
