"""How fast is the engine alone? An adapter that accepts everything at once and does nothing, for benchmarks."""

from channels.adapters.base import Idempotency, Reactions
from channels.kinds import Channel, Event
from channels.messages import Message, Outcome, accepted, not_sent, refusal


class NullAdapter:
    """Accepts every message that could be sent."""

    name = "null"
    sandbox = True
    idempotency: Idempotency = "none"
    lookup = False
    callbacks: tuple[Event, ...] = ()

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def send(self, message: Message, key: str) -> Outcome:
        code = refusal(message, self.channel)
        return accepted() if code is None else not_sent(code)

    def reactions(self, message: Message) -> Reactions:
        return ()
