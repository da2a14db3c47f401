"""What stands at this place of a document, and may it stand there? Strict reading of values, one problem per fault.

The reader always returns something that can be drawn, with stand-ins where a part is unreadable; whoever calls it
decides by the problems. Pure: no Django, clock, random, environment, file or network.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from plans.problems import Problem, pointer

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
NAME_RULE = "lower-case letters, digits and hyphens, at most 40, such as wait-3-days"
WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
WORD_RULE = "lower-case letters, digits, hyphens and underscores, at most 40"
ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,39}")
ATTRIBUTE_RULE = "a lower-case letter, then letters, digits and underscores, at most 40"
MAX_HINTS = 200


@dataclass(slots=True)
class Reader:
    """Reads values at JSON pointers and notes what is wrong with them. step: the name that problems carry."""

    problems: list[Problem] = field(default_factory=list)
    step: str = ""

    def refuse(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, self.step, message))

    def mapping(self, value: Any, where: str, required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, Any]:
        """Return an object that has all required keys, if it does, and none but the known ones."""
        if not isinstance(value, dict):
            self.refuse(where, f"This must be an object with the keys {', '.join((*required, *optional))}.")
            return {}
        known = (*required, *optional)
        for key in required:
            if key not in value:
                self.refuse(where, f'The key "{key}" is missing; add it.')
        for key in value:
            if key not in known:
                hint = self._nearest(key, known) or f"known here: {', '.join(known) or 'none'}."
                self.refuse(where + pointer(key), f'Remove the unknown key "{key}"; {hint}')
        return value

    def names(self, value: Any, where: str, most: int) -> dict[str, Any]:
        """Return an object whose keys are names chosen by the author."""
        if not isinstance(value, dict):
            self.refuse(where, "This must be an object, one key for each name.")
            return {}
        if len(value) > most:
            self.refuse(where, f"There are {len(value)} names here; {most} are allowed.")
        return value

    def items(self, value: Any, where: str, most: int) -> list[Any]:
        if not isinstance(value, list):
            self.refuse(where, "This must be a list.")
            return []
        if len(value) > most:
            self.refuse(where, f"There are {len(value)} entries here; {most} are allowed.")
        return value

    def word(self, value: Any, where: str, pattern: re.Pattern[str] = NAME, rule: str = NAME_RULE) -> str:
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        self.refuse(where, f"{shown(value)} is not allowed here; use {rule}.")
        return ""

    def text(self, value: Any, where: str, most: int) -> str:
        """Return a text for people, not too long."""
        if not isinstance(value, str):
            self.refuse(where, "This must be a text.")
            return ""
        if len(value) > most:
            self.refuse(where, f"This text has {len(value)} characters; {most} are allowed.")
        return value

    def integer(self, value: Any, where: str, least: int, most: int) -> int:
        if type(value) is int and least <= value <= most:
            return value
        self.refuse(where, f"{shown(value)} is not allowed here; use a whole number from {least} to {most}.")
        return least

    def chosen(self, value: Any, where: str, among: Sequence[Any]) -> list[Any]:
        """Return the entries of a list, in the order of `among`: each one of those, and none of them twice."""
        found: list[Any] = []
        for index, item in enumerate(self.items(value, where, len(among))):
            if not any(type(item) is type(each) and item == each for each in among):
                known = ", ".join(str(each) for each in among)
                self.refuse(where + pointer(index), f"{shown(item)} is not allowed here; use {known}.")
            elif item in found:
                self.refuse(where + pointer(index), f"{shown(item)} stands here twice; remove one.")
            else:
                found.append(item)
        if value == []:
            self.refuse(where, "This list is empty; it has at least one entry.")
        return [each for each in among if each in found]

    def target(self, value: Any, where: str, known: Mapping[str, Any]) -> str:
        """Return the name of an existing step, or "" for a target that leads nowhere."""
        if isinstance(value, str) and value in known:
            return value
        hint = self._nearest(value, known) or "name a step of this plan."
        self.refuse(where, f"{shown(value)} is not a step, so this leads nowhere; {hint}")
        return ""

    def _nearest(self, value: Any, known: Collection[str]) -> str:
        """Return a question that offers the most similar word, or "". Looking costs time, so only the first ask."""
        if not isinstance(value, str) or len(self.problems) >= MAX_HINTS:
            return ""
        near = get_close_matches(value[:60], known, n=1)
        return f'did you mean "{near[0]}"?' if near else ""


def check_texts(reader: Reader, value: Any, where: str, with_lines: Collection[str]) -> None:
    """Refuse texts that are not NFC or hold control characters, anywhere in a document.

    with_lines: the pointers of the texts that may have line feeds and tabs.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            check_texts(reader, item, where + pointer(key), with_lines)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_texts(reader, item, where + pointer(index), with_lines)
    elif isinstance(value, str):
        allowed = "\n\t" if where in with_lines else ""
        bad = next((c for c in value if unicodedata.category(c) == "Cc" and c not in allowed), None)
        if bad is not None:
            reader.refuse(where, f"Remove the control character U+{ord(bad):04X} from this text.")
        if not unicodedata.is_normalized("NFC", value):
            reader.refuse(where, "This text is not in Unicode form NFC; type its accented letters again.")


def shown(value: Any) -> str:
    """Return a value as a sentence can quote it, cut short."""
    if isinstance(value, str):
        return f'"{value[:40]}…"' if len(value) > 40 else f'"{value}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)[:40] if isinstance(value, int) else f"A {'list' if isinstance(value, list) else 'whole object'}"
