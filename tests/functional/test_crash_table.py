"""The crash table of DESIGN §4, c1 to c8: an engine killed at each point, and what a provider's own ledger then says.

Every engine that dies here is a process of its own, ended by SIGKILL where it stands; every provider writes down what
it took before it answers. Afterwards the chains verify, each run replays to the byte, and nothing is sent twice.
"""

import uuid
from collections.abc import Callable

import pytest

from channels.adapters.smtp import SmtpEmail
from runs import operations
from runs.models import Intent, Run
from tests.channels_fakes.postgres_proxy import PostgresProxy
from tests.channels_fakes.provider import LOST, Script
from tests.channels_fakes.smtp import Drop, Reply, Silence
from tests.functional.engine import last, run, types
from tests.functional.leaving import (
    FINISHED,
    LOST_OUTCOME,
    Mail,
    let_the_lease_run_out,
    reserved,
    ring_and_look,
    stands,
    start_runs,
)
from tests.workers import StartEngine, StartWorker, database_url, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.process]
TakeOver = Callable[[], None]


def command(name: str) -> None:
    """Give a command on the first run as it stands."""
    operations.send_command(
        run_no=1, command=name, expected_n=run().n, command_id=str(uuid.uuid4()), actor="user:1", note="again"
    )


def test_c1_a_death_before_the_commit_of_t1_leaves_nothing_and_the_work_is_done_again(
    mail: Mail, start_engine: StartEngine, take_over: TakeOver
) -> None:
    start_runs()
    engine = start_engine("before the commit of T1", **mail.environment)
    engine.wait_standing()
    engine.kill()
    assert (mail.left, Intent.objects.count(), Run.objects.count()) == ([], 0, 0)
    take_over()
    assert (stands(), mail.left) == (FINISHED, [Intent.objects.get().id])


@pytest.mark.parametrize(
    ("point", "script", "left"),
    [
        pytest.param("after the commit of T1", {}, 0, id="c3 after T1"),
        pytest.param("at the socket", {}, 0, id="c3 before the socket"),
        pytest.param("nowhere", {"data": Silence()}, 0, id="c4 during the call"),
        pytest.param("nowhere", {LOST: Drop(), "final": Silence()}, 0, id="c4 message written, not taken"),
        pytest.param("nowhere", {"final": Silence()}, 1, id="c5 taken, not confirmed"),
        pytest.param("after the call", {}, 1, id="c5 confirmed"),
        pytest.param("before the commit of T2", {}, 1, id="c5 before the commit of T2"),
    ],
)
def test_c3_to_c5_a_death_between_t1_and_t2_is_an_unknown_outcome_whether_it_left_or_not(
    mail: Mail, start_engine: StartEngine, take_over: TakeOver, point: str, script: Script, left: int
) -> None:
    mail.behaves(script)
    start_runs()
    engine = start_engine(point, **mail.environment)
    if point == "nowhere":
        until(lambda: "DATA" in mail.provider.commands and len(mail.left) == left)
    else:
        engine.wait_standing()
    engine.kill()
    assert stands() == ("DISPATCHING", "")
    take_over()
    assert (stands(), len(mail.left), reserved()) == (LOST_OUTCOME, left, 1)
    assert last("send.outcome")["settle"] == "keep"
    with pytest.raises(operations.Refused, match="twice"):
        command("retry")
    connections = mail.provider.connections
    take_over()
    assert (len(mail.left), mail.provider.connections) == (left, connections), "something was sent again"


def test_a_death_in_the_middle_of_a_wave_makes_all_of_it_unknown(
    mail: Mail, start_engine: StartEngine, take_over: TakeOver
) -> None:
    """The first answer came while others were still on their way: nobody is told, so nobody knows."""
    mail.behaves({"final": Reply("250 2.0.0 Ok", after_s=0.3)})
    start_runs(people=6)
    engine = start_engine("after the call", **mail.environment, DEE_WAVE="4")
    engine.wait_standing()
    engine.kill()
    taken = len(mail.left)
    mail.behaves({"final": Reply("250 2.0.0 Ok")})
    take_over()
    assert 1 <= taken <= 4
    assert [stands(no) for no in range(1, 7)] == [LOST_OUTCOME] * 4 + [FINISHED] * 2
    assert reserved() == 4


