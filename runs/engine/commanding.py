"""What do people and recovery rules do about a run? Every command, and the rules for what has failed.

Pure. The table of what is allowed is in `transitions`. Source: DESIGN §8; study/engine.md §5.
"""

from collections.abc import Callable
from typing import Any

from plans.steps import CHANNELS, TIMEOUT, Call, SendEmail, Step, WaitForEvent
from policies.rules import recovery
from policies.rules.recovery import Choice
from runs.engine import sending, transitions
from runs.engine.transitions import LABELLED, Standing, Status
from runs.engine.values import Command, Recover, RunState, Settle
from runs.engine.walk import IllegalMove, Walk, targets

_GIVE_BACK = ("retry", "send_again", "skip", "cancel")
KEY_MARGIN_S = 60  # a key is not trusted in the last minute of its life

# Ends a wait whose instant has come; `machine` has it.
TimeIsUp = Callable[[Walk, str], None]


def standing(state: RunState, here: Step | None, *, key_ttl_s: int, at: int) -> Standing:
    """Return what decides which commands a run takes. key_ttl_s: how long its adapter knows a key, 0 for none."""
    labels = tuple(targets(here)) if here else ()
    if state.reason == transitions.TASK:
        labels = tuple(label for label in labels if label != TIMEOUT)
    left = max(0, _key_end(state, key_ttl_s) - at)
    return Standing(state.status, state.reason, labels, state.evidence, left)


def refusal(state: RunState, here: Step | None, given: Command) -> str | None:
    """Return the sentence why a command is refused, or None."""
    run = standing(state, here, key_ttl_s=given.key_ttl_s, at=given.at)
    refused = transitions.refusal(given.command, run)
    if refused is None and given.command in LABELLED and given.label not in run.labels:
        return f"“{given.label}” is not an outcome of {state.step}; its outcomes are {', '.join(run.labels)}."
    return refused


def _key_end(state: RunState, key_ttl_s: int) -> int:
    """Return up to when the message of unknown fate may be dispatched again under its key, 0 when it may not."""
    accepted = state.reason == f"{transitions.UNKNOWN_OUTCOME}:no_result"  # the provider has it, only its result lacks
    if not key_ttl_s or not state.unsure or state.unsure != state.intent or accepted:
        return 0
    return state.unsure_at + key_ttl_s - KEY_MARGIN_S


def carry_out(walk: Walk, given: Command, time_is_up: TimeIsUp) -> None:
    """Carry out an operator's command. Raises: IllegalMove when the table does not allow it."""
    state, here = walk.state, walk.here()
    refused = refusal(state, here, given)
    if refused:
        raise IllegalMove(refused)
    data: dict[str, Any] = {
        "command": given.command,
        "id": given.id,
        "actor": given.actor,
        "note": given.note,
        "label": given.label,
    }
    if given.command == "redispatch":
        data["key_ttl_s"] = given.key_ttl_s
    # What certainly did not leave is given back, unless somebody says that it did.
    freed = state.kept if state.evidence == transitions.NOT_SENT and given.command in _GIVE_BACK else []
    if freed:
        data |= {"intent": state.unsure, "settle": "void"}
        walk.effects.append(Settle("void", tuple(freed)))
    walk.write("command.accepted", data, is_input=True)
    match given.command:
        case "cancel":
            walk.stop("cancelled")
        case "resolve" | "complete_task":
            walk.complete(given.label)
        case "skip":
            _skip(walk, given.label)
        case "hold":
            _hold(walk)
        case "release":
            _release(walk, time_is_up)
        case "redispatch":
            state.again_until = _key_end(state, given.key_ttl_s)
            _try_again(walk, here)
        case _:
            _try_again(walk, here)


