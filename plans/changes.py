"""What does a version change in a plan? Sentences for somebody who has to answer for it, and marks for the pictures.

Two plans that mean the same give no sentence; any other two give at least one. Pure: no Django, clock, random,
environment, file or network.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from plans import diagram, durations, graph, renames, step_changes
from plans.steps import Exit, Plan

_LONG = 160
SAME_MEANING = "The document is written differently, but what the plan does is the same."


class Kind(StrEnum):
    """What happened to a step; PLAN for what belongs to no step."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"
    PLAN = "plan"


@dataclass(frozen=True, slots=True)
class Change:
    """One sentence. step: its name now, "" for none or for one that is gone; was: its name before, "" for a new one.

    label: the outcome the sentence is about, so that its wire can be marked; "" for none.
    """

    kind: Kind
    sentence: str
    step: str = ""
    was: str = ""
    label: str = ""


def changes(old: Plan, new: Plan) -> tuple[Change, ...]:
    """Return every difference: first the plan as a whole, then the steps in the order of the flow, then the exits."""
    names = renames.renamed(old, new)
    before = renames.plan(old, names)
    now_was = {now: was for was, now in names.items()}
    found = [Change(Kind.PLAN, sentence) for sentence in _whole(before, new)]
    for name in _order(before, new):
        found += _step(name, before, new, now_was)
    found += [Change(Kind.PLAN, sentence) for sentence in _exits(before, new)]
    if not found and old.text != new.text:
        found.append(Change(Kind.PLAN, SAME_MEANING))
    return tuple(found)


def marks(found: Iterable[Change]) -> tuple[diagram.Marks, diagram.Marks]:
    """Return the marks of the old picture and of the new one: the states of steps, and the wires that changed."""
    old: dict[str, str] = {}
    new: dict[str, str] = {}
    old_wires: set[tuple[str, str]] = set()
    new_wires: set[tuple[str, str]] = set()
    for change in found:
        # A step is renamed or changed, never both: who is renamed is otherwise the same.
        if change.was:
            old[change.was] = change.kind.value
        if change.step:
            new[change.step] = change.kind.value
        if change.label:
            old_wires.add((change.was, change.label))
            new_wires.add((change.step, change.label))
    return diagram.Marks(old, frozenset(old_wires)), diagram.Marks(new, frozenset(new_wires))


def _order(before: Plan, new: Plan) -> list[str]:
    """Return all names in the new plan's flow; a step that is gone stands behind the one that it stood behind."""
    order = graph.flow_order(new)
    last = ""
    for name in graph.flow_order(before):
        if name not in new.steps:
            order.insert(order.index(last) + 1 if last else 0, name)
        last = name
    return order


def _step(name: str, before: Plan, new: Plan, now_was: Mapping[str, str]) -> Iterator[Change]:
    if name not in before.steps:
        yield Change(Kind.ADDED, f"New step {name}: {step_changes.described(new.steps[name])}", step=name)
    elif name not in new.steps:
        yield Change(
            Kind.REMOVED, f"The step {name} is gone; it was: {step_changes.described(before.steps[name])}", was=name
        )
    elif name in now_was:
        sentence = f"The step {now_was[name]} is called {name} now and is otherwise the same."
        yield Change(Kind.RENAMED, sentence, step=name, was=now_was[name])
    else:
        for sentence, label in step_changes.sentences(before.steps[name], new.steps[name]):
            yield Change(Kind.CHANGED, sentence, step=name, was=name, label=label)


# --- the plan as a whole ------------------------------------------------------------------------------------------


def _whole(old: Plan, new: Plan) -> Iterator[str]:
    if old.title != new.title:
        yield f"The plan's title is {_quoted(new.title)} instead of {_quoted(old.title)}."
    if old.description != new.description:
        yield _description(old.description, new.description)
    if old.key != new.key:
        yield f"The plan's key is {new.key} instead of {old.key}."
    if old.purpose != new.purpose:
        yield f"Its purpose, for which contacts must have consented, is {new.purpose} instead of {old.purpose}."
    if old.policy != new.policy:
        yield f"The policy {new.policy} decides about its messages instead of {old.policy}."
    if old.entry != new.entry:
        yield f"Runs start at {new.entry} instead of {old.entry}."
    if old.limits.max_steps != new.limits.max_steps:
        yield f"A run may take {new.limits.max_steps} steps at most instead of {old.limits.max_steps}."
    if old.limits.max_duration_s != new.limits.max_duration_s:
        now, before = durations.text(new.limits.max_duration_s), durations.text(old.limits.max_duration_s)
        yield f"A run may last {now} at most instead of {before}."
    yield from _attributes(old.attributes, new.attributes)


def _description(before: str, now: str) -> str:
    if not now:
        return f"The plan has no description any more; it was {_quoted(before)}."
    return f"The plan's description is now {_quoted(now)}."


def _attributes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if name not in old:
            yield f"The plan may now look at the contact's {name} ({new[name]})."
        elif name not in new:
            yield f"The plan no longer looks at the contact's {name}."
        elif old[name] != new[name]:
            yield f"The contact's {name} is read as {new[name]} instead of {old[name]}."


def _exits(old: Plan, new: Plan) -> Iterator[str]:
    """Exits have no names: equal ones are the same, and so are those that ask the same or lead to the same step."""
    before = [exit for exit in old.exit_on if exit not in new.exit_on]
    for exit in new.exit_on:
        if exit in old.exit_on:
            continue
        twin = next((each for each in before if each.when == exit.when or each.goto == exit.goto), None)
        if twin is None:
            yield f"New exit: whenever {step_changes.words(exit.when)}, the run goes to {exit.goto}."
            continue
        before.remove(twin)
        if twin.goto == exit.goto:
            said = step_changes.instead(step_changes.words(exit.when), step_changes.words(twin.when))
            yield f"The exit to {exit.goto} is taken when {said}."
        else:
            asked = step_changes.words(exit.when)
            yield f"The exit for when {asked} leads to {exit.goto} instead of {twin.goto}."
    for exit in before:
        yield f"The exit for when {step_changes.words(exit.when)} is gone; it led to {exit.goto}."
    stayed, was = _common(new.exit_on, old.exit_on), _common(old.exit_on, new.exit_on)
    if stayed != was:
        said = ", then ".join(f"{step_changes.words(exit.when)} (to {exit.goto})" for exit in stayed)
        yield f"The exits are asked in another order: {said}."


def _common(these: Iterable[Exit], those: Iterable[Exit]) -> list[Exit]:
    others = list(those)
    return [exit for exit in these if exit in others]


def _quoted(text: str) -> str:
    one_line = " ".join(text.split())
    shown = one_line if len(one_line) <= _LONG else one_line[:_LONG].rstrip() + "…"
    return f"“{shown}”" if shown else "empty"
