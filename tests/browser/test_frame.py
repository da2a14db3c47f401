"""The frame in a real browser: every page of the menu, light and dark, on a phone, by keyboard, without a complaint."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from runs.many import bulk
from runs.models import Run
from runs.queries import RunFilter
from tests.browser.axe import violations
from tests.browser.people import sign_in
from tests.factories import make_plan
from tests.factories_runs import failed_run, make_world, start_run
from tests.functional.engine import drain
from tests.integration.runs.asking import TASK_STEPS, lost_run

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 800}


@pytest.fixture
def desk(page: Page, live_server: Any) -> Page:
    """A superuser at the desk of a house with failed runs, a finished one, a task, and a message of unknown fate."""
    make_world()
    make_plan("desk", TASK_STEPS)
    failed_run("c-1"), failed_run("c-2", behaves="flaky"), start_run("c-3")
    start_run("c-4", plan="desk"), lost_run("c-5")
    sign_in(page, live_server)
    return page


def addresses(page: Page, live_server: Any) -> list[str]:
    links = [link.get_attribute("href") for link in page.locator("#nav-sidebar a[href]").all()]
    more = ["runs/run-1/", "runs/enrol/", "runs/run-1/act/resolve/", "audit/stream/run/1/", "audit/entry/run/1/2/"]
    more += ["runs/run-4/", "runs/run-4/act/complete_task/", "runs/run-5/", "runs/run-5/act/send_again/"]
    frozen = bulk.freeze(actor="user:1", command="resolve", wanted=RunFilter(status="FAILED"))
    more += ["bulk/", f"bulk/{frozen.pk}/", "runs/run-404/"]
    more += [f"plans/desk/{path}" for path in ("", "v/1/", "design/", "design/?step=done", "draft/", "draft/rehearse/")]
    return [f"{live_server.url}{link}" for link in links] + [f"{live_server.url}/admin/{path}" for path in more]


def test_every_page_loads_without_a_complaint_fits_a_phone_and_can_be_read(
    desk: Page, live_server: Any, complaints: list[str]
) -> None:
    urls = addresses(desk, live_server)
    assert len(urls) > 20
    objections = []
    for scheme, size in (("light", PHONE), ("dark", WIDE)):
        desk.emulate_media(color_scheme=scheme)
        desk.set_viewport_size(size)
        for url in urls:
            desk.goto(url)
            wide = desk.evaluate("document.documentElement.scrollWidth")
            objections += [f"{url} ({scheme}) is {wide} px wide"] if wide > size["width"] else []
            titles = desk.locator("h1").count()
            objections += [f"{url} has {titles} h1"] if titles != 1 else []
            objections += [f"{url} ({scheme}): {said}" for said in violations(desk)]
    assert not objections, "\n".join(objections)
    # The browser reports the status of a page that is not there; that is the page that was asked for.
    complaints[:] = [complaint for complaint in complaints if "run-404" not in complaint]


def test_axe_objects_to_what_cannot_be_read_pressed_or_named(desk: Page) -> None:
    spoil = """() => {
      const pale = document.querySelector('h1'); pale.style.color = '#eee';
      const tiny = document.createElement('button');
      tiny.style.cssText = 'height: 10px; width: 10px; padding: 0; border: 0; min-height: 0';
      pale.after(tiny, tiny.cloneNode());
    }"""
    desk.evaluate(spoil)
    said = " ".join(violations(desk))
    for rule in ("color-contrast", "target-size", "button-name"):
        assert rule in said, said


def test_the_theme_button_wins_over_the_system(desk: Page) -> None:
    desk.emulate_media(color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = desk.evaluate(background)
    desk.evaluate("document.documentElement.dataset.theme = 'dark'")
    dark = desk.evaluate(background)
    desk.emulate_media(color_scheme="dark")
    desk.evaluate("document.documentElement.dataset.theme = 'auto'")

    assert light != dark == desk.evaluate(background)


def test_on_a_phone_the_menu_opens_from_its_button(desk: Page) -> None:
    desk.set_viewport_size(PHONE)
    runs = desk.locator("#nav-sidebar").get_by_role("link", name="Runs")
    expect(runs).to_be_hidden()
    desk.get_by_role("button", name="Menu").click()
    expect(runs).to_be_visible()
    desk.keyboard.press("Escape")
    expect(runs).to_be_hidden()


def test_keys_lead_to_pages_and_are_off_while_typing(desk: Page, live_server: Any) -> None:
    desk.keyboard.press("g")
    desk.keyboard.press("r")
    desk.wait_for_url("**/admin/runs/")
    desk.keyboard.press("/")
    desk.keyboard.type("gf?")
    assert desk.locator("[data-search]").input_value() == "gf?"
    desk.locator("h1").click()
    desk.keyboard.press("?")
    expect(desk.locator("#dee-keys")).to_be_visible()
    desk.get_by_label("Switch these keys off in this browser").check()
    desk.keyboard.press("Escape")
    desk.keyboard.press("g")
    desk.keyboard.press("f")
    desk.wait_for_timeout(200)
    assert desk.url.endswith("/admin/runs/")


def test_times_are_local_with_utc_on_hover(desk: Page, live_server: Any) -> None:
    desk.goto(f"{live_server.url}/admin/runs/run-1/")
    time = desk.locator("time").first

    assert (time.get_attribute("title") or "").endswith(" UTC")
    assert not time.inner_text().endswith(" UTC")


def test_a_failed_run_is_retried_by_keyboard_from_the_inbox(desk: Page, live_server: Any) -> None:
    desk.goto(f"{live_server.url}/admin/failures/")
    for key in "jjx":
        desk.keyboard.press(key)
    expect(desk.locator("[data-selected]")).to_have_text("1 selected")
    desk.keyboard.press("r")
    desk.get_by_label("Reason, for the audit log").fill("mail server is back")
    desk.keyboard.press("Tab")
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("1 waiting for the engine")).to_be_visible()
    drain()
    expect(desk.get_by_text("1 of 1 carried out")).to_be_visible()
    assert Run.objects.get(no=2).status == "COMPLETED"


def test_a_command_in_a_dialog_is_queued_decided_and_shown(desk: Page, live_server: Any) -> None:
    desk.goto(f"{live_server.url}/admin/runs/run-2/")
    desk.get_by_role("link", name="Retry step…").click()
    dialog = desk.get_by_role("dialog")
    dialog.get_by_label("Reason, for the audit log").fill("outage over")
    dialog.get_by_role("button", name="Retry step").click()
    expect(desk.get_by_text("is queued; the engine takes it")).to_be_visible()
    drain()
    expect(desk.get_by_text("Retry was carried out")).to_be_visible()
    expect(desk.locator("#run-body .badge", has_text="COMPLETED")).to_be_visible(timeout=8000)


def test_two_people_the_second_is_told_who_did_what(desk: Page, live_server: Any, browser: Any) -> None:
    other = browser.new_context().new_page()
    sign_in(other, live_server, "jon")
    for person in (desk, other):
        person.goto(f"{live_server.url}/admin/runs/run-2/")
        person.get_by_role("link", name="Retry step…").click()
        person.get_by_role("dialog").get_by_label("Reason, for the audit log").fill("outage over")
    other.get_by_role("dialog").get_by_role("button", name="Retry step").click()
    expect(other.get_by_text("is queued")).to_be_visible()
    drain()
    desk.get_by_role("dialog").get_by_role("button", name="Retry step").click()

    expect(desk.get_by_text("Nothing was done.")).to_be_visible()
    expect(desk.get_by_text("jon chose “retry”: “outage over”.")).to_be_visible()
    other.context.close()


def test_a_lost_answer_is_not_called_a_failure(desk: Page, live_server: Any, complaints: list[str]) -> None:
    desk.goto(f"{live_server.url}/admin/runs/run-2/")
    desk.get_by_role("link", name="Retry step…").click()
    desk.get_by_role("dialog").get_by_label("Reason, for the audit log").fill("outage over")
    desk.route("**/act/retry/", lambda route: route.abort())
    desk.get_by_role("dialog").get_by_role("button", name="Retry step").click()

    expect(desk.get_by_text("We do not know whether this was saved")).to_be_visible()
    complaints.clear()


def test_polling_rests_while_a_dialog_is_open(desk: Page, live_server: Any) -> None:
    desk.goto(f"{live_server.url}/admin/runs/run-2/")
    asked: list[str] = []
    desk.on("request", lambda request: asked.append(request.url))
    desk.get_by_role("link", name="Retry step…").click()
    desk.wait_for_timeout(4000)

    assert not [url for url in asked if "?n=" in url]


def test_without_script_a_run_is_retried_by_plain_pages(live_server: Any, browser: Any, desk: Page) -> None:
    plain = browser.new_context(java_script_enabled=False).new_page()
    sign_in(plain, live_server, "jon")
    plain.goto(f"{live_server.url}/admin/failures/")
    plain.get_by_label("Tick run-2").check()
    plain.get_by_role("button", name="Retry…").click()
    plain.get_by_label("Reason, for the audit log").fill("mail server is back")
    plain.get_by_role("button", name="Retry 1 run").click()
    drain()
    plain.reload()

    assert plain.get_by_text("1 of 1 carried out").is_visible()
    plain.goto(f"{live_server.url}/admin/runs/run-1/")
    plain.get_by_role("link", name="Cancel run…").click()
    plain.get_by_label("Reason, for the audit log").fill("contact asked")
    plain.get_by_role("button", name="Cancel this run").click()
    drain()
    plain.reload()
    assert Run.objects.get(no=1).status == "STOPPED"
    plain.context.close()
