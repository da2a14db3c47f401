"""Which words do all rooms share about channels? Channels, provider events, and the closed list of failure codes.

Pure: no Django, clock, random, environment, file or network.
"""

from enum import StrEnum
from typing import Self


class Channel(StrEnum):
    EMAIL = "email"
    VOICE = "voice"


class Event(StrEnum):
    """What a provider (or the sandbox) may tell us later about a message or a call."""

    DELIVERED = "delivered"  # the recipient's server took the mail
    OPENED = "opened"
    CLICKED = "clicked"
    REPLIED = "replied"  # a person answered
    AUTO_REPLY = "auto_reply"  # out of office and the like
    BOUNCED_HARD = "bounced_hard"  # the address does not work and will not
    BOUNCED_SOFT = "bounced_soft"  # could not be delivered this time
    COMPLAINED = "complained"  # marked as spam
    UNSUBSCRIBED = "unsubscribed"
    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    VOICEMAIL = "voicemail"
    FAILED = "failed"  # the provider could not place the call


EMAIL_EVENTS = (
    Event.DELIVERED,
    Event.OPENED,
    Event.CLICKED,
    Event.REPLIED,
    Event.AUTO_REPLY,
    Event.BOUNCED_HARD,
    Event.BOUNCED_SOFT,
    Event.COMPLAINED,
    Event.UNSUBSCRIBED,
)
CALL_RESULTS = (Event.ANSWERED, Event.NO_ANSWER, Event.BUSY, Event.VOICEMAIL, Event.FAILED)
# The results that are outcomes of a call step; FAILED is a failure and has no label.
CALL_LABELS = (Event.ANSWERED, Event.NO_ANSWER, Event.BUSY, Event.VOICEMAIL)


class Failure(StrEnum):
    """Every reason why a send is not an accepted one.

    certain: True when the message certainly did not leave, so `not_sent`; False when nobody knows, so `unknown`.
    sentence: what an operator reads. New adapters add codes here; a code never changes its class.
    """

    certain: bool
    sentence: str

    def __new__(cls, code: str, certain: bool, sentence: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.certain = certain
        member.sentence = sentence
        return member

    # Our side
    INVALID_MESSAGE = (
        "invalid_message",
        True,
        "The message cannot be sent as it is: a line break, a bad address or a bad header.",
    )
    ADDRESS_UNSUPPORTED = (
        "address_unsupported",
        True,
        "The part before the @ is not ASCII, which this adapter does not send.",
    )
    ADAPTER_ERROR = (
        "adapter_error",
        True,
        "The adapter itself failed before the message left; see the log for the trace.",
    )
    ADAPTER_ERROR_AFTER_DATA = (
        "adapter_error_after_data",
        False,
        "The adapter itself failed after the message was written.",
    )
    RATE_LIMITED = "rate_limited", True, "The provider refuses more messages for now; try later."

    # SMTP, before the final dot was written
    SMTP_NAME_UNRESOLVED = "smtp_name_unresolved", True, "The mail server's name could not be resolved."
    SMTP_CONNECT_REFUSED = "smtp_connect_refused", True, "The mail server refused the connection."
    SMTP_CONNECT_TIMEOUT = "smtp_connect_timeout", True, "The mail server did not take the connection in time."
    SMTP_UNREACHABLE = "smtp_unreachable", True, "There is no way to the mail server on this network."
    SMTP_TLS_FAILED = (
        "smtp_tls_failed",
        True,
        "No TLS session: not offered, broken off, or the certificate is not trusted.",
    )
    SMTP_SESSION_REFUSED = (
        "smtp_session_refused",
        True,
        "The mail server will not talk to us (greeting or EHLO refused).",
    )
    SMTP_421 = "smtp_421", True, "The mail server closed the session before the message (421); try later."
    SMTP_AUTH_FAILED = (
        "smtp_auth_failed",
        True,
        "The mail server refused our user or password, or offers no login we know.",
    )
    SMTP_SENDER_REFUSED = "smtp_sender_refused", True, "The mail server refused the sender address."
    SMTP_RECIPIENT_REFUSED = "smtp_recipient_refused", True, "The mail server refused the recipient address."
    SMTP_TEMPORARY_REFUSED = (
        "smtp_temporary_refused",
        True,
        "The mail server refused for now (4xx before the message); try later.",
    )
    SMTP_TIMEOUT_BEFORE_DATA = (
        "smtp_timeout_before_data",
        True,
        "The mail server fell silent before the message was complete.",
    )
    SMTP_DROPPED_BEFORE_DATA = (
        "smtp_dropped_before_data",
        True,
        "The connection was lost before the message was complete.",
    )
    SMTP_GARBLED_BEFORE_DATA = "smtp_garbled_before_data", True, "The mail server answered something that is not SMTP."
    # SMTP, the answer to the final dot: a refusal there is an answer, so it is certain (RFC 5321 §4.2.5)
    SMTP_DATA_DEFERRED = (
        "smtp_data_deferred",
        True,
        "The mail server read the message and refused it for now (4xx); try later.",
    )
    SMTP_DATA_REFUSED = "smtp_data_refused", True, "The mail server refused the message itself (5xx)."
    # SMTP, no usable answer to the final dot: these are the duplicates of RFC 1047
    SMTP_TIMEOUT_AFTER_DATA = (
        "smtp_timeout_after_data",
        False,
        "The message was written and the mail server never confirmed it.",
    )
    SMTP_DROPPED_AFTER_DATA = (
        "smtp_dropped_after_data",
        False,
        "The message was written and the connection was lost before the answer.",
    )
    SMTP_GARBLED_AFTER_DATA = "smtp_garbled_after_data", False, "The message was written and the answer is not SMTP."

    # Calls
    CALL_REFUSED = "call_refused", True, "The voice provider refused to place the call."
    CALL_TIMEOUT_BEFORE_REQUEST = "call_timeout_before_request", True, "The voice provider was not reached in time."
    CALL_TIMEOUT_AFTER_REQUEST = (
        "call_timeout_after_request",
        False,
        "The call was requested and the provider never confirmed it.",
    )
    CALL_FAILED = "call_failed", True, "The voice provider took the call and reports that it could not be placed."

    # Found by the engine, never returned by an adapter
    OUTCOME_LOST = "outcome_lost", False, "The worker stopped between the send and its record."


CERTAIN = tuple(code for code in Failure if code.certain)
UNKNOWN = tuple(code for code in Failure if not code.certain)
_FAILURES = {code.value: code for code in Failure}


def failure(code: str) -> Failure:
    """Return the failure of this code. Raises: ValueError for a code outside the list."""
    try:
        return _FAILURES[code]
    except KeyError:
        raise ValueError(f"“{code}” is not a failure code; channels/kinds.py lists them") from None
