"""How can everything be tried without a message leaving? The default adapters: no socket, scripted recipients.

What was "sent" is the outbox row the engine keeps anyway; operators read it as the local mailbox. What comes back is
decided by `adapters.script`, later events included.
"""

import time

from channels.adapters import script
from channels.adapters.base import Idempotency, Reactions
from channels.kinds import CALL_RESULTS, EMAIL_EVENTS, Channel, Event
from channels.messages import Message, Outcome, OutcomeKind, accepted, not_sent, refusal


class _Sandbox:
    """Answers as the script says, after an optional delay."""

    name = "sandbox"
    channel: Channel
    sandbox = True
    idempotency: Idempotency = "none"
    lookup = False
    callbacks: tuple[Event, ...]

    def __init__(self, seed: str, delay_s: float = 0.0) -> None:
        """seed: chooses another run of the same script. delay_s: how long a send takes, for crash tests."""
        self._seed = seed
        self._delay_s = delay_s

    def send(self, message: Message, key: str) -> Outcome:
        """Answer what the script gives this recipient. key: ignored; the script answers by intent."""
        code = refusal(message, self.channel)
        if code is not None:
            return not_sent(code)
        if self._delay_s > 0:
            time.sleep(self._delay_s)
        return self._script(message)[0]

    def reactions(self, message: Message) -> Reactions:
        """Return the events that follow the send of this message."""
        return self._script(message)[1]

    def _script(self, message: Message) -> tuple[Outcome, Reactions]:
        outcome, later = script.reactions(self._seed, message.intent, message.to, self.channel, message.attempt)
        if message.again and outcome.kind == OutcomeKind.UNKNOWN:
            outcome = accepted(f"sandbox-{message.intent}")  # as a provider answers that knows the key
        return outcome, later


class SandboxEmail(_Sandbox):
    """Knows a message by its key for a day, as some providers do, so that a redispatch can be tried."""

    channel = Channel.EMAIL
    idempotency = ("keyed", 86_400)
    callbacks = EMAIL_EVENTS


class SandboxVoice(_Sandbox):
    """A call is accepted; its result arrives as an event."""

    channel = Channel.VOICE
    callbacks = CALL_RESULTS
