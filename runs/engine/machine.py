"""What does a run do next? `step(plan, state, input)` gives the new state, its entries and its effects.

Pure and total over valid plans: same arguments, same bytes. The gate's verdict follows from recorded facts,
so a run replays alone from its entries. Source: DESIGN §2, §4, §5, §8.
"""

from collections.abc import Callable, Mapping
from typing import Any

from audit import chain
from channels.kinds import CALL_LABELS
from plans import conditions
from plans.document import Plan
from plans.steps import Branch, Call, End, SendEmail, Step, Wait, WaitForEvent
from policies.rules import evaluate
from runs.engine import transitions
from runs.engine.transitions import Status
from runs.engine.values import (
    RESULT_DEADLINE_S,
    Command,
    Dispatch,
    Effect,
    Event,
    Facts,
    Fault,
    Input,
    Outcome,
    Result,
    RunState,
    Settle,
    Start,
    Timer,
    Voided,
    intent_id,
)

SETTLE = {"accepted": "post", "delivered": "post", "label": "post", "not_sent": "void", "unknown": "keep"}


class IllegalMove(Exception):
    """The core was asked for a move the table does not know; the shell records an engine fault."""


def step(plan: Plan, state: RunState, given: Input) -> Result:
    """Apply one input to a run. The state given is left untouched.

    Raises: IllegalMove, or whatever a bug raises: the shell then records an engine fault and goes on.
    """
    walk = _Walk(plan, state.copy(), given.at)
    _HANDLERS[type(given)](walk, given)
    return Result(walk.state, tuple(walk.entries), tuple(walk.effects))


def targets(step: Step) -> dict[str, str]:
    """Return where a step can go, {label: step name}; a branch's labels are its cases."""
    return dict(step.on)


class _Walk:
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
        if status != Status.WAITING:
            state.waiting_on = ""

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
            target = self._arrive(self.plan.steps[target])

    def _arrive(self, here: Step) -> str | None:
        limits = self.plan.limits
        if self.state.steps_taken > limits.max_steps:
            self.fail("step_limit")
        elif isinstance(here, End):
            self.write("run.completed", {"result": here.result, "goal": here.goal})
            self.move(Status.COMPLETED, reason=here.result)
        elif self.at - self.state.start_at > limits.max_duration_s:
            self.fail("duration_limit")
        elif isinstance(here, Branch):
            return self._branch(here)
        elif isinstance(here, Wait):
            return self._wait(here)
        elif isinstance(here, WaitForEvent):
            return self._wait_for_event(here)
        else:
            self.ready()
        return None

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

    def _wait(self, here: Wait) -> str | None:
        if here.seconds == 0:
            self.state.outcomes[here.name] = "completed"
            self.write("step.completed", {"label": "completed", "next": here.on["completed"]})
            return here.on["completed"]
        self.wait_on("timer", self.at + here.seconds)
        return None

    def _wait_for_event(self, here: WaitForEvent) -> str | None:
        if self.state.events.get(here.of or "", {}).get(here.event):
            # The event was earlier than the step that waits for it: facts are durable, nothing is missed.
            self.state.outcomes[here.name] = "event"
            self.write("step.completed", {"label": "event", "next": here.on["event"]})
            return here.on["event"]
        self.wait_on("event", self.at + here.timeout_s, event=here.event, of=here.of or "")
        return None

    def wait_on(self, what: str, until: int, *, event: str = "", of: str = "") -> None:
        tick = until - self.state.start_at
        n = self.write("step.waiting", {"on": what, "until": tick, "event": event, "of": of})
        self.move(Status.WAITING, due=until)
        self.state.waiting_on, self.state.wait_n = what, n

    def ready(self) -> None:
        """Stand before the gate, in the order of turns within this instant."""
        state = self.state
        if state.moment != self.at:
            state.moment, state.turn = self.at, 0
        state.ready_at, state.since = self.at, 0
        self.move(Status.READY, due=self.at)

    def exit_if_due(self) -> bool:
        """Take the first exit_on rule that now holds, if any; return whether one was taken."""
        for index, rule in enumerate(self.plan.exit_on):
            holds, leaves = conditions.evaluate(rule.when, self.snapshot())
            if holds:
                self.write("run.exited", {"leaves": leaves, "rule": index, "next": rule.goto})
                self.enter(rule.goto)
                return True
        return False


