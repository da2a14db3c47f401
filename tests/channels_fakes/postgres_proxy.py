"""A way to PostgreSQL that loses one acknowledgement: what a client cannot know when the line breaks at its COMMIT.

Listens on a unix socket and passes every byte on. Once armed, it waits for the COMMIT of a transaction in which a
statement with a given text was seen; then it lets the COMMIT through, or not, and hangs up without a word about it.
"""

import shutil
import socket
import struct
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

SOCKET = ".s.PGSQL.5432"


class PostgresProxy:
    """`with PostgresProxy(url) as proxy:` answers at proxy.url."""

    def __init__(self, url: str) -> None:
        """url: of the real server, with its socket's directory as `?host=`."""
        parts = urlsplit(url)
        self._server = f"{parse_qs(parts.query)['host'][0]}/{SOCKET}"
        self._home = Path(tempfile.mkdtemp(prefix="dee-proxy-"))  # a short path: a socket's may not be long
        self.url = urlunsplit(parts._replace(query=f"host={quote(str(self._home))}"))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._home / SOCKET))
        self._listener.listen(16)
        self._arming = threading.Lock()
        self._marker = b""
        self._forward = False
        self._open: list[socket.socket] = []
        self.cut = threading.Event()  # the acknowledgement has been lost

    def lose_acknowledgement(self, marker: str, *, committed: bool) -> None:
        """Hang up at the next COMMIT of a transaction with this text in a statement. committed: the COMMIT arrives."""
        with self._arming:
            self._marker, self._forward = marker.encode(), committed
            self.cut.clear()

    def __enter__(self) -> "PostgresProxy":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for sock in (self._listener, *self._open):
            _hang_up(sock)
        shutil.rmtree(self._home)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            self._open = [sock for sock in self._open if sock.fileno() >= 0] + [client, server]
            threading.Thread(target=_Line(self, client, server).serve, daemon=True).start()

    def commits(self, seen: bytes) -> bool | None:
        """Say at a COMMIT what to do, given what the transaction said: None to pass it on, else whether it arrives."""
        with self._arming:
            if not self._marker or self._marker not in seen:
                return None
            self._marker = b""
            return self._forward


class _Line:
    """One client's connection."""

    def __init__(self, proxy: PostgresProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._silent = threading.Event()  # nothing more is told to the client
        self._done = threading.Event()  # the server has answered the COMMIT

    def serve(self) -> None:
        answers = threading.Thread(target=self._answers, daemon=True)
        try:
            self._startup()
            answers.start()
            self._statements()
        except OSError:
            pass
        finally:
            _hang_up(self._client)
            _hang_up(self._server)

    def _startup(self) -> None:
        length = self._read(4)
        self._server.sendall(length + self._read(struct.unpack("!I", length)[0] - 4))

    def _statements(self) -> None:
        """Pass the client's messages on, one by one: a letter, a length, a text."""
        seen = b""
        while True:
            head = self._read(5)
            text = self._read(struct.unpack("!I", head[1:])[0] - 4)
            if head[:1] in b"QP":
                said = text.rstrip(b"\0").strip().upper()
                seen = b"" if said.startswith(b"BEGIN") else seen + text
                if said == b"COMMIT":
                    arrives = self._proxy.commits(seen)
                    if arrives is not None:
                        self._lose(head + text if arrives else b"")
                        return
            self._server.sendall(head + text)

    def _lose(self, commit: bytes) -> None:
        """Let the server commit, or not, and tell nobody."""
        self._silent.set()
        if commit:
            self._server.sendall(commit)
            assert self._done.wait(10), "the server did not answer the COMMIT"
        _hang_up(self._client)
        _hang_up(self._server)
        self._proxy.cut.set()

    def _answers(self) -> None:
        try:
            while received := self._server.recv(65536):
                if self._silent.is_set():
                    self._done.set()
                else:
                    self._client.sendall(received)
        except OSError:
            pass
        finally:
            _hang_up(self._client)

    def _read(self, count: int) -> bytes:
        read = b""
        while len(read) < count:
            received = self._client.recv(count - len(read))
            if not received:
                raise ConnectionError
            read += received
        return read


def _hang_up(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    sock.close()
