"""Which bytes does one mail travel as? RFC 5322 and MIME, written from a skeleton that is compiled once per sender.

One text/plain part, 7-bit clean, CRLF line ends, so that it needs no extension of the server. A skeleton because the
package `email` takes 50 to 150 times the processor time, under the lock that 32 sending threads share
(study/performance.md §5e). Its parser reads every mail back in the tests, so it stays the judge of correctness.
Pure: the date is given.
"""

import binascii
import re
from dataclasses import dataclass
from email.utils import formataddr
from functools import lru_cache
from urllib.parse import quote

from channels.messages import Message, is_address

_NEEDS_ENCODING = re.compile(r"[^\x20-\x7e]|=\?")
# What may stand in a 7bit body: printable ASCII, tab and CRLF, in lines under the 998 of RFC 5322 §2.1.1.
_PLAIN = bytes([0x09, 0x0A, 0x0D, *range(0x20, 0x7F)])
_LONGEST_LINE = 900
# An encoded word is at most 75 characters (RFC 2047 §2); 42 bytes make 56 of base64 and 12 of frame.
_WORD_BYTES = 42
_SUBJECT_LINE = 200
_SENDER = re.compile(
    r"(?:\"(?P<quoted>[^\"\\<>\x00-\x1f]*)\"\s*|(?P<name>[^\"\\<>\x00-\x1f]*))<(?P<address>[^<>]+)>|(?P<bare>[^<>]+)"
)
_PUNCTUATION_FOR_ID = "!#$&'*+-/=?^_`{|}~"


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender's part of the skeleton."""

    address: str  # envelope sender, domain in ASCII
    domain: str
    header: str  # the From line's value


class BadAddress(ValueError):
    """The address has no form that a 7-bit mail can carry."""


@lru_cache(maxsize=64)
def sender(text: str) -> Sender:
    """Return the compiled sender of "Name <address>" or "address". Raises: BadAddress."""
    # Not email.utils.parseaddr, whose answer for several addresses or odd ones depends on Python's patch version.
    parts = _SENDER.fullmatch(text)
    if parts is None or not is_address(parts["address"] or parts["bare"]):
        raise BadAddress("a sender is written “Name <address>” or “address”")
    name = (parts["quoted"] or parts["name"] or "").strip()
    address = wire_address(parts["address"] or parts["bare"])
    header = formataddr((name, address)) if name.isascii() else f"{_words(name)} <{address}>"
    return Sender(address, address.rpartition("@")[2], header)


def wire_address(address: str) -> str:
    """Return the address with its domain in ASCII (IDNA). Raises: BadAddress when the local part is not ASCII."""
    local, _, domain = address.rpartition("@")
    if not local or not domain or not local.isascii():
        raise BadAddress("the part before the @ must be there and be ASCII")
    if domain.isascii():
        return address
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        raise BadAddress("the domain has no ASCII form") from None


def message_id(intent: str, domain: str) -> str:
    """Return the Message-ID minted from an intent id: the same intent always has the same, and it can be read back."""
    return f"<{quote(intent, safe=_PUNCTUATION_FOR_ID)}@{domain}>"


def build(message: Message, frm: Sender, to: str, date: str) -> bytes:
    """Return the whole mail, ending in CRLF.

    message: one that `messages.refusal` let pass. to: its wire address. date: RFC 5322 text.
    """
    encoding, body = _body(message.body)
    further = "".join(f"{name}: {value}\r\n" for name, value in message.headers.items())
    head = (
        f"From: {frm.header}\r\nTo: {to}\r\nSubject: {_subject(message.subject)}\r\nDate: {date}\r\n"
        f"Message-ID: {message_id(message.intent, frm.domain)}\r\nX-DEE-Intent: {message.intent}\r\n{further}"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    return head.encode("ascii") + body


def _subject(text: str) -> str:
    return _words(text) if len(text) > _SUBJECT_LINE or _NEEDS_ENCODING.search(text) else text


def _words(text: str) -> str:
    """Return the text as RFC 2047 encoded words, each of whole characters, folded."""
    words, chunk = [], b""
    for character in text:
        encoded = character.encode()
        if len(chunk) + len(encoded) > _WORD_BYTES:
            words.append(chunk)
            chunk = b""
        chunk += encoded
    words.append(chunk)
    return "\r\n ".join(f"=?utf-8?b?{binascii.b2a_base64(word, newline=False).decode('ascii')}?=" for word in words)


def _body(text: str) -> tuple[str, bytes]:
    """Return the transfer encoding and the encoded body: the plainest one that carries the text unchanged."""
    crlf = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    raw = (crlf if crlf.endswith("\r\n") else crlf + "\r\n").encode()
    if not raw.translate(None, _PLAIN) and max(map(len, raw.split(b"\r\n"))) <= _LONGEST_LINE:
        return "7bit", raw
    quoted = binascii.b2a_qp(raw, istext=True)
    wrapped = b"".join(binascii.b2a_base64(raw[at : at + 57], newline=False) + b"\r\n" for at in range(0, len(raw), 57))
    return ("quoted-printable", quoted) if len(quoted) <= len(wrapped) else ("base64", wrapped)
