"""What can be said at one send or task of a rehearsal? Its fields as the page shows them, and what is said in them.

Pure: values for templates. The names of the fields, and what they mean, stand in `runs.trying.rehearsal_said`.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from plans.document import Plan
from plans.steps import Call, SendEmail, Task
from runs.trying import rehearsal_said
from runs.trying.rehearsal_said import Delay, Said

NOBODY_ACTS = "nothing, until the time is up"


@dataclass(frozen=True, slots=True)
class Choice:
    """A list to choose from. groups: (name or "", [(value, words)])."""

    name: str
    groups: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    value: str
    problem: str


@dataclass(frozen=True, slots=True)
class After:
    """The field of a length of time."""

    name: str
    text: str
    problem: str


@dataclass(frozen=True, slots=True)
class Chip:
    """An event that can follow a send: its tick box, and when it comes."""

    name: str
    words: str
    ticked: bool
    after: After


@dataclass(frozen=True, slots=True)
class SendFields:
    """The fields of the nth send of a step. left: something can follow it."""

    nth: int
    answer: Choice
    left: bool
    chips: Sequence[Chip]


@dataclass(frozen=True, slots=True)
class TaskFields:
    """The fields of the nth entry of a task. answer: None where nobody can act, as nobody did at an entry before."""

    nth: int
    answer: Choice | None
    after: After


@dataclass(frozen=True, slots=True)
class Kept:
    """Something said that was not met, as a box that is still ticked. value: what the box says.

    unused: the sentence in which the rehearsal tells the same.
    """

    name: str
    value: str
    words: str
    after: After | None = None
    unused: str = ""


def send(step: SendEmail | Call, nth: int, said: Said) -> SendFields:
    """Return the fields of one send. When it did not leave, only what is ticked already can be unticked."""
    value = said.answers.get((step.name, nth), rehearsal_said.usual_answer(step))
    left = not value.startswith("not_sent")
    name = f"answer.{step.name}.{nth}"
    answer = Choice(name, rehearsal_said.answers(step), value, said.problems.get(name, ""))
    chips = [_chip(step.name, nth, event, said) for event in rehearsal_said.events(step)]
    return SendFields(nth, answer, left, [chip for chip in chips if left or chip.ticked])


def task(step: Task, nth: int, said: Said) -> TaskFields:
    """Return the fields of one entry of a task."""
    word = said.people.get((step.name, nth))
    name = f"person.{step.name}.{nth}"
    choices = [("", NOBODY_ACTS), *((label, label.replace("_", " ")) for label in rehearsal_said.labels(step))]
    answer = Choice(name, [("", choices)], word.label if word else "", said.problems.get(name, ""))
    after = _after(f"person-after.{step.name}.{nth}", word.after if word else None, rehearsal_said.USUAL_PERSON, said)
    return TaskFields(nth, answer if rehearsal_said.all_act_before(said, step.name, nth) else None, after)


def kept(plan: Plan, said: Said, shown: Collection[tuple[str, int]]) -> list[Kept]:
    """Return what was said of sends and entries that are not shown: (step, nth)."""
    return [*_kept_answers(plan, said, shown), *_kept_ticks(said, shown), *_kept_words(said, shown)]


def unused(sentences: Sequence[str], kept: Sequence[Kept]) -> list[str]:
    """Return what the rehearsal found unused, without the events that are kept: each of those has a box of its own."""
    left = list(sentences)
    for each in kept:
        if each.unused in left:
            left.remove(each.unused)
    return left


def _kept_answers(plan: Plan, said: Said, shown: Collection[tuple[str, int]]) -> Iterator[Kept]:
    for (step, nth), value in said.answers.items():
        if (step, nth) not in shown:
            groups = rehearsal_said.answers(plan.steps[step])
            words = next(words for _, group in groups for known, words in group if known == value)
            yield Kept(f"answer.{step}.{nth}", value, f"{step}, send {nth}: {words}")


def _kept_ticks(said: Said, shown: Collection[tuple[str, int]]) -> Iterator[Kept]:
    for step, nth, event in said.ticks:
        if (step, nth) not in shown:
            chip = _chip(step, nth, event, said)
            unused = f"{event} of {step} never came to pass."
            yield Kept(chip.name, "on", f"{chip.words} of {step}, send {nth}", chip.after, unused)


def _kept_words(said: Said, shown: Collection[tuple[str, int]]) -> Iterator[Kept]:
    for (step, nth), word in said.people.items():
        if (step, nth) not in shown:
            after = _after(f"person-after.{step}.{nth}", word.after, rehearsal_said.USUAL_PERSON, said)
            words = f"a person says “{word.label}” at {step}, entry {nth}"
            unused = f"“complete task as {word.label}” at {step} was never possible."
            yield Kept(f"person.{step}.{nth}", word.label, words, after, unused)


def _chip(step: str, nth: int, event: str, said: Said) -> Chip:
    delay = said.ticks.get((step, nth, event))
    after = _after(f"after.{step}.{nth}.{event}", delay, rehearsal_said.usual_delay(event), said)
    return Chip(f"tick.{step}.{nth}.{event}", event.replace("_", " "), delay is not None, after)


def _after(name: str, delay: Delay | None, usual: str, said: Said) -> After:
    return After(name, delay.text if delay else usual, said.problems.get(name, ""))
