"""Every way in which the API says no has one shape: a sentence, and a sentence for each field at fault."""

import json
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from rest_framework.settings import api_settings
from rest_framework.throttling import UserRateThrottle

from plans import operations as plan_operations
from policies import operations as policy_operations
from tests.integration.api.caller import Caller, caller, stranger

pytestmark = pytest.mark.django_db

BODY = {"address": "ada@example.com", "scope": "channel", "reason": "manual"}
MEBIBYTE = 1024 * 1024


@pytest.fixture
def clerk() -> Caller:
    return caller("policies.manage_suppressions", "policies.view_suppression", "runs.view_run")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "line 1 column 2"),
        ("", ""),
        ('{"reason": "manual", "reason": "complaint"}', 'the key "reason" stands twice'),
        ('{"expires_at": 1.0}', "1.0 is not an integer"),
        ('{"expires_at": 1e9}', "1e9 is not an integer"),
        ('{"expires_at": NaN}', "NaN is not a JSON value"),
        ('{"expires_at": 9007199254740993}', "outside"),
        ('{"note": "a\\u0000b"}', "U+0000"),
        ('{"note": "\\ud800"}', "surrogate"),
        ("[" * 50 + "]" * 50, "nested deeper"),
        ('{"" : 1}', "does not match"),
        ("[1]", "must be a JSON object"),
        ('"x"', "must be a JSON object"),
        (b"\xff\xfe{}", "not UTF-8"),
    ],
)
def test_a_body_that_two_readers_could_read_differently_is_400(clerk: Caller, text: Any, said: str) -> None:
    answer = clerk.post("suppressions/", text)

    assert answer.status == (400 if text else 422)
    assert said in answer.error


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_another_kind_of_body_is_415(clerk: Caller, kind: str) -> None:
    answer = clerk.client.post("/api/v1/suppressions/", json.dumps(BODY), content_type=kind)

    assert answer.status_code == 415 and "application/json" in answer.json()["error"]


def test_a_body_of_one_mebibyte_is_read_and_one_byte_more_is_413(clerk: Caller) -> None:
    text = json.dumps(BODY)
    padded = text + " " * (MEBIBYTE - len(text))

    assert clerk.post("suppressions/", padded).status == 201
    longer = clerk.post("suppressions/", padded + " ")
    assert longer.status == 413 and "1048576 bytes" in longer.error


def test_a_body_without_its_length_is_411(clerk: Caller) -> None:
    answer = clerk.client.generic("POST", "/api/v1/suppressions/", "", HTTP_TRANSFER_ENCODING="chunked")

    assert answer.status_code == 411 and "Content-Length" in answer.json()["error"]


def test_a_client_that_takes_no_json_is_406(clerk: Caller) -> None:
    answer = clerk.client.get("/api/v1/runs/", HTTP_ACCEPT="application/xml")

    assert answer.status_code == 406 and answer.json().keys() == {"error", "fields"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "FAILED"}, "state"),
        ({"status": "failed"}, "status"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"after": "x"}, "after"),
        ({"after": "99999999999999999999"}, "after"),
        ({"after": "-1"}, "after"),
        ({"contact": "\x00"}, "contact"),
        ({"reason": "\ud800".encode("utf-8", "surrogatepass")}, "reason"),
        ({"plan": ""}, "plan"),
        ({"status": ["FAILED", "READY"]}, "status"),
    ],
)
def test_a_query_that_is_not_right_names_its_field(clerk: Caller, query: dict[str, Any], field: str) -> None:
    answer = clerk.get("runs/", **query)

    if field != "reason":  # a byte that is no UTF-8 was replaced by Django: it finds nothing, and breaks nothing
        assert answer.status == 422 and answer.data["fields"].keys() == {field} and field in answer.error
    else:
        assert answer.data == {"results": [], "next": None}


@pytest.mark.parametrize("address", ["nothing/", "nothing", "runs/x/", "runs/1/", f"runs/{10**40}/", "runs//", "Runs/"])
def test_what_is_not_there_is_404(clerk: Caller, address: str) -> None:
    answer = clerk.get(address)

    assert answer.status == 404 and answer.error


def test_an_address_without_its_last_slash_is_the_same_address(clerk: Caller) -> None:
    assert clerk.get("runs").data == {"results": [], "next": None}
    assert clerk.get("runs", status="FAILED", limit=1).status == 200
    assert clerk.post("suppressions", BODY).status == 201
    assert stranger().post("suppressions", BODY).status == 401


def test_an_address_without_its_last_slash_checks_for_csrf_too() -> None:
    browser = caller("policies.manage_suppressions")
    browser.client.force_login(browser.user)
    browser.client.defaults.pop("HTTP_AUTHORIZATION")
    browser.client.handler.enforce_csrf_checks = True

    assert browser.post("suppressions", BODY).status == 403


def test_too_many_requests_are_429_for_that_person_only(clerk: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    assert api_settings.DEFAULT_THROTTLE_RATES == {"user": "600/min", "anon": "60/min"}
    monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": "2/min"})

    answers = [clerk.get("runs/") for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert "send the next one in" in answers[2].error and int(answers[2].headers["Retry-After"]) > 0
    assert caller("runs.view_run").get("runs/").status == 200


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (policy_operations.Stale("user:3 was faster."), 409, "user:3 was faster."),
        (policy_operations.Refused("It cannot be.", "scope"), 422, "It cannot be."),
        (plan_operations.Stale("user:3 was faster."), 409, "user:3 was faster."),
        (plan_operations.Refused("It cannot be."), 409, "It cannot be."),
        (OperationalError("lock timeout"), 503, "send the request again"),
        (RequestDataTooBig("secret detail"), 413, "1048576 bytes"),
        (ZeroDivisionError("ada@example.com"), 500, "reference"),
    ],
)
def test_what_an_operation_raises_becomes_a_sentence(
    clerk: Caller, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, said: str
) -> None:
    def refuse(**_: Any) -> None:
        raise error

    monkeypatch.setattr(policy_operations, "add_suppression", refuse)

    answer = clerk.post("suppressions/", BODY)

    assert answer.status == status and said in answer.error
    assert answer.data["fields"] == ({"scope": "It cannot be."} if status == 422 else {})


def test_an_error_of_ours_is_logged_with_its_reference_and_shows_nothing(
    clerk: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(policy_operations, "add_suppression", lambda **_: 1 / 0)

    answer = clerk.post("suppressions/?x=ada", BODY)

    reference = answer.error.split()[-1].rstrip(".")
    record = next(record for record in caplog.records if record.getMessage() == "an API request failed")
    assert (record.reference, record.path) == (reference, "/api/v1/suppressions/")
    assert "division" not in answer.error
