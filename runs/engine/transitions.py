"""Which status may follow which? The one table of legal moves.

It is the source of the database's checks, of the buttons an operator sees and of the diagram in ARCHITECTURE.md.
Pure. Source: DESIGN §8, study/engine.md §5.
"""

from enum import StrEnum


class Status(StrEnum):
    READY = "READY"  # has something to do now
    WAITING = "WAITING"  # for a timer or an event
    PAUSED = "PAUSED"  # by a policy, until a recorded instant
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
        "PAUSED": "gate pauses",
        "WAITING": "step.waiting",
        "COMPLETED": "run.completed",
        "FAILED": "gate denies, limits, engine fault",
        "STOPPED": "cancel, opt-out",
    },
    "WAITING": {
        "READY": "timer, event",
        "WAITING": "timer, event",
        "COMPLETED": "run.completed",
        "FAILED": "limits, engine fault, no result",
        "STOPPED": "cancel, opt-out",
    },
    "PAUSED": {
        "READY": "instant reached",
        "PAUSED": "gate pauses again",
        "DISPATCHING": "gate allows",
        "WAITING": "exit_on, blocked",
        "COMPLETED": "exit_on, blocked",
        "FAILED": "gate denies, engine fault",
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
        "READY": "retry, resolve",
        "WAITING": "resolve",
        "COMPLETED": "resolve",
        "FAILED": "resolve into a limit",
        "STOPPED": "cancel, opt-out",
    },
    "COMPLETED": {},
    "STOPPED": {},
}


class Command(StrEnum):
    RETRY = "retry"  # pass the gate again with a new intent
    RESOLVE = "resolve"  # say what came of the step and go on along that label
    CANCEL = "cancel"  # stop the run for good


UNKNOWN_OUTCOME = "unknown_outcome"

# command -> statuses in which it may be given at all; `refusal` adds the finer reasons.
COMMANDS: dict[Command, frozenset[str]] = {
    Command.RETRY: frozenset({"FAILED"}),
    Command.RESOLVE: frozenset({"FAILED"}),
    Command.CANCEL: frozenset({"FAILED", "WAITING", "PAUSED", "READY"}),
}


def may_move(before: str, after: str) -> bool:
    """Return whether a run may go from one status to another; staying put is not a move."""
    return after in MOVES[before]


def refusal(command: str, status: str, reason: str, labels: tuple[str, ...] = ()) -> str | None:
    """Return the sentence why this command may not be given now, or None when it may.

    reason: the run's reason code. labels: outcomes the failed step can be resolved with.
    """
    if command not in {c.value for c in Command}:
        return f"“{command}” is not a command; the commands are {', '.join(Command)}."
    if status not in COMMANDS[Command(command)]:
        if status == Status.DISPATCHING:
            return "A message of this run is on its way; wait for its outcome."
        possible = " or ".join(sorted(COMMANDS[Command(command)]))
        return f"{command.capitalize()} is possible for {possible} runs; this one is {status}."
    if command == Command.RETRY and reason.startswith(UNKNOWN_OUTCOME):
        return (
            "Nobody knows whether the message left, so a retry could send it twice. "
            "Resolve it with what you found out, or cancel."
        )
    if command == Command.RESOLVE and not labels:
        return "The step it stopped at has no outcome to resolve it with."
    return None