def _on_start(walk: _Walk, given: Start) -> None:
    state, plan = walk.state, walk.plan
    state.attrs = dict(given.attrs)
    identity = {"plan_hash": plan.hash, "contact_hash": given.contact_hash, "start_at": given.at}
    state.head = chain.genesis(state.st, **identity)
    walk.write(
        "run.started",
        {
            "alg": chain.ALG,
            "sem": chain.SEM,
            "plan": {"key": plan.key, "version": given.version, "hash": plan.hash},
            "contact": {"ref": given.contact_ref, "hash": given.contact_hash},
            "start_at": given.at,
            "attrs": state.attrs,
            "source": given.source,
        },
        is_input=True,
    )
    walk.enter(plan.entry)


def _on_timer(walk: _Walk, _given: Timer) -> None:
    walk.cause = walk.state.wait_n
    waiting_on = walk.state.waiting_on
    if waiting_on == "timer":
        walk.complete("completed")
    elif waiting_on == "event":
        walk.complete("timeout")
    elif waiting_on == "result":
        walk.fail(f"{transitions.UNKNOWN_OUTCOME}:no_result")
    else:
        raise IllegalMove(f"{walk.state.st}: a timer while {walk.state.status}")


def _on_facts(walk: _Walk, given: Facts) -> None:
    here, state = walk.here(), walk.state
    if not isinstance(here, SendEmail | Call) or state.status not in (Status.READY, Status.PAUSED):
        raise IllegalMove(f"{state.st}: facts for {here.kind} while {state.status}")
    verdict = evaluate.evaluate(given.policy, given.facts)
    walk.write(
        "gate.decided",
        {
            "channel": given.facts["channel"],
            "template": here.template,
            "facts": given.facts,
            "verdict": str(verdict.decision),
            "rule": verdict.rule,
            "code": str(verdict.code),
            "until": verdict.until,
            "rules": [rule.as_data() for rule in verdict.rules],
            "payload": given.payload,
            "error": given.error,
        },
        is_input=True,
    )
    if verdict.decision == "deny":
        _deny(walk, here, verdict.rule)
    elif verdict.decision == "pause":
        assert verdict.until is not None
        _pause(walk, verdict.rule, str(verdict.code), verdict.until)
    elif not walk.exit_if_due():
        _intend(walk, here, given)


def _deny(walk: _Walk, here: Step, rule: str) -> None:
    if "blocked" in here.on:
        walk.complete("blocked")
    else:
        walk.fail(f"policy_denied:{rule}")


def _pause(walk: _Walk, rule: str, code: str, until: int) -> None:
    state = walk.state
    state.wait_n = walk.write("run.paused", {"rule": rule, "code": code, "until": until})
    since = state.since or state.ready_at
    walk.move(Status.PAUSED, reason=f"{rule}:{code}", due=until)
    state.since, state.turn = since, 0
    state.ready_at = until  # lateness counts from the instant the policy gave


def _intend(walk: _Walk, here: SendEmail | Call, given: Facts) -> None:
    state = walk.state
    if given.error:
        walk.fail(f"render_failed:{given.error}")
        return
    state.intent = intent_id(state)
    state.attempt += 1
    state.reserved = [{"key": c["key"], "amount": c["amount"]} for c in given.facts["counters"]]
    channel = given.facts["channel"]
    n = walk.write(
        "send.intended",
        {
            "intent": state.intent,
            "attempt": state.attempt,
            "channel": channel,
            "template": here.template,
            "payload": given.payload,
            "reserve": state.reserved,
        },
    )
    if state.moment != walk.at:
        state.moment, state.turn = walk.at, 0
    walk.move(Status.DISPATCHING)
    walk.effects.append(Dispatch(state.intent, here.name, state.visit, state.attempt, channel, n))


def _on_outcome(walk: _Walk, given: Outcome) -> None:
    here, state = walk.here(), walk.state
    if state.status != Status.DISPATCHING or given.intent != state.intent:
        raise IllegalMove(f"{state.st}: an outcome of {given.intent} while {state.status}")
    label = _label(here, given)
    goto = targets(here).get(label, "") if label else ""
    settle = SETTLE[given.kind]
    walk.write(
        "send.outcome",
        {
            "intent": given.intent,
            "kind": given.kind,
            "code": given.code,
            "label": label,
            "next": goto,
            "settle": settle,
        },
        is_input=True,
    )
    walk.effects.append(Settle(settle, tuple(state.reserved)))
    state.reserved = []
    state.turn += 1
    if settle == "void":
        walk.fail(f"step_failed:{given.code}")
    elif settle == "keep":
        walk.fail(f"{transitions.UNKNOWN_OUTCOME}:{given.code}")
    if state.stop_after:
        walk.stop(state.stop_after)
    elif settle != "post":
        return
    elif label:
        state.outcomes[here.name] = label
        walk.enter(goto)
    else:
        _await_result(walk, here)


