"""Inputs, enrolments, the engine and its clock through the API: what is asked, and what the engine makes of it."""

import uuid
from typing import Any

import pytest

from policies import operations as policy_operations
from runs.models import Inbox, Run
from tests.factories import make_contact, make_plan
from tests.factories_runs import failed_run, make_world, start_run
from tests.functional.engine import clock, drain
from tests.integration.api.caller import READ, Caller, caller

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operator() -> Caller:
    make_world()
    return caller(*READ, "runs.command_run", "runs.enrol_run", "runs.drive_clock")


# --- inputs ---


def test_inputs_are_listed_by_verdict_and_kind(operator: Caller) -> None:
    run = failed_run()
    asked = {"command": "cancel", "expected_n": run.n, "command_id": str(uuid.uuid4()), "note": "a mistake"}
    operator.post(f"runs/{run.no}/commands/", asked)

    def found(**query: str) -> list[str]:
        return [row["kind"] for row in operator.get("inputs/", **query).data["results"]]

    assert found() == ["command", "run.start"]
    assert found(verdict="new") == found(kind="command") == ["command"]
    assert found(verdict="applied") == ["run.start"]
    assert operator.get("inputs/", verdict="odd").status == 422


# --- enrolments ---


def test_contacts_are_enrolled_once(operator: Caller) -> None:
    make_contact("c-1"), make_contact("c-2")
    body = {"plan": "simple", "contacts": ["c-1", "c-2", "c-1"]}

    first = operator.post("enrolments/", body)
    drain()
    again = operator.post("enrolments/", body)
    round_two = operator.post("enrolments/", body | {"again": "second"})
    drain()

    assert first.status == 202
    assert first.data == {"plan": "simple", "chosen": 2, "new": 2, "repeated": 0, "running": 0, "inactive": 0}
    assert (again.data["new"], again.data["repeated"], round_two.data["new"]) == (0, 2, 2)
    assert Run.objects.count() == 4


def test_all_means_active_contacts_without_an_open_run(operator: Caller) -> None:
    failed_run("c-1")
    make_contact("c-2"), make_contact("c-3")
    policy_operations.update_contact(actor="cli", ref="c-3", state="closed")

    everybody = operator.post("enrolments/", {"plan": "simple", "all": True})
    named = operator.post("enrolments/", {"plan": "simple", "contacts": ["c-1", "c-3"]})

    assert everybody.data == {"plan": "simple", "chosen": 2, "new": 1, "repeated": 0, "running": 1, "inactive": 0}
    assert named.data == {"plan": "simple", "chosen": 2, "new": 0, "repeated": 0, "running": 1, "inactive": 1}


def test_with_an_unknown_contact_nobody_is_enrolled(operator: Caller) -> None:
    make_contact("c-1")

    refused = operator.post("enrolments/", {"plan": "simple", "contacts": ["c-1", "c-9"]})

    assert refused.status == 422
    assert refused.data["fields"] == {"contacts": "There is no contact c-9. Nobody was enrolled."}
    assert not Inbox.objects.exists()


def test_a_plan_that_is_not_active_enrols_nobody(operator: Caller) -> None:
    make_contact("c-1")

    refused = operator.post("enrolments/", {"plan": "other", "contacts": ["c-1"]})

    assert refused.status == 409 and refused.error == "There is no active plan “other”."


def test_too_many_contacts_for_one_request_are_refused(operator: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    make_contact("c-1"), make_contact("c-2")
    monkeypatch.setattr("runs.api.MAX_ENROLLED", 1)

    refused = operator.post("enrolments/", {"plan": "simple", "all": True})

    assert refused.status == 422 and "2 contacts are too many" in refused.data["fields"]["all"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"plan": "simple"}, "contacts"),
        ({"plan": "simple", "contacts": ["c-1"], "all": True}, "contacts"),
        ({"plan": "simple", "all": False}, "contacts"),
        ({"plan": "simple", "all": "true"}, "all"),
        ({"plan": "simple", "contacts": []}, "contacts"),
        ({"plan": "simple", "contacts": "c-1"}, "contacts"),
        ({"plan": "simple", "contacts": ["c-1", 7]}, "contacts/1"),
        ({"plan": "simple", "contacts": ["c-1"], "again": "second/../round"}, "again"),
        ({"contacts": ["c-1"]}, "plan"),
    ],
)
def test_an_enrolment_that_is_not_right_names_its_field(operator: Caller, body: dict[str, Any], field: str) -> None:
    refused = operator.post("enrolments/", body)

    assert refused.status == 422 and refused.data["fields"].keys() == {field}


# --- the engine and its clock ---


def test_the_engine_says_how_it_is(operator: Caller) -> None:
    failed_run()

    shown = operator.get("engine/").data

    assert (shown["state"], shown["failed"], shown["waiting"], shown["halted"]) == ("running", 1, 0, "")
    assert shown["sentence"] and shown["beat_at"]


def test_the_sandbox_clock_is_driven_by_an_input(operator: Caller) -> None:
    start_run()
    before = operator.get("clock/").data

    asked = operator.post("clock/advance/", {"seconds": 3600})
    drain()

    assert asked.status == 202 and asked.data["kind"] == "clock.advance"
    assert before["sandbox"] is True and before["target"] is None
    assert clock() - before["lane"] >= 3600
    assert operator.get(f"inputs/{asked.data['id']}/").data["verdict"] == "applied"


def test_the_clock_goes_to_the_next_thing_that_waits(operator: Caller) -> None:
    done = {"kind": "end", "result": "finished"}
    make_plan("patient", {"wait": {"kind": "wait", "seconds": 7200, "on": {"completed": "done"}}, "done": done})
    run = start_run("c-5", plan="patient")

    assert operator.post("clock/advance/", {"to_next": True}).status == 202
    drain()

    assert operator.get(f"runs/{run.no}/").data["status"] == "COMPLETED"


def test_the_clock_of_real_channels_is_not_driven(operator: Caller, settings: Any) -> None:
    settings.DEE_MAIL_FROM = "dee@example.org"
    settings.DEE_EMAIL_ADAPTER = "smtp"

    refused = operator.post("clock/advance/", {"seconds": 3600})

    assert refused.status == 409 and "every channel is a sandbox" in refused.error
    assert operator.get("clock/").data["sandbox"] is False


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "seconds"),
        ({"seconds": 60, "to_next": True}, "seconds"),
        ({"seconds": 0}, "seconds"),
        ({"seconds": "60"}, "seconds"),
        ({"seconds": 10**12}, "seconds"),
        ({"to_next": 1}, "to_next"),
    ],
)
def test_an_advance_that_is_not_right_names_its_field(operator: Caller, body: dict[str, Any], field: str) -> None:
    refused = operator.post("clock/advance/", body)

    assert refused.status == 422 and refused.data["fields"].keys() == {field}
