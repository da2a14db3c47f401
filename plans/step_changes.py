"""What is different between two versions of one step? Sentences that somebody reads who never saw a plan's text.

Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from plans import captions, conditions, durations
from plans.conditions import Condition
from plans.steps import (
    BLOCKED,
    LABELS,
    Branch,
    Call,
    End,
    RecordOptOut,
    SendEmail,
    Split,
    Step,
    Task,
    Wait,
    WaitForEvent,
    WaitUntil,
)

# A sentence, and the outcome it is about ("" when it is about the step itself).
Said = tuple[str, str]


def words(when: Condition) -> str:
    """Return a condition in words, with what counts where a fact is not set."""
    unset = {
        _fact(leaf["ref"]): captions.condition({"op": "eq", "ref": "", "value": leaf["default"]}).removeprefix(" = ")
        for _, leaf in conditions.walk(when)
        if "default" in leaf
    }
    counted = "; ".join(f"{name} not set counts as {value or 'empty'}" for name, value in unset.items())
    return captions.condition(when) + (f" ({counted})" if counted else "")


def label_words(step: Step, label: str) -> str:
    """Return an outcome as people say it; the author's own words stay as they are."""
    return label.replace("_", " ") if label in LABELS[step.kind] else label


def instead(new: str, old: str) -> str:
    """Return "A instead of B"; where both read the same, say that only the writing differs."""
    return f"{new} instead of {old}" if new != old else f"{new}, written in another way"


def described(step: Step) -> str:
    """Return what a step is and where it leads: "wait, 3 days, then done"."""
    what = f"{captions.KINDS[step.kind]}, {captions.subtitle(step)}"
    if not isinstance(step, Branch | Split) and len(step.on) == 1:
        what += f", then {next(iter(step.on.values()))}"
    elif step.on:
        what += f"; {', '.join(_way(step, label, target) for label, target in step.on.items())}"
    notes = " ".join(captions.notes(step))
    return f"{what}. {notes}".strip()


def _way(step: Step, label: str, target: str) -> str:
    when = next((case.when for case in step.cases if case.name == label), None) if isinstance(step, Branch) else None
    more = f" when {words(when)}" if when else ""
    share = captions.share(step, label)
    return f"{label_words(step, label)}{more}{f' ({share})' if share else ''} leads to {target}"


def sentences(old: Step, new: Step) -> Iterator[Said]:
    """Yield (sentence, outcome) for every difference between two steps of the same name."""
    name = new.name
    if old.kind != new.kind:
        yield f"{name} was a {captions.KINDS[old.kind]} step and is another kind now: {described(new)}", ""
        return
    for sentence in _SAY.get(type(new), _nothing)(old, new):
        yield sentence, ""
    yield from _outcomes(old, new)


def _nothing(_old: Any, _new: Any) -> Iterator[str]:
    return iter(())


# --- where it leads -----------------------------------------------------------------------------------------------


def _outcomes(old: Step, new: Step) -> Iterator[Said]:
    """Yield what became of each outcome, in the order of the new step, then those that are gone."""
    for label, target in new.on.items():
        if label not in old.on:
            yield _new_outcome(new, label, target), label
        elif old.on[label] != target:
            yield _other_target(new, label, target, old.on[label]), label
    for label, target in old.on.items():
        if label not in new.on:
            yield _lost_outcome(old, label, target), label


def _new_outcome(step: Step, label: str, target: str) -> str:
    said = f"“{label_words(step, label)}” of {step.name}"
    if label == BLOCKED and label in LABELS[step.kind]:
        return f"The outcome {said} leads to {target}; before, a refusal by the policy made the run fail."
    if isinstance(step, Branch):
        return _new_case(step, label, target)
    return f"New outcome {said}: it leads to {target}."


def _new_case(step: Branch, label: str, target: str) -> str:
    if label == step.otherwise.name:
        return f"When no case of {step.name} holds, the outcome is “{label}” and leads to {target}."
    at = next(index for index, case in enumerate(step.cases) if case.name == label)
    asked = f"asked after “{step.cases[at - 1].name}”" if at else "asked first"
    return f"New case “{label}” of {step.name}, {asked}: when {words(step.cases[at].when)}, it leads to {target}."


def _other_target(step: Step, label: str, target: str, before: str) -> str:
    if isinstance(step, Branch) and label == step.otherwise.name:
        return f"When no case of {step.name} holds, it leads to {target} instead of {before}."
    if isinstance(step, Branch | Split):
        kind = "case" if isinstance(step, Branch) else "arm"
        return f"The {kind} “{label}” of {step.name} leads to {target} instead of {before}."
    if len(LABELS[step.kind]) == 1:
        return f"After {step.name} comes {target} instead of {before}."
    return f"The outcome “{label_words(step, label)}” of {step.name} leads to {target} instead of {before}."


def _lost_outcome(step: Step, label: str, target: str) -> str:
    said = f"“{label_words(step, label)}” of {step.name}"
    if label == BLOCKED and label in LABELS[step.kind]:
        return (
            f"The outcome {said} is no longer handled: a refusal by the policy makes the run fail. It led to {target}."
        )
    if isinstance(step, Branch):
        asked = next((f", asked when {words(case.when)}" for case in step.cases if case.name == label), "")
        return f"The case {said} is gone{asked}; it led to {target}."
    return f"The outcome {said} is gone; it led to {target}."


