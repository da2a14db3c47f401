"""What does a message say? Logic-less `{{ name }}` templates: variables, faults, and the text for one contact.

Rendering is strict and happens once: an unknown name is an error, and a value that looks like a template stays so.
Pure: no Django, clock, random, environment, file or network.
"""

import re
from collections.abc import Collection, Mapping

# Every fact a message may use, beside the contact's attributes (`attr_<name>`).
FIELDS = ("first_name", "last_name", "full_name", "email", "phone", "zone", "country", "plan_title")
ATTRIBUTE_PREFIX = "attr_"

_PLACE = re.compile(r"\{\{[ \t]*([a-z][a-z0-9_]*)[ \t]*\}\}")
_BRACES = re.compile(r"\{\{|\}\}|\{%|%\}")


class Undefined(ValueError):
    """A template asks for a variable that has no value; `name` is the variable."""

    def __init__(self, name: str) -> None:
        super().__init__(f'The variable "{name}" has no value for this contact.')
        self.name = name


def variables(text: str) -> list[str]:
    """Return the names a template uses, each once, in the order of their first use."""
    return list(dict.fromkeys(_PLACE.findall(text)))


def render(text: str, values: Mapping[str, str]) -> str:
    """Return the text with every variable replaced by its value, in one pass. Raises: Undefined."""

    def value(place: re.Match[str]) -> str:
        name = place[1]
        if name not in values:
            raise Undefined(name)
        return values[name]

    return _PLACE.sub(value, text)


def faults(text: str) -> list[str]:
    """Return sentences about what is no plain variable in a template: stray braces, logic, names that do not exist."""
    found = []
    rest = _PLACE.sub("", text)
    stray = _BRACES.search(rest)
    if stray:
        excerpt = rest[max(stray.start() - 10, 0) : stray.end() + 20].strip()
        found.append(f'"{excerpt}" is no variable; write {{{{ first_name }}}}, with a lower-case name and no logic.')
    for name in variables(text):
        if name not in FIELDS and not attribute(name):
            known = ", ".join((*FIELDS, f"{ATTRIBUTE_PREFIX}<name>"))
            found.append(f'The variable "{name}" does not exist; use one of {known}.')
    return found


def attribute(variable: str) -> str:
    """Return the contact attribute a variable stands for, "" when it is a field."""
    return variable.removeprefix(ATTRIBUTE_PREFIX) if variable.startswith(ATTRIBUTE_PREFIX) else ""


def undeclared(names: Collection[str], attributes: Collection[str]) -> list[str]:
    """Return the variables that stand for an attribute which a plan does not declare."""
    return [name for name in names if attribute(name) and attribute(name) not in attributes]
