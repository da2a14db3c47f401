"""`manage.py rebuild_check`: its exit codes, its words, and that it only looks."""

import json
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import InternalError, connection

from audit import log
from policies import operations as policy_operations
from policies.models import Contact
from runs.rebuild import check, reading, walks
from runs.rebuild.report import Report
from tests.database import TestDatabase
from tests.factories import make_contact
from tests.factories_runs import make_world, start_run
from tests.functional.engine import drain
from tests.integration.runs.busy import make_busy_world

pytestmark = pytest.mark.django_db(transaction=True)


def rebuild_check(*options: str) -> tuple[int, str]:
    """Run the command; return its exit code and what it prints."""
    said = StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("rebuild_check", *options, stdout=said)
    return int(left.value.code or 0), said.getvalue()


def as_json() -> dict[str, Any]:
    code, said = rebuild_check("--json")
    report: dict[str, Any] = json.loads(said)
    assert report["exit_code"] == code
    return report


def test_an_empty_log_is_nothing_to_check() -> None:
    code, said = rebuild_check()
    assert code == 40
    assert said.splitlines() == [
        "NOTHING TO CHECK: the log has 0 entries, and nothing is derived from them.",
        "Compared: 0",
    ]
    drain()  # the engine has started, and that is all
    assert as_json() | {"compared": None} == {
        "verdict": "nothing",
        "exit_code": 40,
        "entries": 1,
        "compared": None,
        "differing": 0,
        "differences": [],
        "erased": {},
        "skipped": {},
        "other_tzdata": {},
        "unread": {},
    }


def test_rows_beside_an_empty_log_are_differences(owner: psycopg.Connection) -> None:
    owner.execute("INSERT INTO policies_killswitch VALUES (1, 'global', '', true, 1, 'cli', 1)")
    code, said = rebuild_check()
    assert code == 20
    assert "kill switches: global: recorded a row, the log gives nothing" in said


def test_no_difference_says_how_much_was_compared() -> None:
    make_world()
    start_run()
    code, said = rebuild_check()
    assert code == 0
    assert said.startswith("NO DIFFERENCE: ")
    assert "1 decisions" in said and "1 runs" in said and "1 replays" in said and "2 counters" in said
    report = as_json()
    assert report["verdict"] == "same" and report["compared"]["intents"] == 1


def test_three_weeks_of_the_demo_are_without_difference() -> None:
    for command in (["load_demo"], ["drain"], ["advance_clock", str(21 * 86_400)], ["drain"]):
        call_command(*command, stdout=StringIO())
    report = as_json()
    assert report["differences"] == []
    assert (report["exit_code"], report["skipped"], report["unread"]) == (0, {}, {})
    assert report["compared"]["runs"] > 100 and report["compared"]["recoveries"] > 0


def test_a_difference_names_where_what_is_recorded_and_what_follows(owner: psycopg.Connection) -> None:
    make_world()
    start_run()
    owner.execute("UPDATE policies_counter SET posted = 2 WHERE key LIKE 'daily:%'")
    key = owner.execute("SELECT key FROM policies_counter WHERE posted = 2").fetchone()[0]
    code, said = rebuild_check()
    assert code == 20
    assert said.startswith("DIFFERENCES: 1 between the log")
    assert f"\n  counters: {key} posted: recorded 2, the log gives 1\n" in said
    [found] = as_json()["differences"]
    assert found == {"area": "counters", "where": key, "what": "posted", "recorded": 2, "recomputed": 1}


def test_an_entry_that_makes_no_sense_is_named_and_the_rest_still_compared() -> None:
    contact = make_contact()
    with log.writing(by="cli") as writer:
        writer.append("contact/c-1", "contact.changed", {})
        writer.append("contact/c-9", "consent.granted", {"channel": "email"})
        writer.append("contact/c-1", "contact.praised", {})
    Contact.objects.filter(pk=contact.pk).update(country="DE")
    report = as_json()
    assert [(each["area"], each["where"], each["recorded"]) for each in report["differences"]] == [
        ("log", "contact/c-1 entry 4", "contact.changed (KeyError)"),
        ("log", "contact/c-9 entry 1", "consent.granted (KeyError)"),
        ("contacts", "c-1", "DE"),
    ]
    assert report["unread"] == {"contact.praised": 1}


def test_no_personal_value_is_printed(owner: psycopg.Connection) -> None:
    make_contact("c-1", first_name="Zebulon", email="zebulon@example.org")
    owner.execute("UPDATE policies_contact SET first_name = 'Quince', email = 'quince@example.org'")
    code, said = rebuild_check("--json")
    assert code == 20
    assert "zebulon" not in said.lower() and "quince" not in said.lower()


def test_it_waits_for_nobody_and_sees_one_moment(
    owner: psycopg.Connection, test_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_contact("c-1")
    compare = check._compare

    def while_others_write(report: Report) -> None:
        with test_database.connect() as other:
            other.execute("UPDATE policies_contact SET country = 'DE'")
        compare(report)

    monkeypatch.setattr(check, "_compare", while_others_write)
    with owner.transaction():
        owner.execute("SELECT FROM audit_head FOR UPDATE")
        owner.execute("LOCK policies_counter IN EXCLUSIVE MODE")
        assert rebuild_check()[0] == 0  # what came after its first look is for the next one
    monkeypatch.undo()
    assert rebuild_check()[0] == 20


def test_it_cannot_write() -> None:
    with reading.one_moment(), pytest.raises(InternalError, match="read-only"), connection.cursor() as cursor:
        cursor.execute("UPDATE runs_engine SET next_run = 7")


def test_the_size_of_the_pieces_changes_nothing(owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    make_busy_world(owner)
    policy_operations.update_contact(actor="cli", ref="c-1", first_name="Another")
    owner.execute("UPDATE policies_contact SET country = 'DE' WHERE ref = 'c-2'")
    whole = as_json()
    monkeypatch.setattr(reading, "PIECE", 3)
    monkeypatch.setattr(walks, "TOGETHER", 2)
    assert as_json() == whole
    assert whole["differing"] == 1
