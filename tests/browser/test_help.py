"""The "?" of a page in a real browser: a dialog with a script, a page without one; and the tour that can be hidden."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from policies import publishing
from tests.browser.axe import violations
from tests.browser.people import PASSWORD, sign_in
from tests.factories_runs import failed_run, make_world, start_run

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_question_mark_opens_the_help_of_this_page_and_escape_closes_it(page: Page, live_server: Any) -> None:
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/admin/failures/")
    dialog = page.get_by_role("dialog", name="Failure inbox")
    expect(dialog).to_be_hidden()

    page.get_by_role("link", name="What is this page?").click()

    expect(dialog).to_contain_text("grouped by cause")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert page.url.endswith("/admin/failures/")


def test_without_a_script_it_leads_to_the_same_text(page: Page, live_server: Any, browser: Any) -> None:
    sign_in(page, live_server)
    plain = browser.new_context(java_script_enabled=False).new_page()
    plain.goto(f"{live_server.url}/admin/")
    plain.get_by_label("Username").fill("anna")
    plain.get_by_label("Password").fill(PASSWORD)
    plain.get_by_role("button", name="Log in").click()
    plain.goto(f"{live_server.url}/admin/failures/")

    plain.get_by_role("link", name="What is this page?").click()

    assert plain.url.endswith("/admin/help/#runs-failures")
    expect(plain.locator("#runs-failures")).to_contain_text("grouped by cause")


def test_the_tour_is_hidden_and_brought_back(page: Page, live_server: Any) -> None:
    make_world()
    failed_run()
    sign_in(page, live_server)
    tour = page.get_by_role("region", name="Five minutes with DEE")
    expect(tour.get_by_role("listitem")).to_have_count(7)

    tour.get_by_role("button", name="Hide this").click()

    expect(page.locator("h1", has_text="Overview")).to_be_visible()
    expect(tour).to_be_hidden()
    page.goto(f"{live_server.url}/admin/help/")
    page.get_by_role("button", name="Show it on the overview again").click()
    expect(tour).to_be_visible()


def test_opened_tables_stay_open_when_the_overview_refreshes(page: Page, live_server: Any) -> None:
    make_world()
    failed_run()
    sign_in(page, live_server)
    table = page.locator("#messages-table")
    table.locator("summary").click()
    expect(table).to_have_attribute("open", "")

    page.evaluate("htmx.ajax('GET', '/admin/', {target: '#overview', swap: 'outerHTML'})")
    page.wait_for_timeout(1000)

    expect(page.locator("#messages-table")).to_have_attribute("open", "")


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1360)])
def test_a_full_overview_and_an_open_help_pass_axe(page: Page, live_server: Any, scheme: Any, width: int) -> None:
    make_world(daily_limits=[{"key": "mail-day", "channel": "email", "limit": 2}])
    failed_run("c-1"), start_run("c-2"), start_run("c-3")
    publishing.engage_kill_switch(actor="cli", scope="global", reason="Wrong price")
    sign_in(page, live_server)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.reload()
    for summary in page.locator("#overview summary").all():
        summary.click()

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("link", name="What is this page?").click()
    assert violations(page) == []
