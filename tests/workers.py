"""Real processes on the test database: Celery workers, and engines that stand still where a test wants them to."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection

StartWorker = Callable[..., subprocess.Popen[bytes]]
StartEngine = Callable[..., "EngineProcess"]


def database_url() -> str:
    """Return the address of this session's test database."""
    url = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}"))


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a child that works on this session's test database."""
    return os.environ | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "tests.settings"} | more


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()  # also ends one that is stopped
    process.wait()


@pytest.fixture
def start_worker(transactional_db: None) -> Iterator[StartWorker]:
    """Return a function that starts a worker; all are ended afterwards, before the database is emptied."""
    started = []

    def start(**more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "dee_site.celery", "worker", "-Q", "engine", "-c", "1"]
        worker = subprocess.Popen(
            command,
            env=environment(**more),
            cwd=settings.BASE_DIR,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        _end(worker)


@dataclass
class EngineProcess:
    """A child that runs `tests.engine_process`."""

    process: subprocess.Popen[bytes]

    def wait_standing(self, seconds: float = 60) -> None:
        """Wait until it stands at its point."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        said = self.process.stdout.readline() if ready else b""
        assert said == b"standing\n", f"it did not come to its point: {said!r}, exit code {self.process.poll()}"

    def go(self) -> None:
        """Let it go on from its point."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a power cut would."""
        _end(self.process)


@pytest.fixture
def start_engine(transactional_db: None) -> Iterator[StartEngine]:
    """Return a function that starts an engine which stands still at a point; all are ended afterwards."""
    started: list[EngineProcess] = []

    def start(point: str = "nowhere", **more: str) -> EngineProcess:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine_process", point],
            env=environment(**more),
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(EngineProcess(process))
        return started[-1]

    yield start
    for engine in started:
        _end(engine.process)
        assert engine.process.stdin is not None and engine.process.stdout is not None
        engine.process.stdin.close()
        engine.process.stdout.close()
