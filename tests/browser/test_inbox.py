"""The failure inbox by keyboard: move, tick, act, and be where one was; and what is heard and seen on the way."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect

from runs.models import Run
from runs.triaging import triage
from tests.browser.axe import violations
from tests.browser.people import sign_in
from tests.factories_runs import command, failed_run, make_world
from tests.functional.engine import drain

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def inbox(page: Page, live_server: Any) -> Page:
    """The inbox with four failed runs; the first two go through when they are tried again."""
    make_world()
    failed_run("c-1", behaves="flaky"), failed_run("c-2", behaves="flaky"), failed_run("c-3"), failed_run("c-4")
    sign_in(page, live_server)
    page.goto(live_server.url + reverse("runs:failures"))
    return page


def press(page: Page, keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def row(page: Page, no: int) -> Any:
    return page.locator(f"tr[data-row='{no}']")


def heard(page: Page) -> Any:
    return page.locator("#dee-said")


def here(page: Page, no: int) -> None:
    """The cursor is on this run: seen, and where the keyboard is."""
    expect(row(page, no)).to_have_attribute("aria-current", "true")
    expect(row(page, no).locator("th a")).to_be_focused()


def test_a_failure_is_retried_by_keyboard_and_the_cursor_is_where_it_was(inbox: Page) -> None:
    press(inbox, "jjx")
    here(inbox, 2)
    expect(heard(inbox)).to_have_text("run-2 ticked, 1 selected")

    press(inbox, "r")
    inbox.get_by_label("Reason, for the audit log").fill("mail server is back")
    inbox.keyboard.press("Tab")
    inbox.keyboard.press("Enter")
    expect(inbox.get_by_text("1 waiting for the engine")).to_be_visible()
    drain()
    expect(inbox.get_by_text("1 of 1 carried out")).to_be_visible()
    assert Run.objects.get(no=2).status == "COMPLETED"

    inbox.get_by_role("link", name="Back to the list").click()
    expect(row(inbox, 2)).to_have_count(0)
    expect(row(inbox, 3)).to_have_attribute("aria-current", "true")  # the row that moved up to where the cursor was
    press(inbox, "k")
    here(inbox, 1)


def test_what_was_ticked_stays_ticked_over_an_act_and_what_a_key_ticked_does_not(inbox: Page) -> None:
    press(inbox, "jxjxa")
    expect(heard(inbox)).to_have_text("2 runs assigned to you.")
    expect(inbox.locator("[data-selected]")).to_have_text("2 selected")
    here(inbox, 2)
    press(inbox, "xkx")

    press(inbox, "jja")
    expect(heard(inbox)).to_have_text("Run-3 assigned to you.")
    expect(inbox.locator("[data-selected]")).to_have_text("0 selected")
    here(inbox, 3)
    expect(row(inbox, 3).locator(".badge")).to_have_text("anna")
    assert [bool(triage.of(run).assignee) for run in Run.objects.order_by("no")] == [True, True, True, False]


def test_a_run_is_snoozed_and_noted_without_a_mouse(inbox: Page) -> None:
    press(inbox, "jn")
    expect(inbox.get_by_label("What should a colleague know?")).to_be_focused()
    inbox.keyboard.type("jack kicked the server")  # typing is no command
    inbox.keyboard.press("Tab")
    inbox.keyboard.press("Enter")
    expect(heard(inbox)).to_have_text("Run-1 noted.")
    expect(row(inbox, 1)).to_contain_text("1 note")

    press(inbox, "s")
    expect(inbox.get_by_role("button", name="1 hour")).to_be_focused()
    inbox.keyboard.press("Enter")
    expect(heard(inbox)).to_have_text("Run-1 snoozed.")
    expect(row(inbox, 1)).to_have_count(0)
    here(inbox, 2)

    inbox.get_by_role("link", name="Snoozed (1)").click()
    expect(row(inbox, 1)).to_be_visible()
    row(inbox, 1).get_by_text("More").click()
    expect(inbox.get_by_text("jack kicked the server")).to_be_visible()


def test_a_box_that_is_closed_gives_back_what_it_ticked(inbox: Page) -> None:
    press(inbox, "js")
    expect(inbox.locator("#snooze-box")).to_be_visible()
    press(inbox, "j")  # not while a box is open
    inbox.keyboard.press("Escape")

    expect(inbox.locator("#snooze-box")).to_be_hidden()
    expect(inbox.locator("[data-selected]")).to_have_text("0 selected")
    here(inbox, 1)


def test_enter_in_a_field_of_a_box_presses_the_button_of_that_box(inbox: Page) -> None:
    press(inbox, "js")
    inbox.get_by_label("or until 9:00 on").press("Enter")

    expect(heard(inbox)).to_have_text("Nothing was done. Choose the day on which it shall come back.")
    here(inbox, 1)
    assert inbox.url.endswith(reverse("runs:failures"))


def test_the_first_key_without_a_cursor_does_nothing_but_show_where_it_would_act(inbox: Page) -> None:
    press(inbox, "a")

    here(inbox, 1)
    expect(heard(inbox)).to_contain_text("Press the key again to mean it.")
    assert not triage.Triage.objects.exists()


def test_enter_opens_the_run_and_a_key_that_is_switched_off_does_nothing(inbox: Page) -> None:
    press(inbox, "jj")
    inbox.keyboard.press("Enter")
    inbox.wait_for_url(lambda url: "/runs/run-2/" in url)
    inbox.go_back()
    press(inbox, "?")
    expect(inbox.locator("#dee-keys")).to_contain_text("assign to me, snooze, note")
    inbox.get_by_label("Switch these keys off in this browser").check()
    inbox.keyboard.press("Escape")
    press(inbox, "ja")
    inbox.wait_for_timeout(200)

    assert not triage.Triage.objects.exists()


def test_two_people_one_run_the_slower_one_hears_who_was_faster(inbox: Page) -> None:
    run = Run.objects.get(no=1)
    other = f"user:{User.objects.create_superuser('berta').pk}"
    triage.note(actor="cli", seen={1: (run.n, 0)}, text="mine")
    triage.assign(actor="cli", seen={1: (run.n, 1)}, to=other)

    press(inbox, "ja")

    expect(heard(inbox)).to_contain_text("the command line was faster: assigned it to berta.")
    here(inbox, 1)


def test_a_run_that_moved_on_is_said_to_have_moved_on(inbox: Page) -> None:
    command(Run.objects.get(no=1), "cancel")

    press(inbox, "ja")

    expect(heard(inbox)).to_contain_text("It has moved on since you saw it and is STOPPED now.")
    expect(row(inbox, 1)).to_have_count(0)


def test_on_a_phone_nothing_sticks_out_and_everything_is_there(inbox: Page) -> None:
    inbox.set_viewport_size(PHONE)
    inbox.reload()

    assert inbox.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    expect(row(inbox, 1)).to_contain_text("The mail server refused for now")
    inbox.get_by_label("Tick run-1").check()
    inbox.get_by_role("button", name="Snooze…").click()
    inbox.get_by_role("button", name="3 days").click()
    expect(row(inbox, 1)).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_opens_and_what_is_under_way_can_be_read_by_everybody(inbox: Page, scheme: str) -> None:
    inbox.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    inbox.reload()
    objections = []
    press(inbox, "jn")
    inbox.keyboard.type("asked")
    objections += violations(inbox)
    inbox.keyboard.press("Tab")
    inbox.keyboard.press("Enter")
    expect(heard(inbox)).to_have_text("Run-1 noted.")
    row(inbox, 1).get_by_text("More").click()
    press(inbox, "s")
    objections += violations(inbox)
    inbox.keyboard.press("Escape")

    press(inbox, "r")
    inbox.get_by_label("Reason, for the audit log").fill("back")
    objections += violations(inbox)
    inbox.keyboard.press("Tab")
    inbox.keyboard.press("Enter")
    expect(inbox.get_by_role("button", name="Stop the rest")).to_be_visible()
    objections += violations(inbox)
    inbox.get_by_role("button", name="Stop the rest").click()
    drain()
    expect(inbox.get_by_text("0 of 1 carried out")).to_be_visible()
    expect(inbox.get_by_text("what the engine had not taken by then was left alone")).to_be_visible()

    assert not objections + violations(inbox), "\n".join(objections)
