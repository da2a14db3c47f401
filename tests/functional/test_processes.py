"""Real processes: a worker killed between commit and record, two workers at once, threads against one limit."""

import signal
import uuid

import pytest

from audit import log
from audit.models import Entry
from channels.models import OutboxMessage
from policies.models import Counter
from runs import doorbell, lease, operations
from runs.models import Run
from tests.factories import make_contact, make_plan, make_policy, make_template
from tests.functional.engine import drain, engine, enrol, last, run, types
from tests.functional.leaving import FINISHED, Mail, ring_and_look, stands, start_runs
from tests.workers import StartEngine, StartWorker, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.process]


@pytest.fixture
def world() -> None:
    make_policy()
    make_template()
    make_plan()


@pytest.mark.usefixtures("world")
def test_a_worker_killed_between_commit_and_record_leaves_a_run_nobody_sends_again(
    start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
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


@pytest.mark.usefixtures("world")
def test_a_real_worker_drains_what_the_doorbell_announces(start_worker: StartWorker) -> None:
    refs = [make_contact(f"c-{n}").ref for n in range(5)]
    start_worker()
    enrol("simple", *refs)
    until(lambda: ring_and_look("COMPLETED") and Run.objects.filter(status="COMPLETED").count() == 5)


@pytest.mark.usefixtures("world")
def test_of_two_workers_one_is_the_engine_and_the_other_stands_by(start_worker: StartWorker) -> None:
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


def test_a_run_that_breaks_the_core_fails_and_the_queue_goes_on(mail: Mail, start_engine: StartEngine) -> None:
    start_engine("a run that breaks the core", **mail.environment)
    start_runs(people=4)
    until(lambda: Run.objects.filter(status="COMPLETED").count() == 3)
    poisoned = ("FAILED", "engine_fault:ZeroDivisionError")
    assert [stands(no) for no in range(1, 5)] == [FINISHED, poisoned, FINISHED, FINISHED]
    assert last("engine.fault", 2)["type"] == "ZeroDivisionError"
    assert len(mail.left) == 3
