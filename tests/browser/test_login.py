"""The first page that anybody sees, in a real browser, under the strict policy."""

from typing import Any

import pytest
from django.contrib.auth.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def anna() -> User:
    return User.objects.create_superuser("anna", password="correct horse")


def sign_in(page: Any, live_server: Any, password: str) -> None:
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_wrong_password_is_told_in_a_sentence(page: Any, live_server: Any, anna: User) -> None:
    sign_in(page, live_server, "wrong")

    assert page.get_by_text("Please enter the correct username and password").is_visible()


def test_the_right_one_leads_to_the_overview(page: Any, live_server: Any, anna: User) -> None:
    sign_in(page, live_server, "correct horse")

    assert page.locator("h1").first.inner_text() == "Overview"
    page.wait_for_load_state()
    assert page.evaluate("typeof htmx") == "object"


def test_a_breach_of_the_policy_does_not_go_unseen(page: Any, live_server: Any, complaints: list[str]) -> None:
    page.goto(f"{live_server.url}/admin/login/")

    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">no</p>')")
    page.wait_for_timeout(100)

    assert any("style-src" in complaint for complaint in complaints)
    complaints.clear()


def test_an_address_that_is_not_there_does_not_go_unseen(page: Any, live_server: Any, complaints: list[str]) -> None:
    page.goto(f"{live_server.url}/static/nothing.js")

    assert any("404" in complaint for complaint in complaints)
    complaints.clear()
