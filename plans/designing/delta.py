"""What is the difference between two JSON values, and how is it taken back? One list of replaced places, both ways.

A draft keeps how it changed as these differences, not as copies, and undoes one by applying its inverse. Objects are
compared key by key; everything else is replaced as a whole.
Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Iterator
from typing import Any

# One replaced place: {"at": [keys], "was": value, "is": value}; a key that was not there before has no "was", one that
# is gone has no "is".
Change = dict[str, Any]
Delta = list[Change]


class DoesNotApply(ValueError):
    """The value is not the one that the difference starts from."""


def difference(before: Any, after: Any) -> Delta:
    """Return the places in which two JSON values differ, in the order of their keys."""
    return list(_walk(before, after, []))


def apply(delta: Delta, value: Any) -> Any:
    """Return the value after a difference, the given one untouched. Raises: DoesNotApply when it starts elsewhere."""
    for change in delta:
        value = _replaced(value, change["at"], change)
    return value


def inverse(delta: Delta) -> Delta:
    """Return the difference that takes this one back."""
    turned = {"at": "at", "was": "is", "is": "was"}
    return [{turned[key]: value for key, value in change.items()} for change in reversed(delta)]


def _walk(before: Any, after: Any, at: list[str]) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            if key not in after:
                yield {"at": [*at, key], "was": before[key]}
            elif key not in before:
                yield {"at": [*at, key], "is": after[key]}
            else:
                yield from _walk(before[key], after[key], [*at, key])
    elif not _same(before, after):
        yield {"at": at, "was": before, "is": after}


def _same(one: Any, other: Any) -> bool:
    """Compare strictly: in Python 1 == True, in JSON they differ."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)


def _replaced(value: Any, at: list[str], change: Change) -> Any:
    if not at:
        if "was" not in change or not _same(value, change["was"]):
            raise DoesNotApply("The value is not the one this change was made on.")
        return change["is"]
    if not isinstance(value, dict):
        raise DoesNotApply(f"There is no object at {'/'.join(change['at'])}.")
    key, rest = at[0], at[1:]
    if rest:
        if key not in value:
            raise DoesNotApply(f"There is nothing at {'/'.join(change['at'])}.")
        return {**value, key: _replaced(value[key], rest, change)}
    if (key in value) != ("was" in change) or ("was" in change and not _same(value[key], change["was"])):
        raise DoesNotApply(f"What stands at {'/'.join(change['at'])} is not what this change was made on.")
    if "is" not in change:
        return {name: item for name, item in value.items() if name != key}
    return {**value, key: change["is"]}
