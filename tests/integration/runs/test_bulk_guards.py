"""What the database itself holds about bulk actions: a frozen list is frozen, and a confirmed one never changes."""

from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from runs.many import bulk
from runs.models import Bulk, BulkItem
from runs.queries import RunFilter
from tests.factories_runs import failed_run, make_world

pytestmark = pytest.mark.django_db(transaction=True)


def run_sql(sql: str, *parameters: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def refused(sql: str, *parameters: Any) -> str:
    with pytest.raises(DatabaseError) as error:
        run_sql(sql, *parameters)
    return str(error.value)


@pytest.fixture
def frozen() -> Bulk:
    """A list of two failed runs for a resolution, not confirmed."""
    make_world()
    failed_run("c-1"), failed_run("c-2")
    return bulk.freeze(actor="user:1", command="resolve", wanted=RunFilter(status="FAILED"))


@pytest.fixture
def confirmed(frozen: Bulk) -> Bulk:
    bulk.confirm(bulk_id=frozen.pk, actor="user:1", note="sent by hand", label="sent")
    return frozen


@pytest.mark.usefixtures("confirmed")
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE runs_bulk SET label = 'blocked'",
        "UPDATE runs_bulk SET actor = 'user:2'",
        "UPDATE runs_bulk SET confirmed_at = now()",
        "UPDATE runs_bulk SET confirmed_at = NULL, note = NULL, label = ''",
        "DELETE FROM runs_bulk",
        "DELETE FROM runs_bulkitem",
        "INSERT INTO runs_bulkitem (bulk_id, place, run_id, expected_n, refusal)"
        " SELECT bulk_id, 3, run_id, 1, '' FROM runs_bulkitem LIMIT 1",
    ],
)
def test_a_confirmed_list_stays_as_it_is(sql: str) -> None:
    assert "is confirmed" in refused(sql)


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(
    "change",
    ["command = 'skip'", "filter = 'others'", "actor = 'user:2'", "back = '/'", "created_at = now()"],
)
def test_what_was_frozen_stays_as_it_is_while_it_waits_to_be_confirmed(change: str) -> None:
    assert "what was frozen stays as it is" in refused(f"UPDATE runs_bulk SET {change}")


@pytest.mark.parametrize("change", ["refusal = 'no'", "expected_n = 1", "place = place + 2"])
@pytest.mark.parametrize("state", ["frozen", "confirmed"])
def test_the_runs_of_a_list_never_change(state: str, change: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(state)

    assert "a frozen list stays as it is" in refused(f"UPDATE runs_bulkitem SET {change}")


def test_a_list_that_was_not_confirmed_may_be_thrown_away(frozen: Bulk) -> None:
    run_sql("DELETE FROM runs_bulkitem")
    run_sql("DELETE FROM runs_bulk")

    assert not Bulk.objects.exists()


@pytest.mark.usefixtures("confirmed")
@pytest.mark.parametrize("table", ["runs_bulk", "runs_bulkitem"])
def test_not_even_the_owner_empties_the_tables(table: str, owner: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match=f"TRUNCATE on {table} refused"):
        owner.execute(f"TRUNCATE {table} CASCADE")


NOTE = '\'{"c": "", "kind": "note", "ref": 1}\''


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(
    ("change", "guard"),
    [
        (f"note = {NOTE}", "runs_bulk_reason_when_confirmed"),
        ("confirmed_at = now(), label = 'sent'", "runs_bulk_reason_when_confirmed"),
        (f"confirmed_at = now(), note = {NOTE}", "runs_bulk_label_when_confirmed"),
        ("label = 'sent'", "runs_bulk_label_when_confirmed"),
    ],
)
def test_reason_and_outcome_come_with_the_confirmation_and_not_without(change: str, guard: str) -> None:
    assert guard in refused(f"UPDATE runs_bulk SET {change}")


@pytest.mark.parametrize(
    ("values", "guard"),
    [
        ("'send_again', 'all', 'user:1', NULL, NULL, ''", "runs_bulk_command"),
        ("'retry', '', 'user:1', NULL, NULL, ''", "runs_bulk_complete"),
        ("'retry', 'all', '', NULL, NULL, ''", "runs_bulk_complete"),
        (f"'retry', 'all', 'user:1', now(), {NOTE}, 'sent'", "runs_bulk_label_when_confirmed"),
    ],
)
def test_a_list_is_of_a_command_for_many_says_what_it_is_of_and_whose_it_is(values: str, guard: str) -> None:
    columns = "id, back, command, filter, actor, confirmed_at, note, label"

    assert guard in refused(f"INSERT INTO runs_bulk ({columns}) VALUES (gen_random_uuid(), '', {values})")


def test_a_run_has_one_place_in_a_list(frozen: Bulk) -> None:
    insert = "INSERT INTO runs_bulkitem (bulk_id, place, run_id, expected_n, refusal) VALUES (%s, %s, %s, %s, '')"

    assert "runs_bulkitem_place" in refused(insert, frozen.pk, 1, 2, 1)
    assert "runs_bulkitem_run" in refused(insert, frozen.pk, 3, 1, 1)
    assert "runs_bulkitem_numbers" in refused(insert, frozen.pk, 0, 1, 1)
    assert BulkItem.objects.count() == 2
