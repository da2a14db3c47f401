"""Which fields and buttons does a single condition have: about an event, an outcome, visits, an attribute or the time?

Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from plans.conditions import MAX_NODES
from plans.panel import acts, condition_words
from plans.panel import condition_changes as changes
from plans.panel.choices import Choices
from plans.panel.codecs import Codec, Number, Option, Seconds, Text, choice
from plans.panel.parts import Button, Field, Group, Part, Turn
from plans.panel.paths import ABSENT, Path, get, name

Shape = tuple[tuple[Part, ...], tuple[Button, ...]]
# Says why a condition cannot go into a group that adds so many parts, "" when it can.
Room = Callable[[int], str]


def subject(path: Path, node: changes.Node, choices: Choices, options: list[Option]) -> Field:
    """Return the field that says what a condition is about, or how a group joins its parts."""
    value = changes.about(node) or ABSENT
    codec = choice(options, value, missing="not declared")
    place = "ref" if "ref" in node and value != changes.OUTCOME else "~about"
    label = "Which parts must hold" if node["op"] in changes.GROUPS else "What this is about"

    def changed(each: Any, token: Any) -> Any:
        return changes.with_subject(each, token, choices) if changes.readable(each) else each

    def change(body: Any, token: Any) -> None:
        acts.change(path, partial(changed, token=token))(body)

    return Field(
        path, label, codec, value, codec.show(value), "~about", change, Turn.SHAPE,
        at=(*path, place), quiet=True, structure=True,
    )  # fmt: skip


def leaf(path: Path, node: changes.Node, choices: Choices, room: Room, known: frozenset[str]) -> Shape:
    """Return the fields and buttons of a single condition. known: the facts that are certainly set where it stands."""
    made = _Leaf(path, node, choices)
    about = subject(path, node, choices, condition_words.subjects(choices, room(1)))
    sort = changes.sort_of(node, choices)
    if sort == "none":
        return (about,), ()
    if sort == "event":
        return (about, *made.event()), ()
    if sort == "visits":
        return (about, made.step(), made.count()), ()
    parts, adds = made.comparison(sort)
    ref = node.get("ref")
    if sort != "duration" and not (isinstance(ref, str) and ref in known):
        adds = (*adds, *made.unset(sort, room(2)))
    return (about, *parts), adds


@dataclass(frozen=True, slots=True)
class _Leaf:
    path: Path
    node: changes.Node
    choices: Choices

    def field(self, key: Path, codec: Codec, label: str, *, structure: bool = False, suffix: str = "") -> Field:
        value, path = get(self.node, key), (*self.path, *key)
        return Field(path, label, codec, value, codec.show(value), suffix, quiet=True, structure=structure)

    def count(self) -> Field:
        return replace(self.field(("count",), Number(), "How many times"), after="times or more")

    def event(self) -> tuple[Part, ...]:
        of, event, op = get(self.node, ("of",)), get(self.node, ("event",)), self.node["op"]
        sends = [Option(step, f"of {step}", step) for step in self.choices.sends]
        which = choice(sends, of, blank="of any step", missing="brings no events")
        channel = self.choices.sends.get(of) if isinstance(of, str) else None
        kind = choice(condition_words.events(channel), event, missing="not of this step")
        parts = [
            self.field(("event",), kind, "Event"),
            self.field(("of",), which, "Of which step", structure=True),
            self.operator(),
        ]
        if op == "event_count_ge":
            parts.append(self.count())
        elif op == "event_within":
            parts.append(self.field(("seconds",), Seconds(), "How long ago at most"))
        return tuple(parts)

    def step(self) -> Field:
        """Return the field for the step of an outcome or of visits, which stands in `step` or within `ref`."""
        outcome = changes.about(self.node) == changes.OUTCOME
        names = tuple(self.choices.labels) if outcome else self.choices.steps
        if "ref" in self.node:
            options = [Option(each, each, changes.of_outcome(each)) for each in names]
            codec = choice(options, self.node["ref"], missing="no such step")
            return self.field(("ref",), codec, "Step", structure=True, suffix="~step")
        options = [Option(each, each, each) for each in names]
        codec = choice(options, get(self.node, ("step",)), missing="no such step")
        return self.field(("step",), codec, "Step", structure=outcome)

    def operator(self) -> Field:
        path, codec = self.path, choice(condition_words.operators(self.node, self.choices), self.node["op"])

        def changed(each: Any, op: Any) -> Any:
            return changes.with_operator(each, op, self.choices) if changes.readable(each) else each

        def change(body: Any, op: Any) -> None:
            acts.change(path, partial(changed, op=op))(body)

        return Field(
            (*path, "op"), "What is asked", codec, self.node["op"], codec.show(self.node["op"]), "", change, Turn.SHAPE,
            quiet=True, structure=True,
        )  # fmt: skip

    def comparison(self, sort: changes.Sort) -> Shape:
        op, parts = self.node["op"], [self.operator()]
        if changes.about(self.node) == changes.OUTCOME:
            parts.insert(0, self.step())
        if op == "is_set":
            return tuple(parts), ()
        if op == "in":
            values, adds = self.values(sort)
            return (*parts, *values, *self.default(sort)), adds
        key = "label" if op == "outcome_is" else "value"
        parts.append(self.field((key,), self.codec(sort, (key,)), "Outcome" if sort == "label" else "Value"))
        return (*parts, *self.default(sort)), ()

    def values(self, sort: changes.Sort) -> Shape:
        """Return the values that "is one of" compares with."""
        count, at = len(self.node.get("values", [])), (*self.path, "values")
        full = "" if count < MAX_NODES else f"A list has at most {MAX_NODES} values."
        new = changes.starting_value(sort, self.node, self.choices)
        add = Button(
            f"add:{name(at)}", "Add a value", "Add a value to the list", acts.append(at, new), full, name((*at, count))
        )
        return tuple(self.one_of(index, count, sort) for index in range(count)), (add,)

    def one_of(self, index: int, count: int, sort: changes.Sort) -> Group:
        path, label = (*self.path, "values", index), f"Value {index + 1}"
        field = self.field(("values", index), self.codec(sort, ("values", index)), label)
        refused = "" if count > 1 else "A list has at least one value."
        focus = f"do~add:{name(path[:-1])}"
        remove = Button(f"remove:{name(path)}", "✕", f"Remove value {index + 1}", acts.remove(path), refused, focus)
        return Group((*path, "~"), label, "value", (field,), tools=(remove,))

    def default(self, sort: changes.Sort) -> tuple[Group, ...]:
        """Return what counts when the fact is not set, where the condition says so."""
        if "default" not in self.node:
            return ()
        path, label = (*self.path, "default"), "When it is not set, take"
        field = self.field(("default",), self.codec(sort, ("default",)), label)
        about, focus = "Say nothing about when it is not set", name((*self.path, "op"))
        remove = Button(f"remove:{name(path)}", "✕", about, acts.remove(path), focus=focus)
        return (Group((*path, "~"), label, "default", (field,), tools=(remove,)),)

    def unset(self, sort: changes.Sort, refused: str) -> tuple[Button, ...]:
        """Return the two ways to say what happens when the fact is not set, where it may be and nothing is said."""
        if "default" in self.node or self.node["op"] in ("is_set", "outcome_is"):
            return ()
        at, new = (*self.path, "default"), changes.starting_value(sort, self.node, self.choices)
        label = "Say which value counts when it is not set"
        default = Button(f"add:{name(at)}", "If not set, take…", label, acts.write(at, new), focus=name(at))
        do, there = f"guard:{name(self.path)}", name(self.path, "~about")
        ask = Button(do, "Only if set", "Ask first whether it is set", self.guard, refused, there)
        return default, ask

    def guard(self, body: Any) -> None:
        """Ask first whether the fact is set: before this condition where it stands among others, else in a group."""
        around = get(body, self.path[:-2]) if self.path[-2:-1] == ("args",) else None
        if isinstance(around, dict) and around.get("op") == "and":
            around["args"].insert(int(self.path[-1]), changes.is_set(self.node))
        else:
            acts.change(self.path, changes.guarded)(body)

    def codec(self, sort: changes.Sort, key: Path) -> Codec:
        value = get(self.node, key)
        if sort == "yesno":
            return choice([Option("true", "yes", True), Option("false", "no", False)], value)
        if sort == "label":
            labels = self.choices.labels.get(changes.step_of(self.node), ())
            return choice([Option(each, each, each) for each in labels], value, missing="not an outcome of it")
        if sort in ("number", "duration"):
            return Number() if sort == "number" else Seconds()
        return Text()
