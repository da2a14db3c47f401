"""What is a form of the panel made of? Fields, buttons, and the groups that hold them, as its templates draw them.

Pure: no Django, clock, random, environment, file or network.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from plans.panel.codecs import UNITS, Codec, Option, Shown
from plans.panel.paths import Path, ident, name

MAX_JSON = 2000

# Changes a document in place.
Act = Callable[[Any], None]


class Turn(IntEnum):
    """When a field is read: words change what fields are called, so they come last."""

    VALUE = 0
    SHAPE = 1
    WORD = 2


@dataclass(frozen=True, slots=True)
class Field:
    """One value, its label, and what its inputs hold.

    path: where it stands; suffix: for what has no place of its own, such as the kind of a condition.
    change: writes what was read, given (document, value); None writes it at the path. at: whose problems it shows.
    quiet: the label is for screen readers only; after: words behind the input. structure: a change needs
    other fields. alone: the button beside it posts it, not its change. preview: a template's key and number.
    """

    path: Path
    label: str
    codec: Codec
    value: Any
    shown: Shown
    suffix: str = ""
    change: Callable[[Any, Any], None] | None = None
    turn: Turn = Turn.VALUE
    at: Path | None = None
    help: str = ""
    quiet: bool = False
    structure: bool = False
    after: str = ""
    alone: bool = False
    preview: tuple[str, int] | None = None
    problems: tuple[str, ...] = ()

    @property
    def template(self) -> str:
        own = {"duration": "duration", "target": "target"}
        return f"plans/panel/{own.get(self.codec.widget, 'field')}.html"

    @property
    def widget(self) -> str:
        return self.codec.widget

    @property
    def name(self) -> str:
        return name(self.path, self.suffix)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.name + suffix for suffix in self.codec.suffixes)

    @property
    def id(self) -> str:
        return ident(self.name)

    @property
    def text(self) -> str:
        """What the first input holds."""
        return self.shown[0][0] if self.shown[0] else ""

    @property
    def unit(self) -> str:
        return self.shown[1][0]

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(UNITS)

    @property
    def ticked(self) -> tuple[str, ...]:
        return self.shown[0]

    @property
    def groups(self) -> list[tuple[str, list[Option]]]:
        """The options under their headings, in order."""
        found: dict[str, list[Option]] = {}
        for option in getattr(self.codec, "options", ()):
            found.setdefault(option.group, []).append(option)
        return list(found.items())


@dataclass(frozen=True, slots=True)
class Button:
    """One thing that changes the shape of the form. do: what it posts. refused: why it cannot be pressed, "" if it can.

    focus: the field to go to afterwards, by name, or the button, by "do~" and what it posts. needs: the name of a field
    that must be filled in.
    """

    do: str
    text: str
    label: str
    act: Act
    refused: str = ""
    focus: str = ""
    needs: str = ""

    @property
    def id(self) -> str:
        return ident("do~" + self.do)

    @property
    def spoken(self) -> str:
        """Its name for a screen reader: with the words that stand on it, where there are words, first."""
        words = any(character.isalpha() for character in self.text)
        return f"{self.text}: {self.label}" if words and not self.label.startswith(self.text) else self.label


@dataclass(frozen=True, slots=True)
class Group:
    """Parts that belong together. look: how it is drawn (plain, ways, list, card, way, value,
    default, new, node, odd).

    legend: its heading. title: what a condition is for. said: what it comes to in words, such as its sentence.
    told: the value as JSON, where no fields can show it. tools: buttons about the group; more: those that are needed
    rarely; adds: those that put something into it.
    """

    path: Path
    legend: str
    look: str = "plain"
    parts: tuple["Field | Group", ...] = ()
    title: str = ""
    said: str = ""
    help: str = ""
    told: str = ""
    tools: tuple[Button, ...] = ()
    more: tuple[Button, ...] = ()
    adds: tuple[Button, ...] = ()
    at: Path | None = None
    problems: tuple[str, ...] = ()

    @property
    def template(self) -> str:
        return f"plans/panel/{'condition' if self.look == 'node' else 'group'}.html"

    @property
    def name(self) -> str:
        return name(self.path)

    @property
    def id(self) -> str:
        return ident(self.name + "~group")


Part = Field | Group


def everything(parts: tuple[Part, ...]) -> Iterator[Part]:
    """Yield all parts, each group before what it holds."""
    for part in parts:
        yield part
        if isinstance(part, Group):
            yield from everything(part.parts)


def buttons(parts: tuple[Part, ...]) -> Iterator[Button]:
    """Yield every button of these parts."""
    for part in everything(parts):
        if isinstance(part, Group):
            yield from (*part.tools, *part.more, *part.adds)


def told(value: Any) -> str:
    """Return a value as JSON for a person to look at, cut short."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text if len(text) <= MAX_JSON else text[:MAX_JSON] + "…"
