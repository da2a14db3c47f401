"""How does a mail leave by SMTP, and what is known about it when something goes wrong?

The session is walked phase by phase so that every failure is classed by one rule. Until the final dot is written
completely nothing was sent: refusals, silence and lost connections are `not_sent`. After it only an answer is certain:
2xx accepted, 4xx and 5xx not sent; silence, a lost connection or text that is not SMTP are `unknown` (RFC 1047).

One connection per send, on purpose. On a kept connection that the server closed meanwhile, the first command fails:
that is certain, but it would fail a run for our own thrift, and trying again on a fresh one is the retry an adapter
must not make. Thirty-two sends run at once, so the handshakes overlap.
"""

import logging
import re
import smtplib
import ssl
import traceback
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial

from channels.adapters import mime
from channels.adapters.base import CONNECT_S, TOTAL_S, Idempotency, Reactions
from channels.adapters.smtp_wire import (
    ConnectionLost,
    Deadline,
    DeadlinePassed,
    NameUnresolved,
    NotSmtp,
    Session,
    connect,
)
from channels.kinds import Channel, Event, Failure
from channels.messages import Message, Outcome, accepted, failed, refusal

log = logging.getLogger(__name__)

TLS_MODES = ("none", "starttls", "tls")


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where and how to send. Times in seconds."""

    host: str
    port: int
    mail_from: str  # "Name <address>" for messages that name no sender
    user: str = ""
    password: str = field(default="", repr=False)
    tls: str = "starttls"  # one of TLS_MODES; there is no fallback to a session in clear
    ca_file: str = ""  # PEM file of trusted authorities; empty: the system's
    ehlo: str = ""  # our name; empty: the address of our socket
    connect_s: float = CONNECT_S
    total_s: float = TOTAL_S


class _Refused(Exception):
    """The send ends here for a known reason."""

    def __init__(self, code: Failure, reply: int = 0, status: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.reply = reply  # SMTP reply code, for the log
        self.status = status  # enhanced status code (RFC 3463), for the log


@dataclass(slots=True)
class _Progress:
    """How much of the message has been handed over."""

    begun: bool = False  # some of it may be under way
    written: bool = False  # all of it, final dot included


class SmtpEmail:
    """Carries mail to one SMTP server."""

    name = "smtp"
    channel = Channel.EMAIL
    sandbox = False
    idempotency: Idempotency = "none"
    lookup = False
    callbacks: tuple[Event, ...] = ()

    def __init__(self, settings: SmtpSettings) -> None:
        """Raises: OSError or ssl.SSLError when the CA file cannot be read, mime.BadAddress for a bad mail_from."""
        if settings.tls not in TLS_MODES:
            raise ValueError(f"“{settings.tls}” is not one of {', '.join(TLS_MODES)}")
        mime.sender(settings.mail_from)
        self._settings = settings
        self._tls = None if settings.tls == "none" else ssl.create_default_context(cafile=settings.ca_file or None)

    def send(self, message: Message, key: str) -> Outcome:
        """Send once; see the module for what each failure means. key: ignored, SMTP has no idempotency keys."""
        progress = _Progress()
        answer = {"reply": 0, "status": ""}
        try:
            return accepted(self._deliver(message, progress))
        except _Refused as refused:
            code = refused.code
            answer = {"reply": refused.reply, "status": refused.status}
        except DeadlinePassed:
            code = Failure.SMTP_TIMEOUT_AFTER_DATA if progress.written else Failure.SMTP_TIMEOUT_BEFORE_DATA
        except ConnectionLost:
            code = Failure.SMTP_DROPPED_AFTER_DATA if progress.written else Failure.SMTP_DROPPED_BEFORE_DATA
        except (NotSmtp, smtplib.SMTPException):
            code = Failure.SMTP_GARBLED_AFTER_DATA if progress.written else Failure.SMTP_GARBLED_BEFORE_DATA
        except Exception as error:  # the contract: never raise; a fault of ours must not look like a certain failure
            code = Failure.ADAPTER_ERROR_AFTER_DATA if progress.begun else Failure.ADAPTER_ERROR
            # The trace without the exception's text, which may hold an address.
            trace = "".join(traceback.format_tb(error.__traceback__))
            log.error("smtp adapter: %s\n%s", type(error).__name__, trace, extra={"intent": message.intent})
        # Numbers only: the words of an answer may repeat the recipient's address.
        log.info("smtp: %s", code, extra={"intent": message.intent, **answer})
        return failed(code)

    def reactions(self, message: Message) -> Reactions:
        return ()

    def _deliver(self, message: Message, progress: _Progress) -> str:
        """Walk the whole session; return the server's queue id or "". Raises: _Refused and the wire's exceptions."""
        if (code := refusal(message, self.channel)) is not None:
            raise _Refused(code)
        try:
            frm = mime.sender(message.sender or self._settings.mail_from)
        except mime.BadAddress:
            raise _Refused(Failure.INVALID_MESSAGE) from None
        try:
            to = mime.wire_address(message.to)
        except mime.BadAddress:
            raise _Refused(Failure.ADDRESS_UNSUPPORTED) from None
        # A line that begins with a dot gets a second one (RFC 5321 §4.5.2), then the final dot.
        mail = re.sub(rb"(?m)^\.", b"..", mime.build(message, frm, to, formatdate())) + b".\r\n"
        deadline = Deadline(self._settings.total_s)
        session = self._connect(deadline)
        try:
            self._greet(session)
            self._log_in(session)
            _address(session, frm.address, to, len(mail))
            return _transmit(session, mail, progress)
        finally:
            session.hang_up()

    def _connect(self, deadline: Deadline) -> Session:
        settings = self._settings
        try:
            sock = connect(settings.host, settings.port, Deadline(min(settings.connect_s, settings.total_s)))
        except DeadlinePassed:
            raise _Refused(Failure.SMTP_CONNECT_TIMEOUT) from None
        except NameUnresolved:
            raise _Refused(Failure.SMTP_NAME_UNRESOLVED) from None
        except ConnectionRefusedError:
            raise _Refused(Failure.SMTP_CONNECT_REFUSED) from None
        except OSError:
            raise _Refused(Failure.SMTP_UNREACHABLE) from None
        return Session(sock, deadline, settings.ehlo)

    def _greet(self, session: Session) -> None:
        """From the connection to an EHLO that may be trusted: inside TLS when TLS is set."""
        refused = partial(_expect, 2, permanent=Failure.SMTP_SESSION_REFUSED)
        if self._settings.tls == "tls":
            self._secure(session)
        refused(session.getreply())
        refused(session.ehlo())
        if self._settings.tls == "starttls":
            if not session.has_extn("starttls"):
                raise _Refused(Failure.SMTP_TLS_FAILED)
            _expect(2, session.docmd("STARTTLS"), permanent=Failure.SMTP_TLS_FAILED)
            self._secure(session)
            refused(session.ehlo())

    def _secure(self, session: Session) -> None:
        assert self._tls is not None
        try:
            session.secure(self._tls, self._settings.host)
        except ssl.SSLError:
            raise _Refused(Failure.SMTP_TLS_FAILED) from None

    def _log_in(self, session: Session) -> None:
        if not self._settings.user:
            return
        try:
            session.login(self._settings.user, self._settings.password)
        except smtplib.SMTPAuthenticationError as error:
            _expect(2, (error.smtp_code, _as_bytes(error.smtp_error)), permanent=Failure.SMTP_AUTH_FAILED)
            raise _Refused(Failure.SMTP_AUTH_FAILED) from None
        except smtplib.SMTPResponseException:
            raise
        except smtplib.SMTPException:
            raise _Refused(Failure.SMTP_AUTH_FAILED) from None


def _address(session: Session, sender: str, to: str, size: int) -> None:
    """Name sender and recipient and get the word to start the message."""
    options = [f"size={size}"] if session.has_extn("size") else []
    reply = session.mail(sender, options)
    # 552 in answer to SIZE speaks of the message, not of the sender (RFC 1870 §6.1).
    _expect(2, reply, permanent=Failure.SMTP_DATA_REFUSED if reply[0] == 552 else Failure.SMTP_SENDER_REFUSED)
    _expect(2, session.rcpt(to), permanent=Failure.SMTP_RECIPIENT_REFUSED)
    _expect(3, session.docmd("DATA"), permanent=Failure.SMTP_DATA_REFUSED)


def _transmit(session: Session, mail: bytes, progress: _Progress) -> str:
    """Write the message with its final dot and read the verdict. Returns the server's queue id, or ""."""
    progress.begun = True
    session.send(mail)
    progress.written = True
    code, text = session.getreply()
    if code == 421:
        code = 451  # the same meaning here: read, and not taken
    _expect(2, (code, text), permanent=Failure.SMTP_DATA_REFUSED, temporary=Failure.SMTP_DATA_DEFERRED)
    found = _QUEUE_ID.search(text)
    return found[1].decode("ascii") if found else ""


