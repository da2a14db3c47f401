"""The log in the database: what the writer puts down, and everything the database refuses, to anybody."""

import json
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from audit import chain, log, vault, verify
from audit.models import Entry, Head, Opening, Stream
from tests.tampering import guards_down

pytestmark = pytest.mark.django_db(transaction=True)


def append(count: int = 1, st: str = "contact/c-1") -> None:
    with log.writing(by="cli") as writer:
        for n in range(count):
            writer.append(st, "contact.changed", {"n": n})


def refused(sql: str, *parameters: Any) -> str:
    with pytest.raises(DatabaseError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
    return str(error.value)


def test_entries_get_gapless_numbers_in_their_stream_and_in_the_log() -> None:
    append(3)
    append(2, "contact/c-2")
    append(1)
    rows = list(Entry.objects.order_by("seq").values_list("st", "n", "seq"))
    start = rows[0][2]
    assert rows == [
        ("contact/c-1", 1, start),
        ("contact/c-1", 2, start + 1),
        ("contact/c-1", 3, start + 2),
        ("contact/c-2", 1, start + 3),
        ("contact/c-2", 2, start + 4),
        ("contact/c-1", 4, start + 5),
    ]
    assert Head.objects.get().size == start + 6
    assert Stream.objects.get(st="contact/c-1").n == 4


def test_the_stored_text_is_what_was_hashed_and_the_stamp_says_when_and_by_whom() -> None:
    append()
    row = Entry.objects.get()
    assert chain.entry_hash(row.body) == bytes(row.hash)
    stamp = json.loads(row.stamp)
    assert stamp["h"] == bytes(row.hash).hex()
    assert stamp["by"] == "cli"
    assert stamp["seq"] == row.seq
    assert stamp["at"].endswith("Z")
    assert len(stamp["at"]) == 27


def test_nothing_is_kept_of_a_transaction_that_fails() -> None:
    with pytest.raises(RuntimeError), log.writing(by="cli") as writer:
        writer.append("contact/c-1", "contact.changed", {})
        raise RuntimeError
    assert not Entry.objects.exists()


def test_a_writer_of_an_older_epoch_is_refused() -> None:
    epoch = log.take_epoch()
    log.take_epoch()
    with pytest.raises(log.Fenced), log.writing(by="engine", epoch=epoch):
        pass


def test_a_transaction_of_the_log_cannot_hide_inside_another() -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic(), log.writing(by="cli"):
        pass


@pytest.mark.parametrize(
    "verb", ["UPDATE audit_entry SET body = body", "DELETE FROM audit_entry", "TRUNCATE audit_entry"]
)
def test_the_application_cannot_change_the_log(verb: str) -> None:
    append()
    assert "permission denied" in refused(verb)


@pytest.mark.parametrize(
    "verb", ["UPDATE audit_entry SET body = body", "DELETE FROM audit_entry", "TRUNCATE audit_entry"]
)
def test_the_owner_cannot_change_the_log_either(owner: psycopg.Connection, verb: str) -> None:
    append()
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        owner.execute(verb)


def test_a_session_that_calls_itself_a_replica_is_refused_too(owner: psycopg.Connection) -> None:
    append()
    try:
        owner.execute("SET session_replication_role = replica")
    except psycopg.errors.InsufficientPrivilege:
        return
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        owner.execute("DELETE FROM audit_entry")


@pytest.mark.parametrize(
    "verb",
    [
        "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_entry_no_change ON audit_entry",
        "ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_hash",
        "DROP TABLE audit_entry",
    ],
)
def test_the_application_cannot_take_the_guards_away(verb: str) -> None:
    assert "must be owner" in refused(verb)


INSERT = (
    "INSERT INTO audit_entry (seq, st, n, type, tick, step, prev, hash, body, stamp)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


def next_row(**changes: Any) -> dict[str, Any]:
    """Return a good second entry of contact/c-1 as columns."""
    first = Entry.objects.get()
    entry = chain.link("contact/c-1", 2, bytes(first.hash), chain.Draft("contact.changed", 5, {}))
    seq = first.seq + 1
    return {
        "seq": seq,
        "st": entry.st,
        "n": entry.n,
        "type": entry.type,
        "tick": 5,
        "step": "",
        "prev": entry.prev,
        "hash": entry.hash,
        "body": entry.body,
        "stamp": chain.stamp_text(at="2026-01-01T00:00:00.000000Z", by="cli", entry=entry.hash, seq=seq),
    } | changes


def test_a_good_row_is_taken() -> None:
    append()
    with connection.cursor() as cursor:
        cursor.execute(INSERT, list(next_row().values()))


@pytest.mark.parametrize(
    ("changes", "guard"),
    [
        ({"hash": bytes(32)}, "audit_entry_hash"),
        ({"type": "contact.created"}, "audit_entry_columns"),
        ({"tick": 6}, "audit_entry_columns"),
        ({"step": "x"}, "audit_entry_columns"),
        ({"stamp": '{"at":"x","by":"cli","h":"00","seq":1}'}, "audit_entry_stamp"),
    ],
)
def test_a_row_that_disagrees_with_its_text_is_refused(changes: dict[str, Any], guard: str) -> None:
    append()
    assert guard in refused(INSERT, *next_row(**changes).values())


def test_a_gap_in_the_log_is_refused() -> None:
    append()
    row = next_row()
    seq = row["seq"] + 1
    stamp = chain.stamp_text(at="2026-01-01T00:00:00.000000Z", by="cli", entry=row["hash"], seq=seq)
    assert "no gaps" in refused(INSERT, *(row | {"seq": seq, "stamp": stamp}).values())


def test_a_fork_is_refused() -> None:
    append(2)
    first = Entry.objects.order_by("n").first()
    assert first is not None
    entry = chain.link("contact/c-1", 3, bytes(first.hash), chain.Draft("contact.changed", 5, {}))
    seq = Head.objects.get().size
    stamp = chain.stamp_text(at="2026-01-01T00:00:00.000000Z", by="cli", entry=entry.hash, seq=seq)
    row = (seq, entry.st, 3, entry.type, 5, "", entry.prev, entry.hash, entry.body, stamp)
    assert "audit_entry_no_fork" in refused(INSERT, *row)


def test_an_entry_that_does_not_follow_its_predecessor_is_refused() -> None:
    append()
    entry = chain.link("contact/c-1", 2, bytes(32), chain.Draft("contact.changed", 5, {}))
    seq = Head.objects.get().size
    stamp = chain.stamp_text(at="2026-01-01T00:00:00.000000Z", by="cli", entry=entry.hash, seq=seq)
    row = (seq, entry.st, 2, entry.type, 5, "", entry.prev, entry.hash, entry.body, stamp)
    assert "does not follow" in refused(INSERT, *row)


def test_the_vault_opens_a_commitment_until_the_value_is_erased() -> None:
    held = vault.hold(kind="email", value="ann@example.org", subject="contact/c-1")
    opening = Opening.objects.get(ref=held["ref"])
    assert chain.commitment(bytes(opening.salt), "email", "ann@example.org") == held["c"]
    assert vault.reveal(held["ref"]) == "ann@example.org"
    opening.delete()
    assert vault.reveal(held["ref"]) is None


def test_a_salt_of_another_length_is_refused_by_the_database() -> None:
    sql = "INSERT INTO audit_opening (subject, kind, salt, value) VALUES ('x', 'email', %s, 'v')"
    assert "audit_opening_salt" in refused(sql, bytes(31))


def test_nothing_to_verify_is_not_a_success() -> None:
    assert verify.check("contact/c-9").verdict == verify.Verdict.NOTHING


def test_a_whole_log_is_consistent_but_not_anchored() -> None:
    append(3)
    append(2, "contact/c-2")
    report = verify.check()
    assert report.verdict == verify.Verdict.CONSISTENT
    assert report.checked == Head.objects.get().size
    assert report.streams == 2


@pytest.mark.parametrize(
    ("sql", "kind", "n"),
    [
        ("UPDATE audit_entry SET body = replace(body, '\"n\":1}', '\"n\":7}') WHERE n = 2", "altered_text", 2),
        ("UPDATE audit_entry SET tick = 1 WHERE n = 3", "column_differs", 3),
        ("DELETE FROM audit_entry WHERE n = 2", "missing_place", 3),
        ("DELETE FROM audit_entry WHERE n = 4", "cut_off", 3),
    ],
)
def test_tampering_by_the_owner_is_found_and_named(owner: psycopg.Connection, sql: str, kind: str, n: int) -> None:
    append(4)
    with guards_down(owner):
        owner.execute(sql)
    report = verify.check()
    assert report.verdict == verify.Verdict.BROKEN
    assert report.first_break is not None
    assert report.first_break.kind == kind
    assert report.first_break.n == n


@pytest.mark.parametrize("change", ["size = size - 1", "epoch = epoch - 1", "clock = clock - 1"])
def test_the_head_of_the_log_only_moves_forward(change: str) -> None:
    append()
    log.take_epoch()
    assert "only moves forward" in refused(f"UPDATE audit_head SET {change}")


def test_the_application_cannot_remove_the_head_of_the_log() -> None:
    assert "permission denied" in refused("DELETE FROM audit_head")