@pytest.mark.parametrize(("point", "left"), [("at the socket", 0), ("after the call", 1)])
def test_after_a_death_a_redispatch_is_the_same_message_under_the_same_key(
    mail: Mail, start_engine: StartEngine, take_over: TakeOver, monkeypatch: pytest.MonkeyPatch, point: str, left: int
) -> None:
    """The provider knows a message by its key, so that it takes it once, whatever died in between."""
    mail.provider.keyed = True
    monkeypatch.setattr(SmtpEmail, "idempotency", ("keyed", 86_400))
    start_runs()
    engine = start_engine(point, **mail.environment)
    engine.wait_standing()
    engine.kill()
    take_over()
    assert (stands(), len(mail.left)) == (LOST_OUTCOME, left)
    command("redispatch")
    take_over()
    assert (stands(), mail.left, reserved()) == (FINISHED, [Intent.objects.get().id], 0)
    sent = [[line for line in raw.split(b"\r\n") if not line.startswith(b"Date:")] for raw in mail.provider.messages]
    assert sent == [sent[0]] * (1 + left)


@pytest.mark.parametrize("committed", [True, False], ids=["it was committed", "it was not committed"])
def test_c2_nothing_is_dispatched_before_the_commit_of_t1_is_acknowledged(
    mail: Mail, start_worker: StartWorker, committed: bool
) -> None:
    with PostgresProxy(database_url()) as proxy:
        proxy.lose_acknowledgement("COPY runs_intent", committed=committed)
        start_worker(**mail.environment | {"DATABASE_URL": proxy.url})
        start_runs()
        assert proxy.cut.wait(60)
        assert mail.left == []
        until(lambda: ring_and_look("FAILED" if committed else "COMPLETED"))
    # The very same process goes on, by what the database says and not by what it remembers.
    assert stands() == (LOST_OUTCOME if committed else FINISHED)
    assert mail.provider.connections == len(mail.left) == (0 if committed else 1)


@pytest.mark.parametrize("committed", [True, False], ids=["it was committed", "it was not committed"])
def test_c6_after_a_lost_acknowledgement_of_t2_the_database_is_read_again(
    mail: Mail, start_worker: StartWorker, committed: bool
) -> None:
    with PostgresProxy(database_url()) as proxy:
        proxy.lose_acknowledgement("UPDATE channels_outboxmessage", committed=committed)
        start_worker(**mail.environment | {"DATABASE_URL": proxy.url})
        start_runs()
        assert proxy.cut.wait(60)
        until(lambda: ring_and_look("COMPLETED" if committed else "FAILED") and "send.reported" in types())
    # What the process knew is evidence, and never an outcome of its own.
    assert stands() == (FINISHED if committed else LOST_OUTCOME)
    assert last("send.reported")["kind"] == "accepted"
    assert types().count("send.outcome") == mail.provider.connections == len(mail.left) == 1


def test_c7_a_recovery_killed_in_its_middle_is_done_again_once(
    mail: Mail, start_engine: StartEngine, take_over: TakeOver
) -> None:
    start_runs()
    engine = start_engine("at the socket", **mail.environment)
    engine.wait_standing()
    engine.kill()
    for point in ("before the commit of a recovery", "after the commit of a recovery"):
        let_the_lease_run_out()
        engine = start_engine(point, **mail.environment)
        engine.wait_standing()
        engine.kill()
        assert stands() == (("DISPATCHING", "") if point.startswith("before") else LOST_OUTCOME)
    before = run().n
    take_over()
    assert (stands(), run().n, mail.left, reserved()) == (LOST_OUTCOME, before, [], 1)
    assert types().count("send.outcome") == 1


def test_c8_a_death_after_t2_loses_nothing(mail: Mail, start_engine: StartEngine, take_over: TakeOver) -> None:
    start_runs()
    engine = start_engine("after the commit of T2", **mail.environment)
    engine.wait_standing()
    engine.kill()
    assert stands() == FINISHED
    before = run().n
    take_over()
    assert (stands(), run().n, len(mail.left)) == (FINISHED, before, 1)
