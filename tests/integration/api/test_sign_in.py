"""How does somebody sign in to the API? By token, or from our own pages by the session and its CSRF token."""

from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.test import Client
from rest_framework.authtoken.models import Token, TokenProxy

from tests.factories_runs import signed_in
from tests.integration.api.caller import caller, stranger

pytestmark = pytest.mark.django_db

RUNS = "/api/v1/runs/"
EVENT = {"address": "ada@example.com", "scope": "channel", "reason": "manual"}


def test_a_token_is_made_and_replaced_on_the_command_line() -> None:
    robot = caller("runs.view_run")
    old = Token.objects.get().key
    said = StringIO()

    call_command("drf_create_token", robot.user.username, "--reset", stdout=said)

    new = Token.objects.get().key
    assert new != old and new in said.getvalue()
    assert robot.get("runs/").status == 401
    assert Client(HTTP_AUTHORIZATION=f"Token {new}").get(RUNS).status_code == 200


@pytest.mark.parametrize("header", ["Token wrong", "Token", "Token a b", "Token \xe4"])
def test_a_wrong_token_signs_nobody_in(header: str) -> None:
    answer = Client(HTTP_AUTHORIZATION=header).get(RUNS)

    assert answer.status_code == 401 and answer["WWW-Authenticate"] == "Token"
    assert answer.json() == {"error": "This key signs nobody in. Ask an administrator for a new one.", "fields": {}}


def test_a_session_of_our_own_pages_reads() -> None:
    assert signed_in("runs.view_run").get(RUNS).status_code == 200


def test_a_session_writes_only_with_its_csrf_token() -> None:
    browser = signed_in("policies.manage_suppressions", "policies.view_suppression")
    browser.handler.enforce_csrf_checks = True

    without = browser.post("/api/v1/suppressions/", EVENT, content_type="application/json")
    browser.get("/admin/suppressions/add/")
    token = browser.cookies["csrftoken"].value
    with_it = browser.post("/api/v1/suppressions/", EVENT, content_type="application/json", HTTP_X_CSRFTOKEN=token)

    assert without.status_code == 403 and "CSRF" in without.json()["error"]
    assert with_it.status_code == 201


def test_a_token_needs_no_csrf_token() -> None:
    robot = caller("policies.manage_suppressions")
    robot.client.handler.enforce_csrf_checks = True

    assert robot.post("suppressions/", EVENT).status == 201


def test_the_lockout_of_the_login_page_leaves_tokens_alone(settings: Any) -> None:
    settings.AXES_ENABLED = True
    robot = caller("runs.view_run")

    for _ in range(12):
        Client(HTTP_AUTHORIZATION="Token wrong").get(RUNS)
        Client().post("/admin/login/", {"username": robot.user.username, "password": "wrong"})

    assert robot.get("runs/").status == 200


def test_a_token_opens_no_page() -> None:
    robot = caller("runs.view_run")

    assert robot.client.get("/admin/runs/")["Location"].startswith("/admin/login/")


def test_no_page_lists_the_keys() -> None:
    assert TokenProxy not in admin.site._registry


def test_answers_stay_out_of_caches_and_frames() -> None:
    answer = caller("runs.view_run").get("runs/")

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert stranger().get("runs/").headers["Cache-Control"] == "no-store"
