"""How does one SMTP connection keep to its time, whatever the server does? A socket with one deadline, under smtplib.

smtplib's own timeout starts again with every byte received, so a server that drips one byte a second would hold a
sending thread for ever. Here every wait, reads and TLS included, is cut to what is left of one deadline.
Nothing here decides what a failure means; `adapters.smtp` does.
"""

import ipaddress
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_CHUNK = 64 * 1024
# A whole session's answers are a few hundred bytes; more than this is not a mail server.
_MAX_ANSWERS = 256 * 1024
_QUIT_S = 0.1


class DeadlinePassed(Exception):
    """The time is up. Deliberately no OSError: smtplib would turn one into a lost connection."""


class ConnectionLost(Exception):
    """The other side closed or reset the connection."""


class NotSmtp(Exception):
    """The other side sends more than any mail server does."""


class NameUnresolved(Exception):
    """The server's name has no address."""


class Deadline:
    """One instant that every wait of a send is cut to."""

    def __init__(self, total_s: float) -> None:
        self._end = time.monotonic() + total_s

    def left(self) -> float:
        """Return the seconds left. Raises: DeadlinePassed when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise DeadlinePassed
        return left


@contextmanager
def _as_ours() -> Iterator[None]:
    """Name the socket's errors by what they mean here."""
    try:
        yield
    except TimeoutError:
        raise DeadlinePassed from None
    except OSError:
        raise ConnectionLost from None


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Return a connected socket: all addresses of the host together get the time of one deadline.

    Raises: NameUnresolved, DeadlinePassed, or the OSError of the last address tried.
    """
    trouble: Exception = NameUnresolved(host)
    addresses = _addresses(host, port, deadline)
    for at, (family, address) in enumerate(addresses):
        # An even share of what is left, so that an address that swallows packets leaves time for the next one.
        patience = deadline.left() / (len(addresses) - at)
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(patience)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except TimeoutError:
            trouble = DeadlinePassed()
        except OSError as error:
            trouble = error
        sock.close()
    raise trouble


def _addresses(host: str, port: int, deadline: Deadline) -> list[tuple[int, Any]]:
    """Resolve the name, waiting no longer than the deadline allows.

    The system's resolver takes no timeout, so it runs in a thread of its own and is left behind when it is late; it
    ends by itself after the resolver's own 10 to 30 s. An address as text needs no resolver and no thread.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return _resolve(host, port)
    answer: list[list[tuple[int, Any]] | Exception] = []

    def ask() -> None:
        try:
            answer.append(_resolve(host, port))
        except (OSError, UnicodeError) as error:
            answer.append(error)

    asking = threading.Thread(target=ask, name="resolve", daemon=True)
    asking.start()
    asking.join(deadline.left())
    if not answer:
        raise DeadlinePassed
    if isinstance(answer[0], Exception):
        raise NameUnresolved(host) from answer[0]
    return answer[0]


def _resolve(host: str, port: int) -> list[tuple[int, Any]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


class _Answers:
    """What smtplib reads lines from, in place of a buffered file: each wait is cut to the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self._buffer = b""
        self._total = 0

    def readline(self, limit: int) -> bytes:
        while b"\n" not in self._buffer and len(self._buffer) < limit:
            with _as_ours():
                self._sock.settimeout(self._deadline.left())
                received = self._sock.recv(_CHUNK)
            if not received:
                raise ConnectionLost
            self._total += len(received)
            if self._total > _MAX_ANSWERS:
                raise NotSmtp
            self._buffer += received
        end = self._buffer.find(b"\n", 0, limit) + 1 or limit
        line, self._buffer = self._buffer[:end], self._buffer[end:]
        return line

    def pending(self) -> bool:
        return bool(self._buffer)

    def close(self) -> None:
        self._buffer = b""


class Session(smtplib.SMTP):
    """smtplib's commands and logins over a socket of ours with a deadline of ours."""

    def __init__(self, sock: socket.socket, deadline: Deadline, ehlo: str) -> None:
        """ehlo: the name to greet with; empty: the address of the socket."""
        # Without a host smtplib opens nothing; with a local name it asks no resolver for one.
        super().__init__(local_hostname=ehlo or _address_literal(sock))
        self._deadline = deadline
        self._answered = False
        self._take(sock)

    def _take(self, sock: socket.socket) -> None:
        self.sock = sock
        self.file = self._answers = _Answers(sock, self._deadline)

    def send(self, s: Any) -> None:
        """Write everything or raise: after a return the last byte is with the operating system."""
        view = memoryview(s.encode(self.command_encoding) if isinstance(s, str) else s)
        self._answered = False
        while view:
            with _as_ours():
                sock = self._sock_or_lost()
                sock.settimeout(self._deadline.left())
                view = view[sock.send(view[:_CHUNK]) :]

    def getreply(self) -> tuple[int, bytes]:
        """Return the code and text of one answer; the code is -1 for text that is not SMTP."""
        reply = super().getreply()
        self._answered = True
        return reply

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Go over to TLS and forget what was said before (RFC 3207 §4.2).

        Raises: ssl.SSLError when there is no session we trust, DeadlinePassed, ConnectionLost.
        """
        if self._answers.pending():
            # Text sent in clear after the go-ahead would be read as if it came through TLS (CVE-2011-0411).
            raise ssl.SSLError("the server sent text before the TLS handshake")
        plain = self._sock_or_lost()
        plain.settimeout(self._deadline.left())
        try:
            wrapped = context.wrap_socket(plain, server_hostname=host)
        except TimeoutError:
            raise DeadlinePassed from None
        except ssl.SSLError:
            raise
        except OSError:
            raise ConnectionLost from None
        self._take(wrapped)
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def hang_up(self) -> None:
        """Close. Say QUIT first if the server waits for a command, without reading the answer: the outcome is known."""
        with suppress(OSError):
            if self.sock is not None and self._answered:
                self.sock.settimeout(_QUIT_S)
                self.sock.send(b"QUIT\r\n")
        with suppress(OSError):
            self.close()

    def _sock_or_lost(self) -> socket.socket:
        if self.sock is None:
            raise ConnectionLost
        return self.sock


def _address_literal(sock: socket.socket) -> str:
    """Return our own address as RFC 5321 §4.1.3 writes it for a client without a name."""
    host = sock.getsockname()[0]
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"
