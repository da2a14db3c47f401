"""How would a past run have gone on another plan? The real core, fed with what the past run's record answers.

An answer counts only for an equivalent question: the same channel and template (or task, or hour), the how-manieth of
its kind, at the same tick within a tolerance. At the first question without one the telling stops; it invents nothing.
Pure. Source: study/engine.md §7 "What-if".
"""

import heapq
import json
from collections import Counter
from dataclasses import replace
from itertools import count
from typing import Any

from channels.kinds import Event as EventKind
from plans.steps import BLOCKED, CHANNELS, TIMEOUT, Call, SendEmail, Step, Task, WaitForEvent, WaitUntil
from policies.rules.suppression import RULE as SUPPRESSION
from runs.engine import commanding, machine
from runs.engine.transitions import Status
from runs.engine.values import (
    Command,
    Dispatch,
    Event,
    Facts,
    Fault,
    Input,
    OptOut,
    Outcome,
    Recover,
    Report,
    Resolved,
    Result,
    RunState,
    Start,
    Timer,
    Voided,
)
from runs.engine.walk import Walk
from runs.engine.whatif import doubt, gate, past
from runs.engine.whatif.doubt import Fog, Need
from runs.engine.whatif.past import Asked, Deed, Item, Record
from runs.engine.whatif.terms import Terms, Told

ASSUMED = "assumed"  # the source of what somebody vouches for
_NEWS = (Start, Outcome, Voided, Event, Command, Recover)


class _Stop(Exception):
    """Nothing more is known."""

    def __init__(self, needs: list[Need], deed: Deed | None = None) -> None:
        super().__init__(", ".join(map(str, needs)))
        self.needs, self.deed = needs, deed


def tell(record: Record, terms: Terms) -> Told:
    """Tell a past run again on another plan, up to its end or to the first thing that nobody knows."""
    return _Telling(record, terms).tell()


