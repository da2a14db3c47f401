"""Real Celery workers on the test database, for the tests that need one."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection

StartWorker = Callable[..., subprocess.Popen[bytes]]


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a child that works on this session's test database."""
    url = urlsplit(os.environ["DATABASE_URL"])
    test_url = urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}"))
    return os.environ | {"DATABASE_URL": test_url, "DJANGO_SETTINGS_MODULE": "tests.settings"} | more


def until(done: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


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
        if worker.poll() is None:
            worker.kill()
        worker.wait()
