"""What can a button do to a document? Changes in place, made ahead of time and total: a place that is gone is left.

Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from plans.panel.parts import Act
from plans.panel.paths import ABSENT, Path, get, put


def write(path: Path, value: Any) -> Act:
    """Return what puts a value at a path."""
    return lambda body: put(body, path, deepcopy(value))


def remove(path: Path) -> Act:
    """Return what takes away the key or the entry at a path."""
    return lambda body: put(body, path, ABSENT)


def append(path: Path, value: Any) -> Act:
    """Return what adds an entry to the list at a path; a missing list is made."""

    def act(body: Any) -> None:
        if get(body, path) is ABSENT:
            put(body, path, [])
        items = get(body, path)
        if isinstance(items, list):
            items.append(deepcopy(value))

    return act


def move(path: Path, by: int) -> Act:
    """Return what changes places with the next entry of a list (by 1) or the one before (by -1)."""

    def act(body: Any) -> None:
        items, index = get(body, path[:-1]), path[-1]
        if isinstance(items, list) and isinstance(index, int) and 0 <= index + by < len(items) > index:
            items[index], items[index + by] = items[index + by], items[index]

    return act


def change(path: Path, function: Callable[[Any], Any]) -> Act:
    """Return what replaces the value at a path by what a function makes of it."""

    def act(body: Any) -> None:
        value = get(body, path)
        if value is not ABSENT:
            put(body, path, function(value))

    return act


def nothing(body: Any) -> None:
    """Change nothing: the button's field has done the work."""