def _try_again(walk: Walk, here: Step) -> None:
    state = walk.state
    walk.forget_failures()
    if state.evidence == transitions.NOT_SENT:
        state.unsure, state.evidence, state.kept = "", "", []  # what is sent now can be no duplicate
    if isinstance(here, SendEmail | Call):
        walk.ready()
    else:
        walk.enter(state.step)


def _skip(walk: Walk, label: str) -> None:
    goto = targets(walk.here())[label]
    walk.write("step.skipped", {"label": label, "next": goto})
    walk.enter(goto)


def _hold(walk: Walk) -> None:
    state = walk.state
    state.held = state.reason if state.status == Status.WAITING else "send"
    state.held_due = (state.due or 0) if state.status == Status.WAITING else 0
    walk.write("run.held", {"on": state.held, "until": state.held_due - state.start_at if state.held_due else None})
    walk.move(Status.PAUSED, reason=transitions.HELD)


def _release(walk: Walk, time_is_up: TimeIsUp) -> None:
    """Go back to where the run was held; what came meanwhile counts as if it came now."""
    state, here = walk.state, walk.here()
    on, due = state.held, state.held_due
    state.held, state.held_due = "", 0
    walk.write("run.released", {"on": on, "until": due - state.start_at if due else None})
    if on == "send":
        walk.ready()
        return
    walk.move(Status.WAITING, reason=on, due=due)
    if walk.exit_if_due():
        return
    if on == "event" and isinstance(here, WaitForEvent) and walk.has_come(here):
        walk.complete("event")
    elif on == "result" and state.early:
        sending.result(walk, state.early)
    if walk.state.status == Status.WAITING and walk.state.due == due and due <= walk.at:
        time_is_up(walk, on)


# Recovery rules


def choice(state: RunState, here: Step, given: Recover) -> Choice | None:
    """Return the recovery rule that applies to a run as it stands, or None when a person has to decide."""
    kind, _, code = state.reason.partition(":")
    channel = CHANNELS.get(here.kind)
    if state.status != Status.FAILED or state.exhausted or channel is None:
        return None
    if kind not in ("step_failed", transitions.UNKNOWN_OUTCOME):
        return None
    unknown = kind == transitions.UNKNOWN_OUTCOME
    found = recovery.choose(
        given.policy,
        channel=str(channel),
        code=code,
        attempts=state.recoveries,
        evidence=unknown and state.evidence in targets(here),
    )
    if found is None or found.action == recovery.RESOLVE_ON_EVIDENCE:
        return found
    if unknown != (found.action == recovery.REDISPATCH):
        return None  # nothing of unknown fate is ever retried, and what did not leave needs no key
    if unknown and (state.evidence or given.at + found.wait_s > _key_end(state, given.key_ttl_s)):
        return None
    return found


def recover(walk: Walk, given: Recover) -> None:
    """Apply the recovery rule for what has failed, or note that the rules have given up."""
    state, here = walk.state, walk.here()
    found = choice(state, here, given)
    if found is None:
        raise IllegalMove(f"{state.st}: no recovery rule for {state.reason}")
    code = state.reason.partition(":")[2]
    policy = {"key": walk.plan.policy, "hash": given.policy_hash}
    data = {"policy": policy, "rule": found.rule, "on": code, "key_ttl_s": given.key_ttl_s}
    if found.attempt == 0:
        state.exhausted = True
        walk.write("recovery.exhausted", {**data, "attempts": state.recoveries}, is_input=True)
        return
    resolves = found.action == recovery.RESOLVE_ON_EVIDENCE
    until = None if resolves else walk.at + found.wait_s
    label = state.evidence if resolves else ""
    applied = {"action": found.action, "attempt": found.attempt, "until": until, "label": label}
    n = walk.write("recovery.applied", {**data, **applied}, is_input=True)
    if until is None:
        walk.complete(label)
        return
    state.recoveries = found.attempt
    if found.action == recovery.REDISPATCH:
        state.again_until = _key_end(state, given.key_ttl_s)
    walk.pause(f"recovery:{code}", until, n)
