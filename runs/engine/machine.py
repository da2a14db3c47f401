"""What does a run do next? `step(plan, state, input)` gives the new state, its entries and its effects.

Pure and total over valid plans: same arguments, same bytes. The gate's verdict follows from recorded facts,
so a run replays alone from its entries. What belongs to a send is in `sending`, what people and policies do about a
run that stands still in `commanding`. Source: DESIGN §2, §4, §5, §8.
"""

from collections.abc import Callable
from typing import Any

from audit import chain
from plans.document import Plan
from plans.steps import TIMEOUT, WaitForEvent, WaitUntil
from runs.engine import commanding, sending, transitions
from runs.engine.transitions import Status
from runs.engine.values import (
    Command,
    Event,
    Facts,
    Fault,
    Input,
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
from runs.engine.walk import IllegalMove, Walk

# After these inputs an exit is looked for; `Walk.may_leave` says where something has to be settled first.
_NEWS = (Start, Outcome, Voided, Event, Command, Recover)


def step(plan: Plan, state: RunState, given: Input) -> Result:
    """Apply one input to a run. The state given is left untouched.

    Raises: IllegalMove, or whatever a bug raises: the shell then records an engine fault and goes on.
    """
    walk = Walk(plan, state.copy(), given.at)
    _HANDLERS[type(given)](walk, given)
    if isinstance(given, _NEWS) and walk.may_leave():
        walk.exit_if_due()  # also on what was learnt while a message was on its way, or while the run stood still
    return Result(walk.state, tuple(walk.entries), tuple(walk.effects))


def _on_start(walk: Walk, given: Start) -> None:
    state, plan = walk.state, walk.plan
    state.attrs = dict(given.attrs)
    state.contact = given.contact_ref
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


def _on_timer(walk: Walk, _given: Timer) -> None:
    if walk.state.status != Status.WAITING:
        raise IllegalMove(f"{walk.state.st}: a timer while {walk.state.status}")
    walk.cause = walk.state.wait_n
    time_is_up(walk, walk.state.reason)


def time_is_up(walk: Walk, waiting_for: str) -> None:
    """End a wait whose instant has come."""
    if waiting_for == "timer":
        walk.complete("completed")
    elif waiting_for == "result":
        sending.lose_result(walk)
    else:
        walk.complete(TIMEOUT)


def _on_resolved(walk: Walk, given: Resolved) -> None:
    here, state = walk.here(), walk.state
    if not isinstance(here, WaitUntil) or state.status != Status.READY:
        raise IllegalMove(f"{state.st}: an instant for {here.kind} while {state.status}")
    walk.write("time.resolved", {"zone": given.zone, "tzdata": given.tzdata, "until": given.until}, is_input=True)
    if given.until is None:
        walk.fail("zone_unknown")
    elif given.until <= walk.at:
        walk.complete("completed")
    else:
        walk.wait_on("timer", given.until)


def _on_event(walk: Walk, given: Event) -> None:
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
        sending.learn(walk, given.intent, given.event)
    if ended:
        return
    if given.stops:
        _opt_out(walk)
    elif walk.may_leave() and not walk.exit_if_due():
        _react(walk, given)


def _remember(walk: Walk, given: Event) -> None:
    tick = walk.at - walk.state.start_at
    for place in dict.fromkeys((given.step, "")):
        facts = walk.state.events.setdefault(place, {})
        seen = facts.setdefault(given.event, {"count": 0, "first": tick, "last": tick})
        seen["count"] += 1
        seen["last"] = tick


def _opt_out(walk: Walk) -> None:
    if walk.state.status == Status.DISPATCHING:
        walk.state.stop_after = "opted_out"
    else:
        walk.stop("opted_out")


def _react(walk: Walk, given: Event) -> None:
    state, here = walk.state, walk.here()
    if state.status != Status.WAITING or given.machine:
        return
    if isinstance(here, WaitForEvent) and here.event == given.event and here.of in (None, given.step):
        walk.complete("event")
    elif state.reason == "result" and given.intent == state.intent:
        sending.result(walk, given.event)


def _on_command(walk: Walk, given: Command) -> None:
    commanding.carry_out(walk, given, time_is_up)


def _on_fault(walk: Walk, given: Fault) -> None:
    state = walk.state
    walk.write("engine.fault", {"type": given.type}, is_input=True)
    if state.status in (*transitions.FINAL, Status.FAILED):
        return
    if state.status == Status.DISPATCHING or "result" in (state.reason, state.held) or state.unsure:
        # The message has left or may have, and what came of it is lost: nobody may try it again.
        sending.lose(walk, "engine_fault")
    else:
        walk.fail(f"engine_fault:{given.type}")


_HANDLERS: dict[type, Callable[[Walk, Any], None]] = {
    Start: _on_start,
    Timer: _on_timer,
    Resolved: _on_resolved,
    Facts: sending.on_facts,
    Outcome: sending.on_outcome,
    Voided: sending.on_voided,
    Event: _on_event,
    Report: sending.on_report,
    Command: _on_command,
    Recover: commanding.recover,
    Fault: _on_fault,
}
