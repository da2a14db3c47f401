"""How does a run move from step to step, and what does it leave in its chain on the way?

The moves themselves; which input causes which is in `machine`. Pure. Source: DESIGN §5, §8.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from audit import canon, chain
from plans import conditions
from plans.document import Plan
from plans.steps import (
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
from runs.engine import transitions
from runs.engine.transitions import Status
from runs.engine.values import Effect, OptOut, RunState

_LEAVES = (Status.READY, Status.WAITING, Status.PAUSED)


class IllegalMove(Exception):
    """The core was asked for a move the table does not know; the shell records an engine fault."""


def targets(step: Step) -> dict[str, str]:
    """Return where a step can go, {label: step name}; the labels of a branch or a split are its arms."""
    return dict(step.on)


class Walk:
    """One application of one input: a state being changed and the entries it leaves behind."""

    def __init__(self, plan: Plan, state: RunState, at: int) -> None:
        self.plan = plan
        self.state = state
        self.at = at
        self.cause = 0
        self.entries: list[chain.Entry] = []
        self.effects: list[Effect] = []

    def write(self, type: str, data: Mapping[str, Any], *, is_input: bool = False, step: str | None = None) -> int:
        """Link an entry to the run's chain; return its n. An input becomes the cause of what follows it."""
        state = self.state
        place = state.step if step is None else step
        visit = state.visit if place == state.step else state.visits.get(place, 0)
        draft = chain.Draft(type, self.at - state.start_at, data, place, visit, 0 if is_input else self.cause)
        entry = chain.link(state.st, state.n + 1, state.head, draft)
        state.n, state.head = entry.n, entry.hash
        self.entries.append(entry)
        if is_input:
            self.cause = entry.n
        return entry.n

    def move(self, status: Status, *, reason: str = "", due: int | None = None) -> None:
        state = self.state
        if not transitions.may_move(state.status, status):
            raise IllegalMove(f"{state.st}: {state.status} → {status}")
        state.status, state.reason, state.due = status.value, reason, due
        if state.held and status != Status.PAUSED:
            state.held, state.held_due = "", 0

    def here(self) -> Step:
        return self.plan.steps[self.state.step]

    def snapshot(self) -> conditions.Snapshot:
        state = self.state
        return conditions.Snapshot(
            tick=self.at - state.start_at,
            attrs=state.attrs,
            events=state.events,
            outcomes=state.outcomes,
            visits=state.visits,
        )

    # Ends and failures

    def fail(self, reason: str) -> None:
        self.write("run.failed", {"reason": reason})
        self.move(Status.FAILED, reason=reason)
        self.state.again_until = 0  # nothing is about to be dispatched again

    def stop(self, reason: str) -> None:
        self.write("run.stopped", {"reason": reason})
        self.move(Status.STOPPED, reason=reason)

    # Going on

    def complete(self, label: str) -> None:
        """Leave the present step along a label of its own."""
        goto = targets(self.here())[label]
        self.state.outcomes[self.state.step] = label
        self.write("step.completed", {"label": label, "next": goto})
        self.enter(goto)

    def enter(self, name: str) -> None:
        """Enter steps one after the other until one has to wait, send or end."""
        target: str | None = name
        while target is not None:
            state = self.state
            state.step = target
            state.visit = state.visits.get(target, 0) + 1
            state.visits[target] = state.visit
            state.attempt, state.intent, state.steps_taken = 0, "", state.steps_taken + 1
            self.forget_failures()
            state.unsure = state.evidence = ""
            state.kept, state.again_until = [], 0
            target = self._arrive(self.plan.steps[target])

    def forget_failures(self) -> None:
        """Let the recovery rules begin anew."""
        self.state.recoveries, self.state.exhausted = 0, False

    def overdue(self) -> bool:
        """Return whether the run has taken longer than its plan allows."""
        return self.at - self.state.start_at > self.plan.limits.max_duration_s

    def _arrive(self, here: Step) -> str | None:
        if self.state.steps_taken > self.plan.limits.max_steps:
            self.fail("step_limit")
        elif isinstance(here, End):
            self.write("run.completed", {"result": here.result, "goal": here.goal})
            self.move(Status.COMPLETED, reason=here.result)
        elif self.overdue():
            self.fail("duration_limit")
        else:
            return _ARRIVALS[type(here)](self, here)
        return None

    def _stand(self, _here: Step) -> None:
        self.ready()

    def _branch(self, here: Branch) -> str:
        leaves: list[dict[str, Any]] = []
        chosen, goto = here.otherwise.name, here.otherwise.goto
        for case in here.cases:
            holds, seen = conditions.evaluate(case.when, self.snapshot())
            leaves += seen
            if holds:
                chosen, goto = case.name, case.goto
                break
        self.state.outcomes[here.name] = chosen
        self.write("branch.evaluated", {"leaves": leaves, "case": chosen, "next": goto})
        return goto

    def _split(self, here: Split) -> str:
        total = sum(arm.weight for arm in here.arms)
        place = bucket = self._hash("dee.split/1", self.plan.key, here.name, self.state.contact) % total
        for arm in here.arms:
            place -= arm.weight
            if place < 0:
                break
        self.state.outcomes[here.name] = arm.name
        self.write("split.evaluated", {"bucket": bucket, "of": total, "arm": arm.name, "next": arm.goto})
        return arm.goto

    def _hash(self, domain: str, *parts: str | int) -> int:
        text = f"{domain}\n{canon.encode(list(parts))}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])

    def _record_opt_out(self, here: RecordOptOut) -> str:
        state = self.state
        id = f"{self._hash('dee.opt-out/1', state.st, state.step, state.visit):032x}"
        goto = here.on["recorded"]
        state.outcomes[here.name] = "recorded"
        self.write("opt_out.recorded", {"channels": list(here.channels), "id": id, "next": goto})
        self.effects.append(OptOut(here.channels, id))
        return goto

    def _wait(self, here: Wait) -> str | None:
        if here.seconds == 0:
            return self._pass("completed")
        self.wait_on("timer", self.at + here.seconds)
        return None

    def _wait_for_event(self, here: WaitForEvent) -> str | None:
        if self.has_come(here):
            return self._pass("event")  # it was earlier than the step that waits for it: nothing is missed
        self.wait_on("event", self.at + here.timeout_s, event=here.event, of=here.of or "")
        return None

    def has_come(self, here: WaitForEvent) -> bool:
        """Return whether the event a step waits for is known already: facts are durable."""
        return here.event in self.state.events.get(here.of or "", {})

    def _task(self, here: Task) -> None:
        self.wait_on("task", self.at + here.timeout_s)

    def _pass(self, label: str) -> str:
        """Complete the step just entered at once; return where it leads."""
        here = self.here()
        self.state.outcomes[here.name] = label
        self.write("step.completed", {"label": label, "next": here.on[label]})
        return here.on[label]

    def wait_on(self, what: str, until: int, *, event: str = "", of: str = "") -> None:
        state = self.state
        # Turns and queues belong to sends: a timer keeps none, or its place would depend on the size of waves.
        state.turn, state.since = 0, 0
        tick = until - state.start_at
        n = self.write("step.waiting", {"on": what, "until": tick, "event": event, "of": of})
        self.move(Status.WAITING, reason=what, due=until)
        state.wait_n = n

    def pause(self, reason: str, until: int, n: int) -> None:
        """Stand still until an instant, because of entry n; then the gate is asked again."""
        state = self.state
        self.move(Status.PAUSED, reason=reason, due=until)
        state.wait_n, state.turn = n, 0
        state.ready_at = until  # lateness counts from the instant the policy gave

    def ready(self) -> None:
        """Stand before the gate, in the order of turns within this instant; who stands there longer goes first."""
        state = self.state
        if state.moment != self.at:
            state.moment, state.turn = self.at, 0
        state.ready_at, state.since = self.at, self.at
        self.move(Status.READY, due=self.at)

    def may_leave(self) -> bool:
        """Return whether an exit may be taken now; elsewhere something has to be settled first."""
        return self.state.status in _LEAVES and not self.state.held

    def exit_if_due(self) -> bool:
        """Take the first exit_on rule that now holds, if any; return whether one was taken."""
        for index, rule in enumerate(self.plan.exit_on):
            if index in self.state.exits:
                continue
            holds, leaves = conditions.evaluate(rule.when, self.snapshot())
            if holds:
                self.state.exits.append(index)
                self.write("run.exited", {"leaves": leaves, "rule": index, "next": rule.goto})
                self.enter(rule.goto)
                return True
        return False


# What happens on entering a step that neither ends the run nor breaks its bounds; returns the step that comes at once.
_ARRIVALS: dict[type, Callable[[Walk, Any], str | None]] = {
    SendEmail: Walk._stand,
    Call: Walk._stand,
    WaitUntil: Walk._stand,  # the shell knows the contact's clock
    Wait: Walk._wait,
    WaitForEvent: Walk._wait_for_event,
    Branch: Walk._branch,
    Split: Walk._split,
    RecordOptOut: Walk._record_opt_out,
    Task: Walk._task,
}
