"""What was said on a rehearsal's page of its sends and tasks? Posted fields in, a value out; what is wrong is said.

A field is named `answer.STEP.NTH`, `tick.STEP.NTH.EVENT`, `after.STEP.NTH.EVENT`, `person.STEP.NTH` or
`person-after.STEP.NTH`: NTH counts the sends of a step or the entries of a task from 1, and no step's name holds a dot.
Pure: no Django, clock, random, environment, file or network.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from channels import kinds
from channels.kinds import CALL_LABELS, CALL_RESULTS, EMAIL_EVENTS, Channel
from plans import graph
from plans.document import Plan
from plans.reading import WORD
from plans.steps import CHANNELS, TIMEOUT, Step, Task
from runs.engine.script import DEFAULTS, Act, Answer, Happening

MOST_TICKS = 200
MOST_NTH = 50  # sends of one step, and entries of one task, of which something can be said
MOST_SENTENCES = 10
LONGEST_S = 366 * 86_400
LONGEST_TEXT = 40
NO_LENGTH = "Write a length of time such as 90 s, 2 h 30 min or 3 d."
TOO_LONG = "That is longer than a year."
USUAL_PERSON = "1 h"
_USUAL = {
    "delivered": "10 s", "opened": "2 h", "clicked": "2 h 5 min", "replied": "1 d", "auto_reply": "1 min",
    "answered": "1 min", "no_answer": "30 s", "busy": "5 s", "voicemail": "1 min", "failed": "5 s",
}  # fmt: skip
_DURATION = re.compile(r"([0-9]{1,9})\s*(days?|d|hours?|h|minutes?|min|m|seconds?|s)?")
_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_OURS = ("answer.", "tick.", "after.", "person.", "person-after.")
_FIELD = re.compile(rf"(answer|tick|person)\.({WORD.pattern})\.([0-9]{{1,9}})(?:\.([a-z_]{{1,40}}))?")
# Found by the engine or told by an event: no adapter answers a send with these.
_NEVER_AN_ANSWER = ("outcome_lost", "call_failed")
# A lone surrogate can be put on no page, and a NUL in no HTML.
_UNPRINTABLE = re.compile("[\\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Delay:
    """A length of time as it was written. seconds: None when it is none."""

    text: str
    seconds: int | None


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says at a task, and after how long."""

    label: str
    after: Delay


@dataclass(frozen=True, slots=True)
class Said:
    """What was said. The keys are (step, nth), of a tick (step, nth, event), in the order in which a reader meets them.

    answers: those that differ from the usual one. problems: a sentence by the name of the field it stands beside.
    refused: what is wrong of which the page shows no field. gone: what was said of steps that the plan no longer has.
    """

    answers: Mapping[tuple[str, int], str] = field(default_factory=dict)
    ticks: Mapping[tuple[str, int, str], Delay] = field(default_factory=dict)
    people: Mapping[tuple[str, int], Word] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    refused: Sequence[str] = ()
    gone: Sequence[str] = ()

    @property
    def wrong(self) -> bool:
        """Return whether there is anything to mend."""
        return bool(self.problems or self.refused)


# What can be said


def events(step: Step) -> Sequence[kinds.Event]:
    """Return the events that can follow a send of a step."""
    return EMAIL_EVENTS if CHANNELS[step.kind] == Channel.EMAIL else CALL_RESULTS


def usual_delay(event: str) -> str:
    return _USUAL.get(event, "3 h")


def usual_answer(step: Step) -> str:
    """Return the answer to a send of which nothing was said."""
    usual = DEFAULTS[CHANNELS[step.kind]]
    return f"{usual.kind}:{usual.label}" if usual.label else usual.kind


def answers(step: Step) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what an adapter may say of a send, grouped: it left, it did not, nobody knows. Each: (value, words)."""
    if CHANNELS[step.kind] == Channel.EMAIL:
        left = [("accepted", "accepted by the mail server"), ("delivered", "accepted and delivered")]
    else:
        left = [(f"label:{label}", label.replace("_", " ")) for label in CALL_LABELS]
        left.append(("accepted", "placed; the result comes as an event"))
    other = "call_" if CHANNELS[step.kind] == Channel.EMAIL else "smtp_"
    failures = [code for code in kinds.Failure if not code.startswith(other) and code not in _NEVER_AN_ANSWER]
    return [
        ("It left", left),
        ("Certainly not sent", [(f"not_sent:{code}", code.sentence) for code in failures if code.certain]),
        ("Nobody knows", [(f"unknown:{code}", code.sentence) for code in failures if not code.certain]),
    ]


def labels(task: Task) -> list[str]:
    """Return with which outcomes a person may end a task."""
    return [label for label in task.on if label != TIMEOUT]


# What was said


def seconds(text: str) -> int:
    """Return a length of time such as "2 h 30 min", "3d" or "90" (seconds). Raises: ValueError."""
    total, rest = 0, text.strip().lower()
    while rest:
        found = _DURATION.match(rest)
        if not found:
            raise ValueError
        total += int(found[1]) * _SECONDS[(found[2] or "s")[0]]
        rest = rest[found.end() :].lstrip(" ,")
    return total


def printable(text: str) -> str:
    """Return a text that any page can hold: what has no character of its own becomes U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", text)


