"""The database itself keeps reviews: each rule is broken here by raw SQL, and refused."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from plans import models, operations, reviewing
from tests.integration.plans.test_constraints import INSERT_VERSION, hashed, refused
from tests.integration.plans.world import ANN, DAN, document, make_version, publish

pytestmark = pytest.mark.django_db

REVIEW = "INSERT INTO plans_review (version_id, verdict, at, by, note) VALUES (%s, %s, 0, %s, %s)"
ACTIVATE = "INSERT INTO plans_activation (version_id, at, by, barred) VALUES (%s, 0, %s, %s)"
NOTE = '{"c": "00", "kind": "note", "ref": 1}'
EVE = "user:904"


def run(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


@pytest.mark.parametrize(
    ("verdict", "by", "note", "rule"),
    [
        ("perhaps", ANN, NOTE, "plans_review_verdict"),
        ("sent_back", ANN, None, "plans_review_sent_back_why"),
        ("sent_back", DAN, NOTE, "not reviewed by somebody who edited it"),
        ("approved", DAN, None, "not reviewed by somebody who edited it"),
    ],
)
def test_a_review_is_one_of_two_verdicts_by_somebody_else(verdict: str, by: str, note: Any, rule: str) -> None:
    version = make_version()
    assert rule in refused(REVIEW, version.pk, verdict, by, note)


def test_an_editor_of_a_version_that_nobody_saw_reviews_the_next_one_neither() -> None:
    make_version(actor=EVE)
    version = publish(actor=DAN, seconds=90)
    assert "not reviewed by somebody who edited it" in refused(REVIEW, version.pk, "approved", EVE, None)
    run(REVIEW, version.pk, "approved", ANN, None)


def test_an_editor_of_what_was_in_force_reviews_the_next_one() -> None:
    make_version(actor=EVE)
    operations.activate_version(plan_key="trial", number=1, actor=ANN)
    run(REVIEW, publish(actor=DAN, seconds=90).pk, "approved", EVE, None)


def test_the_machine_itself_stands_above_the_rule_of_two_persons() -> None:
    version = make_version(actor="cli")
    run(REVIEW, version.pk, "approved", "cli", None)


def test_a_version_is_reviewed_once() -> None:
    version = make_version()
    run(REVIEW, version.pk, "approved", ANN, None)
    assert "unique" in refused(REVIEW, version.pk, "sent_back", EVE, NOTE)


def test_what_was_in_force_is_not_reviewed_any_more() -> None:
    operations.install_plan(text=json.dumps(document()), actor="cli")
    version = models.PlanVersion.objects.get()
    assert "was in force needs no review" in refused(REVIEW, version.pk, "sent_back", ANN, NOTE)


def test_a_version_that_was_sent_back_is_never_activated_not_even_by_the_machine() -> None:
    version = make_version()
    reviewing.send_back(plan_key="trial", number=1, actor=ANN, note="No.")
    for by in (ANN, EVE, "cli"):
        assert "this version was sent back" in refused(ACTIVATE, version.pk, by, [DAN])


def test_nothing_comes_into_force_for_the_first_time_without_the_approval_of_who_activates_it() -> None:
    version = make_version()
    assert "with the approval of who activates it" in refused(ACTIVATE, version.pk, ANN, [DAN])
    run(REVIEW, version.pk, "approved", ANN, None)
    assert "with the approval of who activates it" in refused(ACTIVATE, version.pk, EVE, [DAN])
    run(ACTIVATE, version.pk, ANN, [DAN])
    run(ACTIVATE, version.pk, EVE, [DAN])  # the second time, it only comes back


@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_application_has_no_right_to_change_a_review(verb: str) -> None:
    assert "permission denied" in refused(verb.format("plans_review"))


@pytest.fixture
def owners(owner: psycopg.Connection) -> Iterator[psycopg.Cursor]:
    """A cursor of the tables' owner, with one review of its own that is rolled back."""
    with owner.transaction(force_rollback=True), owner.cursor() as cursor:
        cursor.execute("INSERT INTO plans_plan (key, title, state) VALUES ('trial', '', 'draft') RETURNING id")
        (plan,) = cursor.fetchone() or (None,)
        row = hashed(document())
        cursor.execute(INSERT_VERSION + " RETURNING id", [plan, 1, row["body"], "", row["hash"]])
        (version,) = cursor.fetchone() or (None,)
        cursor.execute(REVIEW, [version, "sent_back", ANN, NOTE])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        yield cursor


@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_not_even_the_owner_changes_a_review(owners: psycopg.Cursor, verb: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        owners.execute(verb.format("plans_review"))
