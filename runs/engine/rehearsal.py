"""How would a run go? The real core walks a plan by a script: what comes of each send, what happens, who does what.

Pure and deterministic. Nothing is sent or written: the gate's facts, the rendered messages and the contact's clock come
from the `World` that the caller brings. Every call of the core is the one the engine makes. Source: DESIGN §10.
"""

import heapq
import json
from collections import Counter
from collections.abc import Callable
from itertools import count

from audit import chain
from channels.kinds import Event as EventKind
from plans.document import Plan
from plans.steps import CHANNELS, Call, SendEmail, WaitUntil
from runs.engine import commanding, machine, path, recorded, trace, transitions
from runs.engine.script import Act, Happening, Message, Rehearsal, Script, Sent, World, check
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
    Result,
    RunState,
    Settle,
    Start,
    Timer,
)

STREAM = "rehearsal"
MAX_INPUTS = 2_000
MAX_PAUSES = 60  # in a row, before a run that policies hold again and again is left standing


def rehearse(plan: Plan, script: Script, world: World) -> Rehearsal:
    """Play a run of a valid plan to its end, or until nobody would do anything any more. Raises: Unplayable."""
    check(plan, script)
    return _Stage(plan, script, world).play()


class _Stage:
    """One rehearsal under way: the state, and a heap of what the script lets happen, in the engine's order."""

    def __init__(self, plan: Plan, script: Script, world: World) -> None:
        self.plan, self.script, self.world = plan, script, world
        self.state = RunState(st=STREAM, start_at=script.start_at)
        self.entries: list[chain.Entry] = []
        self.sent: list[Sent] = []
        self.order = count()
        self.heap: list[tuple[int, int, Callable[[int], None]]] = []
        self.acts = list(script.acts)
        self.said: Counter[str] = Counter()  # sends of each step
        self.awaited = list(script.happenings)  # those that have not come to pass
        self.kept: dict[str, Message] = {}
        self.refused: list[str] = []
        self.inputs = self.pauses = self.commands = 0
        self.cued: tuple[object, ...] = ()

    def play(self) -> Rehearsal:
        script = self.script
        for happening in script.happenings:
            if not happening.of:
                self._plan(script.start_at + happening.after_s, self._event(happening, "", ""))
        for act in [act for act in self.acts if not act.step]:
            self.acts.remove(act)
            self._plan(script.start_at + act.after_s, self._command(act))
        who = (script.contact_ref, script.contact_hash, script.attrs)
        self._give(Start(script.start_at, script.version, *who, "rehearsal"))
        while not self._cut() and self._one():
            pass
        return self._told()

    def _cut(self) -> str:
        if self.inputs >= MAX_INPUTS:
            return f"It was left standing after {MAX_INPUTS} inputs."
        if self.pauses >= MAX_PAUSES:
            return f"It was left standing after {MAX_PAUSES} pauses in a row."
        return ""

    def _one(self) -> bool:
        """Do what is next; events of a second come before timers of it. Return False when nothing is."""
        due = self.state.due
        if self.heap and (due is None or self.heap[0][0] <= due):
            at, _, action = heapq.heappop(self.heap)
            action(at)
        elif due is not None:
            self._own_action(due)
        else:
            return False
        return True

    def _plan(self, at: int, action: Callable[[int], None]) -> None:
        heapq.heappush(self.heap, (at, next(self.order), action))

    # What the run does by itself

    def _own_action(self, at: int) -> None:
        here = self.plan.steps[self.state.step]
        if self.state.status == Status.WAITING:
            self._give(Timer(at))
        elif isinstance(here, WaitUntil):
            self._give(self.world.resolved(here, at=at))
        else:
            assert isinstance(here, SendEmail | Call)
            self._send(here, at)

    def _send(self, here: SendEmail | Call, at: int) -> None:
        state, again = self.state, bool(self.state.again_until)
        late_by = max(0, at - state.ready_at) if state.ready_at else 0
        policy, facts = self.world.facts(str(CHANNELS[here.kind]), at=at, late_by=late_by, again=again)
        message = self.kept[state.intent] if again else self.world.message(state, here)
        result = self._give(Facts(at, policy, facts, message.payload, message.error))
        for effect in result.effects:
            if isinstance(effect, Dispatch):
                if not again:
                    self.world.reserve(facts, at=at)
                self.kept[effect.intent] = message
                self._leave(effect, message, at)

    def _leave(self, dispatch: Dispatch, message: Message, at: int) -> None:
        """Answer for the adapter, and let what the script ties to this send happen in its time."""
        self.said[dispatch.step] += 1
        answers = self.script.answers.get(dispatch.step) or (self.script.defaults[dispatch.channel],)
        nth = self.said[dispatch.step]
        answer = answers[min(nth, len(answers)) - 1]
        tick = at - self.script.start_at
        self.sent.append(Sent(dispatch.step, dispatch.visit, dispatch.attempt, tick, dispatch.channel, message, answer))
        if answer.kind != "not_sent":
            for happening in self.script.happenings:
                if happening.of == dispatch.step and happening.nth in (0, nth):
                    action = self._event(happening, dispatch.intent, dispatch.channel)
                    self._plan(at + happening.after_s, action)
        self._give(Outcome(at, dispatch.intent, answer.kind, answer.code, answer.label))

    # What comes from outside

    def _event(self, happening: Happening, intent: str, channel: str) -> Callable[[int], None]:
        def happen(at: int) -> None:
            if happening in self.awaited:
                self.awaited.remove(happening)
            if happening.event == EventKind.BOUNCED_HARD and channel:
                self.world.bar(channel, "hard_bounce")
            stops = happening.event in recorded.OPT_OUTS
            n = f"{self.inputs:032x}"
            given = Event(at, happening.event, intent, happening.of, happening.machine, "rehearsal", n, stops)
            self._give(given)

        return happen

    def _command(self, act: Act) -> Callable[[int], None]:
        def happen(at: int) -> None:
            given = self._asked(act, at)
            refusal = commanding.refusal(self.state, self.plan.steps[self.state.step], given)
            if refusal:
                self.refused.append(f"{_words(act)} was refused: {refusal}")
            else:
                self.commands += 1
                self._give(given)

        return happen

    def _asked(self, act: Act, at: int) -> Command:
        channel = CHANNELS.get(self.plan.steps[self.state.step].kind)
        key_ttl_s = self.world.recover(str(channel), at=at).key_ttl_s if channel else 0
        return Command(at, act.command, f"rehearsal-{self.inputs}", "rehearsal", None, act.label, key_ttl_s)

    def _cue(self, at: int) -> None:
        """Let the first act that waits for this step take place in its time, if it may be given now: one each time."""
        state = self.state
        standing = (state.step, state.visit, state.status, state.reason, state.attempt, self.commands)
        if standing == self.cued:
            return
        self.cued = standing
        for act in self.acts:
            here = self.plan.steps[state.step]
            if act.step == state.step and commanding.refusal(state, here, self._asked(act, at)) is None:
                self.acts.remove(act)
                self._plan(at + act.after_s, self._command(act))
                return

    # Into the core

    def _give(self, given: Input) -> Result:
        result = self._apply(given)
        if not self._recovered(given):
            self._cue(given.at)
        return result

    def _apply(self, given: Input) -> Result:
        self.inputs += 1
        try:
            result = machine.step(self.plan, self.state, given)
        except Exception as error:
            if isinstance(given, Start):
                raise
            result = machine.step(self.plan, self.state, Fault(given.at, type(error).__name__))  # as the engine does
        self.state = result.state
        self.entries += result.entries
        if isinstance(given, Facts):
            self.pauses = self.pauses + 1 if self.state.status == Status.PAUSED else 0
        for effect in result.effects:
            if isinstance(effect, Settle):
                self.world.settle(effect, at=given.at)
            elif isinstance(effect, OptOut):
                for channel in effect.channels:
                    self.world.bar(channel, "unsubscribe")
        return result

    def _recovered(self, given: Input) -> bool:
        """Let the policy's recovery rules act on a failure, as the engine does at once; return whether one did."""
        state = self.state
        if isinstance(given, Recover) or state.status != Status.FAILED:
            return False
        here = self.plan.steps[state.step]
        if here.kind not in CHANNELS:
            return False
        recover = self.world.recover(str(CHANNELS[here.kind]), at=given.at)
        if commanding.choice(state, here, recover) is None:
            return False
        self._give(recover)
        return True

    # The report

    def _told(self) -> Rehearsal:
        bodies = tuple(json.loads(entry.body) for entry in self.entries)
        state = self.state
        unused = [f"{h.event}{f' of {h.of}' if h.of else ''} never came to pass." for h in self.awaited]
        unused += [f"{_words(act)} was never possible." for act in self.acts]
        return Rehearsal(
            entries=tuple(self.entries),
            bodies=bodies,
            lines=tuple(trace.line(body, entry.hash.hex()) for body, entry in zip(bodies, self.entries, strict=True)),
            path=path.path(bodies),
            sent=tuple(self.sent),
            status=state.status,
            reason=state.reason,
            step=state.step,
            tick=self.entries[-1].tick,
            evidence=state.evidence,
            cut="" if state.status in transitions.FINAL else self._cut(),
            unused=(*unused, *self.refused),
        )


def _words(act: Act) -> str:
    said = act.command.replace("_", " ")
    return f"“{said}{f' as {act.label}' if act.label else ''}”{f' at {act.step}' if act.step else ''}"
