"""How is a document written for people? In the order in which they read it; what counts is its canonical text.

Pure: no Django, clock, random, environment, file or network.
"""

import json
from collections.abc import Mapping
from typing import Any

from plans import document
from plans.designing import ways

FIRST_OF_STEP = ("kind", "title", "instructions", "time", "template")
LAST_OF_STEP = ("else", "on")


def laid_out(text: str) -> str:
    """Return a document's text in reading order; a text that holds no object comes back as it is."""
    try:
        value = document.decode(text)
    except document.Invalid:
        return text
    return written(value) if isinstance(value, dict) else text


def written(value: Mapping[str, Any]) -> str:
    """Return the text of a document, finished or not: its steps in flow order."""
    known = value.get("steps")
    if isinstance(known, dict):
        value = {**value, "steps": {name: _step(known[name]) for name in ways.flow(value)}}
    return json.dumps(_in_order(value, document.REQUIRED[:-1], ("steps",)), ensure_ascii=False, indent=2)


def _step(body: Any) -> Any:
    return _in_order(body, FIRST_OF_STEP, LAST_OF_STEP) if isinstance(body, dict) else body


def _in_order(value: Mapping[str, Any], first: tuple[str, ...], last: tuple[str, ...]) -> dict[str, Any]:
    middle = [key for key in value if key not in (*first, *last)]
    return {key: value[key] for key in (*first, *middle, *last) if key in value}
