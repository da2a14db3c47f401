"""What does a past run tell? Its inputs, sorted into those that hold for any plan and those that answer one question.

Exogenous inputs (opt-outs, holds, cancels, what came from other runs) happen whatever the plan is. All others answer a
question that a step asked: a message, a task, an hour of the day. Pure. Source: study/engine.md §7 "What-if".
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from plans.document import Plan
from plans.steps import CHANNELS, Call, SendEmail, Step, Task, WaitUntil
from runs.engine import recorded, replay, trace, transitions
from runs.engine.values import (
    Command,
    Event,
    Facts,
    Fault,
    Input,
    Report,
    Resolved,
    RunState,
    Start,
    Timer,
)

# Commands that are somebody's own will; the others react to what came of one send or task.
EXOGENOUS = ("cancel", "hold", "release")
OPT_OUT = "opt_out"


@dataclass(frozen=True, slots=True)
class Past:
    """A past run as it lies in the log. clock: lane clock up to which it is known that nothing else happened."""

    ref: str
    plan: Plan
    texts: Sequence[str]
    policies: recorded.Policies
    clock: int


@dataclass(frozen=True, slots=True)
class Question:
    """What a step asks the world, and the how-manieth time: equal questions of two plans may have the same answer.

    kind: email, voice, task, time or step. what: the template, the task's title, the hour, or the step's name.
    """

    kind: str
    what: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class Item:
    """One recorded input. own_before: the run's own actions of that tick before it. intent: what facts led to."""

    n: int
    tick: int
    own_before: int
    given: Input
    intent: str = ""
    standing: tuple[str, int, str] = ("", 0, "")  # step, visit and status it met


@dataclass(slots=True)
class Asked:
    """One visit of a step, with everything that answered it in order. left: the tick it was left, None if never."""

    question: Question
    step: str
    visit: int
    tick: int
    left: int | None = None
    items: list[Item] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Deed:
    """What a run did to the world: a message it intended to send, or an opt-out it recorded."""

    kind: str
    what: str
    ordinal: int
    tick: int
    step: str

    @property
    def name(self) -> tuple[str, str, int]:
        return (self.kind, self.what, self.ordinal)


@dataclass(slots=True)
class Record:
    """A past run, read. horizon: tick up to which it is known. lines: its trace. zone: None when nobody recorded it."""

    start: Start
    state: RunState
    horizon: int
    attributes: frozenset[str]
    asked: dict[Question, Asked] = field(default_factory=dict)
    loose: list[Item] = field(default_factory=list)
    news: dict[str, list[Item]] = field(default_factory=dict)
    facts: list[tuple[int, int, Mapping[str, Any]]] = field(default_factory=list)  # (tick, n, facts) of the gate
    deeds: tuple[Deed, ...] = ()
    lines: tuple[tuple[object, ...], ...] = ()
    zone: str | None = None


class Unusable(Exception):
    """The run's own record does not give its entries again, so nothing can be concluded from it."""


def read(past: Past) -> Record:
    """Read a past run by telling it again on its own plan. Raises: Unusable."""
    reader = _Reader(past)
    try:
        for applied in replay.retell(past.plan, past.policies, past.texts):
            reader.take(applied)
    except replay.Diverged as parted:
        raise Unusable(f"its record does not replay: entry {parted.found.n} is {parted.found.why}") from None
    return reader.finish()


def question(step: Step, seen: Counter[tuple[str, str]]) -> Question:
    """Return what a step asks now. seen: how often each was asked before, which this call counts on."""
    match step:
        case SendEmail() | Call():
            kind, what = str(CHANNELS[step.kind]), step.template
        case Task():
            kind, what = "task", step.title
        case WaitUntil():
            kind, what = "time", f"{step.minute} {step.days}"
        case _:
            kind, what = "step", step.name
    seen[kind, what] += 1
    return Question(kind, what, seen[kind, what])


def deeds(bodies: Sequence[Mapping[str, Any]]) -> tuple[Deed, ...]:
    """Return what the entries of a run say it did to the world."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for body in bodies:
        data = body["data"]
        if body["type"] == "send.intended":
            kind, what = data["channel"], data["template"]
        elif body["type"] == "opt_out.recorded":
            kind, what = OPT_OUT, ", ".join(data["channels"])
        else:
            continue
        seen[kind, what] += 1
        found.append(Deed(kind, what, seen[kind, what], body["tick"], body["step"]))
    return tuple(found)


def lines(bodies: Sequence[Mapping[str, Any]]) -> tuple[tuple[object, ...], ...]:
    """Return a run's trace without what names the plan's version."""
    told = (trace.describe(body) for body in bodies if body["type"] != "run.started")
    return tuple((line.tick, line.step, line.action, line.outcome) for line in told)


class _Reader:
    """Sorts the inputs of one run as they are told again."""

    def __init__(self, past: Past) -> None:
        self.past = past
        self.bodies = [recorded.body(text) for text in past.texts]
        self.record: Record | None = None
        self.own: Counter[int] = Counter()
        self.seen: Counter[tuple[str, str]] = Counter()
        self.here: Asked | None = None

    def take(self, applied: replay.Applied) -> None:
        given = applied.given
        if isinstance(given, Start):
            horizon = self.past.clock - given.at
            self.record = Record(given, applied.state, horizon, frozenset(self.past.plan.attributes))
        else:
            assert self.record is not None
            self._sort(self.record, applied)
        self.record.state = applied.state
        self._stand(self.record, applied.state, given.at - applied.state.start_at)

    def _sort(self, record: Record, applied: replay.Applied) -> None:
        given, before = applied.given, record.state
        tick = given.at - before.start_at
        intent = applied.state.intent if isinstance(given, Facts) and applied.state.status == "DISPATCHING" else ""
        standing = (before.step, before.visit, before.status)
        item = Item(applied.first, tick, self.own[tick], given, intent, standing)
        if isinstance(given, Timer | Facts | Resolved):
            self.own[tick] += 1
        if isinstance(given, Facts):
            record.facts.append((tick, item.n, given.facts))
            zones = given.facts["hours"]["zones"]
            if record.zone is None and len(zones) == 1:
                record.zone = zones[0]["name"]
        if isinstance(given, Resolved):
            record.zone = given.zone
        if isinstance(given, Event | Report) and not (isinstance(given, Event) and given.stops) and given.intent:
            record.news.setdefault(given.intent, []).append(item)
        elif isinstance(given, Event | Fault) or (isinstance(given, Command) and given.command in EXOGENOUS):
            record.loose.append(item)
        elif not isinstance(given, Timer) and self.here:
            self.here.items.append(item)

    def _stand(self, record: Record, state: RunState, tick: int) -> None:
        """Note at which step the run stands now."""
        here = self.here
        if here is None or (here.step, here.visit) != (state.step, state.visit):
            if here and here.left is None:
                here.left = tick
            asks = question(self.past.plan.steps[state.step], self.seen)
            here = self.here = Asked(asks, state.step, state.visit, tick)
            record.asked[asks] = here
        if state.status in transitions.FINAL and here.left is None:
            here.left = tick

    def finish(self) -> Record:
        assert self.record is not None
        self.record.deeds = deeds(self.bodies)
        self.record.lines = lines(self.bodies)
        return self.record
