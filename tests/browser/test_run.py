"""The page of a run in a real browser: it is told of a change, keeps what was folded, is read, printed, verified."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from runs.models import Run
from tests.browser.axe import violations
from tests.browser.people import sign_in
from tests.factories_runs import command, failed_run, make_world
from tests.functional.engine import advance
from tests.integration.runs.story import opened_or_not

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.fixture
def desk(page: Page, live_server: Any) -> Page:
    """A superuser on the page of a failed run; a second run went through a branch and a split."""
    make_world()
    failed_run("c-1")
    opened_or_not("c-2", behaves="opens")
    advance(3 * 86_400)
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/admin/runs/run-1/")
    return page


def test_an_open_dialog_only_says_that_the_run_has_changed(desk: Page) -> None:
    desk.get_by_role("link", name="Retry step…").click()
    reason = desk.get_by_role("dialog").get_by_label("Reason, for the audit log")
    reason.fill("typed with care")
    command(Run.objects.get(no=1), "retry")

    expect(desk.get_by_text("run-1 has changed since you opened this.")).to_be_visible(timeout=8000)
    assert reason.input_value() == "typed with care"
    assert desk.locator("#run-body").get_by_text("Attempt 2 of mail").count() == 0


def test_a_change_comes_by_itself_and_what_was_folded_stays_folded(desk: Page) -> None:
    first = desk.locator("details.attempt").first
    first.locator("summary").first.click()
    desk.locator("#entry-1 summary").click()
    command(Run.objects.get(no=1), "retry")

    expect(desk.get_by_text("Attempt 2 of mail, retry by the command line").first).to_be_visible(timeout=8000)
    expect(desk.locator("details.attempt").first).not_to_have_attribute("open", "")
    expect(desk.locator("details.attempt").nth(1)).to_have_attribute("open", "")
    expect(desk.locator("#entry-1")).to_have_attribute("open", "")


def test_everything_unfolded_can_be_read_light_and_dark_wide_and_narrow(desk: Page, live_server: Any) -> None:
    objections = []
    for scheme, size in (("light", PHONE), ("dark", WIDE), ("light", WIDE)):
        desk.emulate_media(color_scheme=scheme)
        desk.set_viewport_size(size)
        for no in (1, 2):
            desk.goto(f"{live_server.url}/admin/runs/run-{no}/?inbox=")
            desk.evaluate("for (const el of document.querySelectorAll('main details')) el.open = true")
            expect(desk.locator("main .entry-body").last).to_be_visible()
            wide = desk.evaluate("document.documentElement.scrollWidth")
            objections += [f"run-{no} is {wide} px wide"] if wide > size["width"] else []
            objections += [f"run-{no} ({scheme}): {said}" for said in violations(desk)]
    assert not objections, "\n".join(objections)


def test_verification_compares_the_rows_of_every_attempt(desk: Page) -> None:
    desk.get_by_role("link", name="Verify in this browser").click()

    expect(desk.locator("[data-verify-result]")).to_contain_text("that the 5 rows on this page show what was hashed")


def test_on_paper_there_is_no_menu_and_no_button_but_everything_else(desk: Page) -> None:
    desk.emulate_media(media="print")

    for hidden in ("#nav-sidebar", "#header", ".dee-actions", ".evidence", ".tabs"):
        expect(desk.locator(hidden).first).to_be_hidden()
    expect(desk.get_by_text("Kill switch:")).to_be_visible()  # in details that are closed on the screen
    expect(desk.get_by_text("/admin/runs/run-1/ · 5 entries, head")).to_be_visible()
