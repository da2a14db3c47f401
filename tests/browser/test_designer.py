"""A plan is designed in a real browser: with the mouse, with the keyboard alone, and by two people at once."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, Locator, Page, expect

from plans import models, operations
from tests.browser.people import PASSWORD, log_in
from tests.factories import make_policy, make_template
from tests.unit.plans.documents import minimal

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world() -> None:
    """A policy, a template, and two designers."""
    make_policy()
    make_template()
    rights = Permission.objects.filter(codename__in=["view_plan", "edit_plan", "view_template"])
    for name in ("dan", "maria"):
        person = User.objects.create_user(name, password=PASSWORD, first_name=name.title(), is_staff=True)
        person.user_permissions.set(rights)


def make_plan(page: Page, live_server: Any, key: str = "trial") -> None:
    page.goto(f"{live_server.url}/admin/plans/new/")
    page.locator("#id_key").fill(key)
    page.locator("#id_title").fill("Trial")
    page.get_by_role("button", name="Make the plan").click()
    expect(page.get_by_text("Add the first step with the tools above")).to_be_visible()
    expect(page.locator(".ds-canvas.is-live")).to_be_visible()  # until then, its forms lead to a page of their own


def open_plan(page: Page, live_server: Any, **steps: Any) -> None:
    text = json.dumps(minimal(steps, key="trial", policy="open"))
    operations.create_plan(key="trial", title="Trial", body=text, actor="cli")
    page.goto(f"{live_server.url}/admin/plans/trial/design/")
    expect(page.locator(".ds-canvas.is-live")).to_be_visible()


def stored() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(models.PlanDraft.objects.get(plan__key="trial").body)
    return found


def at(page: Page, revision: int) -> None:
    """Wait until the page shows a revision."""
    expect(page.locator(f'#designer-tools[data-rev="{revision}"]')).to_be_attached()


def card(page: Page, step: str) -> Locator:
    return page.locator(f'.ds-card[data-step="{step}"]')


def port(page: Page, step: str, label: str) -> Locator:
    return page.locator(f'.ds-port[data-source="{step}"][data-labels="{label}"]')


def middle(found: Locator) -> tuple[float, float]:
    found.scroll_into_view_if_needed()
    box = found.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def pull(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=4)
    page.mouse.move(*end, steps=4)
    page.mouse.up()


WAIT = {"kind": "wait", "seconds": 60, "on": {"completed": "done"}}
DONE = {"kind": "end", "result": "finished", "goal": True}


@pytest.mark.usefixtures("world")
def test_a_plan_of_four_steps_is_built_from_nothing_with_the_mouse_and_submitted(page: Page, live_server: Any) -> None:
    log_in(page, live_server, "dan")
    make_plan(page, live_server)

    page.get_by_role("button", name="Email").click()
    at(page, 2)
    page.get_by_role("button", name="Wait").click()
    at(page, 3)
    expect(card(page, "wait")).to_be_visible()
    page.locator("#designer-panel").get_by_label("How many").fill("3")
    page.locator("#designer-panel").get_by_label("How many").blur()
    at(page, 4)
    x, y = middle(page.locator("#designer-canvas"))
    pull(page, middle(page.locator("#add-branch")), (x + 100, y + 120))
    at(page, 5)
    pull(page, middle(port(page, "wait", "completed")), middle(card(page, "branch")))
    at(page, 6)
    x, y = middle(port(page, "branch", "no"))
    pull(page, (x, y), (x + 60, y + 70))
    page.locator(".ds-menu").get_by_role("button", name="End").click()
    at(page, 7)
    pull(page, middle(port(page, "branch", "yes")), middle(card(page, "end")))
    at(page, 8)

    card(page, "email").click()
    page.locator("#designer-panel").get_by_label("Template").select_option("hello@1")
    at(page, 9)
    expect(page.locator("#designer-panel").get_by_text("Preview for a made-up contact")).to_be_visible()
    expect(page.locator("#designer-checks")).to_contain_text("ready for review")
    page.get_by_role("button", name="Submit for review").click()
    expect(page.get_by_text("Version 1").first).to_be_visible()

    steps = json.loads(models.PlanVersion.objects.get().body)["steps"]
    assert steps["email"]["on"] == {"sent": "wait"}
    assert (steps["wait"]["seconds"], steps["wait"]["on"]) == (259_200, {"completed": "branch"})
    assert [steps["branch"]["cases"][0]["goto"], steps["branch"]["else"]["goto"]] == ["end", "end"]


@pytest.mark.usefixtures("world")
def test_the_same_plan_is_built_with_the_keyboard_alone(page: Page, live_server: Any) -> None:
    log_in(page, live_server, "dan")
    make_plan(page, live_server)
    said = page.locator("#designer-said")
    press = page.keyboard.press

    page.locator("#add-send_email").focus()
    press("Enter")
    expect(said).to_have_text("Added email.")
    expect(card(page, "email")).to_be_focused()
    press("a")
    expect(page.locator("#add-send_email")).to_be_focused()
    press("ArrowRight")
    press("ArrowRight")
    press("Enter")
    expect(said).to_have_text("Added wait, to which sent of email leads.")
    expect(card(page, "wait")).to_be_focused()
    press("a")
    expect(page.locator("#add-send_email")).to_be_focused()
    for _ in range(5):
        press("ArrowRight")
    press("Enter")
    expect(said).to_have_text("Added branch, to which completed of wait leads.")
    expect(card(page, "branch")).to_be_focused()
    press("a")
    expect(page.locator("#add-send_email")).to_be_focused()
    press("ArrowLeft")
    press("Enter")
    expect(said).to_have_text("Added end, to which yes of branch leads.")
    expect(card(page, "end")).to_be_focused()

    press("ArrowUp")
    expect(card(page, "branch")).to_be_focused()
    press("c")
    expect(said).to_contain_text("Connecting no of branch: choose a target with the arrows.")
    press("ArrowDown")
    expect(said).to_contain_text("Connecting no of branch: to end.")
    press("Enter")
    expect(said).to_have_text("no of branch now leads to end.")
    press("ArrowUp")
    press("ArrowUp")
    expect(card(page, "email")).to_be_focused()
    press("Enter")
    template = page.locator("#designer-panel").get_by_label("Template")
    expect(template).to_be_focused()
    press("ArrowDown")
    at(page, 7)
    press("Escape")
    expect(card(page, "email")).to_be_focused()

    assert stored()["steps"]["email"]["template"] == "hello@1"
    expect(page.locator("#designer-checks")).to_contain_text("ready for review")
    page.get_by_role("button", name="Submit for review").focus()
    press("Enter")
    expect(page.get_by_text("Version 1").first).to_be_visible()


@pytest.mark.usefixtures("world")
def test_cards_are_moved_removed_and_brought_back(page: Page, live_server: Any) -> None:
    log_in(page, live_server, "dan")
    open_plan(page, live_server, pause=WAIT, done=DONE)
    x, y = middle(card(page, "pause"))
    pull(page, (x, y), (x + 160, y + 40))
    at(page, 2)
    moved = models.PlanDraft.objects.get().places["pause"]
    assert moved[0] > 100
    expect(page.locator('#designer-panel[data-step="pause"]')).to_be_visible()
    expect(page).to_have_url(re.compile(r"/design/\?step=pause$"))
    page.get_by_role("button", name="Tidy").click()
    at(page, 3)
    assert models.PlanDraft.objects.get().places == {}

    card(page, "pause").focus()
    page.keyboard.press("Alt+ArrowRight")
    at(page, 4)
    page.keyboard.press("Delete")
    at(page, 5)
    assert list(stored()["steps"]) == ["done"]
    page.keyboard.press("Control+z")
    at(page, 6)
    expect(card(page, "pause")).to_be_visible()
    assert stored()["steps"]["pause"] == WAIT
    page.keyboard.press("Control+z")
    at(page, 7)
    page.keyboard.press("Control+y")
    at(page, 8)
    assert models.PlanDraft.objects.get().places["pause"] != []


PARTS = """() => [...document.querySelectorAll("[data-parts] > *")].map((part) => {
  const shown = part.cloneNode(true);
  for (const mark of ["tabindex", "aria-current"]) shown.removeAttribute(mark);  // the browser's own
  shown.classList.remove("is-chosen");
  const attributes = [...shown.attributes].map((each) => `${each.name}=${each.value}`).sort();
  return [...attributes, shown.innerHTML].join(" ");
})"""


@pytest.mark.usefixtures("world")
def test_after_gestures_the_page_is_what_a_reload_shows_and_what_was_the_same_was_kept(
    page: Page, live_server: Any
) -> None:
    log_in(page, live_server, "dan")
    later = WAIT | {"on": {"completed": "pause"}}
    open_plan(page, live_server, later=later, pause=WAIT, done=DONE)
    card(page, "done").evaluate("(card) => { window.kept = card; }")
    card(page, "later").focus()
    for revision, key in enumerate(("d", "Alt+ArrowRight", "Delete", "Control+z", "Control+z"), start=2):
        page.keyboard.press(key)
        at(page, revision)
    card(page, "later").click()
    expect(page.locator('#designer-panel[data-step="later"]')).to_be_visible()
    page.locator("#add-task").click()
    at(page, 7)
    order = page.locator(".ds-card").evaluate_all("cards => cards.map((card) => card.dataset.step)")
    assert order == ["later", "task", "pause", "done", "later-2"]
    card(page, "later").focus()
    page.keyboard.press("Delete")
    at(page, 8)
    expect(card(page, "later")).to_have_count(0)
    expect(page.locator("#designer-said")).to_contain_text("later")
    assert card(page, "done").evaluate("(card) => card === window.kept")
    shown = page.evaluate(PARTS)
    page.reload()
    expect(page.locator(".ds-canvas.is-live")).to_be_visible()
    assert shown == page.evaluate(PARTS)


@pytest.mark.usefixtures("world")
def test_a_step_is_put_in_between_and_copied_into_another_plan(page: Page, live_server: Any) -> None:
    log_in(page, live_server, "dan")
    open_plan(page, live_server, pause=WAIT, done=DONE)
    start, end = middle(card(page, "pause")), middle(card(page, "done"))
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.locator(".ds-plus").click()
    page.locator(".ds-menu").get_by_role("button", name="Task").click()
    at(page, 2)
    assert stored()["steps"]["pause"]["on"] == {"completed": "task"}
    assert "done" in stored()["steps"]["task"]["on"].values()

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    card(page, "pause").click()
    expect(page.locator('#designer-panel[data-step="pause"]')).to_be_visible()
    page.get_by_role("button", name="Copy").click()
    page.goto(f"{live_server.url}/admin/plans/new/")
    make_plan(page, live_server, "other")
    page.locator("#add-end").focus()
    page.keyboard.press("Enter")
    expect(card(page, "end")).to_be_focused()
    page.keyboard.press("Control+v")
    expect(card(page, "pause")).to_be_visible()
    other = json.loads(models.PlanDraft.objects.get(plan__key="other").body)
    assert other["steps"]["pause"] == {"kind": "wait", "seconds": 60, "on": {}}


@pytest.mark.usefixtures("world")
def test_who_is_slower_is_told_who_was_faster_and_goes_on_from_there(
    page: Page, browser: Browser, live_server: Any
) -> None:
    log_in(page, live_server, "dan")
    open_plan(page, live_server, pause=WAIT, done=DONE)
    with browser.new_context() as context:
        hers = context.new_page()
        log_in(hers, live_server, "maria")
        hers.goto(f"{live_server.url}/admin/plans/trial/design/?step=pause")
        hers.locator("#designer-panel").get_by_label("How many").fill("7")
        hers.locator("#designer-panel").get_by_label("How many").blur()
        at(hers, 2)
    page.locator("#add-end").click()
    alert = page.get_by_role("alert").filter(has_text="changed this draft")
    expect(alert).to_contain_text("maria changed this draft after you opened it (you had r1, it is now r2)")
    assert list(stored()["steps"]) == ["pause", "done"]
    page.locator("#add-end").click()
    at(page, 3)
    expect(page.get_by_role("alert").filter(has_text="changed this draft")).to_have_count(0)


@pytest.mark.usefixtures("world")
def test_a_check_leads_to_its_step_and_the_list_opens_every_panel(page: Page, live_server: Any) -> None:
    log_in(page, live_server, "dan")
    open_plan(page, live_server, mail={"kind": "send_email", "template": "", "on": {"sent": "done"}}, done=DONE)
    page.locator("#designer-checks").get_by_role("link", name="mail").first.click()
    expect(page.locator('#designer-panel[data-step="mail"]')).to_be_visible()
    expect(card(page, "mail")).to_be_focused()
    page.locator("#designer-list").get_by_role("rowheader").get_by_role("link", name="done").click()
    expect(page.locator('#designer-panel[data-step="done"]')).to_be_visible()
    page.locator("#designer-panel").get_by_label("Name", exact=True).fill("finished")
    page.locator("#designer-panel").get_by_role("button", name="Rename").click()
    expect(card(page, "finished")).to_be_visible()
    assert stored()["steps"]["mail"]["on"] == {"sent": "finished"}


@pytest.mark.usefixtures("world")
def test_a_gesture_whose_answer_is_lost_is_not_made_twice(page: Page, live_server: Any, complaints: list[str]) -> None:
    log_in(page, live_server, "dan")
    open_plan(page, live_server, pause=WAIT, done=DONE)

    def lose(route: Any) -> None:
        route.fetch()  # the server does what it was asked to
        route.abort()  # and nobody hears of it

    page.route("**/design/act/", lose)
    page.locator("#add-task").click()
    expect(page.get_by_text("We do not know whether this was saved")).to_be_visible()
    page.unroute("**/design/act/")
    page.locator("#add-task").click()
    expect(page.get_by_role("alert").filter(has_text="you had r1, it is now r2")).to_be_visible()
    assert sorted(stored()["steps"]) == ["done", "pause", "task"]
    complaints.clear()


@pytest.mark.usefixtures("world")
def test_who_is_logged_out_meanwhile_is_told_and_keeps_the_picture(page: Page, live_server: Any) -> None:
    log_in(page, live_server, "dan")
    open_plan(page, live_server, pause=WAIT, done=DONE)
    Session.objects.all().delete()
    card(page, "pause").focus()
    page.keyboard.press("d")
    expect(page.locator("#dee-lost")).to_contain_text("You are logged out, so nothing was done.")
    expect(card(page, "pause")).to_be_visible()
    assert list(stored()["steps"]) == ["pause", "done"]
    page.locator("#dee-lost").get_by_role("link", name="Reload").click()
    expect(page.get_by_label("Username")).to_be_visible()


@pytest.mark.usefixtures("world")
def test_whose_right_is_gone_meanwhile_is_told_and_keeps_the_picture(
    page: Page, live_server: Any, complaints: list[str]
) -> None:
    log_in(page, live_server, "dan")
    open_plan(page, live_server, pause=WAIT, done=DONE)
    User.objects.get(username="dan").user_permissions.remove(Permission.objects.get(codename="edit_plan"))
    card(page, "pause").focus()
    page.keyboard.press("d")
    expect(page.locator("#designer-notice [role=alert]")).to_be_visible()
    expect(card(page, "pause")).to_be_visible()
    assert list(stored()["steps"]) == ["pause", "done"]
    assert all("403" in said for said in complaints)
    complaints.clear()


@pytest.mark.usefixtures("world")
def test_keys_that_pass_over_a_new_step_in_a_list_make_none(page: Page, live_server: Any) -> None:
    log_in(page, live_server, "dan")
    open_plan(page, live_server, pause=WAIT, done=DONE)
    card(page, "pause").click()
    leads = page.locator("#designer-panel").get_by_label("completed")
    leads.focus()
    page.keyboard.press("End")
    expect(page.locator("#designer-said")).to_have_text("Press Enter to make this step.")
    assert list(stored()["steps"]) == ["pause", "done"]
    page.keyboard.press("Enter")
    at(page, 2)
    assert len(stored()["steps"]) == 3


@pytest.mark.usefixtures("world")
def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, live_server: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    log_in(page, live_server, "dan")
    open_plan(page, live_server, pause=WAIT, done=DONE)
    card(page, "pause").click()
    expect(page.locator('#designer-panel[data-step="pause"]')).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
