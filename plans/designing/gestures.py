"""Which edit did the browser ask for? One gesture is one form with an `op`; its fields name what it is about.

The same forms are on the page for who has no script. Anything that cannot be read is refused with a sentence.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.http import QueryDict

from plans.designing import edits, ways
from plans.designing.edits import Edited, Impossible, Sheet
from plans.problems import pointer

Change = Callable[[Sheet], Edited]


def change(data: QueryDict) -> Change:
    """Return the edit that a gesture asks for. Raises: edits.Impossible for one that cannot be read."""
    op = data.get("op", "")
    if op not in OPS:
        raise Impossible(f'"{op[:40]}" is nothing that can be done to a draft; reload the page.')
    return OPS[op](data)


def new_step(sheet: Sheet, step: str, labels: tuple[str, ...], kind: str) -> Edited:
    """Add a step of a kind to which outcomes of another one lead."""
    first, rest = labels[0], labels[1:]
    done = edits.add(sheet, kind, step, first)
    if not rest:
        return done
    return replace(done, sheet=edits.connect(done.sheet, step, rest, done.step).sheet)


def targets(sheet: Sheet, step: str, wanted: Mapping[str, str]) -> Sheet:
    """Return a sheet in which outcomes lead to new steps. wanted: JSON pointer of a target in the step → kind."""
    for where, kind in wanted.items():
        label = _label_at(sheet.steps[step], where)
        if label:
            sheet = edits.add(sheet, kind, step, label).sheet
    return sheet


def _label_at(body: ways.Body, where: str) -> str:
    """Return the outcome whose target stands at a pointer of a step: /on/sent, /cases/0/goto, /else/goto."""
    for label in ways.outcomes(body):
        if where == pointer("on", label):
            return label
    parts = where.strip("/").split("/")
    found: Any = body
    for part in parts[:-1]:
        if isinstance(found, list):
            found = found[int(part)] if part.isdecimal() and int(part) < len(found) else None
        else:
            found = found.get(part) if isinstance(found, dict) else None
    name = found.get("name") if isinstance(found, dict) else None
    return name if isinstance(name, str) else ""


def _add(data: QueryDict) -> Change:
    at = _at(data) if data.get("x") and data.get("y") else None
    kind, after, labels, near = data.get("kind", ""), data.get("after", ""), _labels(data), "near" in data

    def add(sheet: Sheet) -> Edited:
        known = after if after in sheet.steps else ""
        if not known or len(labels) < 2:
            return edits.add(sheet, kind, known, labels[0] if labels else "", at, if_alone=near)
        done = new_step(sheet, known, labels, kind)
        return replace(done, sheet=edits.move(done.sheet, done.step, at).sheet) if at else done

    return add


def _connect(data: QueryDict) -> Change:
    step, labels, to = data.get("step", ""), _labels(data), data.get("to", "")
    return lambda sheet: edits.connect(sheet, step, labels, to)


def _move(data: QueryDict) -> Change:
    step, at = data.get("step", ""), _at(data)
    return lambda sheet: edits.move(sheet, step, at)


def _about(verb: Callable[[Sheet, str], Edited]) -> Callable[[QueryDict], Change]:
    """Return the reading of a gesture that names one step and nothing else."""
    return lambda data: lambda sheet: verb(sheet, data.get("step", ""))


def _labels(data: QueryDict) -> tuple[str, ...]:
    return tuple(data.get("label", "").split())


def _at(data: QueryDict) -> tuple[int, int]:
    try:
        return round(float(data.get("x", ""))), round(float(data.get("y", "")))
    except (ValueError, OverflowError):
        raise Impossible("A card needs two numbers for its place; drop it again.") from None


OPS: Mapping[str, Callable[[QueryDict], Change]] = {
    "add": _add,
    "connect": _connect,
    "move": _move,
    "remove": _about(edits.remove),
    "duplicate": _about(edits.duplicate),
    "start": _about(edits.start),
    "tidy": _about(edits.tidy),
    "rename": lambda data: lambda sheet: edits.rename(sheet, data.get("step", ""), data.get("to", "").strip()),
    "paste": lambda data: lambda sheet: edits.paste(sheet, data.get("text", "")),
}
