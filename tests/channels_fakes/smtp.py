"""A mail server on the loopback that does exactly what a script says, phase by phase, and remembers what it saw.

Raw sockets, so that it can also do what no real server library lets one do: fall silent, reset, drip or talk nonsense
at any point of a session.
"""

import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType


@dataclass(frozen=True)
class Reply:
    """Answer with this text; a session that was refused goes on, as a server's would. after_s: how late it comes."""

    text: str
    after_s: float = 0

    @property
    def wire(self) -> bytes:
        return self.text.encode() + b"\r\n"


@dataclass(frozen=True)
class Drop:
    """Close the connection; with reset, so that even unread text is gone."""

    reset: bool = False


@dataclass(frozen=True)
class Silence:
    """Say nothing more until the client hangs up."""


@dataclass(frozen=True)
class Drip:
    """Answer one byte at a time, for ever."""

    every_s: float = 0.02


@dataclass(frozen=True)
class Flood:
    """Answer more than any mail server would."""


Act = Reply | Drop | Silence | Drip | Flood

POLITE: Mapping[str, Act] = {
    "banner": Reply("220 fake ESMTP"),
    "ehlo": Reply("250-fake\r\n250-SIZE 30000000\r\n250-AUTH PLAIN LOGIN\r\n250-STARTTLS\r\n250 8BITMIME"),
    "starttls": Reply("220 go ahead"),
    "auth": Reply("235 2.7.0 welcome"),
    "mail": Reply("250 2.1.0 ok"),
    "rcpt": Reply("250 2.1.5 ok"),
    "data": Reply("354 go ahead"),
    "body": Reply(""),  # nothing is said while the message is read; Drop and Silence stop reading it
    "final": Reply("250 2.0.0 Ok: queued as 4FQ2XK1"),
    "quit": Reply("221 bye"),
}


@contextmanager
def deaf_listener() -> Iterator[int]:
    """Yield a port whose queue of connections is full: the next one is neither taken nor refused."""
    with ExitStack() as open_sockets:
        listener = open_sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            client = open_sockets.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


class _HungUp(Exception):
    """This connection is over."""


class ScriptedSmtp:
    """`with ScriptedSmtp({"rcpt": Reply("550 no")}) as server:` listens on 127.0.0.1:server.port."""

    def __init__(
        self, script: Mapping[str, Act] | None = None, *, tls: ssl.SSLContext | None = None, implicit: bool = False
    ) -> None:
        self.script = {**POLITE, **(script or {})}
        self.connections = 0
        self.commands: list[str] = []
        self.messages: list[bytes] = []
        self.said_into_silence = b""
        self._tls = tls
        self._implicit = implicit
        self._listener = socket.socket()
        # Small buffers, so that a message of a few megabytes cannot be written into a server that does not read.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.port: int = self._listener.getsockname()[1]
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> "ScriptedSmtp":
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._over.set()
        # A connection of our own wakes the accept loop; by address, for tests that replace the resolver.
        with socket.socket() as waker:
            waker.connect(("127.0.0.1", self.port))
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._over.is_set():
                sock.close()
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock, self.script_of(self.connections)), daemon=True)
            self._threads = [running for running in self._threads if running.is_alive()] + [thread]
            thread.start()

    def script_of(self, connection: int) -> Mapping[str, Act]:
        """Return what to do in this connection, counted from 1."""
        return self.script

    def take(self, message: bytes, script: Mapping[str, Act]) -> None:
        """A message is complete, its final dot included; what is said about it comes after this."""
        self.messages.append(message)

    def _serve(self, sock: socket.socket, script: Mapping[str, Act]) -> None:
        session = _Session(self, sock, script)
        try:
            session.run(self._tls, self._implicit)
        except (_HungUp, OSError):
            pass
        finally:
            session.close()

    def wait_over(self, seconds: float) -> bool:
        return self._over.wait(seconds)


class _Session:
    def __init__(self, server: ScriptedSmtp, sock: socket.socket, script: Mapping[str, Act]) -> None:
        self._server = server
        self._script = script
        self._sock = sock
        self._sock.settimeout(5)
        self._read = b""

    def run(self, tls: ssl.SSLContext | None, implicit: bool) -> None:
        if implicit:
            self._wrap(tls)
        self._act("banner")
        while True:
            command = self._line().decode("ascii")
            self._server.commands.append(command)
            verb = command.split()[0].lower()
            self._act(verb)
            if verb == "starttls":
                self._wrap(tls)
            if verb == "data" and self._script["data"] == POLITE["data"]:
                self._message()
            if verb == "quit":
                return

    def _message(self) -> None:
        if self._script["body"] != POLITE["body"]:
            self._act("body")
        lines = []
        while (line := self._line()) != b".":
            lines.append(line[1:] if line.startswith(b".") else line)
        self._server.take(b"\r\n".join(lines) + b"\r\n", self._script)
        self._act("final")

    def _wrap(self, tls: ssl.SSLContext | None) -> None:
        assert tls is not None
        self._sock = tls.wrap_socket(self._sock, server_side=True)
        self._sock.settimeout(5)

    def _line(self) -> bytes:
        while b"\r\n" not in self._read:
            received = self._sock.recv(65536)
            if not received:
                raise _HungUp
            self._read += received
        line, _, self._read = self._read.partition(b"\r\n")
        return line

    def _act(self, phase: str) -> None:
        act = self._script.get(phase, Reply("502 not here"))
        match act:
            case Reply():
                self._server.wait_over(act.after_s)
                self._sock.sendall(act.wire)
            case Drop(reset):
                if reset:
                    self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise _HungUp
            case Silence():
                if phase == "body":
                    self._server.wait_over(5)
                else:
                    while received := self._sock.recv(65536):
                        self._server.said_into_silence += received
                raise _HungUp
            case Drip(every_s):
                while not self._server.wait_over(every_s):
                    self._sock.sendall(b"2")
                raise _HungUp
            case Flood():
                while not self._server.wait_over(0):
                    self._sock.sendall(b"250-blah\r\n" * 1000)
                raise _HungUp

    def close(self) -> None:
        self._sock.close()