class _Telling:
    """One run under way. Ticks count from the start, as in the record."""

    def __init__(self, record: Record, terms: Terms) -> None:
        self.record, self.terms, self.plan = record, terms, terms.plan
        self.state = RunState(st=record.state.st, start_at=record.state.start_at)
        self.told = Told()
        self.now = 0
        self.own: Counter[int] = Counter()  # the run's own actions of each tick
        self.heap: list[tuple[int, int, int, Item, str]] = []  # tick, n, order, input, step it belongs to
        self.order = count()
        self.seen: Counter[tuple[str, str]] = Counter()
        self.at: tuple[str, int] = ("", 0)
        self.asked: Asked | None = None  # the equivalent question, None when there is none
        self.answered = 0  # of its answers
        self.shift = 0
        self.intents: dict[str, tuple[str, str]] = {}  # recorded intent: (intent, step) here
        self.barred: dict[str, bool] = {}  # channels closed meanwhile: whether the record does not know of it
        self.fog = Fog({}, set(terms.assumed.events), record.attributes)

    def tell(self) -> Told:
        told = self.told
        try:
            for item in self.record.loose:
                self._expect(item, item.tick, item.n, "")
            attrs = {k: v for k, v in self.record.start.attrs.items() if k in self.plan.attributes}
            self._give(replace(self.record.start, attrs=attrs))
            while self._one():
                pass
        except _Stop as stop:
            told.needs, told.deed = tuple(stop.needs), stop.deed
        told.until, told.state = self.now, self.state
        return told

    # What comes next

    def _one(self) -> bool:
        """Do what is next: in the order of ticks, and within a tick in the order of the record. False: nothing is."""
        item, own = self._next_input(), self._next_own()
        if item is None and own is None:
            return self._stand_still()
        if item is not None:
            tick, known = item[0], item[1]
            first = own is None or tick < own or (tick == own and self.own[tick] >= known.own_before)
            if first:
                return self._within(tick) and self._deliver(*item[1:])
        assert own is not None
        if not self._within(own):
            return False
        self.own[own] += 1
        self._act()
        return True

    def _within(self, tick: int) -> bool:
        """Move to a tick, unless nobody knows what happened by then."""
        if tick > self.record.horizon:
            self.told.beyond = True
            return False
        self.now = max(self.now, tick)
        return True

    def _next_input(self) -> tuple[int, Item, str, bool] | None:
        """Return the earliest input that is known: (tick, input, its step, whether it answers the present question)."""
        head = self._head()
        if head is not None and not isinstance(head.given, Facts | Resolved):
            tick = max(self.now, head.tick + self.shift)
            if not self.heap or (tick, head.n) < self.heap[0][:2]:
                return tick, self._timed(head), "", True
        if not self.heap:
            return None
        tick, _, _, item, step = self.heap[0]
        return max(self.now, tick), item, step, False

    def _head(self) -> Item | None:
        """Return the next answer to the present question."""
        if self.asked is None or self.answered >= len(self.asked.items):
            return None
        return self.asked.items[self.answered]

    def _timed(self, item: Item) -> Item:
        """Return an input as it stands in the order of its tick: a shifted one comes first in it."""
        return replace(item, own_before=0) if self.shift else item

    def _next_own(self) -> int | None:
        """Return the tick of the run's own next action, None when it has none or nobody knows when."""
        state = self.state
        if state.due is None:
            return None
        due = max(self.now, state.due - state.start_at)
        if state.status == Status.WAITING or self.asked is None:
            return due
        head = self._head()
        if head is None or not isinstance(head.given, Facts | Resolved):
            return None if isinstance(self._here(), SendEmail | Call) else due
        return max(due, head.tick + self.shift)

    def _stand_still(self) -> bool:
        """Nothing more is recorded: that is the end, unless the past run stopped here for a reason of its own."""
        here, status = self._here(), self.state.status
        if self._same_so_far():
            return False
        if status == Status.DISPATCHING:
            raise _Stop([Need(f"outcome of {here.name}")])
        if status in (Status.READY, Status.PAUSED) and self.state.due is not None:
            self.asked = None
            return True
        return False

    def _same_so_far(self) -> bool:
        return past.lines(self.told.bodies) == self.record.lines

    # The run's own actions

    def _act(self) -> None:
        here, at = self._here(), self._at()
        if self.state.status == Status.WAITING:
            self._time_is_up(at)
        elif isinstance(here, WaitUntil):
            self._resolve(here, at)
        else:
            assert isinstance(here, SendEmail | Call)
            self._send(here, at)

    def _time_is_up(self, at: int) -> None:
        """Let a timer fire, if it is known that nothing was quicker."""
        here = self._here()
        if isinstance(here, WaitForEvent) and (need := self.fog.event(here.event, here.of or "")):
            raise _Stop([need])
        if isinstance(here, Task) and self.asked is not None and not self._nobody_did_it():
            entries, self.asked = len(self.told.bodies), None
            self._do_task(here)
            if len(self.told.bodies) > entries:
                return
        self._give(Timer(at))

    def _nobody_did_it(self) -> bool:
        """Return whether the past run's task stood open until now, so that somebody could have done it."""
        assert self.asked is not None
        left = self.record.horizon if self.asked.left is None else self.asked.left
        return self.now <= left + self.shift

    def _resolve(self, here: WaitUntil, at: int) -> None:
        head = self._head()
        if head is not None and isinstance(head.given, Resolved) and not self.shift:
            self.answered += 1
            self._give(replace(head.given, at=at))
            return
        zone = self.record.zone
        if zone is None:
            raise _Stop([Need("the contact's time zone", entry=True)])
        self._give(Resolved(at, zone, "", self.terms.clock(zone, here, at) if zone else None))

    def _send(self, here: SendEmail | Call, at: int) -> None:
        """Bring a message before the gate with the facts that were recorded for an equivalent one."""
        head = self._head()
        if head is None or not isinstance(head.given, Facts):
            self._new_send(here, at)
            return
        facts = head.given.facts
        if facts["purpose"] != self.plan.purpose:
            raise _Stop([Need(f"consent for {self.plan.purpose}", entry=True)])
        if facts["policy"]["key"] != self.plan.policy:
            raise _Stop([Need(f"facts under the policy {self.plan.policy}", entry=True)])
        closed = self.barred.get(facts["channel"], False)  # by what only this plan did
        if closed or facts.get("again", False) != bool(self.state.again_until):
            self.asked = None
            self._new_send(here, at)
            return
        self.answered += 1
        self._doubt_exits()
        result = self._give(replace(head.given, at=at))
        if head.intent and any(isinstance(effect, Dispatch) for effect in result.effects):
            self._follow(head.intent)

    def _follow(self, recorded: str) -> None:
        """Expect what was told later about an equivalent message."""
        if recorded not in self.intents:
            for item in self.record.news.get(recorded, ()):
                self._expect(self._timed(item), item.tick + self.shift, item.n, self.state.step)
        self.intents[recorded] = (self.state.intent, self.state.step)

    def _new_send(self, here: SendEmail | Call, at: int) -> None:
        """Make a send that the past run has no equivalent of: refused by what is known, assumed, or the end of it."""
        channel, name = str(CHANNELS[here.kind]), here.name
        if self.state.again_until:
            raise _Stop([Need(f"outcome of {name}")])
        rule = self._refused(name, channel)
        label = self.terms.assumed.labels.get(name, "")
        if not rule:
            if not label:
                raise _Stop([Need(f"outcome of {name}")], self._deed(here, channel))
            self._use(f"{name}={label}")
            rule = SUPPRESSION if label == BLOCKED else ""
        self._doubt_exits()
        policy, facts = gate.supposed(self.plan, channel, at, denied_by=rule)
        result = self._give(Facts(at, policy, facts, None))
        if any(isinstance(effect, Dispatch) for effect in result.effects):
            self._suppose(here, label, at)

    def _refused(self, name: str, channel: str) -> str:
        """Return the rule by which the gate refuses the channel for all that is known, "" when it may not."""
        entry, facts = gate.latest(self.record.facts, channel, self.plan.purpose, self.now)
        rule = SUPPRESSION if channel in self.barred else gate.refuses(facts)
        if rule:
            self.told.refused += ((name, rule, 0 if channel in self.barred else entry),)
        return rule

    def _suppose(self, here: SendEmail | Call, label: str, at: int) -> None:
        """Let an assumed send have its assumed outcome, and the events somebody vouches for."""
        intent = self.state.intent
        self.fog.hidden[here.name] = doubt.EVENTS[here.kind]
        for (step, event), after_s in self.terms.assumed.events.items():
            if step == here.name:
                self._use(f"{step}.{event}={'never' if after_s is None else after_s}")
            if step == here.name and after_s is not None:
                item = Item(0, 0, 0, Event(at, event, intent, step, False, ASSUMED, f"{after_s:032x}"))
                self._expect(item, self.now + after_s, 0, step)
        kind = "label" if isinstance(here, Call) else "accepted"
        self._give(Outcome(at, intent, kind, label=label if kind == "label" else ""))

    def _deed(self, here: SendEmail | Call, channel: str) -> Deed:
        made = sum(1 for deed in past.deeds(self.told.bodies) if (deed.kind, deed.what) == (channel, here.template))
        return Deed(channel, here.template, made + 1, self.now, here.name)

    def _use(self, word: str) -> None:
        self.told.vouched = self.told.vouched or (len(self.told.bodies), self.state.step)
        if word not in self.told.used:
            self.told.used += (word,)

    # Inputs

    def _expect(self, item: Item, tick: int, n: int, step: str) -> None:
        heapq.heappush(self.heap, (tick, n, next(self.order), item, step))

    def _deliver(self, item: Item, step: str, answers: bool) -> bool:
        if answers:
            self.answered += 1
        else:
            heapq.heappop(self.heap)
        given = self._translated(item, step)
        if given is not None:
            self._give(given)
        elif answers:
            self.asked = None  # the conversation went another way: what is recorded after this says nothing here
        return True

    def _translated(self, item: Item, step: str) -> Input | None:
        """Return a recorded input as it is one of this run, None when it cannot happen as the run stands."""
        given, state, at = item.given, self.state, self._at()
        match given:
            case Outcome() | Voided():
                return replace(given, at=at, intent=state.intent) if state.status == Status.DISPATCHING else None
            case Event() | Report():
                intent, here = self.intents.get(given.intent, (given.intent, ""))
                place = here or step or ("" if given.intent or given.step not in self.plan.steps else given.step)
                return replace(given, at=at, intent=intent, step=place)
            case Command():
                command = replace(given, at=at)
                return None if commanding.refusal(state, self._here(), command) else command
            case Recover():
                recover = replace(given, at=at)
                failed = state.status == Status.FAILED
                return recover if failed and commanding.choice(state, self._here(), recover) else None
            case Fault():
                met = (state.step, state.visit, state.status)
                return replace(given, at=at) if met == item.standing else None
        raise AssertionError(f"{type(given).__name__} is no input from outside")

    # Into the core

    def _here(self) -> Step:
        return self.plan.steps[self.state.step]

    def _at(self) -> int:
        return self.state.start_at + self.now

    def _give(self, given: Input) -> Result:
        result = machine.step(self.plan, self.state, given)
        bodies = [json.loads(entry.body) for entry in result.entries]
        self._doubt(bodies, result.state)
        self.state = result.state
        self.told.bodies += bodies
        self._bar(given, result)
        if isinstance(given, _NEWS):
            self._doubt_exits()
        if (self.state.step, self.state.visit) != self.at:
            self._arrive()
        return result

    def _bar(self, given: Input, result: Result) -> None:
        """Note which channels the gate refuses from now on."""
        for effect in result.effects:
            if isinstance(effect, OptOut):
                known = past.deeds(self.told.bodies)[-1].name in {deed.name for deed in self.record.deeds}
                self.barred |= dict.fromkeys(effect.channels, not known)
        if isinstance(given, Event) and given.event == EventKind.BOUNCED_HARD and given.step in self.plan.steps:
            self.barred[str(CHANNELS.get(self.plan.steps[given.step].kind))] = given.source == ASSUMED

    def _arrive(self) -> None:
        """Look for the equivalent of what the step just entered asks."""
        self.at = (self.state.step, self.state.visit)
        here = self._here()
        found = self.record.asked.get(past.question(here, self.seen))
        self.shift = self.now - found.tick if found else 0
        self.asked = found if abs(self.shift) <= self.terms.tolerance_s else None
        self.answered = 0
        if self.asked is None and isinstance(here, Task) and self.state.status == Status.WAITING:
            self._do_task(here)

    def _do_task(self, here: Task) -> None:
        label = self.terms.assumed.labels.get(here.name)
        if label is None:
            raise _Stop([Need(f"outcome of {here.name}")])
        self._use(f"{here.name}={label}")
        if label != TIMEOUT:
            self._give(Command(self._at(), "complete_task", ASSUMED, ASSUMED, None, label))

    def _doubt(self, bodies: list[dict[str, Any]], after: RunState) -> None:
        """Stop where the core decided on something that is not known."""
        for body in bodies:
            data, needs = body["data"], []
            leaves = iter(data.get("leaves", ()))
            if body["type"] == "branch.evaluated":
                needs = doubt.of_branch(self.plan.steps[body["step"]].cases, data["case"], leaves, self.fog)  # type: ignore[union-attr]
            elif body["type"] == "run.exited":
                needs = doubt.of_condition(self.plan.exit_on[data["rule"]].when, leaves, self.fog)
            elif body["type"] == "gate.decided" and "require" in data:
                required = self.plan.steps[body["step"]].require  # type: ignore[union-attr]
                needs = doubt.of_condition(required, iter(data["require"]), self.fog)  # type: ignore[arg-type]
            if needs:
                raise _Stop(needs)

    def _doubt_exits(self) -> None:
        """Stop where an exit might be due that was not taken for want of knowledge."""
        walk = Walk(self.plan, self.state, self._at())
        if not walk.may_leave():
            return
        for index, rule in enumerate(self.plan.exit_on):
            if index not in self.state.exits and (needs := doubt.of_snapshot(rule.when, walk.snapshot(), self.fog)):
                raise _Stop(needs)
