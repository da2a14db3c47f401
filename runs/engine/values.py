"""What the core takes and gives: the state of one run, the inputs that move it, and what it asks of the shell.

Pure. Instants named `at` are lane clock (whole seconds since the epoch, UTC); `tick` is at - start_at.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audit import canon
from audit.chain import Entry

RESULT_DEADLINE_S = 3600  # a call whose provider never tells its result is unknown after an hour


@dataclass(slots=True)
class RunState:
    """All that a run remembers. The shell stores it; two equal states behave alike for ever."""

    st: str
    start_at: int
    contact: str = ""  # its reference, which a split goes by
    n: int = 0
    head: bytes = b""
    status: str = "(start)"
    reason: str = ""
    step: str = ""
    visit: int = 0
    due: int | None = None  # lane clock of the run's next own action
    turn: int = 0  # sends already made in the instant `moment`; a wave of any size keeps the same order
    since: int = 0  # lane clock since when it stands before the gate, 0 when it does not
    moment: int = 0
    ready_at: int = 0  # lane clock at which the present send became due; the delay after it is `late_by`
    wait_n: int = 0  # the entry that began the present wait or pause
    held: str = ""  # what a held run goes back to: send, timer, event, result or task
    held_due: int = 0  # lane clock at which that wait ends, 0 for a send
    attempt: int = 0  # sends intended in this visit of the step
    intent: str = ""  # the open or latest intent
    early: str = ""  # what an event told about an intent that was still on its way, or about a call that is held
    reserved: list[dict[str, Any]] = field(default_factory=list)
    unsure: str = ""  # an intent of this visit whose fate nobody knows
    unsure_at: int = 0  # lane clock of that intent
    sole: bool = False  # it is the only one, dispatched once: only then is it certain what did not leave
    kept: list[dict[str, Any]] = field(default_factory=list)  # its reservation, which stays
    evidence: str = ""  # what is known of it by now: a label or not_sent
    again_until: int = 0  # lane clock up to which it may be dispatched again, 0 unless it is about to be
    recoveries: int = 0  # recovery rules applied in this visit since an operator last acted
    exhausted: bool = False  # the recovery rules have given up on this visit
    steps_taken: int = 0
    stop_after: str = ""  # an opt-out that arrived while a message was on its way
    attrs: dict[str, Any] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    events: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    exits: list[int] = field(default_factory=list)  # exit_on rules that have fired: each fires once

    def copy(self) -> "RunState":
        """Return an independent state, so that a fault half-way leaves the old one whole."""
        fresh = RunState(*(getattr(self, name) for name in _FIELDS))
        fresh.reserved = list(self.reserved)
        fresh.kept = list(self.kept)
        fresh.visits = dict(self.visits)
        fresh.outcomes = dict(self.outcomes)
        fresh.events = {step: {e: dict(f) for e, f in seen.items()} for step, seen in self.events.items()}
        fresh.exits = list(self.exits)
        return fresh


_FIELDS = tuple(RunState.__dataclass_fields__)
# What has a column of its own in runs_run; the rest is kept as one JSON text.
COLUMNS = ("st", "start_at", "n", "head", "status", "reason", "step", "visit", "due", "turn", "since")
_REST = tuple(name for name in _FIELDS if name not in COLUMNS)


def pack(state: RunState) -> str:
    """Return the part of a state that has no column, as JSON without what is empty."""
    rest = {name: value for name in _REST if (value := getattr(state, name))}
    return json.dumps(rest, ensure_ascii=False, separators=(",", ":"))


def unpack(text: str, **columns: Any) -> RunState:
    """Return the state stored as columns and `pack` text."""
    return RunState(**columns, **json.loads(text))


@dataclass(frozen=True, slots=True)
class Start:
    """A contact begins a plan."""

    at: int
    version: int  # number of the plan version
    contact_ref: str
    contact_hash: str
    attrs: Mapping[str, Any]
    source: str


@dataclass(frozen=True, slots=True)
class Timer:
    """The run's due instant has come."""

    at: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the gate needs to know about the send the run stands at; see policies.gate for the shape of facts."""

    at: int
    policy: Mapping[str, Any]
    facts: Mapping[str, Any]
    payload: Mapping[str, Any] | None  # commitment of the rendered message
    error: str = ""  # name of the undefined variable when rendering failed, or what is wrong with a kept message


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an adapter said about an intent: accepted, delivered, label, not_sent or unknown."""

    at: int
    intent: str
    kind: str
    code: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Voided:
    """The check just before the socket refused: nothing left, the run goes back to the gate."""

    at: int
    intent: str
    rule: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something a recipient or provider did. step: where its intent was made, empty for contact-wide events."""

    at: int
    event: str
    intent: str
    step: str
    machine: bool
    source: str
    id: str
    stops: bool = False  # an opt-out in whose scope this run lies


@dataclass(frozen=True, slots=True)
class Resolved:
    """When the contact's clock shows the time a run waits for. until: lane clock, None without a known zone."""

    at: int
    zone: str
    tzdata: str
    until: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a replaced engine found out about an intent after another one had closed it: evidence, never an outcome.

    step: where the intent was made.
    """

    at: int
    intent: str
    step: str
    kind: str
    code: str
    label: str


@dataclass(frozen=True, slots=True)
class Recover:
    """The policy in force when a run had failed, or when something became known about its message.

    key_ttl_s: how long the adapter knows a message by its key, 0 when it does not.
    """

    at: int
    policy: Mapping[str, Any]
    policy_hash: str
    key_ttl_s: int = 0


@dataclass(frozen=True, slots=True)
class Command:
    """What an operator asks for; note is the commitment of the reason typed. key_ttl_s: as in Recover."""

    at: int
    command: str
    id: str
    actor: str
    note: Mapping[str, Any] | None
    label: str = ""
    key_ttl_s: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """The core raised on an earlier input: the run fails, the queue goes on."""

    at: int
    type: str


Input = Start | Timer | Resolved | Facts | Outcome | Voided | Event | Report | Command | Recover | Fault


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Commit, then send this intent. again: the message that was kept with it, as it is, under the same key."""

    intent: str
    step: str
    visit: int
    attempt: int
    channel: str
    n: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Settle:
    """What becomes of the reservation of an intent: post, void or keep."""

    how: str
    reserved: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class OptOut:
    """Withdraw the contact's consent and suppress them on these channels; their other runs that send there stop."""

    channels: tuple[str, ...]
    id: str  # names the opt-out where it is recorded elsewhere


Effect = Dispatch | Settle | OptOut


@dataclass(frozen=True, slots=True)
class Result:
    """The state after an input, the entries it led to, and what the shell has to do."""

    state: RunState
    entries: tuple[Entry, ...]
    effects: tuple[Effect, ...]


def intent_id(state: RunState) -> str:
    """Return the id of the next intent of a run: it depends on the run, step, visit and attempt only."""
    text = canon.encode([state.st, state.step, state.visit, state.attempt + 1])
    return hashlib.sha256(b"dee.intent/1\n" + text.encode()).hexdigest()[:32]
