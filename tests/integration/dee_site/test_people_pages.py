"""Users and groups: who may change whom, and that every change is in the log."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.integration.dee_site.people import PASSWORD, browser_of, make_person, said, text, with_factor

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    return browser_of(make_person("root", "admin"))


def page(user: User, what: str = "change") -> str:
    return f"/admin/auth/user/{user.pk}/{what}/"


def fields(user: User, **changes: Any) -> dict[str, Any]:
    kept = {"username": user.username, "is_active": "on", "is_staff": "on"}
    joined = {"date_joined_0": "2026-11-23", "date_joined_1": "00:00:00"}
    return {name: value for name, value in {**kept, **joined, **changes}.items() if value is not None}


def test_a_role_is_given_with_its_entry(admin: Client) -> None:
    maria = make_person("maria", "")
    operator = Group.objects.get(name="operator")

    done = admin.post(page(maria), fields(maria, groups=[operator.pk], first_name="Maria"))

    assert done.status_code == 302 and list(maria.groups.all()) == [operator]
    type, data = said()[-1]
    assert (type, data["user"], data["groups"]) == ("account.changed", maria.pk, ["operator"])
    assert {"first_name", "groups"} <= {*data["changed"]} and "Maria" not in str(data)


def test_a_person_is_added_with_its_entry(admin: Client) -> None:
    done = admin.post(
        "/admin/auth/user/add/",
        {"username": "jon", "usable_password": "true", "password1": "sesame-4711", "password2": "sesame-4711"},
    )

    assert done.status_code == 302, text(done)
    assert said()[-1][0] == "account.added" and said()[-1][1]["user"] == User.objects.get(username="jon").pk


def test_a_form_with_something_to_mend_writes_nothing(admin: Client) -> None:
    maria = make_person("maria", "")

    assert admin.post(page(maria), fields(maria, username="")).status_code == 200
    assert said() == [] and User.objects.filter(username="maria").exists()


def test_a_password_that_an_administrator_sets_is_an_entry(admin: Client) -> None:
    maria = make_person("maria", "")
    new = {"usable_password": "true", "password1": "sesame-4711", "password2": "sesame-4711"}
    assert admin.post(page(maria, "password"), new | {"password2": "other"}).status_code == 200 and said() == []

    admin.post(page(maria, "password"), new)

    assert said() == [("account.password_set", {"user": maria.pk})]


def test_who_leaves_is_put_out_and_not_deleted(admin: Client) -> None:
    maria = make_person("maria", "")

    assert admin.post(page(maria, "delete"), {"post": "yes"}).status_code == 403
    admin.post(page(maria), fields(maria, is_active=None))

    assert not User.objects.get(pk=maria.pk).is_active and said()[-1][1]["active"] is False


def test_no_administrator_makes_a_superuser_or_changes_one(admin: Client) -> None:
    maria, top = make_person("maria", ""), User.objects.create_superuser("top", password=PASSWORD)

    admin.post(page(maria), fields(maria, is_superuser="on", user_permissions=[1]))

    assert not User.objects.get(pk=maria.pk).is_superuser and not maria.user_permissions.exists()
    assert admin.post(page(top), fields(top)).status_code == 403
    assert admin.post(page(top, "password"), {"password1": "x", "password2": "x"}).status_code == 403


def test_a_superuser_may() -> None:
    maria, top = make_person("maria", ""), User.objects.create_superuser("top", password=PASSWORD)

    browser_of(top).post(page(maria), fields(maria, is_superuser="on"))

    assert User.objects.get(pk=maria.pk).is_superuser and said()[-1][1]["superuser"] is True


def test_a_role_is_only_looked_at_and_a_group_of_the_house_is_not() -> None:
    top = browser_of(User.objects.create_superuser("top", password=PASSWORD))
    viewer, house = Group.objects.get(name="viewer"), Group.objects.create(name="house")

    assert top.get(f"/admin/auth/group/{viewer.pk}/change/").status_code == 200
    assert top.post(f"/admin/auth/group/{viewer.pk}/change/", {"name": "viewer"}).status_code == 403
    assert top.post(f"/admin/auth/group/{viewer.pk}/delete/", {"post": "yes"}).status_code == 403
    assert top.post(f"/admin/auth/group/{house.pk}/change/", {"name": "home"}).status_code == 302
    assert Group.objects.get(pk=house.pk).name == "home"


@pytest.mark.parametrize("table", ["otp_totp/totpdevice", "otp_static/staticdevice", "axes/accessattempt"])
def test_no_stock_page_shows_keys_or_what_strangers_typed(table: str) -> None:
    top = browser_of(User.objects.create_superuser("top", password=PASSWORD))

    assert top.get(f"/admin/{table}/").status_code == 404


def test_the_page_of_logins_shows_no_key(admin: Client) -> None:
    maria = make_person("maria")
    with_factor(maria)

    shown = text(admin.get("/admin/logins/"))

    assert "✓ on" in shown and TOTPDevice.objects.get().key not in shown
    assert f"/admin/logins/{maria.pk}/reset/" in shown


def test_the_page_of_logins_costs_the_same_for_one_and_for_thirty(django_assert_num_queries: Any) -> None:
    admin = browser_of(make_person("root", "admin"))
    asked: list[int] = []
    for names in (["one"], [f"p{n}" for n in range(29)]):
        for name in names:
            make_person(name, "viewer")
        admin.get("/admin/logins/")  # content types and the like are remembered
        with django_assert_num_queries(16, exact=False) as seen:
            admin.get("/admin/logins/")
        asked.append(len(seen))

    assert asked[0] == asked[1]