def read(plan: Plan, posted: Mapping[str, str]) -> Said:
    """Return what a form says of a plan's sends and tasks; what cannot be read is left out and said."""
    reader = _Reader(plan, posted)
    places = []
    for name in posted:
        found = _FIELD.fullmatch(name)
        if found and bool(found[4]) == (found[1] == "tick"):
            places.append((found[1], found[2], int(found[3]), found[4] or ""))
        elif name.startswith(_OURS) and not name.startswith(("after.", "person-after.")):
            reader.refused.append("A field of the form was not understood and is left out.")
    order = {step: at for at, step in enumerate(graph.flow_order(plan))}
    for place in sorted(places, key=lambda place: (order.get(place[1], len(order)), *place[1:], place[0])):
        reader.read(*place)
    return reader.said()


class _Reader:
    """Reads one field after another and collects what they say."""

    def __init__(self, plan: Plan, posted: Mapping[str, str]) -> None:
        self.plan, self.posted = plan, posted
        self.answers: dict[tuple[str, int], str] = {}
        self.ticks: dict[tuple[str, int, str], Delay] = {}
        self.people: dict[tuple[str, int], Word] = {}
        self.problems: dict[str, str] = {}
        self.refused: list[str] = []
        self.gone: list[str] = []

    def read(self, what: str, name: str, nth: int, event: str) -> None:
        step = self.plan.steps.get(name)
        if step is None:
            self.gone.append(f"“{name}” is no longer a step of this plan; what was said of it is left out.")
        elif isinstance(step, Task) != (what == "person") or (what != "person" and step.kind not in CHANNELS):
            self.gone.append(f"“{name}” is no longer the kind of step that it was; what was said of it is left out.")
        elif not 1 <= nth <= MOST_NTH:
            times = "entries" if what == "person" else "sends"
            self.refused.append(f"Of the {times} of {name}, only the first {MOST_NTH} can be told apart.")
        elif what == "answer":
            self._answer(step, nth)
        elif what == "tick":
            self._tick(step, nth, event)
        else:
            assert isinstance(step, Task)
            self._person(step, nth)

    def said(self) -> Said:
        refused = tuple(dict.fromkeys(self.refused))[:MOST_SENTENCES]
        gone = tuple(dict.fromkeys(self.gone))[:MOST_SENTENCES]
        return Said(self.answers, self.ticks, self.people, self.problems, refused, gone)

    def _answer(self, step: Step, nth: int) -> None:
        name = f"answer.{step.name}.{nth}"
        given = self.posted[name]
        if given not in [value for _, group in answers(step) for value, _ in group]:
            self.problems[name] = f"“{printable(given[:LONGEST_TEXT])}” is no answer to this send; choose one."
        elif given != usual_answer(step):
            self.answers[step.name, nth] = given

    def _tick(self, step: Step, nth: int, event: str) -> None:
        if event not in events(step):
            self.refused.append(f"“{event.replace('_', ' ')}” is not an event of {step.name}.")
        elif len(self.ticks) == MOST_TICKS:
            self.refused.append(f"At most {MOST_TICKS} events can be ticked; the others are left out.")
        else:
            after = self._delay(f"after.{step.name}.{nth}.{event}", usual_delay(event))
            self.ticks[step.name, nth, event] = after

    def _person(self, task: Task, nth: int) -> None:
        name = f"person.{task.name}.{nth}"
        label = self.posted[name]
        if label in labels(task):
            self.people[task.name, nth] = Word(label, self._delay(f"person-after.{task.name}.{nth}", USUAL_PERSON))
        elif label:
            self.problems[name] = f"“{printable(label[:LONGEST_TEXT])}” is not an outcome of {task.name}; choose one."

    def _delay(self, name: str, usual: str) -> Delay:
        text = printable(self.posted.get(name, usual))[:LONGEST_TEXT]
        try:
            after_s = seconds(text)
        except ValueError:
            self.problems[name] = NO_LENGTH
            return Delay(text, None)
        if after_s > LONGEST_S:
            self.problems[name] = TOO_LONG
            return Delay(text, None)
        return Delay(text, after_s)


# For the script; what has to be mended first is left out


def script_answers(plan: Plan, said: Said) -> dict[str, list[Answer]]:
    """Return what comes of the sends of each step: what was said up to the last of them, then the usual again."""
    listed: dict[str, list[Answer]] = {}
    for name in dict.fromkeys(step for step, _ in said.answers):
        usual = usual_answer(plan.steps[name])
        last = max(nth for step, nth in said.answers if step == name)
        listed[name] = [_answer(said.answers.get((name, nth), usual)) for nth in range(1, last + 2)]
    return listed


def happenings(said: Said) -> list[Happening]:
    """Return the ticked events, each after the very send at which it is ticked."""
    return [
        Happening(event, after.seconds, step, nth)
        for (step, nth, event), after in said.ticks.items()
        if after.seconds is not None
    ]


def acts(said: Said) -> list[Act]:
    """Return what people do. The core takes a step's acts in their order, so none follows an entry without one."""
    return [
        Act("complete_task", word.after.seconds, step, word.label)
        for (step, nth), word in said.people.items()
        if word.after.seconds is not None and all_act_before(said, step, nth)
    ]


def all_act_before(said: Said, step: str, nth: int) -> bool:
    """Return whether somebody acts at each entry of a task before the nth."""
    words = (said.people.get((step, before)) for before in range(1, nth))
    return all(word is not None and word.after.seconds is not None for word in words)


def _answer(said: str) -> Answer:
    kind, _, detail = said.partition(":")
    return Answer(kind, label=detail) if kind == "label" else Answer(kind, detail)
