"""What does a rehearsal go by, and what does it tell? The script, the world it is played in, and the result.

Pure. A script holds everything that comes from outside a run; a world answers what the core asks on its way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from audit import chain
from plans.document import Plan
from plans.steps import CHANNELS, Call, SendEmail, WaitUntil
from runs.engine.path import Stop
from runs.engine.values import Recover, Resolved, RunState, Settle


@dataclass(frozen=True, slots=True)
class Answer:
    """What an adapter says about a send: accepted, delivered, label, not_sent or unknown, with its label or code."""

    kind: str = "accepted"
    code: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event, after_s seconds after the start or after a send of the step `of`.

    nth: which of that step's sends, from 1; 0 for each of them.
    """

    event: str
    after_s: int
    of: str = ""
    nth: int = 0
    machine: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """A command, after_s seconds after the start or after the run came to stand at a step where it may be given."""

    command: str
    after_s: int = 0
    step: str = ""
    label: str = ""


DEFAULTS: Mapping[str, Answer] = {"email": Answer("accepted"), "voice": Answer("label", label="answered")}


@dataclass(frozen=True, slots=True)
class Script:
    """Who it is for, when it begins, and everything that comes from outside.

    answers: by step, one for each of its sends; the last one stands for all later ones. defaults: by channel.
    """

    start_at: int
    contact_ref: str
    contact_hash: str
    attrs: Mapping[str, Any]
    version: int = 0
    answers: Mapping[str, Sequence[Answer]] = field(default_factory=dict)
    defaults: Mapping[str, Answer] = field(default_factory=lambda: DEFAULTS)
    happenings: Sequence[Happening] = ()
    acts: Sequence[Act] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """What would leave. payload: the commitment, None without an address; error: the variable without a value."""

    to: str
    subject: str
    body: str
    payload: Mapping[str, Any] | None
    error: str = ""


class World(Protocol):
    """What a run asks while it is rehearsed. Nothing that it changes outlives the rehearsal."""

    def facts(self, channel: str, *, at: int, late_by: int, again: bool) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return (policy document, facts) as the gate takes them."""

    def message(self, state: RunState, step: SendEmail | Call) -> Message:
        """Return the message of a step, rendered for this contact."""

    def resolved(self, step: WaitUntil, *, at: int) -> Resolved:
        """Return when the contact's clock shows the time of a step."""

    def recover(self, channel: str, *, at: int) -> Recover:
        """Return the policy in force and how long the channel's adapter knows a key."""

    def reserve(self, facts: Mapping[str, Any], *, at: int) -> None:
        """Count an allowed send, for the facts of later ones."""

    def settle(self, effect: Settle, *, at: int) -> None:
        """Post, give back or keep what was counted."""

    def bar(self, channel: str, reason: str) -> None:
        """Let the gate refuse a channel from now on: `unsubscribe` also withdraws the consent."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message as it would have left, and what the script says came of it."""

    step: str
    visit: int
    attempt: int
    tick: int
    channel: str
    message: Message
    answer: Answer


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it.

    status, reason, step: where the run stands at the end. tick: of the last entry. cut: why it was left standing before
    its end, or "". unused: what the script says that never came to pass, in words.
    """

    entries: tuple[chain.Entry, ...]
    bodies: tuple[Mapping[str, Any], ...]
    lines: tuple[str, ...]
    path: tuple[Stop, ...]
    sent: tuple[Sent, ...]
    status: str
    reason: str
    step: str
    tick: int
    evidence: str
    cut: str
    unused: tuple[str, ...]


class Unplayable(ValueError):
    """The script does not fit the plan; the message says where."""


def check(plan: Plan, script: Script) -> None:
    """Say what in a script does not fit a plan. Raises: Unplayable."""
    named = {*script.answers, *(h.of for h in script.happenings), *(act.step for act in script.acts)} - {""}
    for name in sorted(named - plan.steps.keys()):
        raise Unplayable(f"The script speaks of “{name}”, but the plan has no such step.")
    for name, answers in script.answers.items():
        step = plan.steps[name]
        if step.kind not in CHANNELS:
            raise Unplayable(f"“{name}” sends nothing, so no answer can come.")
        for answer in answers:
            if answer.kind == "label" and answer.label not in step.on:
                raise Unplayable(f"“{answer.label}” is not an outcome of “{name}”.")
            if (answer.kind in ("not_sent", "unknown")) != bool(answer.code):
                raise Unplayable(
                    f"The answer “{answer.kind}” of “{name}” has a code when the send failed, and only then."
                )
