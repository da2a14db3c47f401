"""How does one value of a document stand in the inputs of a form, and what do the inputs say?

A codec shows any value, also one of the wrong type, and reads what a browser posts. Whoever uses it reads only what
differs from what was shown: so a value that no input can say stays as it was until somebody says another.
Pure: no Django, clock, random, environment, file or network.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from audit import canon
from plans.panel.paths import ABSENT
from plans.reading import shown as quoted
from plans.step_reading import TIME

# What each input of a field holds, as strings: several for the boxes of one name.
Shown = tuple[tuple[str, ...], ...]

UNITS: Mapping[str, int] = {"weeks": 604_800, "days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
ODD = "~"  # stands for a value that is in the document and not on offer; no name begins with it
_WHOLE = re.compile(r"[+-]?[0-9]{1,16}")
_LINES = re.compile(r"\r\n?")
_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")


class Unreadable(ValueError):
    """What was posted cannot stand in a document; the message is a sentence for who typed it."""


class Codec(Protocol):
    """One kind of field. widget: how its inputs look. suffixes: what each input's name has beside the pointer."""

    @property
    def widget(self) -> str: ...

    @property
    def suffixes(self) -> tuple[str, ...]: ...

    def show(self, value: Any) -> Shown:
        """Return what the inputs hold for a value of the document, which may be anything."""

    def read(self, given: Shown, value: Any) -> Any:
        """Return the value that the inputs say; `value` is what stood there. Raises: Unreadable."""


def cleaned(strings: Sequence[str], widget: str) -> tuple[str, ...]:
    """Return what one input holds, of what a browser posts under its name."""
    lines = [_LINES.sub("\n", each) for each in strings]
    return tuple(each for each in lines if each) if widget in ("ticks", "tick") else tuple(lines[-1:])


@dataclass(frozen=True, slots=True)
class Text:
    """A text. lines: it may have several. strip: blanks around it mean nothing. optional: left out when empty."""

    most: int = 0
    lines: bool = False
    strip: bool = False
    optional: bool = False
    offers: tuple[str, ...] = ()
    suffixes: ClassVar[tuple[str, ...]] = ("",)

    @property
    def widget(self) -> str:
        return "textarea" if self.lines else "text"

    def show(self, value: Any) -> Shown:
        text = _LINES.sub("\n", value) if isinstance(value, str) else ""
        # A browser takes line feeds out of an input of one line.
        return ((text if self.lines else text.replace("\n", ""),),)

    def read(self, given: Shown, value: Any) -> Any:
        text = unicodedata.normalize("NFC", given[0][0])
        text = text.strip() if self.strip else text
        if _UNWRITABLE.search(text):
            raise Unreadable("This text holds a character that no document can keep; type it again.")
        return text if text or not self.optional else ABSENT


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number, of any sign."""

    widget: ClassVar[str] = "number"
    suffixes: ClassVar[tuple[str, ...]] = ("",)

    def show(self, value: Any) -> Shown:
        return ((str(value) if type(value) is int else "",),)

    def read(self, given: Shown, value: Any) -> Any:
        return _whole(given[0][0], "Write a whole number, such as 3.")


@dataclass(frozen=True, slots=True)
class Seconds:
    """A duration: a number and a unit, the largest that divides it. optional: left out when there is no number."""

    optional: bool = False
    widget: ClassVar[str] = "duration"
    suffixes: ClassVar[tuple[str, ...]] = ("~n", "~unit")

    def show(self, value: Any) -> Shown:
        if type(value) is not int or value < 0:
            return ("",), ("days",)
        unit = next((unit for unit, size in UNITS.items() if value and value % size == 0), "seconds")
        return (str(value // UNITS[unit]),), (unit,)

    def read(self, given: Shown, value: Any) -> Any:
        (number,), (unit,) = given
        if unit not in UNITS:
            raise Unreadable(f"{quoted(unit)} is no unit; choose one of {', '.join(UNITS)}.")
        if not number.strip():
            if self.optional:
                return ABSENT
            if not self.show(value)[0][0]:
                return value  # only the unit was touched, and there is no number yet
        count = _whole(number, "Write a whole number; for a day and a half, write 36 hours.")
        if count < 0 or count * UNITS[unit] > canon.MAX_INT:
            raise Unreadable("That is no length of time; write a whole number from 0.")
        return count * UNITS[unit]


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day as HH:MM."""

    widget: ClassVar[str] = "time"
    suffixes: ClassVar[tuple[str, ...]] = ("",)

    def show(self, value: Any) -> Shown:
        return ((value if isinstance(value, str) and TIME.fullmatch(value) else "",),)

    def read(self, given: Shown, value: Any) -> Any:
        text = given[0][0].strip().removesuffix(":00") if given[0][0].count(":") == 2 else given[0][0].strip()
        if not TIME.fullmatch(text):
            raise Unreadable("Write hours and minutes from 00:00 to 23:59, such as 09:00.")
        return text


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to choose. token: what the browser posts for it. refused: why it cannot be chosen now, "" if it can."""

    token: str
    text: str
    value: Any
    group: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values; made by `choice`, so that what stands in the document is always among them."""

    options: tuple[Option, ...]
    widget: str = "select"
    suffixes: ClassVar[tuple[str, ...]] = ("",)

    def show(self, value: Any) -> Shown:
        return ((_token(value, self.options),),)

    def read(self, given: Shown, value: Any) -> Any:
        option = next((each for each in self.options if each.token == given[0][0]), None)
        if option is None or option.token == ODD:
            raise Unreadable("That is not on offer any more; choose one of the list.")
        if option.refused:
            raise Unreadable(option.refused)
        return option.value


