"""What is handed to an adapter, and what comes back? Message, Outcome, and the commitment to a rendered message.

Pure: no Django, clock, random, environment, file or network.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from audit import canon
from channels.kinds import CALL_LABELS, Channel, Event, Failure, failure


@dataclass(frozen=True, slots=True)
class Message:
    """One rendered message, ready to leave. Nothing is rendered or looked up after this."""

    intent: str  # our id; travels to the provider and back
    channel: Channel
    to: str  # one address, or one phone number in E.164
    subject: str  # empty for calls
    body: str  # text of the mail, or script of the call
    sender: str = ""  # "Name <address>" or caller number; empty: the adapter's own
    run: str = ""  # stream of its run, `run/12`
    headers: Mapping[str, str] = field(default_factory=dict)  # further mail headers, List-Unsubscribe for one
    attempt: int = 1  # which send of its step and visit this is, from 1
    again: bool = False  # it was dispatched before, under the same key


class OutcomeKind(StrEnum):
    ACCEPTED = "accepted"  # the provider took responsibility
    DELIVERED = "delivered"  # the recipient has it
    LABEL = "label"  # a call with its result
    NOT_SENT = "not_sent"  # certainly did not leave
    UNKNOWN = "unknown"  # may have left; never sent again without a person


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known about one send. Made by the functions below, which keep kind and code together."""

    kind: OutcomeKind
    code: str = ""  # a Failure for NOT_SENT and UNKNOWN, else empty
    label: str = ""  # one of CALL_LABELS for LABEL, else empty
    provider_ref: str = ""  # the provider's own id, when it told one


def accepted(provider_ref: str = "") -> Outcome:
    """Return: the provider took responsibility for the message."""
    return Outcome(OutcomeKind.ACCEPTED, provider_ref=provider_ref)


def delivered(provider_ref: str = "") -> Outcome:
    """Return: the recipient has the message."""
    return Outcome(OutcomeKind.DELIVERED, provider_ref=provider_ref)


def labelled(label: str, provider_ref: str = "") -> Outcome:
    """Return: the call has this result. Raises: ValueError unless the label is one of CALL_LABELS."""
    if label not in CALL_LABELS:
        raise ValueError(f"“{label}” is not a call result; the results are {', '.join(CALL_LABELS)}")
    return Outcome(OutcomeKind.LABEL, label=str(label), provider_ref=provider_ref)


def not_sent(code: str) -> Outcome:
    """Return: it certainly did not leave. Raises: ValueError for a code that is not certain."""
    if not failure(code).certain:
        raise ValueError(f"{code} is not certain: the message may have left, so this is unknown({code})")
    return Outcome(OutcomeKind.NOT_SENT, code=str(code))


def unknown(code: str) -> Outcome:
    """Return: nobody knows whether it left. Raises: ValueError for a code that is certain."""
    if failure(code).certain:
        raise ValueError(f"{code} is certain: the message did not leave, so this is not_sent({code})")
    return Outcome(OutcomeKind.UNKNOWN, code=str(code))


def failed(code: Failure) -> Outcome:
    """Return not_sent or unknown, as the code's class says."""
    return not_sent(code) if code.certain else unknown(code)


# One plain address: no quotes, comments, lists or routes, so that no header can be smuggled in through it.
_ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f<>()\[\]\\,;:@\"]{1,64}@[^\s\x00-\x1f\x7f<>()\[\]\\,;:@\"]{1,253}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{1,900}")
_INTENT = re.compile(r"[\x21-\x7e]{1,200}")
_BREAKS = re.compile(r"[\r\n\x00]")
_MAX_SUBJECT = 900
_MAX_SENDER = 320
# Headers that the adapter writes itself; a message that brings its own would send two of them.
RESERVED_HEADERS = frozenset(
    {
        "from", "to", "cc", "bcc", "sender", "subject", "date", "message-id", "return-path", "received",
        "mime-version", "content-type", "content-transfer-encoding", "x-dee-intent",
    }
)  # fmt: skip


def is_address(text: str) -> bool:
    """Return whether the text is one plain mail address: no name, no list, no comment, at most 254 characters."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


def refusal(message: Message, channel: Channel) -> Failure | None:
    """Return why no adapter of this channel may send this message, or None. Checked before any socket is opened."""
    if message.channel != channel:
        return Failure.INVALID_MESSAGE
    reachable = is_address(message.to) if channel == Channel.EMAIL else _PHONE.fullmatch(message.to)
    if not reachable:
        return Failure.INVALID_MESSAGE
    if not _INTENT.fullmatch(message.intent):
        return Failure.INVALID_MESSAGE
    for line, longest in ((message.subject, _MAX_SUBJECT), (message.sender, _MAX_SENDER)):
        if len(line) > longest or _BREAKS.search(line):
            return Failure.INVALID_MESSAGE
    for name, value in message.headers.items():
        if name.lower() in RESERVED_HEADERS or not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            return Failure.INVALID_MESSAGE
    return None


def masked(address: str) -> str:
    """Return an address that can be told from others but not read: `a…@example.org`, `+12…91`."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}" if at else f"{address[:3]}…{address[-2:]}"


def event_body(event: Event, intent: str, *, machine: bool = False, provider_at: int | None = None) -> dict[str, Any]:
    """Return what the inbox keeps of a provider's event.

    provider_at: the provider's own clock in seconds, kept as data and never used for order.
    """
    return {"event": str(event), "intent": intent, "machine": machine, "provider_at": provider_at}


# Messages are longer than log entries; this is the canonical profile with room for a whole mail.
_RENDERED = canon.Profile(canon.ENTRY.key, canon.ENTRY.key_rule, 2, 4 * 1024 * 1024)


def message_commitment(salt: bytes, *, channel: str, to: str, subject: str, body: str) -> str:
    """Return the hex commitment the log holds in place of a rendered message.

    salt: 32 random bytes, kept beside the message and erased with it. HMAC-SHA256 over "dee.pii/1\\nmessage\\n" and the
    canonical JSON of the four fields. Raises: ValueError for a salt of another length; canon.NotCanonical for text that
    has no canonical form (U+0000, lone surrogates).
    Source: DESIGN §9.
    """
    if len(salt) != 32:
        raise ValueError(f"a salt is 32 bytes, not {len(salt)}")
    fields = {"body": body, "channel": str(channel), "subject": subject, "to": to}
    opening = "dee.pii/1\nmessage\n" + canon.encode(fields, _RENDERED)
    return hmac.new(salt, opening.encode(), hashlib.sha256).hexdigest()
