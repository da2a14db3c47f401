"""The database itself keeps plans: each rule is broken here by raw SQL, and refused."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from audit import canon
from plans import models, operations
from tests.integration.plans.world import ANN, DAN, document, make_draft, make_template, make_version

pytestmark = pytest.mark.django_db


def refused(sql: str, *values: Any) -> str:
    """Run SQL that must fail; return the database's words."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return str(caught.value)


def version_row(plan: models.Plan, **changes: Any) -> list[Any]:
    body = canon.encode(document(), canon.DOCUMENT)
    digest = hashlib.sha256(b"dee.plan/1\n" + body.encode()).hexdigest()
    row = {"plan": plan.pk, "number": 9, "body": body, "meta": "", "hash": digest} | changes
    return [row["plan"], row["number"], row["body"], row["meta"], row["hash"]]


INSERT_VERSION = (
    "INSERT INTO plans_planversion (plan_id, number, body, meta, hash, published_at, published_by, edited_by)"
    " VALUES (%s, %s, %s, %s, %s, 0, 'cli', '{}')"
)


def hashed(value: dict[str, Any]) -> dict[str, str]:
    body = canon.encode(value, canon.DOCUMENT)
    return {"body": body, "hash": hashlib.sha256(b"dee.plan/1\n" + body.encode()).hexdigest()}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"hash": "0" * 64}, "plans_version_hash"),
        ({"number": 0}, "plans_version_number"),
        ({"number": 1}, "plans_version_one_number"),
        ({"meta": "[]"}, "plans_version_meta"),
        (hashed({**document(), "meta": {"title": "x"}}), "plans_version_document"),
        (hashed({**document(), "schema": "dee.plan/2"}), "plans_version_document"),
        (hashed(document("another")), "not of the plan it is stored under"),
    ],
)
def test_a_version_is_what_its_hash_and_plan_say(changes: dict[str, Any], rule: str) -> None:
    plan = make_version().plan
    assert rule in refused(INSERT_VERSION, *version_row(plan, **changes))


def test_the_same_row_is_accepted_when_nothing_is_wrong_with_it() -> None:
    plan = make_version().plan
    with connection.cursor() as cursor:
        cursor.execute(INSERT_VERSION, version_row(plan))
    assert plan.versions.count() == 2


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("hash", "0" * 64, "plans_template_hash"),
        ("body", "another text", "plans_template_document"),
        ("channel", "sms", "plans_template_"),
        ("key", "another", "plans_template_"),
        ("number", 1, "plans_template_one_number"),
        ("number", 0, "plans_template_number"),
    ],
)
def test_a_template_version_is_what_its_document_says(column: str, value: Any, rule: str) -> None:
    make_template()
    names = "template_id, key, number, document, hash, channel, subject, body, variables, published_at, published_by"
    chosen = names.replace(column, "%s").replace("number", "2") if column != "number" else names.replace("number", "%s")
    sql = f"INSERT INTO plans_templateversion ({names}) SELECT {chosen} FROM plans_templateversion"
    assert rule in refused(sql, value)


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("UPDATE plans_plan SET state = 'paused'", "plans_plan_"),
        ("UPDATE plans_plan SET state = 'active', active_version_id = NULL", "plans_plan_active_has_version"),
        ("UPDATE plans_plan SET state = 'draft'", "plans_plan_active_has_version"),
        ("UPDATE plans_plan SET key = 'other' WHERE key = 'trial'", "a plan keeps its key"),
        ("INSERT INTO plans_plan (key, title, state) VALUES ('Not a key', '', 'draft')", "plans_plan_key"),
        ("INSERT INTO plans_plan (key, title, state) VALUES ('trial', '', 'draft')", "unique"),
        ("UPDATE plans_plandraft SET revision = 0", "plans_draft_revision"),
        ("INSERT INTO plans_template (key) VALUES ('No')", "plans_template_key"),
    ],
)
def test_a_plan_keeps_its_rules(sql: str, rule: str) -> None:
    make_version()
    operations.activate_version(plan_key="trial", number=1, actor=ANN)
    assert rule in refused(sql)


def test_the_active_version_is_one_of_the_plans_own() -> None:
    make_version()
    other = make_version("other")
    sql = "UPDATE plans_plan SET state = 'active', active_version_id = %s WHERE key = 'trial'"
    assert "plans_plan_own_version" in refused(sql, other.pk)


def test_four_eyes_hold_in_the_database() -> None:
    version = make_version()
    operations.activate_version(plan_key="trial", number=1, actor=ANN)
    sql = "INSERT INTO plans_activation (version_id, at, by, barred) VALUES (%s, 0, %s, %s)"
    assert "plans_four_eyes" in refused(sql, version.pk, DAN, [DAN])
    assert "bars everybody who edited" in refused(sql, version.pk, DAN, [])
    with connection.cursor() as cursor:
        cursor.execute(sql, [version.pk, ANN, [DAN]])


@pytest.mark.parametrize("table", ["plans_planversion", "plans_templateversion", "plans_activation"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_application_has_no_right_to_change_what_is_published(table: str, verb: str) -> None:
    assert "permission denied" in refused(verb.format(table))


@pytest.fixture
def owners(owner: psycopg.Connection) -> Iterator[psycopg.Cursor]:
    """A cursor of the tables' owner, on rows of its own that are rolled back."""
    with owner.transaction(force_rollback=True), owner.cursor() as cursor:
        cursor.execute("INSERT INTO plans_plan (key, title, state) VALUES ('trial', '', 'draft') RETURNING id")
        (plan,) = cursor.fetchone() or (None,)
        body = canon.encode(document(), canon.DOCUMENT)
        digest = hashlib.sha256(b"dee.plan/1\n" + body.encode()).hexdigest()
        cursor.execute(INSERT_VERSION + " RETURNING id", [plan, 1, body, "", digest])
        (version,) = cursor.fetchone() or (None,)
        cursor.execute(
            "INSERT INTO plans_activation (version_id, at, by, barred) VALUES (%s, 0, 'cli', '{}')", [version]
        )
        parts = {"schema": "dee.template/1", "key": "hello", "channel": "email", "subject": "a", "body": "b"}
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        cursor.execute("INSERT INTO plans_template (key) VALUES ('hello') RETURNING id")
        (template,) = cursor.fetchone() or (None,)
        cursor.execute(
            "INSERT INTO plans_templateversion (template_id, key, number, document, hash, channel, subject, body,"
            " variables, published_at, published_by)"
            " VALUES (%s, 'hello', 1, %s, %s, 'email', 'a', 'b', '{}', 0, 'cli')",
            [template, text, hashlib.sha256(b"dee.template/1\n" + text.encode()).hexdigest()],
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        yield cursor


@pytest.mark.parametrize("table", ["plans_planversion", "plans_templateversion", "plans_activation"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_not_even_the_owner_changes_what_is_published(owners: psycopg.Cursor, table: str, verb: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        owners.execute(verb.format(table))


def test_the_guards_also_hold_for_a_session_that_calls_itself_a_replica() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgenabled FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
            " WHERE relname LIKE 'plans_%%' AND NOT tgisinternal"
        )
        guards = dict(cursor.fetchall())
    assert len(guards) == 15
    assert set(guards.values()) == {"A"}


def test_a_draft_is_free() -> None:
    make_draft()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE plans_plandraft SET body = 'x', revision = revision + 1")
    assert models.PlanDraft.objects.get().revision == 2
