"""Which fields and buttons does the plan itself have, beside its steps?

Pure: no Django, clock, random, environment, file or network.
"""

from dataclasses import replace
from typing import Any

from plans import conditions
from plans.document import MAX_ATTRIBUTES, MAX_EXITS, OPTIONAL, REQUIRED
from plans.panel import acts
from plans.panel import condition_changes as changes
from plans.panel.arm_parts import target, target_options
from plans.panel.choices import Choices
from plans.panel.codecs import Codec, Number, Option, Seconds, Text, choice
from plans.panel.condition_parts import condition
from plans.panel.lists import MOST_SHOWN, moves, others, unshowable
from plans.panel.parts import Button, Field, Group, Part, Turn
from plans.panel.paths import ABSENT, Path, get, name
from plans.panel.words import Word
from plans.reading import ATTRIBUTE, ATTRIBUTE_RULE

Document = dict[str, Any]

TYPES = {"string": "text", "int": "whole number", "bool": "yes or no"}


def plan_parts(document: Document, choices: Choices) -> tuple[Part, ...]:
    """Return the parts of the plan's form, in the order in which they are shown."""
    steps = [Option(step, step, step) for step in choices.steps]
    policies = [Option(policy, policy, policy) for policy in choices.policies]
    entry = choice(steps, get(document, ("entry",)), missing="no such step")
    policy = choice(policies, get(document, ("policy",)), missing="not published")
    return (
        *_meta(document),
        _field(document, ("entry",), "Runs start with", entry),
        _field(
            document, ("purpose",), "Purpose", Text(40, strip=True, offers=choices.purposes),
            "Why people are contacted, one word. Their consent is asked for it.",
        ),
        _field(document, ("policy",), "Policy", policy, "Its hours, limits and recovery rules apply."),
        _limits(document),
        _attributes(document),
        _exits(document, choices),
        *others(document, (), (*REQUIRED, *OPTIONAL)),
    )  # fmt: skip


def _field(document: Document, path: Path, label: str, codec: Codec, about: str = "") -> Field:
    value = get(document, path)
    return Field(path, label, codec, value, codec.show(value), help=about)


def _meta(document: Document) -> tuple[Part, ...]:
    meta = get(document, ("meta",))
    if meta is not ABSENT and not isinstance(meta, dict):
        return (unshowable(("meta",), "Title and description", meta, {}),)
    return (
        _field(document, ("meta", "title"), "Title", Text(200, optional=True)),
        _field(document, ("meta", "description"), "Description", Text(4000, lines=True, optional=True)),
        *(others(meta, ("meta",), ("title", "description")) if isinstance(meta, dict) else ()),
    )


def _limits(document: Document) -> Part:
    path: Path = ("limits",)
    limits = get(document, path)
    if limits is not ABSENT and not isinstance(limits, dict):
        return unshowable(path, "Limits", limits, {"max_steps": 50, "max_duration_s": 30 * changes.DAY})
    known = ("max_steps", "max_duration_s")
    rest = others(limits, path, known) if isinstance(limits, dict) else ()
    parts = (
        _field(document, (*path, "max_steps"), "Most steps of one run", Number()),
        _field(document, (*path, "max_duration_s"), "Longest time of one run", Seconds()),
    )
    return Group(path, "Limits", "plain", (*parts, *rest), help="A run that would exceed one of them fails.")


# --- attributes ---------------------------------------------------------------------------------------------------


def _attributes(document: Document) -> Part:
    path: Path = ("attributes",)
    known = get(document, path)
    known = {} if known is ABSENT else known
    if not isinstance(known, dict) or len(known) > MOST_SHOWN:
        return unshowable(path, "Attributes of the contact", known, {})
    codec = Word(ATTRIBUTE, ATTRIBUTE_RULE, frozenset(known))
    new = Field(
        path, "A new attribute", codec, "", codec.show(""), "~new", _declare, Turn.WORD, ("~new",),
        help="The name it has in the contact's data, such as tier.", structure=True, alone=True,
    )  # fmt: skip
    full = f"A plan has at most {MAX_ATTRIBUTES} attributes." if len(known) >= MAX_ATTRIBUTES else ""
    label = "Declare the attribute of this name"
    add = Button("add-attribute", "Add", label, acts.nothing, full, new.name, new.name)
    row = Group((*path, "~new"), new.label, "new", (new,), tools=(add,))
    about = "What conditions and templates may ask about a contact."
    rows = [_attribute(document, each) for each in known]
    return Group(path, "Attributes of the contact", "ways", (*rows, row), help=about)


def _attribute(document: Document, attribute: str) -> Part:
    path: Path = ("attributes", attribute)
    value = get(document, path)
    codec = choice([Option(kind, TYPES[kind], kind) for kind in conditions.TYPES], value, missing="no type")
    field = Field(path, attribute, codec, value, codec.show(value), structure=True)
    label, focus = f"Remove the attribute {attribute}", name(("attributes",), "~new")
    remove = Button(f"remove:{name(path)}", "✕", label, acts.remove(path), focus=focus)
    return Group((*path, "~"), attribute, "value", (field,), tools=(remove,))


def _declare(document: Any, word: Any) -> None:
    acts.write(("attributes", word), "string")(document)


# --- exits --------------------------------------------------------------------------------------------------------


def _exits(document: Document, choices: Choices) -> Part:
    path: Path = ("exit_on",)
    exits = get(document, path)
    exits = [] if exits is ABSENT else exits
    if not isinstance(exits, list) or len(exits) > MOST_SHOWN:
        return unshowable(path, "Exits", exits, [])
    options = target_options(choices)
    cards = [_exit(document, index, choices, options) for index in range(len(exits))]
    full = f"A plan has at most {MAX_EXITS} exits." if len(exits) >= MAX_EXITS else ""
    act, focus = acts.append(path, {"when": changes.fresh()}), name((*path, len(exits), "when"), "~about")
    add = Button("add-exit", "Add an exit", "Add an exit to this plan", act, full, focus)
    about = "Asked at every change, from the top: a run for which one holds goes there at once, once each."
    return Group(path, "Exits", "list", tuple(cards), help=about, adds=(add,))


def _exit(document: Document, index: int, choices: Choices, options: list[Option]) -> Part:
    path: Path = ("exit_on", index)
    item, number = get(document, path), len(document["exit_on"])
    what = f"exit {index + 1}"
    remove = Button(f"remove:{name(path)}", "✕", f"Remove {what}", acts.remove(path), focus="do~add-exit")
    tools = (*moves(path, number, what), remove)
    if not isinstance(item, dict):
        found = unshowable(path, f"Exit {index + 1}", item, {"when": changes.fresh()})
        return Group(path, found.legend, "odd", told=found.told, tools=tools, adds=found.adds)
    when = condition((*path, "when"), get(item, ("when",)), choices)
    parts = (replace(when, title="When"), target(document, (*path, "goto"), "Leads to", options))
    return Group(path, f"Exit {index + 1}", "card", (*parts, *others(item, path, ("when", "goto"))), tools=tools)
