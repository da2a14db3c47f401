"""What do the providers do with a message, and what do they know of it? Their own ledger is the oracle of what left.

A fate is drawn from the seed and from which message it is, never from the order of sends: so the same story has the
same fates however its work is cut.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from channels.adapters.base import Idempotency, Reactions
from channels.kinds import CALL_LABELS, CALL_RESULTS, EMAIL_EVENTS, Channel, Event, Failure
from channels.messages import Message, Outcome, accepted, delivered, failed, labelled, not_sent, refusal

DAY, HOUR = 86_400, 3600
CERTAIN = {
    Channel.EMAIL: (Failure.SMTP_TEMPORARY_REFUSED, Failure.RATE_LIMITED, Failure.SMTP_RECIPIENT_REFUSED),
    Channel.VOICE: (Failure.CALL_REFUSED, Failure.RATE_LIMITED, Failure.CALL_TIMEOUT_BEFORE_REQUEST),
}
UNKNOWN = {
    Channel.EMAIL: (Failure.SMTP_TIMEOUT_AFTER_DATA, Failure.SMTP_DROPPED_AFTER_DATA),
    Channel.VOICE: (Failure.CALL_TIMEOUT_AFTER_REQUEST,),
}
# fate: weight. What left and what did not is in the word; the rest is what the adapter says about it.
FATES = {
    "accepted": 52,
    "told at once": 10,
    "refused": 12,
    "unknown, left": 8,
    "unknown, not left": 6,
    "raises, left": 3,
    "raises, not left": 3,
}
LATER = {
    Channel.EMAIL: (
        (Event.DELIVERED,),
        (Event.DELIVERED, Event.OPENED),
        (Event.DELIVERED, Event.OPENED, Event.CLICKED),
        (Event.OPENED, Event.DELIVERED, Event.REPLIED),
        (Event.AUTO_REPLY, Event.DELIVERED),
        (Event.BOUNCED_SOFT,),
        (Event.BOUNCED_HARD,),
        (Event.DELIVERED, Event.UNSUBSCRIBED),
        (Event.DELIVERED, Event.COMPLAINED),
        (),
    ),
    Channel.VOICE: (*((label,) for label in CALL_LABELS), (Event.ANSWERED, Event.BUSY), (Event.FAILED,), ()),
}
DELAYS = (0, 0, 1, 5, 59, 60, 61, 300, HOUR - 1, HOUR, HOUR + 1, 9 * HOUR, DAY)


@dataclass(slots=True)
class Known:
    """What a provider knows of one key: when the message left, and how often it was asked to send it."""

    asked: int = 0
    left_us: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Ledger:
    """What all providers together have seen, by intent."""

    known: dict[str, Known] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    def of(self, intent: str) -> Known:
        return self.known.setdefault(intent, Known())

    def left(self, intent: str) -> int:
        """Return how many copies of a message left."""
        return len(self.known[intent].left_us) if intent in self.known else 0


class Provider:
    """One adapter, with a provider behind it.

    identity: names a message by what is the same in every telling. beside: what may happen around a send.
    """

    lookup = False

    def __init__(self, channel: Channel, seed: str, *, sandbox: bool, ttl_s: int, ledger: Ledger) -> None:
        self.channel = channel
        self.name = f"{'sandbox' if sandbox else 'wire'}-{channel}"
        self.sandbox = sandbox
        self.idempotency: Idempotency = ("keyed", ttl_s) if ttl_s else "none"
        self.ttl_us = ttl_s * 1_000_000
        self.callbacks = EMAIL_EVENTS if channel == Channel.EMAIL else CALL_RESULTS
        self.seed = seed
        self.ledger = ledger
        self.identity: Callable[[Message], str] = lambda message: message.intent
        self.now_us: Callable[[], int] = lambda: 0
        self.tell: Callable[[Message, int, Event, str, int], None] = lambda *_: None
        self.before: Callable[[Message], None] = lambda _: None
        self.after: Callable[[Message], None] = lambda _: None

    def send(self, message: Message, key: str) -> Outcome:
        """Do what the fate of this message says."""
        assert key == message.intent, "the key of a message is its intent"
        self.before(message)
        try:
            code = refusal(message, self.channel)
            return not_sent(code) if code is not None else self._take(message)
        finally:
            self.after(message)

    def reactions(self, message: Message) -> Reactions:
        """Return what the simulated recipient does; a real provider tells it by itself."""
        if not self.sandbox or not self.ledger.left(message.intent):
            return ()
        return tuple((delay, event) for delay, event, _, _ in self._later(message))

    def _take(self, message: Message) -> Outcome:
        known = self.ledger.of(message.intent)
        known.asked += 1
        self.ledger.seen["an adapter was asked again"] += known.asked > 1
        if known.left_us and self.ttl_us and self.now_us() - known.left_us[-1] < self.ttl_us:
            self.ledger.seen["a provider recognised a key"] += 1
            return accepted("known")
        fate = self._fate(message, known.asked)
        self.ledger.seen[f"fate: {fate}"] += 1
        if fate in ("refused", "unknown, not left", "raises, not left"):
            return self._answer(fate, message)
        known.left_us.append(self.now_us())
        if not self.sandbox:
            for delay, event, name, times in self._later(message):
                self.tell(message, delay, event, name, times)
        return self._answer(fate, message)

    def _answer(self, fate: str, message: Message) -> Outcome:
        chance = self._chance(message, "answer")
        if fate.startswith("raises"):
            raise RuntimeError("an adapter that breaks its contract")
        if fate == "refused":
            return failed(Random(f"{self.seed}/{message.to}/why").choice(CERTAIN[self.channel]))
        if fate.startswith("unknown"):
            return failed(chance.choice(UNKNOWN[self.channel]))
        if fate == "told at once":
            return delivered() if self.channel == Channel.EMAIL else labelled(str(chance.choice(CALL_LABELS)))
        return accepted(f"ref-{message.intent}")

    def _fate(self, message: Message, times: int) -> str:
        if Random(f"{self.seed}/{message.to}").random() < 0.1:
            return "refused"  # always, as some recipients' servers do
        return self._chance(message, f"fate {times}").choices(list(FATES), list(FATES.values()))[0]

    def _later(self, message: Message) -> list[tuple[int, Event, str, int]]:
        """Return (delay, event, external id, deliveries) of what is told later, in any order."""
        chance = self._chance(message, "later")
        events = chance.choice(LATER[self.channel])
        told = []
        for at, event in enumerate(events):
            times = chance.choice((1, 1, 2, 4))
            told.append((chance.choice(DELAYS), event, f"{message.intent}/{at}", times))
        return told

    def _chance(self, message: Message, what: str) -> Random:
        return Random(f"{self.seed}/{self.identity(message)}/{what}")


def body(event: str, intent: str, *, machine: bool = False) -> dict[str, Any]:
    """Return what a webhook keeps of an event."""
    return {"event": str(event), "intent": intent, "machine": machine, "provider_at": None}
