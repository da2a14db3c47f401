"""Ten wrong passwords: what the page says, for whom, until when, and who ends it sooner."""

import re
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.test import Client

from tests.integration.dee_site.people import PASSWORD, browser_of, make_person, said, text

pytestmark = pytest.mark.django_db

LIMIT = 10


@pytest.fixture(autouse=True)
def watched(settings: Any) -> None:
    settings.AXES_ENABLED = True


def attempt(name: str, password: str = "wrong", **more: str) -> Any:
    return Client().post("/admin/login/", {"username": name, "password": password}, **more)


def lock(name: str) -> Any:
    return [attempt(name) for _ in range(LIMIT)][-1]


def anonymous(html: str) -> str:
    """Return a page without what differs from answer to answer: its number, its token and its second."""
    html = re.sub(r"<time.*?</time>", "", html)
    return re.sub(r'<code>\w+</code>|(content|value)="\w{64}"', "", html)


def test_the_page_says_what_happened_and_until_when() -> None:
    make_person("maria")
    locked = lock("maria")

    until = AccessAttempt.objects.get().attempt_time + timedelta(minutes=15)
    assert locked.status_code == 429 and locked.headers["Retry-After"] == "900"
    assert "not even the right one" in text(locked) and f"{until:%H:%M:%S} UTC" in text(locked)
    assert "after 15 minutes" in text(locked)


def test_the_right_password_is_not_looked_at_either() -> None:
    make_person("maria")
    lock("maria")

    assert attempt("maria", PASSWORD).status_code == 429


def test_a_name_that_nobody_has_gets_the_same_answer() -> None:
    make_person("maria")

    assert anonymous(text(lock("maria"))) == anonymous(text(lock("nobody-of-that-name")))


def test_trying_on_does_not_make_it_longer() -> None:
    make_person("maria")
    lock("maria")
    before = AccessAttempt.objects.get().attempt_time
    attempt("maria")

    assert AccessAttempt.objects.get().attempt_time == before


def test_it_ends_by_itself() -> None:
    make_person("maria")
    lock("maria")
    AccessAttempt.objects.update(attempt_time=AccessAttempt.objects.get().attempt_time - timedelta(minutes=16))

    assert attempt("maria", PASSWORD).status_code == 302


def test_another_address_is_not_locked_with_it() -> None:
    make_person("maria")
    lock("maria")

    assert attempt("maria", PASSWORD, REMOTE_ADDR="127.0.0.2").status_code == 302


def test_an_administrator_ends_it_with_a_reason() -> None:
    maria = make_person("maria")
    lock("maria"), lock("my-password-typed-as-a-name")
    admin = browser_of(make_person("root", "admin"))
    assert "Name as typed" in text(admin.get("/admin/logins/"))
    first, second = AccessAttempt.objects.order_by("pk")
    assert admin.post(f"/admin/logins/locks/{first.pk}/unlock/", {"reason": ""}).status_code == 422

    for one in (first, second):
        admin.post(f"/admin/logins/locks/{one.pk}/unlock/", {"reason": "she called"})

    assert attempt("maria", PASSWORD).status_code == 302
    assert [(type, data["user"]) for type, data in said()] == [("account.unlocked", maria.pk), ("account.unlocked", 0)]
    assert "typed" not in str(said())


def test_nobody_else_ends_it() -> None:
    make_person("maria")
    lock("maria")
    page = f"/admin/logins/locks/{AccessAttempt.objects.get().pk}/unlock/"

    assert browser_of(make_person("ann", "approver")).post(page, {"reason": "please"}).status_code == 403
    assert attempt("maria", PASSWORD).status_code == 429
