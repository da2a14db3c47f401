"""Plans and verification through the API: documents byte for byte, and verdicts that are never a bare tick."""

import hashlib
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import verify
from audit.models import Verification
from plans import document, queries
from plans.models import PlanVersion
from tests.factories import MAIL_STEPS, make_contact, make_plan, make_policy, make_template
from tests.integration.api.caller import READ, Caller, caller
from tests.tampering import guards_down


@pytest.fixture
def reader(db: None) -> Caller:
    make_policy()
    make_template()
    make_plan("simple", MAIL_STEPS, meta={"title": "Simple"})
    return caller(*READ)


# --- plans ---


def test_plans_are_listed_by_key_and_state(reader: Caller) -> None:
    make_plan("another", MAIL_STEPS)

    rows = reader.get("plans/").data["results"]

    assert [row["key"] for row in rows] == ["another", "simple"]
    assert rows[1] == {"key": "simple", "title": "Simple", "state": "active", "active_version": 1, "newest": 1}
    assert reader.get("plans/", state="retired").data["results"] == []
    assert [row["key"] for row in reader.get("plans/", after="another").data["results"]] == ["simple"]


def test_a_plan_names_its_versions(reader: Caller) -> None:
    shown = reader.get("plans/simple/").data

    version = PlanVersion.objects.get()
    expected = {
        "number": 1,
        "hash": version.hash,
        "published_at": version.published_at,
        "published_by": "cli",
    }
    assert shown["versions"] == [expected] and shown["active_version"] == 1


def test_a_version_is_the_text_that_was_hashed(reader: Caller) -> None:
    shown = reader.get("plans/simple/versions/1/").data

    version = PlanVersion.objects.get()
    assert hashlib.sha256(b"dee.plan/1\n" + shown["text"].encode()).hexdigest() == shown["hash"] == version.hash
    assert json.loads(document.export(version.body, version.meta)) == shown["document"]
    assert shown["document"]["meta"] == {"title": "Simple"} and shown["fault"] is None
    assert shown["plan"] == "simple"


def test_a_version_that_was_tampered_with_says_so(reader: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "content_hash", lambda text: "0" * 64)
    queries.forget()

    assert "does not hash to" in reader.get("plans/simple/versions/1/").data["fault"]


@pytest.mark.parametrize(
    "address",
    ["other/", "simple/versions/2/", "other/versions/1/", f"simple/versions/{10**30}/"],
)
def test_an_unknown_plan_or_version_is_404(reader: Caller, address: str) -> None:
    answer = reader.get(f"plans/{address}")

    assert answer.status == 404 and answer.error.startswith("There is no ")


@pytest.mark.parametrize(("address", "queries"), [("plans/", 4), ("plans/simple/", 5)])
def test_a_list_costs_the_same_whatever_its_length(reader: Caller, address: str, queries: int) -> None:
    costs = []
    for key in ("b", "c", "d"):
        make_plan(key, MAIL_STEPS)
        with CaptureQueriesContext(connection) as seen:
            assert reader.get(address).status == 200
        costs.append(len(seen))

    assert costs == [queries] * 3


# --- verification ---


def test_a_stream_is_verified_and_nothing_is_written(reader: Caller) -> None:
    make_contact("c-1")

    found = reader.get("verification/", stream="contact/c-1").data

    assert (found["verdict"], found["exit_code"], found["scope"]) == ("consistent", 10, "contact/c-1")
    assert (found["checked"], found["streams"], found["first_break"]) == (3, 1, None)
    assert found["message"] == verify.check("contact/c-1").message
    assert not Verification.objects.exists()


def test_the_whole_log_is_verified_by_those_who_may(reader: Caller) -> None:
    found = caller(*READ, "audit.verify_log").get("verification/").data

    assert found["scope"] == "log" and found["checked"] > 2 and found["streams"] > 2


def test_a_stream_without_entries_is_nothing_to_verify(reader: Caller) -> None:
    found = reader.get("verification/", stream="contact/c-9").data

    assert (found["verdict"], found["exit_code"], found["checked"]) == ("nothing", 40, 0)


@pytest.mark.django_db(transaction=True)
def test_a_broken_stream_says_where_and_how(reader: Caller, owner: Any) -> None:
    make_contact("c-1")
    with guards_down(owner):
        owner.execute("UPDATE audit_entry SET body = replace(body, 'marketing', 'gifts') WHERE st = 'contact/c-1'")

    found = reader.get("verification/", stream="contact/c-1").data

    assert (found["verdict"], found["exit_code"]) == ("broken", 20)
    assert (found["first_break"]["st"], found["first_break"]["n"]) == ("contact/c-1", 2)
    assert found["first_break"]["kind"] and found["message"].startswith("BROKEN at entry 2")


def test_too_many_entries_for_one_request_are_refused(reader: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    make_contact("c-1")
    monkeypatch.setattr("audit.api.SERVER_LIMIT", 2)

    refused = reader.get("verification/", stream="contact/c-1")

    assert refused.status == 422 and "verify_log" in refused.data["fields"]["stream"]
