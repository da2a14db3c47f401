"""How did a draft become what it is? States, the differences between them, and what Undo and Redo take next.

A state is what a draft holds: its document (the bare text while that is no JSON object) and the cards' places.
History only grows: undoing is a new revision too. Pure: no Django, clock, random, environment, file or network.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plans import document, written
from plans.designing import delta
from plans.designing.edits import Sheet

DEEPEST = 200  # how many changes can be undone


@dataclass(frozen=True, slots=True)
class Stacks:
    """The revisions whose changes Undo and Redo take next, the last one first."""

    undoable: tuple[int, ...]
    undone: tuple[int, ...]

    def after(self, revision: int, *, undo_of: int | None = None, redo_of: int | None = None) -> "Stacks":
        """Return the stacks once `revision` is a new change, or the undoing or redoing of an earlier one."""
        if undo_of is not None:
            return Stacks(self.undoable[1:], (undo_of, *self.undone))
        if redo_of is not None:
            return Stacks((redo_of, *self.undoable)[:DEEPEST], self.undone[1:])
        return Stacks((revision, *self.undoable)[:DEEPEST], ())


def state(text: str, places: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Return a draft's state as one JSON value."""
    found = _object(text)
    return {"document": text if found is None else found, "places": {name: list(at) for name, at in places.items()}}


def sheet(text: str, places: Mapping[str, Sequence[int]]) -> Sheet | None:
    """Return a draft for editing, None while its text is no JSON object."""
    found = _object(text)
    return None if found is None else Sheet(found, {name: (at[0], at[1]) for name, at in places.items()})


def text_of(state: Mapping[str, Any]) -> str:
    """Return the text of a state."""
    value = state["document"]
    return written.written(value) if isinstance(value, dict) else str(value)


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return how one state became another, as it is stored."""
    return json.dumps(delta.difference(before, after))


def undone(stored: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state before a stored difference. Raises: delta.DoesNotApply."""
    return dict(delta.apply(delta.inverse(json.loads(stored)), state))


def redone(stored: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state after a stored difference. Raises: delta.DoesNotApply."""
    return dict(delta.apply(json.loads(stored), state))


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = document.decode(text)
    except document.Invalid:
        return None
    return found if isinstance(found, dict) else None
