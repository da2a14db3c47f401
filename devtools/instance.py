"""What does one started DEE consist of? A lock, two servers, and the environment that its processes read."""

import fcntl
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from devtools import children
from devtools.children import Child
from devtools.paths import DATA, ROOT, Refused, private, sockets, write_private
from devtools.servers import Place, Postgres, Valkey

ENV_FILE = DATA / "env"
# What `.data/env` tells to anybody who asks where the running servers are.
TOLD = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "DEE_URL")


def foreign_servers() -> bool:
    """Tell whether the environment names a database of the user's own; half a set of names is refused."""
    names = [name for name in ("DATABASE_URL", "DATABASE_OWNER_URL") if os.environ.get(name)]
    if len(names) == 1:
        raise Refused(
            f"{names[0]} is set alone. DEE needs two roles: DATABASE_URL for the application and DATABASE_OWNER_URL "
            "for migrations. Set both, or unset both to use the PostgreSQL that dev.py brings."
        )
    return bool(names)


@dataclass
class Instance:
    """Running servers. `env` is for processes that act as the application, `owner_env` for migrations."""

    python: Path
    data: Path
    env: dict[str, str]
    servers: list[Child] = field(default_factory=list)
    superuser: str = ""

    @property
    def owner_env(self) -> dict[str, str]:
        """The same environment, connecting as the role that owns the tables."""
        return {**self.env, "DATABASE_URL": self.env["DATABASE_OWNER_URL"]}

    def manage(self, *arguments: str) -> list[str]:
        """Return the command line of one management command."""
        return [str(self.python), str(ROOT / "manage.py"), *arguments]


def environment(data: Path) -> dict[str, str]:
    """Return what every process of DEE reads, but for the servers' addresses."""
    key = data / "secret_key"
    if not key.exists():
        write_private(key, secrets.token_hex(32))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONHOME", "DJANGO_"))}
    return {
        "DEE_HTTPS": "0",
        "DEE_LOG_FORMAT": "console",
        **inherited,
        "DEE_SECRET_KEY": os.environ.get("DEE_SECRET_KEY") or key.read_text(),
        "DEE_DATA_DIR": str(data),
        "DEE_URL": f"http://127.0.0.1:{port()}",
        "DJANGO_SETTINGS_MODULE": "dee_site.settings",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
    }


def port() -> int:
    """Return the port that the web server takes."""
    value = os.environ.get("PORT") or "8000"
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise Refused(f"PORT is {value!r}. Use a number from 1 to 65535.")
    return int(value)


@contextmanager
def started(python: Path, data: Path, *, durable: bool) -> Iterator[Instance]:
    """Start the servers over `data`, yield them, and stop them in any case."""
    instance = Instance(python, private(data), environment(data))
    place = Place(data, sockets(data), private(data / "log"), durable)
    try:
        valkey = None
        if not os.environ.get("REDIS_URL"):
            valkey = Valkey(place)
            instance.servers.append(valkey.start())
        if not foreign_servers():
            postgres = Postgres(place)
            instance.servers.append(postgres.start())
            postgres.ready()
            instance.superuser = postgres.url("postgres")
            instance.env["DATABASE_URL"] = postgres.url("dee_app")
            instance.env["DATABASE_OWNER_URL"] = postgres.url("dee_owner")
        if valkey:
            valkey.ready()
            instance.env["REDIS_URL"] = valkey.url()
        yield instance
    finally:
        children.stop(instance.servers)


@contextmanager
def thrown_away(python: Path, purpose: str, *, durable: bool = False) -> Iterator[Instance]:
    """The same over a directory of this process's own, removed afterwards."""
    here = DATA / "tmp"
    for old in here.glob("*-*"):
        if not Path(f"/proc/{old.name.rsplit('-', 1)[1]}").exists():
            shutil.rmtree(sockets(old), ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    data = here / f"{purpose}-{os.getpid()}"
    near = sockets(data)
    try:
        with started(python, data, durable=durable) as instance:
            yield instance
    finally:
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(near, ignore_errors=True)


def holder(lock: IO[str]) -> str:
    """Return what the process that holds the lock wrote into it: its command and process id."""
    lock.seek(0)
    return lock.read().strip()


@contextmanager
def locked(command: str) -> Iterator[str]:
    """Hold this checkout's data. Yields "" when it is ours, or the holder's command when `run` has it.

    A second `run` is refused; a `manage` waits for another `manage`, but works beside a `run`.
    """
    private(DATA)
    with (DATA / "lock").open("a+") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                by = holder(lock)
                if command == "run":
                    raise Refused(
                        f"DEE is already running in this checkout (dev.py {by}). Stop it first with Ctrl-C."
                    ) from None
                if by.startswith("run"):
                    yield by
                    return
                time.sleep(0.1)
            else:
                break
        ENV_FILE.unlink(missing_ok=True)  # left by a process that was killed
        lock.truncate(0)
        lock.write(f"{command} (process {os.getpid()})")
        lock.flush()
        try:
            yield ""
        finally:
            ENV_FILE.unlink(missing_ok=True)


def tell(instance: Instance) -> None:
    """Write `.data/env`. It is there only while the servers answer."""
    write_private(ENV_FILE, "".join(f"{name}={instance.env[name]}\n" for name in TOLD))


def told(within_s: float = 60) -> dict[str, str]:
    """Return what a running `dev.py run` wrote, waiting until it has finished starting."""
    deadline = time.monotonic() + within_s
    while not ENV_FILE.exists():
        if time.monotonic() > deadline:
            raise Refused("DEE is starting in this checkout and was not ready in a minute. Look into .data/log.")
        time.sleep(0.1)
    lines = ENV_FILE.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def say(text: str) -> None:
    """Say something that is not the command's own output."""
    print(f"dee: {text}", file=sys.stderr, flush=True)
