"""Which outcomes does a task have? Words of its author's, each with its target, and timeout.

Pure: no Django, clock, random, environment, file or network.
"""

from dataclasses import replace
from typing import Any

from plans import steps
from plans.panel import acts
from plans.panel.arm_parts import target, target_options
from plans.panel.choices import Choices
from plans.panel.lists import MOST_SHOWN, unshowable
from plans.panel.parts import Button, Field, Group, Part, Turn
from plans.panel.paths import ABSENT, Path, get, name
from plans.panel.words import Word, renaming
from plans.reading import WORD, WORD_RULE
from plans.step_reading import MAX_OUTCOMES

Body = dict[str, Any]
ON: Path = ("on",)


def outcomes(body: Body, choices: Choices) -> Part:
    """Return the outcomes of a task: its own, which can be renamed and removed, and timeout."""
    on = get(body, ON)
    on = {} if on is ABSENT else on
    if not isinstance(on, dict) or len(on) > MOST_SHOWN:
        return unshowable(ON, "Outcomes", on, {"done": ""})
    own = sorted(label for label in on if label != steps.TIMEOUT)
    options = target_options(choices)
    rows = [_row(body, label, own, options) for label in own]
    last = target(body, (*ON, steps.TIMEOUT), steps.TIMEOUT, options)
    full = f"A task has at most {MAX_OUTCOMES} outcomes beside timeout." if len(own) >= MAX_OUTCOMES else ""
    new = _new(on)
    add = Button("add-outcome", "Add", "Add an outcome of this word", acts.nothing, full, new.name, new.name)
    row = Group((*ON, "~new"), new.label, "new", (new,), tools=(add,))
    return Group(ON, "Outcomes, and what they lead to", "ways", (*rows, last, row))


def _row(body: Body, label: str, own: list[str], options: Any) -> Group:
    path = (*ON, label)
    taken = {*own, steps.TIMEOUT} - {label}
    codec = Word(WORD, WORD_RULE, frozenset(taken))
    word = Field(
        path, "Word", codec, label, codec.show(label), "~word", renaming(path), Turn.WORD, (*path, "~word"),
        quiet=True, structure=True,
    )  # fmt: skip
    leads = replace(target(body, path, f"{label} leads to", options, ""), quiet=True)
    refused = "" if len(own) > 1 else "A task has at least one outcome of its own."
    remove = Button(f"remove:{name(path)}", "✕", f"Remove {label}", acts.remove(path), refused, "do~add-outcome")
    return Group((*path, "~row"), label, "way", (word, leads), tools=(remove,))


def _new(on: Body) -> Field:
    codec = Word(WORD, WORD_RULE, frozenset({*on, steps.TIMEOUT}))

    def change(body: Any, word: Any) -> None:
        acts.write((*ON, word), "")(body)

    return Field(
        ON, "A new outcome", codec, "", codec.show(""), "~new", change, Turn.WORD, ("~new",),
        help="One word, such as promised.", structure=True, alone=True,
    )  # fmt: skip
