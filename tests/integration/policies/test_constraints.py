"""What the database itself refuses, tried with raw SQL by the application's own role."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from policies import operations
from policies.models import Consent, Contact, PolicyVersion, Suppression
from tests.integration.policies.made import ACTOR, make_consent, make_contact, publish

pytestmark = pytest.mark.django_db


def refused(sql: str, *parameters: Any) -> str:
    """Run a statement that must fail; return what the database said."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
    return str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "constraint"),
    [
        ("email", "Ada@example.com", "contact_email_normal"),
        ("email", "ada\u0308@example.com", "contact_email_normal"),
        ("email", "nobody", "contact_email_normal"),
        ("email", "a b@example.com", "contact_email_normal"),
        ("phone", "2125550100", "contact_phone_e164"),
        ("phone", "+0125550100", "contact_phone_e164"),
        ("phone", "+1212555010x", "contact_phone_e164"),
        ("country", "us", "contact_country_form"),
        ("state", "gone", "contact_state_known"),
        ("state", "erased", "contact_erased_is_empty"),
        ("ref", "a b", "contact_ref_form"),
        ("version", 0, "contact_version_positive"),
        ("attributes", "[1]", "contact_attributes_object"),
    ],
)
def test_a_contact_is_stored_in_normal_form(column: str, value: Any, constraint: str) -> None:
    contact = make_contact()
    assert constraint in refused(f"UPDATE policies_contact SET {column} = %s WHERE id = %s", value, contact.pk)


def test_two_contacts_never_share_a_reference() -> None:
    first, second = make_contact(), make_contact()
    assert "unique" in refused("UPDATE policies_contact SET ref = %s WHERE id = %s", first.ref, second.pk)


CONSENT = (
    "INSERT INTO policies_consent (contact_id, channel, purpose, version, status, kind, source, text_version,"
    " proof_ref, at, recorded_at, recorded_by) VALUES (%s, %s, %s, %s, %s, %s, %s, '', %s, 1, 1, 'user:1')"
)


@pytest.mark.parametrize(
    ("row", "constraint"),
    [
        (("fax", "marketing", 9, "granted", "express", "form", 1), "consent_channel_known"),
        (("email", "Marketing", 9, "granted", "express", "form", 1), "consent_purpose_form"),
        (("email", "marketing", 0, "granted", "express", "form", 1), "consent_version_positive"),
        (("email", "marketing", 1, "granted", "express", "form", 1), "consent_one_version"),
        (("email", "marketing", 9, "granted", "rumour", "form", 1), "consent_grant_is_proved"),
        (("email", "marketing", 9, "granted", "express", "", 1), "consent_grant_is_proved"),
        (("email", "marketing", 9, "granted", "express", "form", None), "consent_grant_is_proved"),
        (("email", "marketing", 9, "maybe", "express", "form", 1), "consent_grant_is_proved"),
        (("email", "marketing", 9, "revoked", "express", "form", 1), "consent_grant_is_proved"),
    ],
)
def test_a_grant_without_proof_cannot_be_stored(row: tuple[Any, ...], constraint: str) -> None:
    contact = make_contact()
    make_consent(contact)
    assert constraint in refused(CONSENT, contact.pk, *row)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE policies_consent SET status = 'granted', kind = 'express'",
        "DELETE FROM policies_consent",
        "TRUNCATE policies_consent",
    ],
)
def test_consent_is_append_only(sql: str) -> None:
    make_consent(make_contact())
    assert "append-only" in refused(sql) or "permission denied" in refused(sql)
    assert Consent.objects.count() == 1


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE policies_policyversion SET number = 2",
        "UPDATE policies_policyversion SET body = '{}'",
        "DELETE FROM policies_policyversion",
        "TRUNCATE policies_policyversion CASCADE",
    ],
)
def test_a_policy_version_is_immutable(sql: str) -> None:
    publish()
    assert "append-only" in refused(sql) or "permission denied" in refused(sql)
    assert PolicyVersion.objects.get().number == 1


def test_a_policy_version_is_stored_only_under_its_own_hash() -> None:
    version = publish()
    insert = (
        "INSERT INTO policies_policyversion (policy_id, number, body, hash, published_at, published_by)"
        " VALUES (%s, %s, %s, %s, 1, 'user:1')"
    )
    assert "policy_version_hash" in refused(insert, version.policy_id, 2, version.body + " ", version.hash)
    assert "policy_version_one_number" in refused(insert, version.policy_id, 1, version.body, version.hash)
    assert "policy_version_number_positive" in refused(insert, version.policy_id, 0, version.body, version.hash)


def test_triggers_hold_for_a_session_that_calls_itself_a_replica(owner: Any) -> None:
    rows = owner.execute(
        "SELECT tgname, tgenabled FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
        " WHERE relname IN ('policies_consent', 'policies_policyversion', 'policies_suppression')"
        " AND NOT tgisinternal ORDER BY 1"
    ).fetchall()
    assert len(rows) == 7 and {mode for _, mode in rows} == {"A"}


SUPPRESSION = (
    "INSERT INTO policies_suppression (address, scope, channel, plan_key, reason, source, expires_at, created_at,"
    " created_by, removed_by) VALUES (%s, %s, %s, %s, %s, 'page', %s, 1, 'user:1', '')"
)


