"""How is a word read that names something: an outcome of a task, an attribute? It becomes a key of the document.

Pure: no Django, clock, random, environment, file or network.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from plans.panel.codecs import Shown, Unreadable
from plans.panel.paths import ABSENT, Path, get, put
from plans.reading import shown as quoted


@dataclass(frozen=True, slots=True)
class Word:
    """A key's name. taken: the names beside it."""

    pattern: re.Pattern[str]
    rule: str
    taken: frozenset[str]
    widget: ClassVar[str] = "text"
    suffixes: ClassVar[tuple[str, ...]] = ("",)
    most: ClassVar[int] = 40

    def show(self, value: Any) -> Shown:
        return ((str(value).replace("\r", "").replace("\n", ""),),)

    def read(self, given: Shown, value: Any) -> Any:
        word = given[0][0].strip()
        if not self.pattern.fullmatch(word):
            raise Unreadable(f"{quoted(word)} is not allowed here; use {self.rule}.")
        if word in self.taken:
            raise Unreadable(f"There is already one named {quoted(word)}; choose another word.")
        return word


def renaming(path: Path) -> Callable[[Any, Any], None]:
    """Return what gives the key at a path another name; what stands there stays."""

    def change(body: Any, word: Any) -> None:
        value = get(body, path)
        if value is not ABSENT:
            put(body, path, ABSENT)
            put(body, (*path[:-1], word), value)

    return change