# --- what it does -------------------------------------------------------------------------------------------------


def _send(old: Any, new: Any) -> Iterator[str]:
    if old.template != new.template:
        verb = "sends" if isinstance(new, SendEmail) else "follows"
        yield f"The step {new.name} {verb} {new.template} instead of {old.template}."
    if old.require != new.require:
        yield _required(new.name, old.require, new.require)
    if old.max_lateness_s != new.max_lateness_s:
        yield _late(new.name, old.max_lateness_s, new.max_lateness_s)


def _required(name: str, before: Condition | None, now: Condition | None) -> str:
    if now is None:
        return f"{name} no longer requires anything of its own; before, it went out only if {words(before or {})}."
    if before is None:
        return f"{name} goes out only if {words(now)}; before, it required nothing of its own."
    return f"{name} goes out only if {instead(words(now), words(before))}."


def _late(name: str, before: int | None, now: int | None) -> str:
    if now is None:
        return f"{name} may be late without limit; before, it failed when more than {durations.text(before or 0)} late."
    late = f"{name} fails when it is more than {durations.text(now)} late"
    return (
        f"{late}; before, it had no such limit." if before is None else f"{late} instead of {durations.text(before)}."
    )


def _wait(old: Wait, new: Wait) -> Iterator[str]:
    if old.seconds != new.seconds:
        yield f"The wait {new.name} takes {durations.text(new.seconds)} instead of {durations.text(old.seconds)}."


def _wait_until(old: WaitUntil, new: WaitUntil) -> Iterator[str]:
    if (old.minute, old.days) != (new.minute, new.days):
        yield f"{new.name} waits until {instead(captions.subtitle(new), captions.subtitle(old))}."


def _wait_for_event(old: WaitForEvent, new: WaitForEvent) -> Iterator[str]:
    if (old.event, old.of) != (new.event, new.of):
        yield f"{new.name} waits for {_event(new)} instead of {_event(old)}."
    if old.timeout_s != new.timeout_s:
        yield f"{new.name} waits at most {durations.text(new.timeout_s)} instead of {durations.text(old.timeout_s)}."


def _event(step: WaitForEvent) -> str:
    return f"“{step.event}” of {step.of or 'any step'}"


def _branch(old: Branch, new: Branch) -> Iterator[str]:
    before = {case.name: case for case in old.cases}
    for case in new.cases:
        if case.name not in before:
            if case.name == old.otherwise.name:
                yield f"“{case.name}” of {new.name}, so far for when no case held, is taken when {words(case.when)}."
        elif case.when != before[case.name].when:
            said = instead(words(case.when), words(before[case.name].when))
            yield f"The case “{case.name}” of {new.name} is taken when {said}."
    stayed = [case.name for case in new.cases if case.name in before]
    was = [name for name in before if name in stayed]
    if stayed != was:
        yield f"The cases of {new.name} are asked in another order: {_listed(stayed)} instead of {_listed(was)}."
    if old.otherwise.name != new.otherwise.name and new.otherwise.name in old.on:
        yield f"“{new.otherwise.name}” of {new.name} is now what happens when no case holds."


def _split(old: Split, new: Split) -> Iterator[str]:
    if [(arm.name, arm.weight) for arm in old.arms] != [(arm.name, arm.weight) for arm in new.arms]:
        yield f"The arms of {new.name} get {instead(_shares(new), _shares(old))}; a contact's arm may change with it."


def _shares(step: Split) -> str:
    return ", ".join(f"{arm.name} {captions.share(step, arm.name)}" for arm in step.arms)


def _opt_out(old: RecordOptOut, new: RecordOptOut) -> Iterator[str]:
    if old.channels != new.channels:
        yield f"{new.name} opts out of {_and(new.channels)} instead of {_and(old.channels)}."


def _task(old: Task, new: Task) -> Iterator[str]:
    if old.title != new.title:
        yield f"The task {new.name} is called “{new.title}” instead of “{old.title}”."
    if old.instructions != new.instructions:
        said = f"now say “{new.instructions}”" if new.instructions else "are gone"
        was = f"before, they said “{old.instructions}”" if old.instructions else "before, there were none"
        yield f"The instructions of the task {new.name} {said}; {was}."
    if old.timeout_s != new.timeout_s:
        now, before = durations.text(new.timeout_s), durations.text(old.timeout_s)
        yield f"A person has {now} for the task {new.name} instead of {before}."


def _end(old: End, new: End) -> Iterator[str]:
    if old.result != new.result:
        yield f"The end {new.name} gives the result “{new.result}” instead of “{old.result}”."
    if old.goal != new.goal:
        yield f"The end {new.name} {'now counts' if new.goal else 'no longer counts'} as reaching the plan's goal."


_SAY: Mapping[type, Callable[[Any, Any], Iterator[str]]] = {
    SendEmail: _send,
    Call: _send,
    Wait: _wait,
    WaitUntil: _wait_until,
    WaitForEvent: _wait_for_event,
    Branch: _branch,
    Split: _split,
    RecordOptOut: _opt_out,
    Task: _task,
    End: _end,
}


def _fact(ref: str) -> str:
    return captions.condition({"op": "is_set", "ref": ref}).removesuffix(" is set")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)
