"""Real processes: a worker killed between commit and record, two workers at once, threads against one limit."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection

from audit import log
from audit.models import Entry
from channels.models import OutboxMessage
from policies.models import Counter
from runs import doorbell, lease, operations
from runs.models import Run
from tests.factories import make_contact, make_plan, make_policy, make_template
from tests.functional.engine import drain, engine, enrol, last, run, types

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.process]


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a child that works on this session's test database."""
    url = urlsplit(os.environ["DATABASE_URL"])
    test_url = urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}"))
    return os.environ | {"DATABASE_URL": test_url, "DJANGO_SETTINGS_MODULE": "tests.settings"} | more


def until(done: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def start_worker() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Return a function that starts a real Celery worker on the test database; all are ended afterwards."""
    started = []

    def start(**more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "dee_site.celery", "worker", "-Q", "engine", "-c", "1"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        worker = subprocess.Popen(command, env=environment(**more), cwd=settings.BASE_DIR, **quiet)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        if worker.poll() is None:
            worker.kill()
        worker.wait()


@pytest.fixture
def world() -> None:
    make_policy()
    make_template()
    make_plan()


@pytest.mark.usefixtures("world")
def test_a_worker_killed_between_commit_and_record_leaves_a_run_nobody_sends_again(
    start_worker: Callable[..., subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_contact("c-1")
    worker = start_worker(DEE_SANDBOX_DELAY_S="60")
    enrol("simple", "c-1")
    until(lambda: ring_and_look("DISPATCHING"))
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    monkeypatch.setattr(lease, "LEASE_S", 0)
    drain()
    assert (run().status, run().reason) == ("FAILED", "unknown_outcome:outcome_lost")
    assert last("send.outcome")["settle"] == "keep"
    assert Counter.objects.get(key__startswith="daily:").reserved == 1
    assert OutboxMessage.objects.get().outcome == "unknown"
    with pytest.raises(operations.Refused, match="twice"):
        command_id = str(uuid.uuid4())
        operations.send_command(
            run_no=1, command="retry", expected_n=run().n, command_id=command_id, actor="user:1", note="again"
        )


def ring_and_look(status: str) -> bool:
    doorbell.ring()
    return Run.objects.filter(status=status).exists()


@pytest.mark.usefixtures("world")
def test_a_real_worker_drains_what_the_doorbell_announces(
    start_worker: Callable[..., subprocess.Popen[bytes]],
) -> None:
    refs = [make_contact(f"c-{n}").ref for n in range(5)]
    start_worker()
    enrol("simple", *refs)
    until(lambda: ring_and_look("COMPLETED") and Run.objects.filter(status="COMPLETED").count() == 5)


@pytest.mark.usefixtures("world")
def test_of_two_workers_one_is_the_engine_and_the_other_stands_by(
    start_worker: Callable[..., subprocess.Popen[bytes]],
) -> None:
    make_contact("c-1")
    start_worker(DEE_SANDBOX_DELAY_S="60")
    enrol("simple", "c-1")
    until(lambda: ring_and_look("DISPATCHING"))
    with engine() as second, pytest.raises(lease.Held):
        second.drain()
    assert types() == ["run.started", "gate.decided", "send.intended"]


@pytest.mark.usefixtures("world")
def test_an_engine_that_was_replaced_is_refused_at_its_next_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    make_contact("c-1")
    with engine() as frozen, engine() as fresh:
        frozen.drain()
        monkeypatch.setattr(lease, "LEASE_S", 0)
        fresh.drain()
        enrol("simple", "c-1")
        with pytest.raises(log.Fenced):
            frozen._transact(None, [])
        assert not Run.objects.exists()
        while fresh.drain():
            pass
    assert run().status == "COMPLETED"


@pytest.mark.usefixtures("world")
def test_losing_the_broker_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    make_contact("c-1")
    monkeypatch.setattr(doorbell, "ring", lambda: None)
    enrol("simple", "c-1")
    drain()
    assert run().status == "COMPLETED"
    assert Entry.objects.filter(st="run/1").count() == run().n
