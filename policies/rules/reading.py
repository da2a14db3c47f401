"""How is a document read strictly? Walks one value, and notes every problem with its place instead of stopping at one.

Pure.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_ITEMS = 32

Check = Callable[[Any, str], None]  # (value, pointer): notes what is wrong with it


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a document: where (JSON pointer) and a sentence that says what to do."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message}"


class Reader:
    """Collects the problems of one document."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, pointer: str, message: str) -> None:
        self.problems.append(Problem(pointer, message))

    def record(self, value: Any, at: str, fields: Mapping[str, Check], *, optional: Collection[str] = ()) -> bool:
        """Check an object that must have these fields and no others; say whether all that are needed were there."""
        if not isinstance(value, dict):
            self.add(at, f"write an object with {', '.join(fields)}")
            return False
        for name in sorted(value.keys() - fields.keys()):
            self.add(f"{at}/{name}", f"is not known here; known are {', '.join(fields)}")
        for name, check in fields.items():
            if name in value:
                check(value[name], f"{at}/{name}")
            elif name not in optional:
                self.add(f"{at}/{name}", "is missing")
        return fields.keys() - optional <= value.keys()

    def items(self, value: Any, at: str, *, empty: bool = False, most: int = MAX_ITEMS) -> list[Any]:
        """Return the items of a list, none when it is no list or too long."""
        if not isinstance(value, list):
            self.add(at, "write a list")
            return []
        if not value and not empty:
            self.add(at, "is empty; name at least one")
        if len(value) > most:
            self.add(at, f"holds {len(value)} items; at most {most} are allowed")
            return []
        return value

    def distinct(self, value: Any, at: str, check: Check) -> None:
        """Check a list of which no item may stand twice."""
        items = self.items(value, at)
        for index, item in enumerate(items):
            check(item, f"{at}/{index}")
            if item in items[:index]:
                self.add(f"{at}/{index}", "stands twice")

    def text(self, pattern: re.Pattern[str], advice: str) -> Check:
        def check(value: Any, at: str) -> None:
            if not isinstance(value, str) or not pattern.fullmatch(value):
                self.add(at, advice)

        return check

    def one_of(self, words: Sequence[str]) -> Check:
        def check(value: Any, at: str) -> None:
            if value not in words:
                self.add(at, f"write one of {', '.join(words)}")

        return check

    def number(self, lowest: int, highest: int | None = None) -> Check:
        def check(value: Any, at: str) -> None:
            if type(value) is not int or value < lowest or (highest is not None and value > highest):
                bounds = f"{lowest} or more" if highest is None else f"from {lowest} to {highest}"
                self.add(at, f"write a whole number, {bounds}")

        return check
