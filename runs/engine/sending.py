"""How does a run pass the gate, and what follows from what came back? Everything about one message of one step.

A message whose fate nobody knows is remembered (`unsure`) until the run leaves the step: whatever is sent meanwhile may
be a duplicate and says so, and no refusal or failure of a later try makes the first one certain.
Pure. Source: DESIGN §6, §8; study/engine.md §4.
"""

from typing import Any

from channels.kinds import CALL_LABELS, CALL_RESULTS, EMAIL_EVENTS, Event
from plans import conditions
from plans.steps import Call, SendEmail, Step
from policies.rules import evaluate
from policies.rules.values import Verdict
from runs.engine import transitions
from runs.engine.transitions import NOT_SENT, Status
from runs.engine.values import (
    RESULT_DEADLINE_S,
    Dispatch,
    Facts,
    Outcome,
    Report,
    Settle,
    Voided,
    intent_id,
)
from runs.engine.walk import IllegalMove, Walk, targets

SETTLE = {"accepted": "post", "delivered": "post", "label": "post", "not_sent": "void", "unknown": "keep"}


# Before the send


def on_facts(walk: Walk, given: Facts) -> None:
    """Decide about the send a run stands at."""
    here, state = walk.here(), walk.state
    if not isinstance(here, SendEmail | Call) or state.status not in (Status.READY, Status.PAUSED) or state.held:
        raise IllegalMove(f"{state.st}: facts for {here.kind} while {state.status}")
    if given.facts.get("again", False) != bool(state.again_until):
        raise IllegalMove(f"{state.st}: facts of another kind of send")  # a redispatch takes nothing from any limit
    verdict = evaluate.evaluate(given.policy, given.facts)
    decision, rule, code = str(verdict.decision), verdict.rule, str(verdict.code)
    holds, leaves = _required(walk, here)
    if not holds and decision != "deny":
        decision, rule, code = "deny", "require", "require_false"
    data = _decided(here, given, verdict, (decision, rule, code))
    walk.write("gate.decided", {**data, "require": leaves} if here.require else data, is_input=True)
    if walk.overdue():
        walk.fail("duration_limit")  # a run that policies hold again and again ends within its bounds too
    elif decision == "deny":
        _deny(walk, here, rule)
    elif _is_stale(here, given):
        _fail(walk, "stale")
    elif decision == "pause":
        assert verdict.until is not None
        n = walk.write("run.paused", {"rule": rule, "code": code, "until": verdict.until})
        walk.pause(f"{rule}:{code}", verdict.until, n)
    elif not walk.exit_if_due():
        _intend(walk, here, given)


def _required(walk: Walk, here: SendEmail | Call) -> tuple[bool, list[dict[str, Any]]]:
    return conditions.evaluate(here.require, walk.snapshot()) if here.require else (True, [])


def _decided(here: SendEmail | Call, given: Facts, verdict: Verdict, decided: tuple[str, str, str]) -> dict[str, Any]:
    decision, rule, code = decided
    return {
        "channel": given.facts["channel"],
        "template": here.template,
        "facts": given.facts,
        "verdict": decision,
        "rule": rule,
        "code": code,
        "until": verdict.until if rule == verdict.rule else None,
        "rules": [each.as_data() for each in verdict.rules],
        "payload": given.payload,
        "error": given.error,
    }


def _is_stale(here: SendEmail | Call, given: Facts) -> bool:
    return here.max_lateness_s is not None and given.facts["late_by"] > here.max_lateness_s


def _deny(walk: Walk, here: Step, rule: str) -> None:
    if walk.state.unsure:
        lose(walk, "policy_denied")
    elif "blocked" in here.on:
        walk.complete("blocked")
    else:
        walk.fail(f"policy_denied:{rule}")


def _fail(walk: Walk, code: str) -> None:
    """Fail a send that did not happen; an earlier one of this visit may have happened all the same."""
    walk.fail(f"{transitions.UNKNOWN_OUTCOME if walk.state.unsure else 'step_failed'}:{code}")


def _intend(walk: Walk, here: SendEmail | Call, given: Facts) -> None:
    state = walk.state
    if state.again_until:
        _redispatch(walk, here, given)
    elif given.error:
        _cannot_render(walk, given.error)
    else:
        state.intent = intent_id(state)
        state.attempt += 1
        state.early = ""
        state.reserved = [{"key": c["key"], "amount": c["amount"]} for c in given.facts["counters"]]
        data = {**_message(walk, here, given), "reserve": state.reserved}
        if state.unsure:
            data["may_duplicate_of"] = state.unsure
        _dispatch(walk, here, given, walk.write("send.intended", data), again=False)


def _cannot_render(walk: Walk, name: str) -> None:
    if walk.state.unsure:
        lose(walk, "render_failed")
    else:
        walk.fail(f"render_failed:{name}")


def _redispatch(walk: Walk, here: SendEmail | Call, given: Facts) -> None:
    state = walk.state
    until, state.again_until = state.again_until, 0
    if walk.at > until:
        lose(walk, "key_expired")
    elif given.error:
        lose(walk, given.error)
    else:
        state.reserved, state.kept, state.sole = state.kept, [], False
        _dispatch(walk, here, given, walk.write("send.redispatched", _message(walk, here, given)), again=True)


def _message(walk: Walk, here: SendEmail | Call, given: Facts) -> dict[str, Any]:
    state = walk.state
    return {
        "intent": state.intent,
        "attempt": state.attempt,
        "channel": given.facts["channel"],
        "template": here.template,
        "payload": given.payload,
    }


