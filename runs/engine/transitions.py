"""Which status may follow which? The one table of legal moves.

It is the source of the database's checks, of the buttons an operator sees and of the diagram in ARCHITECTURE.md.
Pure. Source: DESIGN §8, study/engine.md §5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    READY = "READY"  # has something to do now
    WAITING = "WAITING"  # for a timer, an event, the result of a call, or a person
    PAUSED = "PAUSED"  # by a policy or a recovery until a recorded instant, or by an operator until released
    DISPATCHING = "DISPATCHING"  # an intent is committed and its outcome is not
    FAILED = "FAILED"  # stopped until an operator's command or a recovery policy
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"


FINAL = (Status.COMPLETED.value, Status.STOPPED.value)
OPEN = tuple(status.value for status in Status if status.value not in FINAL)

START = "(start)"

# from -> {to: by which cause}. A cause is an input or a decision; the words are those of the entries.
MOVES: dict[str, dict[str, str]] = {
    START: {
        "READY": "run.started",
        "WAITING": "run.started",
        "COMPLETED": "run.started",
        "FAILED": "limits, engine fault",
    },
    "READY": {
        "READY": "step.completed",
        "DISPATCHING": "gate allows",
        "PAUSED": "gate pauses, hold",
        "WAITING": "step.waiting",
        "COMPLETED": "run.completed",
        "FAILED": "gate denies, stale, limits, engine fault",
        "STOPPED": "cancel, opt-out",
    },
    "WAITING": {
        "READY": "timer, event, complete_task",
        "WAITING": "timer, event, complete_task",
        "PAUSED": "hold",
        "COMPLETED": "run.completed",
        "FAILED": "limits, engine fault, no result",
        "STOPPED": "cancel, opt-out",
    },
    "PAUSED": {
        "READY": "instant reached, release",
        "PAUSED": "gate pauses again, hold",
        "DISPATCHING": "gate allows",
        "WAITING": "exit_on, blocked, release",
        "COMPLETED": "exit_on, blocked, release",
        "FAILED": "gate denies, stale, engine fault",
        "STOPPED": "cancel, opt-out",
    },
    "DISPATCHING": {
        "READY": "outcome, voided",
        "WAITING": "outcome",
        "COMPLETED": "outcome",
        "FAILED": "not sent, unknown",
        "STOPPED": "opt-out found with the outcome",
    },
    "FAILED": {
        "READY": "retry, redispatch, send_again, resolve, skip",
        "WAITING": "resolve, skip",
        "PAUSED": "recovery.applied",
        "COMPLETED": "resolve, skip",
        "FAILED": "resolve into a limit",
        "STOPPED": "cancel, opt-out",
    },
    "COMPLETED": {},
    "STOPPED": {},
}


class Command(StrEnum):
    RETRY = "retry"  # pass the gate again with a new intent
    RESOLVE = "resolve"  # say what came of the step and go on along that label
    SKIP = "skip"  # leave the step along one of its ways, without saying what came of it
    REDISPATCH = "redispatch"  # send the very same message again under the same key, which its adapter knows
    SEND_AGAIN = "send_again"  # send a new message although the first one may have arrived
    HOLD = "hold"  # let nothing happen until it is released
    RELEASE = "release"
    COMPLETE_TASK = "complete_task"  # say with which outcome a person did a task
    CANCEL = "cancel"  # stop the run for good


UNKNOWN_OUTCOME = "unknown_outcome"
NOT_SENT = "not_sent"  # evidence that a message of unknown fate did not leave
HELD = "held"  # the reason of a run that an operator holds
TASK = "task"  # the reason of a run that waits for a person

# command -> statuses in which it may be given at all; `refusal` adds the finer reasons.
COMMANDS: dict[Command, frozenset[str]] = {
    Command.RETRY: frozenset({"FAILED"}),
    Command.RESOLVE: frozenset({"FAILED"}),
    Command.SKIP: frozenset({"FAILED"}),
    Command.REDISPATCH: frozenset({"FAILED"}),
    Command.SEND_AGAIN: frozenset({"FAILED"}),
    Command.HOLD: frozenset({"READY", "WAITING", "PAUSED"}),
    Command.RELEASE: frozenset({"PAUSED"}),
    Command.COMPLETE_TASK: frozenset({"WAITING"}),
    Command.CANCEL: frozenset({"FAILED", "WAITING", "PAUSED", "READY"}),
}
# Commands that say along which of the step's labels the run goes on.
LABELLED = frozenset({Command.RESOLVE, Command.SKIP, Command.COMPLETE_TASK})


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides which commands a run takes.

    reason: its reason code. labels: the present step's. evidence: what is known by now about a message of unknown
    fate: a label, `not_sent` or "". key_left_s: for how many seconds the adapter still knows that message by its key.
    """

    status: str
    reason: str
    labels: tuple[str, ...] = ()
    evidence: str = ""
    key_left_s: int = 0