@pytest.mark.parametrize(
    ("row", "constraint"),
    [
        (("Ada@example.com", "global", "", "", "manual", None), "suppression_address_normal"),
        (("2125550100", "global", "", "", "manual", None), "suppression_address_normal"),
        (("ada@example.com", "world", "", "", "manual", None), "suppression_scope_fits"),
        (("ada@example.com", "global", "email", "", "manual", None), "suppression_scope_fits"),
        (("ada@example.com", "channel", "", "", "manual", None), "suppression_scope_fits"),
        (("ada@example.com", "plan", "", "", "manual", None), "suppression_scope_fits"),
        (("ada@example.com", "channel", "email", "spring", "manual", None), "suppression_scope_fits"),
        (("ada@example.com", "channel", "voice", "", "manual", None), "suppression_channel_fits_address"),
        (("+12125550100", "channel", "email", "", "manual", None), "suppression_channel_fits_address"),
        (("ada@example.com", "global", "", "", "mood", None), "suppression_reason_known"),
        (("ada@example.com", "global", "", "", "complaint", 9), "suppression_permanent_reasons"),
        (("ada@example.com", "global", "", "", "dnc", 9), "suppression_permanent_reasons"),
        (("known@example.com", "global", "", "", "manual", None), "suppression_one_active"),
    ],
)
def test_a_suppression_that_would_match_nothing_cannot_be_stored(row: tuple[Any, ...], constraint: str) -> None:
    operations.add_suppression(actor=ACTOR, address="known@example.com", scope="global", reason="manual")
    assert constraint in refused(SUPPRESSION, *row)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE policies_suppression SET address = 'other@example.com'", "can only be removed"),
        ("UPDATE policies_suppression SET reason = 'manual', removed_at = 1", "can only be removed"),
        ("UPDATE policies_suppression SET expires_at = 1", "can only be removed"),
        ("UPDATE policies_suppression SET removed_at = 1", "suppression_removal_is_whole"),
        ("UPDATE policies_suppression SET removed_at = 1, removed_by = 'user:1'", "suppression_removal_is_whole"),
        ("DELETE FROM policies_suppression", "append-only"),
        ("TRUNCATE policies_suppression", "permission denied"),
    ],
)
def test_a_suppression_can_only_be_removed_whole(sql: str, said: str) -> None:
    operations.add_suppression(actor=ACTOR, address="ada@example.com", scope="global", reason="complaint")
    assert said in refused(sql)


def test_a_removal_is_never_undone() -> None:
    entry, _ = operations.add_suppression(actor=ACTOR, address="ada@example.com", scope="global", reason="manual")
    operations.remove_suppression(actor=ACTOR, suppression_id=entry.pk, reason="mistake", approver=False)
    undo = "UPDATE policies_suppression SET removed_at = NULL, removed_by = '', removed_ref = NULL"
    assert "can only be removed" in refused(undo)
    assert Suppression.objects.get().removed_at is not None


@pytest.mark.parametrize(
    ("column", "constraint"),
    [
        ("reserved", "counter_within_limit"),
        ("posted", "counter_within_limit"),
    ],
)
def test_a_counter_never_exceeds_its_limit(column: str, constraint: str) -> None:
    columns = 'key, "limit", reserved, posted, overrun, freed, freed_at'
    insert = f"INSERT INTO policies_counter ({columns}) VALUES (%s, 5, 0, 5, 0, 0, 0)"
    with connection.cursor() as cursor:
        cursor.execute(insert, ["daily:x:2026-01-01"])
    assert constraint in refused(f"UPDATE policies_counter SET {column} = {column} + 1")


@pytest.mark.parametrize("column", ["limit", "reserved", "posted", "overrun", "freed"])
def test_a_counter_is_never_negative(column: str) -> None:
    values = {"limit": 5, "reserved": 0, "posted": 0, "overrun": 0, "freed": 0, column: -1}
    insert = 'INSERT INTO policies_counter (key, "limit", reserved, posted, overrun, freed, freed_at) VALUES'
    said = refused(f"{insert} ('x', %s, %s, %s, %s, %s, 0)", *values.values())
    assert "counter_not_negative" in said or "counter_within_limit" in said


@pytest.mark.parametrize(
    ("scope", "key"), [("world", ""), ("global", "email"), ("channel", "fax"), ("channel", ""), ("plan", "")]
)
def test_a_switch_has_a_scope_that_fits(scope: str, key: str) -> None:
    insert = (
        "INSERT INTO policies_killswitch (scope, key, engaged, changed_at, changed_by, reason_ref)"
        " VALUES (%s, %s, true, 1, 'user:1', 1)"
    )
    assert "kill_switch_scope_fits" in refused(insert, scope, key)


def test_a_switch_exists_once() -> None:
    insert = (
        "INSERT INTO policies_killswitch (scope, key, engaged, changed_at, changed_by, reason_ref)"
        " VALUES ('global', '', true, 1, 'user:1', 1)"
    )
    with connection.cursor() as cursor:
        cursor.execute(insert)
    assert "kill_switch_one" in refused(insert)


def test_a_contact_with_consents_cannot_be_deleted() -> None:
    contact = make_contact()
    make_consent(contact)
    assert "foreign key" in refused(
        f"DELETE FROM policies_contact WHERE id = {contact.pk}; SET CONSTRAINTS ALL IMMEDIATE"
    )
    assert Contact.objects.exists()
