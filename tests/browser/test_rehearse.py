"""The rehearsal in a real browser: events are ticked on its timeline, and all that follows goes as it would then."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, Route, expect

from plans import drafts
from tests.browser.axe import violations
from tests.browser.people import sign_in
from tests.factories import DONE, MAIL_STEPS, make_contact, make_plan
from tests.factories_runs import make_world
from tests.unit.plans.documents import minimal

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1360, "height": 900}
MAIL: Any = MAIL_STEPS["mail"]
STEPS: dict[str, Any] = {
    "intro": MAIL | {"on": {"sent": "three-days"}},
    "three-days": {"kind": "wait", "seconds": 259_200, "on": {"completed": "again"}},
    "again": MAIL | {"on": {"sent": "look"}},
    "look": {
        "kind": "task",
        "title": "Ring them",
        "timeout_s": 172_800,
        "on": {"done": "finished", "timeout": "nothing"},
    },
    "finished": DONE,
    "talked": {"kind": "end", "result": "talked", "goal": True},
    "nothing": {"kind": "end", "result": "no_interest"},
}
EXITS = [{"when": {"op": "event_seen", "event": "replied"}, "goto": "talked"}]
DOCUMENT = minimal(STEPS, key="tried", policy="open", attributes={}, exit_on=EXITS)
DONE_THERE = re.compile("dg-is-done")
ADDRESS = "/admin/plans/tried/draft/rehearse/"


@pytest.fixture
def world() -> None:
    make_world()
    make_plan("tried", MAIL_STEPS)
    make_contact("c-9")
    drafts.save_text(plan_key="tried", body=json.dumps(DOCUMENT), expected_revision=0, actor="cli")


@pytest.fixture
def desk(world: None, page: Page, live_server: Any) -> Page:
    """A superuser on the rehearsal of a draft."""
    page.set_viewport_size(WIDE)
    sign_in(page, live_server)
    page.goto(live_server.url + ADDRESS)
    page.wait_for_load_state()
    return page


@pytest.fixture
def plain(desk: Page, browser: Browser, live_server: Any) -> Iterator[Page]:
    """Somebody else on it, in a browser that runs no script."""
    context = browser.new_context(java_script_enabled=False, viewport=WIDE)
    page = context.new_page()
    sign_in(page, live_server, "jon")
    page.goto(live_server.url + ADDRESS)
    yield page
    context.close()


def verdict(page: Page) -> Locator:
    return page.locator(".rehearse-verdict")


def field(page: Page, name: str) -> Locator:
    return page.locator(f"[id='{name}']")


def moments(page: Page) -> list[str]:
    """Return the moments of the timeline: when, and what."""
    return [
        f"{moment.locator('.plot-when span').first.inner_text()} {moment.locator('.plot-head strong').inner_text()}"
        for moment in page.locator(".plot-item").all()
    ]


def event(page: Page, name: str) -> Locator:
    return page.locator(".plot-item.is-event", has_text=name)


def drawn(page: Page, step: str) -> Locator:
    return page.locator(".rehearse-path .dg-card", has_text=step)


def test_the_usual_rehearsal_is_there_at_once(desk: Page) -> None:
    expect(verdict(desk)).to_contain_text("After 5 d: Completed: no_interest.")
    assert moments(desk) == [
        "start intro", "start three-days", "3 d 00:00 again", "3 d 00:00 look", "5 d 00:00 nothing",
    ]  # fmt: skip
    expect(desk.get_by_text("3 days later")).to_be_visible()


def test_a_tick_makes_its_event_appear_at_its_time_and_everything_after_it_goes_otherwise(desk: Page) -> None:
    replied = field(desk, "tick.intro.1.replied")
    delay = field(desk, "after.intro.1.replied")
    expect(delay).to_be_hidden()

    replied.check()

    expect(verdict(desk)).to_contain_text("After 1 d: Completed: talked.")
    expect(desk.locator("#rehearse-spoken")).to_contain_text("After 1 d: Completed: talked.")
    assert moments(desk) == ["start intro", "start three-days", "1 d 00:00 replied", "1 d 00:00 talked"]
    expect(drawn(desk, "talked")).to_have_class(DONE_THERE)
    expect(replied).to_be_focused()
    expect(delay).to_be_visible()

    delay.fill("2 h")
    delay.press("Tab")

    expect(verdict(desk)).to_contain_text("After 2 h: Completed: talked.")

    replied.uncheck()

    expect(verdict(desk)).to_contain_text("After 5 d: Completed: no_interest.")
    expect(drawn(desk, "talked")).not_to_have_class(DONE_THERE)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_page_stays_where_it_is_while_one_ticks(desk: Page, size: Any) -> None:
    desk.set_viewport_size(size)
    box = field(desk, "tick.again.1.replied")
    box.scroll_into_view_if_needed()
    before = box.bounding_box()

    box.check()
    expect(verdict(desk)).to_contain_text("Completed: talked.")
    desk.wait_for_timeout(200)
    after = box.bounding_box()

    assert before and after
    assert abs(after["y"] - before["y"]) <= 2 and abs(after["x"] - before["x"]) <= 2


def test_what_an_earlier_tick_makes_unreachable_is_kept_and_can_be_taken_back(desk: Page) -> None:
    field(desk, "tick.again.1.opened").check()
    expect(event(desk, "opened")).to_be_visible()
    field(desk, "tick.intro.1.replied").check()

    kept = desk.get_by_role("region", name="Said, but not reached")
    box = kept.get_by_role("checkbox", name="opened of again, send 1")
    expect(box).to_be_checked()
    field(desk, "tick.intro.1.replied").uncheck()
    expect(kept).to_have_count(0)
    expect(field(desk, "tick.again.1.opened")).to_be_checked()

    field(desk, "tick.intro.1.replied").check()
    box.uncheck()

    expect(kept).to_have_count(0)
    field(desk, "tick.intro.1.replied").uncheck()
    expect(field(desk, "tick.again.1.opened")).not_to_be_checked()


def test_of_two_quick_changes_both_count(desk: Page, complaints: list[str]) -> None:
    field(desk, "tick.intro.1.opened").check()
    field(desk, "tick.intro.1.clicked").check()

    expect(event(desk, "clicked")).to_be_visible()
    desk.wait_for_load_state("networkidle")
    expect(field(desk, "tick.intro.1.opened")).to_be_checked()
    expect(field(desk, "tick.intro.1.clicked")).to_be_checked()
    assert {"02:00:00 opened", "02:05:00 clicked"} <= set(moments(desk))
    assert all("Abort" in said or "afterRequest" in said for said in complaints)  # the first answer was called off
    complaints.clear()


def test_a_change_in_the_moment_of_the_answer_counts_too(desk: Page) -> None:
    desk.evaluate("""document.addEventListener("htmx:afterSwap", () => setTimeout(
        () => document.getElementById("tick.intro.1.clicked").click()), { once: true })""")

    field(desk, "tick.intro.1.opened").check()

    expect(event(desk, "clicked")).to_be_visible()
    expect(event(desk, "opened")).to_be_visible()


def test_what_is_typed_while_an_answer_is_on_its_way_stays(desk: Page, complaints: list[str]) -> None:
    held: list[Route] = []
    desk.route(f"**{ADDRESS}", lambda route: held.append(route))
    field(desk, "tick.intro.1.opened").check()
    field(desk, "after.intro.1.opened").fill("5 h")
    desk.unroute(f"**{ADDRESS}")
    for route in held:
        with suppress(Error):  # it was called off
            route.continue_()
    desk.wait_for_timeout(500)
    expect(field(desk, "after.intro.1.opened")).to_have_value("5 h")
    desk.keyboard.press("Tab")
    expect(event(desk, "opened").locator(".plot-when span").first).to_have_text("05:00:00")
    complaints.clear()  # htmx says of the answer that was called off that it was


def test_a_wrong_delay_is_said_beside_it_and_the_focus_goes_on(desk: Page) -> None:
    field(desk, "tick.intro.1.opened").check()
    expect(event(desk, "opened")).to_be_visible()
    delay = field(desk, "after.intro.1.opened")
    delay.fill("soon")
    delay.press("Tab")

    expect(delay).to_have_attribute("aria-invalid", "true")
    expect(desk.get_by_text("Write a length of time such as 90 s")).to_be_visible()
    expect(field(desk, "tick.intro.1.clicked")).to_be_focused()


def test_by_keyboard_alone(desk: Page) -> None:
    field(desk, "answer.intro.1").focus()
    for _ in range(4):  # over delivered, opened and clicked, to replied
        desk.keyboard.press("Tab")
    expect(field(desk, "tick.intro.1.replied")).to_be_focused()
    desk.keyboard.press("Space")
    expect(verdict(desk)).to_contain_text("After 1 d: Completed: talked.")

    desk.keyboard.press("Tab")
    expect(field(desk, "after.intro.1.replied")).to_be_focused()
    desk.keyboard.press("ControlOrMeta+a")
    desk.keyboard.type("5 h")
    desk.keyboard.press("Enter")

    expect(verdict(desk)).to_contain_text("After 5 h: Completed: talked.")
    expect(field(desk, "after.intro.1.replied")).to_be_focused()


def test_somebody_does_the_task(desk: Page) -> None:
    after = field(desk, "person-after.look.1")
    expect(after).to_be_hidden()
    desk.get_by_label("A person says", exact=True).select_option("done")

    expect(verdict(desk)).to_contain_text("Completed: finished.")
    expect(after).to_be_visible()
    expect(desk.get_by_text("a person says “done”")).to_be_visible()


def test_a_contact_of_ours(desk: Page) -> None:
    contact = field(desk, "r-contact")
    expect(contact).to_be_hidden()
    desk.get_by_label("A contact of yours, as they are now").check()
    expect(desk.get_by_text("Name the contact, or choose a made-up one.")).to_be_visible()
    contact.fill("c-9")
    contact.press("Tab")

    expect(verdict(desk)).to_contain_text("Completed: no_interest.")
    desk.locator(".plot-send summary").first.click()
    expect(desk.get_by_text("Hello Ann.").first).to_be_visible()
    field(desk, "tick.intro.1.opened").check()
    expect(event(desk, "opened")).to_be_visible()
    expect(desk.get_by_text("Hello Ann.").first).to_be_visible()  # what was folded out stays so

    desk.get_by_role("link", name="Start over").click()
    expect(field(desk, "tick.intro.1.opened")).not_to_be_checked()


def test_without_scripts_a_button_plays_it_again(plain: Page) -> None:
    field(plain, "tick.intro.1.replied").check()
    expect(field(plain, "after.intro.1.replied")).to_be_visible()  # that much CSS does
    field(plain, "after.intro.1.replied").fill("3 h")
    expect(verdict(plain)).to_contain_text("Completed: no_interest.")

    plain.get_by_role("button", name="Play again").last.click()

    expect(verdict(plain)).to_contain_text("After 3 h: Completed: talked.")
    expect(field(plain, "tick.intro.1.replied")).to_be_checked()


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", PHONE), ("dark", WIDE)], ids=["phone in the light", "wide in the dark"]
)
def test_it_can_be_read_by_everybody(desk: Page, scheme: Any, size: Any) -> None:
    desk.emulate_media(color_scheme=scheme)
    desk.set_viewport_size(size)
    desk.reload()
    usual = violations(desk)
    field(desk, "tick.again.1.opened").check()
    expect(event(desk, "opened")).to_be_visible()
    field(desk, "after.again.1.opened").fill("soon")
    field(desk, "after.again.1.opened").press("Tab")
    expect(field(desk, "after.again.1.opened")).to_have_attribute("aria-invalid", "true")
    field(desk, "answer.intro.1").select_option("not_sent:smtp_421")
    expect(verdict(desk)).to_contain_text("Stopped at intro")
    desk.evaluate("for (const el of document.querySelectorAll('main details')) el.open = true")

    assert usual + violations(desk) == []
    assert desk.evaluate("document.documentElement.scrollWidth") <= size["width"]
