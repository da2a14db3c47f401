"""Contacts, consents, suppressions and limits through the API; and who sees whose address."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Entry
from policies import operations
from policies.models import Consent, Contact, Suppression
from tests.factories import make_contact, make_policy
from tests.integration.api.caller import READ, Caller, caller

pytestmark = pytest.mark.django_db

ADA = {
    "ref": "c-1001",
    "first_name": "Ada",
    "email": "Ada@Example.com",
    "phone": "+1 212 555 0100",
    "zone": "America/New_York",
    "country": "us",
    "attributes": {"tier": "gold", "balance": 120, "vip": True},
}
GRANT = {"channel": "email", "purpose": "marketing", "kind": "express", "source": "web form", "proof": "record 77"}
MANAGE = (
    "policies.view_address",
    "policies.manage_contacts",
    "policies.manage_consent",
    "policies.manage_suppressions",
)


@pytest.fixture
def clerk() -> Caller:
    return caller(*READ, *MANAGE)


def last_entry() -> tuple[str, str]:
    entry = Entry.objects.order_by("-seq")[0]
    return entry.st, entry.type


# --- contacts ---


def test_a_contact_is_added_in_normal_form_with_its_entry(clerk: Caller) -> None:
    added = clerk.post("contacts/", ADA)

    assert added.status == 201
    assert (added.data["email"], added.data["phone"]) == ("ada@example.com", "+12125550100")
    assert (added.data["country"], added.data["state"], added.data["version"]) == ("US", "active", 1)
    assert added.data["changed_by"] == f"user:{clerk.user.pk}"
    assert last_entry() == ("contact/c-1001", "contact.created")
    assert clerk.get("contacts/c-1001/").data == added.data


def test_the_same_contact_again_changes_nothing(clerk: Caller) -> None:
    clerk.post("contacts/", ADA)
    size = Entry.objects.count()

    again = clerk.post("contacts/", ADA | {"email": "ada@example.com"})
    other = clerk.post("contacts/", ADA | {"first_name": "Eve"})

    assert (again.status, again.data["version"]) == (200, 1)
    assert other.status == 409 and "There is a contact c-1001 already" in other.error
    assert Entry.objects.count() == size and Contact.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"email": "nobody", "phone": "12"}, {"email", "phone"}),
        ({"ref": "a b"}, {"ref"}),
        ({"ref": "new"}, {"ref"}),
        ({"zone": "Mars"}, {"zone"}),
        ({"attributes": {"tier": ["gold"]}}, {"attributes"}),
        ({"attributes": "gold"}, {"attributes"}),
        ({"attributes": None}, {"attributes"}),
        ({"first_name": 7}, {"first_name"}),
        ({"mail": "ada@example.com"}, {"mail"}),
    ],
)
def test_a_contact_that_is_not_right_names_its_fields(clerk: Caller, change: dict[str, Any], fields: set[str]) -> None:
    refused = clerk.post("contacts/", ADA | change)

    assert refused.status == 422 and refused.data["fields"].keys() == fields and refused.error
    assert not Contact.objects.exists()


def test_contacts_are_found_by_reference_name_or_whole_address(clerk: Caller) -> None:
    make_contact("c-1", first_name="Ada", email="ada@example.com", phone="+12125550101")
    make_contact("c-2", first_name="Bob", email="bob@example.com", phone="+12125550102")
    operations.update_contact(actor="cli", ref="c-2", state="closed")

    def found(**query: Any) -> list[str]:
        return [row["ref"] for row in clerk.get("contacts/", **query).data["results"]]

    assert found() == ["c-1", "c-2"]
    assert found(q="ad") == found(q="ADA@example.com") == found(q="+12125550101") == found(state="active") == ["c-1"]
    assert found(q="@example.com") == []
    first = clerk.get("contacts/", limit=1).data
    assert "after=c-1" in first["next"]
    assert found(after="c-1") == ["c-2"]


# --- consents ---


def test_consent_is_granted_withdrawn_and_listed(clerk: Caller) -> None:
    make_contact("c-1", consents=())

    granted = clerk.post("contacts/c-1/consents/", GRANT | {"at": 1_700_000_000})
    withdrawn = clerk.post(
        "contacts/c-1/withdrawals/", {"channel": "email", "purpose": "marketing", "source": "phone call"}
    )
    listed = clerk.get("contacts/c-1/consents/").data["results"]

    assert (granted.status, withdrawn.status) == (201, 200)
    assert listed == [withdrawn.data, granted.data]
    assert [(row["status"], row["version"]) for row in listed] == [("revoked", 2), ("granted", 1)]
    assert granted.data["at"] == 1_700_000_000 and granted.data["recorded_by"] == f"user:{clerk.user.pk}"
    assert last_entry() == ("contact/c-1", "consent.revoked")
    assert clerk.get("contacts/c-1/consents/", channel="voice").data["results"] == []


def test_a_withdrawal_wins_over_a_grant_of_before(clerk: Caller) -> None:
    make_contact("c-1")
    clerk.post("contacts/c-1/withdrawals/", {"channel": "email", "purpose": "marketing", "source": "phone call"})

    refused = clerk.post("contacts/c-1/consents/", GRANT | {"at": 1_700_000_000})

    assert refused.status == 422 and "a withdrawal wins" in refused.data["fields"]["at"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"channel": "pigeon"}, "channel"),
        ({"purpose": "Marketing!"}, "purpose"),
        ({"kind": "implied"}, "kind"),
        ({"source": "ada@example.com"}, "source"),
        ({"proof": " "}, "proof"),
        ({"text_version": "a@b"}, "text_version"),
        ({"at": 99_999_999_999}, "at"),
        ({"at": "now"}, "at"),
        ({"status": "granted"}, "status"),
    ],
)
def test_a_consent_that_is_not_right_names_its_field(clerk: Caller, change: dict[str, Any], field: str) -> None:
    make_contact("c-1", consents=())

    refused = clerk.post("contacts/c-1/consents/", GRANT | change)

    assert refused.status == 422 and refused.data["fields"].keys() == {field} and refused.error
    assert not Consent.objects.exists()


def test_an_unknown_contact_has_no_consents(clerk: Caller) -> None:
    for address in ("contacts/c-9/", "contacts/c-9/consents/", "contacts/%00/", "contacts/a%20b/consents/"):
        assert clerk.get(address).status == 404, address
    assert clerk.post("contacts/c-9/consents/", GRANT).error == "There is no contact “c-9”."


# --- suppressions ---


def test_an_address_is_suppressed_once(clerk: Caller) -> None:
    body = {"address": "Ada@example.com", "scope": "channel", "reason": "manual", "note": "asked on the phone"}

    first, again = clerk.post("suppressions/", body), clerk.post("suppressions/", body)
    stronger = clerk.post("suppressions/", body | {"reason": "complaint"})

    assert (first.status, again.status, stronger.status) == (201, 200, 201)
    assert first.data == again.data
    assert (first.data["address"], first.data["channel"], first.data["source"]) == ("ada@example.com", "email", "api")
    assert first.data["holds"] is True
    history = clerk.get("suppressions/", address="ADA@example.com").data["results"]
    assert [(row["reason"], row["holds"]) for row in history] == [("complaint", True), ("manual", False)]
    assert [row["reason"] for row in clerk.get("suppressions/").data["results"]] == ["complaint"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"address": "nobody"}, "address"),
        ({"reason": "mood"}, "reason"),
        ({"scope": "world"}, "scope"),
        ({"scope": "plan"}, "plan_key"),
        ({"plan_key": "simple"}, "plan_key"),
        ({"reason": "complaint", "expires_at": 4_000_000_000}, "expires_at"),
        ({"expires_at": 1}, "expires_at"),
        ({"expires_at": "2030-01-01"}, "expires_at"),
        ({"source": "me"}, "source"),
    ],
)
def test_a_suppression_that_is_not_right_names_its_field(clerk: Caller, change: dict[str, Any], field: str) -> None:
    body = {"address": "ada@example.com", "scope": "channel", "reason": "manual"}

    refused = clerk.post("suppressions/", body | change)

    assert refused.status == 422 and refused.data["fields"].keys() == {field} and refused.error
    assert not Suppression.objects.exists()


def test_a_question_about_no_address_is_refused(clerk: Caller) -> None:
    assert clerk.get("suppressions/", address="nobody").data["fields"].keys() == {"address"}


# --- limits ---


def test_limits_say_what_is_used_and_when_they_start_anew(clerk: Caller) -> None:
    make_policy(
        daily_limits=[{"key": "email-day", "channel": "email", "limit": 200}],
        budgets=[{"key": "open-budget", "limit": 50_000_000, "period": "lifetime"}],
    )

    shown = clerk.get("limits/").data

    day, budget = shown["results"]
    assert (day["policy"], day["key"], day["used"], day["limit"], day["currency"]) == ("open", "email-day", 0, 200, "")
    assert 0 < day["resets_at"] - shown["at"] <= 86_400
    assert (budget["limit"], budget["currency"], budget["resets_at"]) == (50_000_000, "EUR", None)


# --- who sees what of a person ---

PLANTED = ("ada.planted@example.com", "+12125550177", "a planted proof", "a planted note")


@pytest.fixture
def planted() -> None:
    """A contact with values nobody else has."""
    contact = make_contact("c-1", email=PLANTED[0], phone=PLANTED[1], consents=())
    operations.record_consent(actor="cli", contact=contact, **(GRANT | {"proof": PLANTED[2]}))
    for address in PLANTED[:2]:
        operations.add_suppression(actor="cli", address=address, scope="channel", reason="manual", note=PLANTED[3])


PEOPLE = ("contacts/", "contacts/c-1/", "contacts/c-1/consents/", "suppressions/")


@pytest.mark.parametrize("address", [*PEOPLE, "verification/?stream=contact/c-1", "limits/", "runs/", "inputs/"])
def test_who_may_read_everything_but_addresses_reads_no_address(planted: None, address: str) -> None:
    answer = caller(*READ, "policies.manage_suppressions", "policies.manage_consent").get(address)

    assert answer.status == 200
    assert [value for value in PLANTED if value in str(answer.data)] == []


@pytest.mark.parametrize("address", PLANTED[:2])
def test_asking_by_address_does_not_spell_it_out(planted: None, address: str) -> None:
    reader = caller(*READ)

    rows = reader.get("suppressions/", address=address).data["results"]
    added = caller("policies.manage_suppressions").post(
        "suppressions/", {"address": address, "scope": "global", "reason": "manual"}
    )

    assert len(rows) == 1 and "•" in rows[0]["address"]
    assert reader.get("contacts/", q=address).data["results"] == []  # nor does a search say whose it is
    assert added.status == 201 and "•" in added.data["address"]


def test_who_manages_contacts_reads_addresses_but_no_notes(planted: None, clerk: Caller) -> None:
    said = " ".join(str(clerk.get(address).data) for address in PEOPLE)

    assert [value in said for value in PLANTED] == [True, True, False, False]


# --- how much it costs ---


@pytest.mark.parametrize(
    ("address", "queries"),
    [("contacts/", 4), ("contacts/c-1/consents/", 5), ("suppressions/", 5), ("limits/", 6)],
)
def test_a_list_costs_the_same_whatever_its_length(clerk: Caller, address: str, queries: int) -> None:
    costs = []
    for number in range(1, 4):
        make_policy(f"policy-{number}", daily_limits=[{"key": f"day-{number}", "channel": "email", "limit": 200}])
        contact = make_contact(f"c-{number}")
        operations.add_suppression(actor="cli", address=contact.email, scope="global", reason="manual")
        operations.record_consent(actor="cli", contact=Contact.objects.get(ref="c-1"), **GRANT)
        with CaptureQueriesContext(connection) as seen:
            assert clerk.get(address).status == 200
        costs.append(len(seen))

    assert costs == [queries] * 3