def _dispatch(walk: Walk, here: SendEmail | Call, given: Facts, n: int, *, again: bool) -> None:
    state = walk.state
    if state.moment != walk.at:
        state.moment, state.turn = walk.at, 0
    walk.move(Status.DISPATCHING)
    channel = given.facts["channel"]
    walk.effects.append(Dispatch(state.intent, here.name, state.visit, state.attempt, channel, n, again))


# After the send


def on_outcome(walk: Walk, given: Outcome) -> None:
    """Take what an adapter said about the intent on its way."""
    here, state = walk.here(), walk.state
    if state.status != Status.DISPATCHING or given.intent != state.intent:
        raise IllegalMove(f"{state.st}: an outcome of {given.intent} while {state.status}")
    label = _label(here, given)
    goto = targets(here).get(label, "") if label else ""
    settle = SETTLE[given.kind]
    if settle == "void" and state.unsure == given.intent:
        settle = "keep"  # this dispatch of the message did not leave; the one before it may have
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
    state.turn += 1
    if settle == "void":
        state.reserved = []
        _fail(walk, given.code)
    elif settle == "keep":
        lose(walk, given.code)
    if state.stop_after:
        state.reserved = []
        walk.stop(state.stop_after)
    elif settle == "post":
        state.reserved = []
        _go_on(walk, label, goto)


def _label(here: Step, given: Outcome) -> str:
    """Return the outcome label that follows from an adapter's answer, or empty when it is not known yet."""
    if given.kind == "label":
        return given.label
    if given.kind in ("accepted", "delivered") and isinstance(here, SendEmail):
        return "sent"
    return ""


def _go_on(walk: Walk, label: str, goto: str) -> None:
    state = walk.state
    if label:
        state.outcomes[state.step] = label
        walk.enter(goto)
    elif state.early in CALL_RESULTS:
        result(walk, state.early)  # it was earlier than the answer that the call is placed
    else:
        walk.wait_on("result", walk.at + RESULT_DEADLINE_S)


def result(walk: Walk, event: str) -> None:
    """Take the result of a call that was placed; other events say nothing about it."""
    if event in CALL_LABELS:
        walk.complete(event)
    elif event == Event.FAILED:
        _fail(walk, "call_failed")


def lose_result(walk: Walk) -> None:
    """Nobody told the result of a call in time."""
    lose(walk, "no_result")


def lose(walk: Walk, code: str) -> None:
    """Fail a run whose message may have left, and remember which; its reservation stays."""
    state = walk.state
    if state.status == Status.DISPATCHING or "result" in (state.reason, state.held):
        if state.unsure != state.intent:
            state.sole = not state.unsure
            state.unsure, state.unsure_at, state.evidence, state.kept = state.intent, state.moment, "", []
        if state.status == Status.DISPATCHING:
            state.kept, state.reserved = state.reserved, []
        if state.early:
            _prove(walk, _evidence(walk.here(), state.early))
    if state.status != Status.FAILED:
        walk.fail(f"{transitions.UNKNOWN_OUTCOME}:{code}")


def on_voided(walk: Walk, given: Voided) -> None:
    """Take back an intent that a last look kept from its adapter."""
    state = walk.state
    if state.status != Status.DISPATCHING or given.intent != state.intent:
        raise IllegalMove(f"{state.st}: voided {given.intent} while {state.status}")
    data = {"intent": given.intent, "rule": given.rule}
    again = state.unsure == given.intent
    walk.write("send.voided", {**data, "settle": "keep"} if again else data, is_input=True)
    state.turn += 1
    if again:
        lose(walk, "voided")  # kept from leaving again; the dispatch before it may have left
    else:
        walk.effects.append(Settle("void", tuple(state.reserved)))
        state.reserved = []
    if state.stop_after:
        walk.stop(state.stop_after)
    elif state.status == Status.DISPATCHING:
        walk.ready()


# What becomes known later


def learn(walk: Walk, intent: str, event: str) -> None:
    """Take an event as news of the message on its way, or as evidence about one of unknown fate."""
    state = walk.state
    if not intent or state.status in transitions.FINAL:
        return
    on_its_way = state.status == Status.DISPATCHING or state.held == "result"
    if on_its_way and intent == state.intent:
        # Only of the intent on its way: a late result of an earlier call says nothing about this one.
        if event in CALL_RESULTS or not state.early:
            state.early = event
    elif intent == state.unsure:
        _prove(walk, _evidence(walk.here(), event))


def on_report(walk: Walk, given: Report) -> None:
    """Record what a replaced engine had found out. It is evidence, never an outcome by itself."""
    state = walk.state
    data = {"intent": given.intent, "kind": given.kind, "code": given.code, "label": given.label}
    walk.write("send.reported", data, is_input=True, step=given.step)
    if state.status in transitions.FINAL or given.intent != state.unsure:
        return
    if given.kind == "not_sent":
        _prove(walk, NOT_SENT)
    elif given.kind != "unknown":
        _prove(walk, _label(walk.here(), Outcome(given.at, given.intent, given.kind, label=given.label)))


def _prove(walk: Walk, found: str) -> None:
    """Keep the first evidence. That something did not leave is said of one dispatch, and there may have been others."""
    state = walk.state
    if not state.evidence and (found != NOT_SENT or state.sole):
        state.evidence = found


def _evidence(here: Step, event: str) -> str:
    """Return which outcome an event proves: a mail that anything happened to had left."""
    if isinstance(here, SendEmail):
        return "sent" if event in EMAIL_EVENTS else ""
    if event in CALL_LABELS:
        return event
    return NOT_SENT if event == Event.FAILED else ""
