"""Which fields and buttons does a condition have? The condition builder, for any JSON that stands where one should.

Pure: no Django, clock, random, environment, file or network.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from plans import conditions
from plans.conditions import MAX_DEPTH, MAX_NODES
from plans.panel import acts, condition_words
from plans.panel import condition_changes as changes
from plans.panel.choices import Choices
from plans.panel.codecs import Option
from plans.panel.condition_leaf import leaf, subject
from plans.panel.lists import MOST_SHOWN, moves, others
from plans.panel.parts import Button, Group, Part, told
from plans.panel.paths import ABSENT, Path, name

Known = frozenset[str]
ONE_PART = "A group has at least one part; ungroup it instead."


def condition(path: Path, node: Any, choices: Choices, tools: tuple[Button, ...] = ()) -> Group:
    """Return the builder of the condition at a path. tools: what can be done with it as a whole."""
    if node is ABSENT:
        act, focus = acts.write(path, changes.fresh()), name(path, "~about")
        add = Button(f"replace:{name(path)}", "Add a condition", "Add a condition", act, focus=focus)
        return Group(path, "There is no condition here yet.", "odd", adds=(add,), tools=tools)
    return _Builder(choices, changes.size(node), _bulk(node) > MOST_SHOWN).node(path, node, 1, tools)


def _bulk(node: Any) -> int:
    """Return how many parts and values would have to be drawn."""
    if not isinstance(node, dict):
        return 1
    args, values = node.get("args"), node.get("values")
    inner = [*(args if isinstance(args, list) else []), *([node["arg"]] if "arg" in node else [])]
    return 1 + (len(values) if isinstance(values, list) else 0) + sum(map(_bulk, inner))


@dataclass(frozen=True, slots=True)
class _Builder:
    """Builds one condition. total: how many parts it has. endless: it has more than can be drawn."""

    choices: Choices
    total: int
    endless: bool

    def node(self, path: Path, node: Any, depth: int, tools: tuple[Button, ...], known: Known = frozenset()) -> Group:
        """Return the builder of one node. known: the facts that are certainly set where it is asked."""
        if self.endless or depth > MAX_DEPTH or not changes.readable(node):
            return self.odd(path, node, depth, tools)
        room = partial(self.room, node, depth)
        if node["op"] in changes.GROUPS:
            parts, adds = self.group(path, node, depth)
        else:
            parts, adds = leaf(path, node, self.choices, room, known)
        required, optional = conditions.KEYS[node["op"]]
        return Group(
            path,
            "",
            "node",
            (*parts, *others(node, path, ("op", *required, *optional))),
            said=condition_words.sentence(node),
            tools=tools,
            more=self.wraps(path, node, room(1)),
            adds=adds,
        )

    def odd(self, path: Path, node: Any, depth: int, tools: tuple[Button, ...]) -> Group:
        why = "This is no condition that can be shown as fields."
        if self.endless:
            why = condition_words.TOO_MANY
        elif depth > MAX_DEPTH:
            why = condition_words.TOO_DEEP
        act, focus = acts.write(path, changes.fresh()), name(path, "~about")
        replace = Button(f"replace:{name(path)}", "Replace", "Replace this by a new condition", act, focus=focus)
        return Group(path, why, "odd", told=told(node), tools=tools, adds=(replace,))

    def group(self, path: Path, node: changes.Node, depth: int) -> tuple[tuple[Part, ...], tuple[Button, ...]]:
        options = [Option(op, text, op) for op, text in condition_words.GROUPS.items()]
        about = subject(path, node, self.choices, options)
        if node["op"] == "not":
            inner = (*path, "arg")
            if "arg" not in node:
                return (about, condition(inner, ABSENT, self.choices)), ()
            return (about, self.node(inner, node["arg"], depth + 1, ())), ()
        at, args = (*path, "args"), node.get("args", [])
        known, below = changes.asked_first(node), depth + 1
        parts = [self.node((*at, i), arg, below, self.tools((*at, i), len(args)), known) for i, arg in enumerate(args)]
        refused = self.room(changes.fresh(), depth, 1)
        act, focus = acts.append(at, changes.fresh()), name((*at, len(args)), "~about")
        add = Button(f"add:{name(at)}", "Add a part", "Add a part to this group", act, refused, focus)
        return (about, *parts), (add,)

    def tools(self, path: Path, count: int) -> tuple[Button, ...]:
        """Return what can be done with one part of a group."""
        what, focus = f"part {int(path[-1]) + 1}", f"do~add:{name(path[:-1])}"
        refused = "" if count > 1 else ONE_PART
        remove = Button(f"remove:{name(path)}", "✕", f"Remove {what}", acts.remove(path), refused, focus)
        return (*moves(path, count, what), remove)

    def wraps(self, path: Path, node: changes.Node, refused: str) -> tuple[Button, ...]:
        """Return the buttons that put a condition into a group, and a group's only part in its place."""
        focus = name(path, "~about")
        found = []
        for op, text in condition_words.INTO.items():
            act = acts.change(path, partial(changes.wrapped, op=op))
            label = f"Put this into a group: {text}"
            found.append(Button(f"wrap-{op}:{name(path)}", f"Put into “{text}”", label, act, refused, focus))
        if node["op"] in changes.GROUPS:
            alone = changes.unwrapped(node) is not node
            why = "" if alone else "Only a group of one part can be ungrouped."
            act, label = acts.change(path, changes.unwrapped), "Put the one part in place of this group"
            found.append(Button(f"unwrap:{name(path)}", "Ungroup", label, act, why, focus))
        return tuple(found)

    def room(self, node: Any, depth: int, more: int) -> str:
        """Return why parts cannot be added that put a node of this depth one level deeper, "" when they can."""
        if self.total + more > MAX_NODES:
            return condition_words.TOO_MANY
        return condition_words.TOO_DEEP if depth + changes.height(node) > MAX_DEPTH else ""