def choice(
    options: Sequence[Option], value: Any, *, blank: str = "", none: Any = ABSENT, missing: str = "is not there"
) -> Choice:
    """Return the choice among options. blank: the text of the choice of none, "" for none once a value is there.

    none: what stands in the document for none. missing: what is said of a value that is not among the options.
    """
    found = list(options)
    token = _token(value, options)
    if token == "" or blank:
        found.insert(0, Option("", blank or "Choose…", none))
    if token and not any(option.token == token for option in options):
        text = f"{value} ({missing})" if isinstance(value, str) else f"({quoted(value)})"
        found.append(Option(token, text, value))
    return Choice(tuple(found))


def _token(value: Any, options: Sequence[Option]) -> str:
    if value is ABSENT or value == "":
        return ""
    for option in options:
        if type(option.value) is type(value) and option.value == value:
            return option.token
    return value if isinstance(value, str) else ODD


@dataclass(frozen=True, slots=True)
class Tick:
    """True or false; false is left out, as documents do."""

    widget: ClassVar[str] = "tick"
    suffixes: ClassVar[tuple[str, ...]] = ("",)

    def show(self, value: Any) -> Shown:
        return (("on",) if value is True else (),)

    def read(self, given: Shown, value: Any) -> Any:
        return True if given[0] else ABSENT


@dataclass(frozen=True, slots=True)
class Ticks:
    """Several of a few values, as boxes; made by `ticks`. whole: all of them are said by leaving the list out."""

    options: tuple[Option, ...]
    whole: bool = False
    widget: ClassVar[str] = "ticks"
    suffixes: ClassVar[tuple[str, ...]] = ("",)

    def show(self, value: Any) -> Shown:
        if value is ABSENT and self.whole:
            return (tuple(option.token for option in self.options),)
        items = value if isinstance(value, list) else []
        return (tuple(option.token for option in self.options if _among(option.value, items)),)

    def read(self, given: Shown, value: Any) -> Any:
        found = [option.value for option in self.options if option.token in given[0]]
        return ABSENT if self.whole and len(found) == len(self.options) else found


def ticks(options: Sequence[Option], value: Any, *, whole: bool = False) -> Ticks:
    """Return the boxes for a list; what stands in it and is not among the options has a box of its own."""
    odd: list[Any] = []
    for item in value if isinstance(value, list) else []:
        if not _among(item, [*(option.value for option in options), *odd]):
            odd.append(item)
    more = [Option(f"{ODD}{index}", quoted(item), item) for index, item in enumerate(odd)]
    return Ticks((*options, *more), whole and not more)


def _among(value: Any, items: Sequence[Any]) -> bool:
    return any(type(item) is type(value) and item == value for item in items)


def _whole(text: str, otherwise: str) -> int:
    text = text.strip()
    if not _WHOLE.fullmatch(text) or abs(int(text)) > canon.MAX_INT:
        raise Unreadable(otherwise)
    return int(text)
