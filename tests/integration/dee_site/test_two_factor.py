"""Two-factor login: setting it up, logging in with it, losing the phone, and the house that requires it."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit import verify
from dee_site import accounts, second_factor
from runs.rebuild import check
from tests.integration.dee_site.people import (
    PASSWORD,
    browser_of,
    code_now,
    code_of,
    make_person,
    said,
    text,
    with_factor,
)

pytestmark = pytest.mark.django_db

PAGE, BEGIN, CONFIRM = "/admin/account/", "/admin/account/begin/", "/admin/account/confirm/"
LOGIN, CODE = "/admin/login/", "/admin/login/code/"


@pytest.fixture
def maria() -> User:
    return make_person()


def gives_password(user: User, client: Client | None = None, to: str = "") -> tuple[Client, Any]:
    client = client or Client()
    more = {"next": to} if to else {}
    return client, client.post(LOGIN, {"username": user.username, "password": PASSWORD, **more})


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


# --- setting it up ---


def test_it_is_set_up_with_a_picture_a_code_and_recovery_codes(maria: User) -> None:
    browser = browser_of(maria)
    assert "Set it up" in text(browser.get(PAGE))
    browser.post(BEGIN)
    offered = text(browser.get(PAGE))
    assert '<svg class="qr"' in offered and "Copy the key" in offered

    done = browser.post(CONFIRM, {"code": code_now(browser.session["dee_new_key"])})

    assert done.status_code == 200 and "They are shown this once." in text(done)
    assert accounts.has_second_factor(maria) and accounts.codes_left(maria) == 10
    assert "✓ on" in text(browser.get(PAGE))
    assert said() == [("account.second_factor_on", {"user": maria.pk})]


def test_a_wrong_first_code_switches_nothing_on(maria: User) -> None:
    browser = browser_of(maria)
    browser.post(BEGIN)
    refused = browser.post(CONFIRM, {"code": "000000"})

    assert refused.status_code == 422 and "not the code of this key and this minute" in text(refused)
    assert not TOTPDevice.objects.exists() and not StaticToken.objects.exists() and said() == []


def test_looking_at_the_page_makes_no_key(maria: User) -> None:
    browser = browser_of(maria)
    browser.get(PAGE)

    assert "dee_new_key" not in browser.session
    assert browser.post(CONFIRM, {"code": "123456"}, follow=True).redirect_chain == [(PAGE, 302)]


def test_recovery_codes_are_not_kept_as_they_are(maria: User) -> None:
    codes = with_factor(maria)

    kept = set(StaticToken.objects.values_list("token", flat=True))
    assert len(set(codes)) == len(kept) == 10
    assert not kept & {code.replace("-", "") for code in codes}


# --- logging in ---


def test_a_password_alone_logs_in_whoever_has_no_second_factor(maria: User) -> None:
    browser, answer = gives_password(maria, to="/admin/runs/")

    assert answer.headers["Location"] == "/admin/runs/" and is_in(browser)


def test_after_the_password_nobody_is_in_until_the_code(maria: User) -> None:
    with_factor(maria)
    browser, answer = gives_password(maria, to="/admin/runs/")
    assert answer.headers["Location"] == CODE and not is_in(browser)

    done = browser.post(CODE, {"code": code_of(maria)})

    assert done.headers["Location"] == "/admin/runs/" and is_in(browser)
    assert said()[-1] == ("account.second_factor_passed", {"user": maria.pk, "with": "app"})
    assert verify.check(accounts.STREAM).first_break is None


def test_a_code_without_a_password_leads_back_to_the_first_page(maria: User) -> None:
    with_factor(maria)
    answer = Client().post(CODE, {"code": code_of(maria)})

    assert answer.status_code == 302 and answer.headers["Location"] == LOGIN


def test_the_password_is_good_for_ten_minutes_only(maria: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with_factor(maria)
    browser, _ = gives_password(maria)
    monkeypatch.setattr(second_factor, "HALF_S", -1)

    assert browser.post(CODE, {"code": code_of(maria)}).headers["Location"] == LOGIN and not is_in(browser)


@pytest.mark.parametrize("change", ["password", "put out"])
def test_a_password_given_before_it_was_changed_is_worth_nothing(maria: User, change: str) -> None:
    with_factor(maria)
    browser, _ = gives_password(maria)
    if change == "password":
        maria.set_password("another one")
    maria.is_active = change == "password"
    maria.save()

    assert browser.post(CODE, {"code": code_of(maria)}).headers["Location"] == LOGIN and not is_in(browser)


def test_a_code_is_good_once(maria: User) -> None:
    with_factor(maria)
    code = code_of(maria)
    first, _ = gives_password(maria)
    first.post(CODE, {"code": code})
    second, _ = gives_password(maria)

    refused = second.post(CODE, {"code": code})

    assert is_in(first) and not is_in(second)
    assert refused.status_code == 422 and "used already" in text(refused)


def test_wrong_codes_are_slowed_down_and_the_right_one_with_them(maria: User) -> None:
    with_factor(maria)
    browser, _ = gives_password(maria)
    for _ in range(3):
        TOTPDevice.objects.update(throttling_failure_timestamp=None)
        browser.post(CODE, {"code": "000000"})
    TOTPDevice.objects.update(last_t=-1)

    refused = browser.post(CODE, {"code": code_now()})

    assert refused.status_code == 422 and "nothing was checked" in text(refused) and not is_in(browser)
    assert [type for type, _ in said()].count("account.second_factor_failed") == 3


def test_a_recovery_code_stands_in_for_the_app_once(maria: User) -> None:
    code = with_factor(maria)[0]
    browser, _ = gives_password(maria)
    assert browser.post(CODE, {"code": f" {code.upper()} "}).status_code == 302 and is_in(browser)
    assert said()[-1] == ("account.second_factor_passed", {"user": maria.pk, "with": "recovery code"})

    again, _ = gives_password(maria)
    assert again.post(CODE, {"code": code}).status_code == 422 and not is_in(again)
    assert accounts.codes_left(maria) == 9


def test_somebody_elses_recovery_code_opens_nothing(maria: User) -> None:
    with_factor(maria)
    theirs = with_factor(make_person("dan", "designer"))[0]
    browser, _ = gives_password(maria)

    assert browser.post(CODE, {"code": theirs}).status_code == 422 and not is_in(browser)


def test_where_to_go_on_is_never_another_site(maria: User) -> None:
    with_factor(maria)
    browser, _ = gives_password(maria, to="https://elsewhere.example/")

    assert browser.post(CODE, {"code": code_of(maria)}).headers["Location"] == "/admin/"


# --- changing it ---


@pytest.mark.parametrize(
    ("proof", "sentence"),
    [({"password": "wrong"}, "not your password"), ({"code": "000000"}, "This code is not right")],
)
@pytest.mark.parametrize("where", ["/admin/account/off/", "/admin/account/codes/"])
def test_a_change_takes_password_and_code(maria: User, where: str, proof: dict[str, str], sentence: str) -> None:
    with_factor(maria)
    right = {"password": PASSWORD, "code": code_of(maria)}
    refused = browser_of(maria).post(where, right | proof)

    assert refused.status_code == 422 and sentence in text(refused)
    assert accounts.has_second_factor(maria) and accounts.codes_left(maria) == 10


def test_it_is_switched_off(maria: User) -> None:
    with_factor(maria)
    browser_of(maria).post("/admin/account/off/", {"password": PASSWORD, "code": code_of(maria)})

    assert not accounts.has_second_factor(maria) and accounts.codes_left(maria) == 0
    assert said()[-1] == ("account.second_factor_off", {"user": maria.pk})


def test_new_recovery_codes_replace_the_old_ones(maria: User) -> None:
    old = with_factor(maria)
    shown = browser_of(maria).post("/admin/account/codes/", {"password": PASSWORD, "code": code_of(maria)})

    assert "These replace all earlier codes." in text(shown) and old[0] not in text(shown)
    assert said()[-1] == ("account.recovery_codes_renewed", {"user": maria.pk})
    with pytest.raises(accounts.Refused):
        accounts.pass_second_factor(user=maria, code=old[0])


def test_an_administrator_resets_it_with_a_reason(maria: User) -> None:
    with_factor(maria)
    admin = make_person("root", "admin")
    page = f"/admin/logins/{maria.pk}/reset/"
    assert browser_of(admin).post(page, {"reason": " "}).status_code == 422 and accounts.has_second_factor(maria)

    browser_of(admin).post(page, {"reason": "Maria showed her badge"})

    type, data = said()[-1]
    assert (type, data["user"]) == ("account.second_factor_reset", maria.pk) and "badge" not in str(data)
    assert not accounts.has_second_factor(maria)
    assert browser_of(maria).get(page).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_a_rebuild_from_the_log_knows_these_entries() -> None:
    maria = make_person()
    with_factor(maria)
    accounts.reset(actor="cli", user=maria, reason="lost phone")

    report = check.check()

    assert (report.entries, report.differences, dict(report.unread)) == (2, [], {})


# --- a house that requires it ---


@pytest.fixture
def required(settings: Any) -> None:
    settings.DEE_REQUIRE_2FA = True


@pytest.mark.usefixtures("required")
def test_where_it_is_required_nothing_else_opens_without_it(maria: User) -> None:
    browser = browser_of(maria)

    for address in ("/admin/", "/admin/runs/", "/admin/contacts/", "/admin/nowhere/"):
        assert browser.get(address).headers["Location"] == PAGE, address
    assert browser.post("/admin/runs/enrol/").headers["Location"] == PAGE
    assert browser.get("/admin/runs/", headers={"HX-Request": "true"}).headers["HX-Redirect"] == PAGE
    answer = browser.get("/api/v1/runs/")
    assert answer.status_code == 403 and "second factor" in answer.json()["error"]
    shown = text(browser.get(PAGE))
    assert "A second factor is required here" in shown and "nav-sidebar" not in shown
    assert browser.get("/admin/password_change/").status_code == 200


@pytest.mark.usefixtures("required")
def test_where_it_is_required_setting_it_up_opens_the_desk(maria: User) -> None:
    browser = browser_of(maria)
    browser.post(BEGIN)
    browser.post(CONFIRM, {"code": code_now(browser.session["dee_new_key"])})

    assert is_in(browser)


@pytest.mark.usefixtures("required")
def test_a_session_older_than_the_second_factor_has_to_pass_it(maria: User) -> None:
    browser = browser_of(maria)
    with_factor(maria)
    assert browser.get("/admin/").headers["Location"] == CODE

    browser.post(CODE, {"code": code_of(maria)})

    assert is_in(browser)


@pytest.mark.usefixtures("required")
def test_a_reset_ends_what_was_opened_with_it(maria: User) -> None:
    with_factor(maria)
    browser, _ = gives_password(maria)
    browser.post(CODE, {"code": code_of(maria)})
    assert is_in(browser)

    accounts.reset(actor="cli", user=maria, reason="lost phone")

    assert browser.get("/admin/").headers["Location"] == PAGE
