"""What the database refuses about runs, inputs and intents, whoever asks."""

from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from runs.engine import transitions
from runs.models import Engine, Run
from tests.factories import make_contact, make_plan, make_policy, make_template
from tests.functional.engine import drain, enrol

pytestmark = pytest.mark.django_db(transaction=True)


def refused(sql: str, *parameters: Any) -> str:
    with pytest.raises(DatabaseError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
    return str(error.value)


@pytest.fixture
def finished() -> Run:
    """A completed run."""
    make_policy()
    make_template()
    make_plan()
    make_contact("c-1")
    enrol("simple", "c-1")
    drain()
    return Run.objects.get()


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(
    ("change", "guard"),
    [
        ("status = 'READY', due_at = 1, n = n + 1", "stays ended"),
        ("n = n - 1", "only grows"),
        ("head = sha256('x')", "only grows"),
        ("status = 'STOPPED'", "stays ended"),
        ("due_at = 5", "runs_run_has_a_wake"),
        ("ended_at = NULL", "that stays"),
        ("ended_at = ended_at + 1", "that stays"),
        ("reason = ''", "runs_run_has_a_reason"),
        ("head = 'x', n = n + 1", "runs_run_head"),
    ],
)
def test_an_ended_run_stays_as_its_log_says(change: str, guard: str) -> None:
    assert guard in refused(f"UPDATE runs_run SET {change}")


@pytest.mark.usefixtures("finished")
def test_runs_and_intents_are_never_deleted() -> None:
    assert "append-only" in refused("DELETE FROM runs_run")
    assert "append-only" in refused("DELETE FROM runs_intent")


@pytest.mark.usefixtures("finished")
def test_an_intent_is_never_changed_and_made_once(owner: psycopg.Connection) -> None:
    assert "append-only" in refused("UPDATE runs_intent SET attempt = 2")
    columns = "run_id, step, visit, attempt, channel, n"
    again = f"INSERT INTO runs_intent (id, {columns}) SELECT md5('x'), {columns} FROM runs_intent"
    assert "runs_intent_once" in refused(again)
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        owner.execute("TRUNCATE runs_intent CASCADE")


@pytest.fixture
def failed() -> Run:
    """A run that a refused mail stopped."""
    make_policy()
    make_template()
    make_plan()
    make_contact("c-1", email="c-1+refused@example.org")
    enrol("simple", "c-1")
    drain()
    return Run.objects.get(status="FAILED")


@pytest.mark.usefixtures("failed")
@pytest.mark.parametrize(
    "change",
    [
        "status = 'READY', reason = '', due_at = 5, n = n + 1, head = sha256('x')",
        "status = 'STOPPED', reason = 'opted_out', ended_at = 5, n = n + 1, head = sha256('x')",
        "status = 'PAUSED', reason = 'recovery:x', due_at = 5, n = n + 1, head = sha256('x')",
    ],
)
def test_failed_is_left_only_with_an_entry_that_says_why(change: str) -> None:
    assert "left FAILED without" in refused(f"UPDATE runs_run SET {change}")


@pytest.mark.usefixtures("failed")
def test_a_failed_run_may_grow_and_stay_failed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE runs_run SET n = n + 1, head = sha256('x')")
    assert Run.objects.get().status == "FAILED"


@pytest.mark.usefixtures("failed")
def test_the_database_lets_a_run_become_what_the_table_of_moves_lets_it_become() -> None:
    more = {"READY": "due_at = 5", "WAITING": "due_at = 5", "PAUSED": "due_at = 5"}
    more |= dict.fromkeys(transitions.FINAL, "due_at = NULL, ended_at = 5")
    for before in transitions.FINAL:
        assert transitions.reachable(before) == frozenset()
    for after in transitions.reachable("WAITING"):
        with transaction.atomic(), connection.cursor() as cursor:
            start = "status = 'WAITING', reason = 'timer', due_at = 5, ended_at = NULL"
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            cursor.execute(f"UPDATE runs_run SET {start}, n = n + 1, head = sha256('a')")
            change = more.get(after, "due_at = NULL")
            cursor.execute(f"UPDATE runs_run SET status = '{after}', reason = 'x', {change}, n = n + 1")
            transaction.set_rollback(True)


@pytest.mark.usefixtures("failed")
@pytest.mark.parametrize(
    ("change", "guard"),
    [
        ("status = 'WAITING', reason = '', due_at = 5", "runs_run_has_a_reason"),
        ("status = 'PAUSED', reason = 'daily_limit:x', due_at = NULL", "runs_run_has_a_wake"),
        ("status = 'PAUSED', reason = 'held', due_at = 5", "runs_run_has_a_wake"),
    ],
)
def test_an_open_run_has_a_reason_and_a_wake_unless_an_operator_holds_it(change: str, guard: str) -> None:
    assert guard in refused(f"UPDATE runs_run SET {change}, n = n + 1, head = sha256('x')")


PUT = (
    "INSERT INTO runs_inbox (source, external_id, kind, body, deliveries, place, verdict, reason)"
    " VALUES ('t', %s, %s, '{}', 1, %s, %s, %s)"
)


@pytest.mark.parametrize(
    ("row", "guard"),
    [
        (("1", "event", None, "applied", ""), "runs_inbox_one_verdict"),
        (("1", "event", 1, "", ""), "runs_inbox_one_verdict"),
        (("1", "event", 1, "maybe", ""), "runs_inbox_one_verdict"),
        (("1", "event", 1, "refused", ""), "runs_inbox_refused_why"),
        (("1", "wish", None, "", ""), "runs_inbox_kind"),
    ],
)
def test_an_input_has_a_known_kind_and_its_place_and_verdict_together(row: tuple[Any, ...], guard: str) -> None:
    assert guard in refused(PUT, *row)


def test_an_input_is_there_once_and_no_place_is_given_twice() -> None:
    with connection.cursor() as cursor:
        cursor.execute(PUT, ("1", "event", 1, "applied", ""))
    assert "runs_inbox_once" in refused(PUT, "1", "event", 2, "applied", "")
    assert "place" in refused(PUT, "2", "event", 1, "applied", "")


def test_there_is_one_engine() -> None:
    assert Engine.objects.count() == 1
    columns = "halted, offset_s, confirmed_s, next_run, next_place, holder"
    sql = f"INSERT INTO runs_engine (id, {columns}) SELECT 2, {columns} FROM runs_engine"
    assert "runs_engine_one_row" in refused(sql)