# Only the id: an answer may repeat the recipient's address, and what is returned here goes into the log.
_QUEUE_ID = re.compile(rb"(?:queued as|\bid=)\s*([A-Za-z0-9][A-Za-z0-9.-]{2,63})(?=[\s;,)\]>]|$)", re.IGNORECASE)
_STATUS = re.compile(rb"\b[45]\.\d{1,3}\.\d{1,3}\b")
_MAIL_FLOOD = "4.7.28"  # the registered status for "too many messages from you"


def _expect(
    digit: int,
    reply: tuple[int, bytes],
    *,
    permanent: Failure,
    temporary: Failure = Failure.SMTP_TEMPORARY_REFUSED,
) -> None:
    """Return when the answer's first digit is the expected one (RFC 5321 §4.2.1). Raises: _Refused, NotSmtp."""
    code, text = reply
    if code // 100 == digit:
        return
    found = _STATUS.search(text)
    status = found[0].decode("ascii") if found else ""
    if code == 421:
        raise _Refused(Failure.SMTP_421, code, status)
    if code // 100 == 4:
        raise _Refused(Failure.RATE_LIMITED if status == _MAIL_FLOOD else temporary, code, status)
    if code // 100 == 5:
        raise _Refused(permanent, code, status)
    raise NotSmtp


def _as_bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
