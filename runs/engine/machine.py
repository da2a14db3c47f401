"""What does a run do next? `step(plan, state, input)` gives the new state, its entries and its effects.

Pure and total over valid plans: same arguments, same bytes. The gate's verdict follows from recorded facts,
so a run replays alone from its entries. Source: DESIGN §2, §4, §5, §8.
"""

from collections.abc import Callable
from typing import Any

from audit import chain
from channels.kinds import CALL_LABELS, CALL_RESULTS
from plans.document import Plan
from plans.steps import Call, SendEmail, Step, WaitForEvent
from policies.rules import evaluate
from runs.engine import transitions
from runs.engine.transitions import Status
from runs.engine.values import (
    RESULT_DEADLINE_S,
    Command,
    Dispatch,
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
from runs.engine.walk import IllegalMove, Walk, targets

# After these inputs an exit is looked for, in these statuses; in the others something has to be settled first.
_NEWS = (Start, Outcome, Voided, Event, Command)
_LEAVES = (Status.READY, Status.WAITING, Status.PAUSED)
SETTLE = {"accepted": "post", "delivered": "post", "label": "post", "not_sent": "void", "unknown": "keep"}


def step(plan: Plan, state: RunState, given: Input) -> Result:
    """Apply one input to a run. The state given is left untouched.

    Raises: IllegalMove, or whatever a bug raises: the shell then records an engine fault and goes on.
    """
    walk = Walk(plan, state.copy(), given.at)
    _HANDLERS[type(given)](walk, given)
    if isinstance(given, _NEWS) and walk.state.status in _LEAVES:
        walk.exit_if_due()  # also on what was learnt while a message was on its way, or while the run stood still
    return Result(walk.state, tuple(walk.entries), tuple(walk.effects))


def _on_start(walk: Walk, given: Start) -> None:
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


def _on_timer(walk: Walk, _given: Timer) -> None:
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


def _on_facts(walk: Walk, given: Facts) -> None:
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
    if walk.overdue():
        walk.fail("duration_limit")  # a run that policies hold again and again ends within its bounds too
    elif verdict.decision == "deny":
        _deny(walk, here, verdict.rule)
    elif verdict.decision == "pause":
        assert verdict.until is not None
        _pause(walk, verdict.rule, str(verdict.code), verdict.until)
    elif not walk.exit_if_due():
        _intend(walk, here, given)


def _deny(walk: Walk, here: Step, rule: str) -> None:
    if "blocked" in here.on:
        walk.complete("blocked")
    else:
        walk.fail(f"policy_denied:{rule}")


def _pause(walk: Walk, rule: str, code: str, until: int) -> None:
    state = walk.state
    state.wait_n = walk.write("run.paused", {"rule": rule, "code": code, "until": until})
    walk.move(Status.PAUSED, reason=f"{rule}:{code}", due=until)
    state.turn = 0
    state.ready_at = until  # lateness counts from the instant the policy gave


def _intend(walk: Walk, here: SendEmail | Call, given: Facts) -> None:
    state = walk.state
    if given.error:
        walk.fail(f"render_failed:{given.error}")
        return
    state.intent = intent_id(state)
    state.attempt += 1
    state.early = ""
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


def _on_outcome(walk: Walk, given: Outcome) -> None:
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
        _await_result(walk)


def _label(here: Step, given: Outcome) -> str:
    """Return the outcome label that follows from an adapter's answer, or empty when it is not known yet."""
    if given.kind == "label":
        return given.label
    if given.kind in ("accepted", "delivered") and isinstance(here, SendEmail):
        return "sent"
    return ""


def _await_result(walk: Walk) -> None:
    """A call was accepted: its result comes as an event, which may have been earlier than this answer."""
    if walk.state.early:
        _result(walk, walk.state.early)
    else:
        walk.wait_on("result", walk.at + RESULT_DEADLINE_S)


def _result(walk: Walk, event: str) -> None:
    if event in CALL_LABELS:
        walk.complete(event)
    elif event == "failed":
        walk.fail("step_failed:call_failed")


def _on_voided(walk: Walk, given: Voided) -> None:
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
    if ended:
        return
    if given.stops:
        _opt_out(walk)
    elif state.status not in (Status.DISPATCHING, Status.FAILED) and not walk.exit_if_due():
        _react(walk, given)


def _remember(walk: Walk, given: Event) -> None:
    state = walk.state
    tick = walk.at - state.start_at
    for place in dict.fromkeys((given.step, "")):
        facts = state.events.setdefault(place, {})
        seen = facts.setdefault(given.event, {"count": 0, "first": tick, "last": tick})
        seen["count"] += 1
        seen["last"] = tick
    # Only the intent on its way: a late result of an earlier call says nothing about this one.
    if state.status == Status.DISPATCHING and given.intent == state.intent and given.event in CALL_RESULTS:
        state.early = given.event


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
    elif state.waiting_on == "result" and given.intent == state.intent:
        _result(walk, given.event)


def _on_command(walk: Walk, given: Command) -> None:
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


def _on_fault(walk: Walk, given: Fault) -> None:
    state = walk.state
    walk.write("engine.fault", {"type": given.type}, is_input=True)
    if state.status == Status.DISPATCHING or state.waiting_on == "result":
        # The message has left or may have, and what came of it is lost: nobody may try it again.
        walk.fail(f"{transitions.UNKNOWN_OUTCOME}:engine_fault")
    elif state.status not in (*transitions.FINAL, Status.FAILED):
        walk.fail(f"engine_fault:{given.type}")


_HANDLERS: dict[type, Callable[[Walk, Any], None]] = {
    Start: _on_start,
    Timer: _on_timer,
    Facts: _on_facts,
    Outcome: _on_outcome,
    Voided: _on_voided,
    Event: _on_event,
    Command: _on_command,
    Fault: _on_fault,
}
