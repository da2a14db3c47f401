"""Who may use which address? One row for each; an address without a row here fails."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from audit.api_base import Endpoint
from dee_site import api
from tests.integration.api.caller import READ, WRITE, caller, operations, stranger

pytestmark = pytest.mark.django_db

# (name, method): (rights, arguments of the address, what somebody with the rights gets from an empty database)
RULES: dict[tuple[str, str], tuple[set[str], list[Any], int]] = {
    ("index", "GET"): (set(), [], 200),
    ("plans", "GET"): ({"plans.view_plan"}, [], 200),
    ("plan", "GET"): ({"plans.view_plan"}, ["simple"], 404),
    ("plan_version", "GET"): ({"plans.view_plan"}, ["simple", 1], 404),
    ("contacts", "GET"): ({"policies.view_contact"}, [], 200),
    ("contacts", "POST"): ({"policies.manage_contacts"}, [], 422),
    ("contact", "GET"): ({"policies.view_contact"}, ["c-1"], 404),
    ("consents", "GET"): ({"policies.view_consent"}, ["c-1"], 404),
    ("consents", "POST"): ({"policies.manage_consent"}, ["c-1"], 422),
    ("withdrawals", "POST"): ({"policies.manage_consent"}, ["c-1"], 422),
    ("suppressions", "GET"): ({"policies.view_suppression"}, [], 200),
    ("suppressions", "POST"): ({"policies.manage_suppressions"}, [], 422),
    ("limits", "GET"): ({"policies.view_policy"}, [], 200),
    ("runs", "GET"): ({"runs.view_run"}, [], 200),
    ("run", "GET"): ({"runs.view_run"}, [1], 404),
    ("entries", "GET"): ({"runs.view_run", "audit.view_entry"}, [1], 404),
    ("commands", "POST"): ({"runs.command_run"}, [1], 422),
    ("inputs", "GET"): ({"runs.view_inbox"}, [], 200),
    ("input", "GET"): ({"runs.view_inbox"}, [1], 404),
    ("enrolments", "POST"): ({"runs.enrol_run"}, [], 422),
    ("engine", "GET"): ({"runs.view_run"}, [], 200),
    ("clock", "GET"): ({"runs.view_run"}, [], 200),
    ("clock_advance", "POST"): ({"runs.drive_clock"}, [], 422),
    ("verification", "GET"): ({"audit.view_entry"}, [], 403),  # without a stream it takes audit.verify_log too
}
ALL = {*READ, *WRITE}


def address(name: str) -> str:
    arguments = next(row[1] for (other, _), row in RULES.items() if other == name)
    return reverse(f"api:{name}", args=arguments).removeprefix("/api/v1/")


def test_every_address_has_a_row_here_and_every_row_an_address() -> None:
    assert set(operations()) == RULES.keys()


def test_an_address_names_a_right_for_each_of_its_methods_and_for_no_other() -> None:
    named = {(route.name, method) for route, view in api.endpoints() for method in view.rights}

    assert named == RULES.keys()


@pytest.mark.parametrize(("name", "method"), RULES)
def test_a_stranger_is_told_how_to_sign_in(name: str, method: str) -> None:
    answer = stranger().call(method, address(name))

    assert answer.status == 401 and "Authorization: Token" in answer.error
    assert answer.headers["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize(("name", "method"), [row for row in RULES if RULES[row][0]])
def test_every_other_right_together_does_not_open_it(name: str, method: str) -> None:
    rights = RULES[name, method][0]

    for right in rights:
        answer = caller(*(ALL - {right})).call(method, address(name))
        assert answer.status == 403 and right in answer.error


@pytest.mark.parametrize(("name", "method"), RULES)
def test_its_rights_alone_open_it(name: str, method: str) -> None:
    rights, _, status = RULES[name, method]

    assert caller(*rights).call(method, address(name)).status == status


@pytest.mark.parametrize(("name", "method"), RULES)
def test_somebody_who_is_no_member_of_the_staff_reaches_nothing_with_any_right(name: str, method: str) -> None:
    answer = caller(*ALL, staff=False).call(method, address(name))

    assert answer.status == 403 and "no place on the desk" in answer.error


@pytest.mark.parametrize(("name", "method"), RULES)
def test_a_token_of_somebody_who_was_put_out_opens_nothing(name: str, method: str) -> None:
    robot = caller(*ALL)
    robot.user.is_active = False
    robot.user.save()

    assert robot.call(method, address(name)).status == 401


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _ in RULES))
def test_a_method_that_an_address_does_not_have_is_405(name: str) -> None:
    answer = caller(*ALL).call("DELETE", address(name))

    assert answer.status == 405 and "Allow" in answer.headers and answer.error


@pytest.mark.parametrize("name", [name for name, method in RULES if method == "GET" and RULES[name, method][0]])
def test_asking_for_the_headers_alone_takes_the_same_rights(name: str) -> None:
    assert caller().client.head(f"/api/v1/{address(name)}").status_code == 403
    assert stranger().client.head(f"/api/v1/{address(name)}").status_code == 401


def test_an_address_without_a_rule_is_closed_to_everybody() -> None:
    class Forgotten(Endpoint):
        def get(self, request: Request) -> Response:
            return Response("secret")

    request = APIRequestFactory().get("/")
    force_authenticate(request, User.objects.create_superuser("root"))

    assert Forgotten.as_view()(request).status_code == 403


def test_the_whole_log_is_for_those_who_may_verify_it() -> None:
    answer = caller("audit.view_entry").get("verification/")

    assert answer.status == 403 and "audit.verify_log" in answer.error
    assert caller("audit.view_entry", "audit.verify_log").get("verification/").status == 200


def test_the_schema_is_for_everybody_and_nothing_else_is() -> None:
    assert stranger().get("schema/").status == 200
    assert [name for name, method in RULES if stranger().call(method, address(name)).status != 401] == []