def _label(here: Step, given: Outcome) -> str:
    """Return the outcome label that follows from an adapter's answer, or empty when it is not known yet."""
    if given.kind == "label":
        return given.label
    if given.kind in ("accepted", "delivered") and isinstance(here, SendEmail):
        return "sent"
    return ""


def _await_result(walk: _Walk, here: Step) -> None:
    """A call was accepted: its result comes as an event, which may have been earlier than this answer."""
    seen = walk.state.events.get(here.name, {})
    early = [e for e in CALL_LABELS if seen.get(e, {}).get("visit") == walk.state.visit]
    if early:
        walk.complete(str(early[0]))
    else:
        walk.wait_on("result", walk.at + RESULT_DEADLINE_S)


def _on_voided(walk: _Walk, given: Voided) -> None:
    state = walk.state
    if state.status != Status.DISPATCHING or given.intent != state.intent:
        raise IllegalMove(f"{state.st}: voided {given.intent} while {state.status}")
    walk.write("send.voided", {"intent": given.intent, "rule": given.rule}, is_input=True)
    walk.effects.append(Settle("void", tuple(state.reserved)))
    state.reserved = []
    state.turn += 1
    if state.stop_after:
        walk.stop(state.stop_after)
    else:
        walk.ready()


def _on_event(walk: _Walk, given: Event) -> None:
    state = walk.state
    ended = state.status in transitions.FINAL
    walk.write(
        "event.after_end" if ended else "event.received",
        {
            "event": str(given.event),
            "intent": given.intent,
            "machine": given.machine,
            "source": given.source,
            "id": given.id,
        },
        is_input=True,
        step=given.step,
    )
    if not given.machine:  # a mail scanner's open is recorded, but nobody opened anything
        _remember(walk, given)
    if ended:
        return
    if given.stops:
        _opt_out(walk)
    elif state.status not in (Status.DISPATCHING, Status.FAILED) and not walk.exit_if_due():
        _react(walk, given)


def _remember(walk: _Walk, given: Event) -> None:
    tick = walk.at - walk.state.start_at
    for place in {given.step, ""}:
        facts = walk.state.events.setdefault(place, {})
        seen = facts.setdefault(given.event, {"count": 0, "first": tick, "last": tick})
        seen["count"] += 1
        seen["last"] = tick
        seen["visit"] = walk.state.visits.get(place, 0)


def _opt_out(walk: _Walk) -> None:
    if walk.state.status == Status.DISPATCHING:
        walk.state.stop_after = "opted_out"
    else:
        walk.stop("opted_out")


def _react(walk: _Walk, given: Event) -> None:
    state, here = walk.state, walk.here()
    if state.status != Status.WAITING or given.machine:
        return
    if isinstance(here, WaitForEvent) and here.event == given.event and here.of in (None, given.step):
        walk.complete("event")
    elif state.waiting_on == "result" and given.intent == state.intent:
        if given.event in CALL_LABELS:
            walk.complete(given.event)
        elif given.event == "failed":
            walk.fail("step_failed:call_failed")


def _on_command(walk: _Walk, given: Command) -> None:
    state, here = walk.state, walk.here()
    refused = transitions.refusal(given.command, state.status, state.reason, tuple(targets(here)))
    if refused or (given.command == "resolve" and given.label not in targets(here)):
        raise IllegalMove(refused or f"{state.step} has no outcome “{given.label}”")
    walk.write(
        "command.accepted",
        {
            "command": given.command,
            "id": given.id,
            "actor": given.actor,
            "note": given.note,
            "label": given.label,
        },
        is_input=True,
    )
    if given.command == "cancel":
        walk.stop("cancelled")
    elif given.command == "resolve":
        walk.complete(given.label)
    elif isinstance(here, SendEmail | Call):
        walk.ready()
    else:
        walk.enter(state.step)


def _on_fault(walk: _Walk, given: Fault) -> None:
    walk.write("engine.fault", {"type": given.type}, is_input=True)
    if walk.state.status not in (*transitions.FINAL, Status.FAILED):
        walk.fail(f"engine_fault:{given.type}")


_HANDLERS: dict[type, Callable[[_Walk, Any], None]] = {
    Start: _on_start,
    Timer: _on_timer,
    Facts: _on_facts,
    Outcome: _on_outcome,
    Voided: _on_voided,
    Event: _on_event,
    Command: _on_command,
    Fault: _on_fault,
}
