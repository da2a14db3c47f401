"""Where in a piece of JSON does this stand? Values by path, and the field names and ids that are made of paths.

Drafts may hold anything, so nothing here raises: what cannot be reached is absent, and is not written to.
Pure: no Django, clock, random, environment, file or network.
"""

import re
from enum import Enum
from typing import Any, Final

from plans.problems import pointer

Path = tuple[str | int, ...]


class Absent(Enum):
    """What stands where nothing stands; null is a value."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
_ODD = re.compile(r"[^A-Za-z0-9-]")


def get(body: Any, path: Path) -> Any:
    """Return what stands at a path, ABSENT when nothing does."""
    for part in path:
        if isinstance(part, str) and isinstance(body, dict):
            body = body.get(part, ABSENT)
        elif isinstance(part, int) and isinstance(body, list) and part < len(body):
            body = body[part]
        else:
            return ABSENT
    return body


def put(body: Any, path: Path, value: Any) -> None:
    """Write a value at a path in place, ABSENT to take it away. Missing objects on the way are made."""
    for index, part in enumerate(path[:-1]):
        inner = get(body, (part,))
        if inner is ABSENT and isinstance(body, dict) and isinstance(part, str) and isinstance(path[index + 1], str):
            inner = {} if value is not ABSENT else ABSENT
            if inner is not ABSENT:
                body[part] = inner
        body = inner
    last = path[-1]
    if isinstance(body, dict) and isinstance(last, str):
        if value is ABSENT:
            body.pop(last, None)
        else:
            body[last] = value
    elif isinstance(body, list) and isinstance(last, int) and last < len(body):
        if value is ABSENT:
            del body[last]
        else:
            body[last] = value


def name(path: Path, suffix: str = "") -> str:
    """Return the name of the field at a path: its JSON pointer without the first slash, and what it says beside it."""
    return pointer(*path)[1:] + suffix


def ident(field: str) -> str:
    """Return the id that belongs to a field's name; different names have different ids."""
    known = {"/": "_-", "_": "__", "~": "_t"}
    return "field-" + _ODD.sub(lambda found: known.get(found[0], f"_x{ord(found[0]):x}_"), field)
