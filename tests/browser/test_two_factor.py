"""Two-factor login in a real browser, under the strict policy, by keyboard and on a phone."""

from base64 import b32decode
from typing import Any

import pytest
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import Page, expect

from tests.browser.people import PASSWORD, sign_in

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = {"width": 390, "height": 844}


def code_now() -> str:
    """Return what the app shows, as if half a minute had passed since the code used last."""
    TOTPDevice.objects.update(last_t=-1)
    return f"{totp(bytes.fromhex(TOTPDevice.objects.get().key)):06}"


def first_code(page: Page) -> str:
    typed = page.locator(".key").inner_text().replace(" ", "")
    return f"{totp(b32decode(typed)):06}"


def test_it_is_set_up_and_asked_for_at_the_next_login(page: Page, live_server: Any) -> None:
    page.set_viewport_size(PHONE)
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/admin/account/")
    page.get_by_role("button", name="Set it up").press("Enter")
    expect(page.get_by_role("img", name="Picture of the key")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_label("Code that the app shows now").fill(first_code(page))
    page.keyboard.press("Enter")
    expect(page.get_by_text("They are shown this once.")).to_be_visible()
    recovery = page.locator(".recovery li").first.inner_text()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("10 recovery codes")).to_be_visible()

    for code in (code_now, lambda: recovery):
        page.context.clear_cookies()
        page.goto(f"{live_server.url}/admin/runs/")
        page.get_by_label("Username").fill("anna")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="One more step")).to_be_visible()
        expect(page.get_by_label("Code", exact=False)).to_be_focused()
        page.keyboard.type(code())
        page.keyboard.press("Enter")
        page.wait_for_url("**/admin/runs/")
        expect(page.locator("h1")).to_have_text("Runs")
