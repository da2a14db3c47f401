"""What did the browser post, and what does the document say then? Only what differs from the form is read.

Fields that were not posted stay as they were, and so does what cannot be turned into a document: it is an error.
Pure: no Django, clock, random, environment, file or network.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Protocol

from plans.panel.arm_parts import NewStep
from plans.panel.choices import Choices
from plans.panel.codecs import Shown, Unreadable, cleaned
from plans.panel.parts import Button, Field, Part, Turn, buttons, everything
from plans.panel.paths import ident, put
from plans.panel.plan_parts import plan_parts
from plans.panel.step_parts import step_parts
from plans.problems import pointer

OLD_BUTTON = "That button belongs to a form that has changed since; look at it again."
NEW_STEP_FIRST = "The new step was asked for first; press the button again."
NO_WORD = "Write the word first."


class Posted(Protocol):
    """What a browser posts, as Django's QueryDict holds it."""

    def getlist(self, name: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Given:
    """The document after a post. body: a new one. errors: (field, sentence) for what could not be read.

    structure: other fields are needed, so the form must be drawn again. new_targets: (JSON pointer, kind) for each
    outcome that shall lead to a step to be made. typed: what the fields hold that say something else than the document
    did, to show it again beside the errors. focus: the id of what to go to in the form that is drawn next, "" for
    where one was.
    """

    body: dict[str, Any]
    errors: tuple[tuple[str, str], ...] = ()
    structure: bool = False
    new_targets: tuple[tuple[str, str], ...] = ()
    typed: tuple[tuple[str, Shown], ...] = ()
    focus: str = ""


def read_step(body: dict[str, Any], data: Posted, choices: Choices) -> Given:
    """Return a step's body as its posted form says. body: as it stood when the form was drawn."""
    return _Reading(deepcopy(body)).read(step_parts(body, choices), data)


def read_plan(document: dict[str, Any], data: Posted, choices: Choices) -> Given:
    """Return a document as the posted form of the plan itself says; its steps stay as they are."""
    return _Reading(deepcopy(document)).read(plan_parts(document, choices), data)


@dataclass(slots=True)
class _Reading:
    body: dict[str, Any]
    errors: list[tuple[str, str]] = field(default_factory=list)
    typed: list[tuple[str, Shown]] = field(default_factory=list)
    targets: list[tuple[str, str]] = field(default_factory=list)
    structure: bool = False
    focus: str = ""

    def read(self, parts: tuple[Part, ...], data: Posted) -> Given:
        fields = [part for part in everything(parts) if isinstance(part, Field)]
        # The inner condition before the one around it, whose change may give the inner one another place.
        fields.sort(key=lambda each: (each.turn, -len(each.path)))
        for each in fields:
            if each.turn < Turn.WORD:
                self.take(each, data)
        self.press(parts, data)
        for each in fields:
            if each.turn == Turn.WORD:
                self.take(each, data)
        return Given(self.body, tuple(self.errors), self.structure, tuple(self.targets), tuple(self.typed), self.focus)

    def take(self, each: Field, data: Posted) -> None:
        """Read one field, if it was posted and says something else than it did."""
        given = _inputs(each, data)
        if given == each.shown:
            return
        self.typed.append((each.names[0], given))
        try:
            value = each.codec.read(given, each.value)
        except Unreadable as error:
            self.errors.append((each.names[0], str(error)))
            return
        if isinstance(value, NewStep):
            self.targets.append((pointer(*each.path), value.kind))
            self.structure = True
            return
        if each.change:
            each.change(self.body, value)
        else:
            put(self.body, each.path, value)
        self.structure |= each.structure

    def press(self, parts: tuple[Part, ...], data: Posted) -> None:
        """Do what the pressed button says, if one was pressed and the form offers it."""
        do = (data.getlist("do") or [""])[-1]
        if not do:
            return
        button = next((each for each in buttons(parts) if each.do == do), None)
        refused = self.refusal(button, data)
        if button is None or refused:
            name = button.needs if button and refused == NO_WORD else "do"
            self.errors.append((name, refused))
            return
        button.act(self.body)
        self.structure = True
        self.focus = ident(button.focus) if button.focus else ""

    def refusal(self, button: Button | None, data: Posted) -> str:
        if button is None:
            return OLD_BUTTON
        if self.targets:
            return NEW_STEP_FIRST  # a button may give the outcome another place
        if button.needs and not "".join(data.getlist(button.needs)).strip():
            return NO_WORD
        return button.refused


def _inputs(each: Field, data: Posted) -> Shown:
    """Return what the inputs of a field hold; those that were not posted, what they held."""
    posted = [data.getlist(name) for name in each.names]
    return tuple(
        cleaned(strings, each.widget) if strings else held for strings, held in zip(posted, each.shown, strict=True)
    )
