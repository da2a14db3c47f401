"""What must every adapter promise? The contract between the engine and whatever carries a message.

`send` makes one request and never retries, never raises and touches no database; it may be called from many threads
at once. Connecting takes at most CONNECT_S and the whole call at most TOTAL_S, whatever the other side does.
`not_sent` is returned only when it is certain; everything ambiguous is `unknown`. One contract suite
(tests/unit/channels/test_adapter_contract.py) runs over every adapter.
"""

from typing import Literal, Protocol

from channels.kinds import Channel, Event
from channels.messages import Message, Outcome

CONNECT_S = 3.0
TOTAL_S = 10.0

# "none": the provider cannot tell a repeated request from a new one. ("keyed", ttl_s): for ttl_s seconds the same key
# with the same bytes is sent once, so a redispatch is safe.
Idempotency = Literal["none"] | tuple[Literal["keyed"], int]

# (delay in seconds after the send, event): what a simulated recipient does later.
Reactions = tuple[tuple[int, Event], ...]


class Adapter(Protocol):
    """One way to carry messages of one channel."""

    @property
    def name(self) -> str: ...

    @property
    def channel(self) -> Channel: ...

    @property
    def sandbox(self) -> bool:
        """True when nothing leaves this machine, so the clock may be driven by hand."""

    @property
    def idempotency(self) -> Idempotency: ...

    @property
    def lookup(self) -> bool:
        """True when the provider can be asked what became of an intent."""

    @property
    def callbacks(self) -> tuple[Event, ...]:
        """Events that arrive later about a message this adapter accepted."""

    def send(self, message: Message, key: str) -> Outcome:
        """Send once. key: idempotency key, the intent id; adapters whose idempotency is "none" ignore it."""

    def reactions(self, message: Message) -> Reactions:
        """Return what the simulated recipient will do after an accepted or unknown send; () for real adapters."""
