"""What can a plan do? The step kinds, their outcome labels and parameters, and the plan that holds them.

A label is an ordinary outcome with its own transition; a failure is not a label and has no transition.
Pure: no Django, clock, random, environment, file or network.

Source: DESIGN §5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from channels.kinds import Channel


class Kind(StrEnum):
    """The closed list of step kinds."""

    SEND_EMAIL = "send_email"
    CALL = "call"
    WAIT = "wait"
    WAIT_UNTIL = "wait_until"
    WAIT_FOR_EVENT = "wait_for_event"
    BRANCH = "branch"
    SPLIT = "split"
    RECORD_OPT_OUT = "record_opt_out"
    TASK = "task"
    END = "end"


# The closed outcome labels of each kind, in the order in which pages show them. The labels of a branch and of a split
# are their arms' names; those of a task are its author's, and `timeout`.
LABELS: Mapping[str, tuple[str, ...]] = {
    Kind.SEND_EMAIL: ("sent", "blocked"),
    Kind.CALL: ("answered", "no_answer", "busy", "voicemail", "blocked"),
    Kind.WAIT: ("completed",),
    Kind.WAIT_UNTIL: ("completed",),
    Kind.WAIT_FOR_EVENT: ("event", "timeout"),
    Kind.BRANCH: (),
    Kind.SPLIT: (),
    Kind.RECORD_OPT_OUT: ("recorded",),
    Kind.TASK: (),
    Kind.END: (),
}

# The label of a task that nobody did in time.
TIMEOUT = "timeout"

# The label of a refusal by the gate. It may stay unmapped: then the refusal fails the run.
BLOCKED = "blocked"

# The kinds that reach a person, and the channel each uses.
CHANNELS: Mapping[str, Channel] = {Kind.SEND_EMAIL: Channel.EMAIL, Kind.CALL: Channel.VOICE}


@dataclass(frozen=True, slots=True)
class SendEmail:
    """Send one email made from a template version (`welcome@1`).

    require: a condition asked at the gate, None for none. max_lateness_s: a send later than that fails as stale.
    """

    name: str
    on: Mapping[str, str]
    template: str
    require: Mapping[str, Any] | None = None
    max_lateness_s: int | None = None
    kind: Kind = field(init=False, default=Kind.SEND_EMAIL)


@dataclass(frozen=True, slots=True)
class Call:
    """Place one call that follows a script version (`intro-script@1`). require, max_lateness_s: as for an email."""

    name: str
    on: Mapping[str, str]
    template: str
    require: Mapping[str, Any] | None = None
    max_lateness_s: int | None = None
    kind: Kind = field(init=False, default=Kind.CALL)


@dataclass(frozen=True, slots=True)
class Wait:
    """Let a number of seconds pass, not negative."""

    name: str
    on: Mapping[str, str]
    seconds: int
    kind: Kind = field(init=False, default=Kind.WAIT)


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Wait for the next time the contact's clock shows this minute of the day, on one of these days (1 is Monday)."""

    name: str
    on: Mapping[str, str]
    minute: int
    days: tuple[int, ...]
    kind: Kind = field(init=False, default=Kind.WAIT_UNTIL)


@dataclass(frozen=True, slots=True)
class WaitForEvent:
    """Wait until an event has come, of one step (`of`) or of any, for at most timeout_s seconds."""

    name: str
    on: Mapping[str, str]
    event: str
    of: str | None
    timeout_s: int
    kind: Kind = field(init=False, default=Kind.WAIT_FOR_EVENT)


@dataclass(frozen=True, slots=True)
class Case:
    """One arm of a branch: where to go when its condition is the first that holds."""

    name: str
    when: Mapping[str, Any]
    goto: str


@dataclass(frozen=True, slots=True)
class Otherwise:
    """The arm of a branch that is taken when no case holds."""

    name: str
    goto: str


@dataclass(frozen=True, slots=True)
class Branch:
    """Take the first case whose condition holds, else the last arm. `on` maps every arm's name to its target."""

    name: str
    on: Mapping[str, str]
    cases: tuple[Case, ...]
    otherwise: Otherwise
    kind: Kind = field(init=False, default=Kind.BRANCH)


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of a split: it gets its weight's share of the contacts."""

    name: str
    weight: int
    goto: str


@dataclass(frozen=True, slots=True)
class Split:
    """Take one arm by a hash of contact, plan and step: a contact always gets the same. `on` maps each arm's name."""

    name: str
    on: Mapping[str, str]
    arms: tuple[Arm, ...]
    kind: Kind = field(init=False, default=Kind.SPLIT)


@dataclass(frozen=True, slots=True)
class RecordOptOut:
    """Withdraw the contact's consent and suppress their address on these channels, as if they had unsubscribed."""

    name: str
    on: Mapping[str, str]
    channels: tuple[str, ...]
    kind: Kind = field(init=False, default=Kind.RECORD_OPT_OUT)


@dataclass(frozen=True, slots=True)
class Task:
    """Wait until a person has done something and says with which of the outcomes in `on`, at most timeout_s seconds."""

    name: str
    on: Mapping[str, str]
    title: str
    instructions: str
    timeout_s: int
    kind: Kind = field(init=False, default=Kind.TASK)


@dataclass(frozen=True, slots=True)
class End:
    """End the run with a result word; `goal` says that this result is what the plan is for."""

    name: str
    on: Mapping[str, str]
    result: str
    goal: bool
    kind: Kind = field(init=False, default=Kind.END)


Step = SendEmail | Call | Wait | WaitUntil | WaitForEvent | Branch | Split | RecordOptOut | Task | End


@dataclass(frozen=True, slots=True)
class Exit:
    """A condition checked after every input and before every effect; a run takes each exit once at most."""

    when: Mapping[str, Any]
    goto: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds no run of the plan exceeds: steps entered, and seconds from its start."""

    max_steps: int
    max_duration_s: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as read from its document. hash and text leave out `meta`, which is title and description.

    steps: by name, in name order; each step's `on` in the order of its labels or cases. attributes: name to
    "string", "int" or "bool".
    """

    key: str
    hash: str
    entry: str
    purpose: str
    policy: str
    steps: Mapping[str, Step]
    exit_on: tuple[Exit, ...]
    limits: Limits
    attributes: Mapping[str, str]
    text: str
    title: str = ""
    description: str = ""

    def __hash__(self) -> int:
        """Let what was computed of a plan be kept by it; this number is never stored or shown."""
        return int(self.hash[:15], 16)


def channels(plan: Plan) -> list[str]:
    """Return the channels a plan sends on."""
    return sorted({str(CHANNELS[step.kind]) for step in plan.steps.values() if step.kind in CHANNELS})
