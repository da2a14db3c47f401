"""Which buttons move what stands in a list, and what is shown of keys and values that no form knows?

Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Collection
from typing import Any

from plans.panel import acts
from plans.panel.parts import Button, Group, told
from plans.panel.paths import Path, name

# A list longer than this is shown as its JSON; every list of a plan that passes its checks is shorter.
MOST_SHOWN = 256


def moves(path: Path, count: int, what: str) -> tuple[Button, Button]:
    """Return the buttons that move an entry of a list up and down. count: how many entries the list has."""
    at, index = path[:-1], int(path[-1])

    def button(verb: str, sign: str, by: int, refused: str) -> Button:
        there = index + by
        again = (verb == "up" and there > 0) or (verb == "down" and there < count - 1)
        focus = f"do~{verb if again else 'down' if verb == 'up' else 'up'}:{name((*at, there))}"
        return Button(f"{verb}:{name(path)}", sign, f"Move {what} {verb}", acts.move(path, by), refused, focus)

    return (
        button("up", "↑", -1, "" if index > 0 else "This is the first already."),
        button("down", "↓", 1, "" if index < count - 1 else "This is the last already."),
    )


def others(body: dict[str, Any], path: Path, known: Collection[str]) -> tuple[Group, ...]:
    """Return what an object has beside the keys that its form knows: shown, kept, and removed only by its button."""
    return tuple(_other((*path, key), value) for key, value in body.items() if key not in known)


def _other(path: Path, value: Any) -> Group:
    remove = Button(f"remove:{name(path)}", "✕", f"Remove {path[-1]}", acts.remove(path))
    return Group(path, f"This also has: {path[-1]}", "odd", told=told(value), tools=(remove,))


def unshowable(path: Path, legend: str, value: Any, instead: Any) -> Group:
    """Return a value that should be a list or an object and is not, with the button that replaces it."""
    replace = Button(f"replace:{name(path)}", "Replace", f"Replace {legend}", acts.write(path, instead))
    return Group(path, f"{legend}: this cannot be shown as fields", "odd", told=told(value), adds=(replace,))