def may_move(before: str, after: str) -> bool:
    """Return whether a run may go from one status to another; staying put is not a move."""
    return after in MOVES[before]


def reachable(before: str) -> frozenset[str]:
    """Return every status a run may have after any number of moves; one transaction can make several."""
    seen: set[str] = set()
    todo = [before]
    while todo:
        for after in MOVES[todo.pop()]:
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return frozenset(seen)


def refusal(command: str, run: Standing) -> str | None:
    """Return the sentence why this command may not be given now, or None when it may."""
    if command not in {c.value for c in Command}:
        return f"“{command}” is not a command; the commands are {', '.join(Command)}."
    if run.status not in COMMANDS[Command(command)]:
        if run.status == Status.DISPATCHING:
            return "A message of this run is on its way; wait for its outcome."
        possible = " or ".join(sorted(COMMANDS[Command(command)]))
        return f"{_title(command)} is possible for {possible} runs; this one is {run.status}."
    finer = _FINER.get(Command(command))
    return finer(run) if finer else None


def _title(command: str) -> str:
    return command.capitalize().replace("_", " ")


def _retry(run: Standing) -> str | None:
    if run.reason.startswith(UNKNOWN_OUTCOME) and run.evidence != NOT_SENT:
        return (
            "Nobody knows whether the message left, so a retry could send it twice. "
            "Resolve it with what you found out, or cancel."
        )
    return None


def _labelled(run: Standing) -> str | None:
    return None if run.labels else "The step it stopped at leads nowhere: it has no outcome to go on with."


def _again(run: Standing) -> str | None:
    if not run.reason.startswith(UNKNOWN_OUTCOME):
        return "The message certainly did not leave, so there is nothing to send twice: retry it."
    return None


def _redispatch(run: Standing) -> str | None:
    if not run.reason.startswith(UNKNOWN_OUTCOME):
        return "The message certainly did not leave: retry it."
    if run.evidence == NOT_SENT:
        return "By what is known now the message did not leave: retry it."
    if run.key_left_s <= 0:
        return (
            "The adapter does not know this message by a key (or not any more), so it could arrive twice. "
            "Resolve it with what you found out, or send again on purpose."
        )
    return None


def _hold(run: Standing) -> str | None:
    return "The run is held already." if run.reason == HELD else None


def _release(run: Standing) -> str | None:
    return None if run.reason == HELD else "A policy pauses this run, not an operator; it goes on by itself."


def _complete_task(run: Standing) -> str | None:
    return None if run.reason == TASK else "The run does not wait for a person."


_FINER: dict[Command, Callable[[Standing], str | None]] = {
    Command.RETRY: _retry,
    Command.RESOLVE: _labelled,
    Command.SKIP: _labelled,
    Command.REDISPATCH: _redispatch,
    Command.SEND_AGAIN: _again,
    Command.HOLD: _hold,
    Command.RELEASE: _release,
    Command.COMPLETE_TASK: _complete_task,
}
