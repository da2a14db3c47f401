"""Two people and one version: the author is told who can approve, the second one sends it back, then approves."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from playwright.sync_api import Page, expect

from plans import drafts, operations, reviewing
from plans.models import Plan
from tests.browser.axe import violations
from tests.browser.people import PASSWORD, log_in
from tests.factories import DONE, make_plan, make_policy, make_template

pytestmark = [pytest.mark.django_db(transaction=True)]

RESTS = {"rest": {"kind": "wait", "seconds": 86_400, "on": {"completed": "done"}}, "done": DONE}


def staff(name: str, *rights: str) -> User:
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="plans", codename__in=rights))
    return user


def publish(author: User, seconds: int) -> None:
    """Publish the plan's next version, which rests for another time."""
    plan = Plan.objects.get(key="trial")
    document = json.loads(plan.versions.get(number=1).body)
    document["steps"]["rest"]["seconds"] = seconds
    revision = drafts.opened(plan).revision
    actor = f"user:{author.pk}"
    saved = drafts.save_text(plan_key="trial", body=json.dumps(document), expected_revision=revision, actor=actor)
    operations.publish_draft(plan_key="trial", expected_revision=saved.revision, actor=actor)


def leave(page: Page) -> None:
    page.get_by_role("button", name="Log out").first.click()


def test_a_version_goes_back_and_forth_between_two_people(page: Page, live_server: Any) -> None:
    make_policy()
    make_plan("trial", RESTS)
    dan = staff("dan", "view_plan", "edit_plan", "activate_plan")
    staff("ann", "view_plan", "activate_plan")
    publish(dan, 3 * 86_400)
    review = f"{live_server.url}/admin/plans/trial/v/2/review/"

    log_in(page, live_server, "dan")
    page.goto(review)
    expect(page.get_by_text("The wait rest takes 3 days instead of 1 day.")).to_be_visible()
    expect(page.get_by_text("You edited this plan since the last activated version").first).to_be_visible()
    expect(page.get_by_text("ann can approve it.").first).to_be_visible()
    expect(page.get_by_role("button", name="Approve and activate")).to_have_count(0)
    leave(page)

    log_in(page, live_server, "ann")
    expect(page.get_by_role("link", name=re.compile("Reviews.*1"))).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("v")
    page.get_by_role("link", name="trial v2").click()
    expect(page.locator(".rv-side .dg-is-changed")).to_have_count(2)
    page.get_by_role("button", name="Send back").click()
    expect(page.get_by_text("Say in the comment what has to change")).to_be_visible()
    page.get_by_label("Comment").fill("Two days are enough.")
    page.get_by_role("button", name="Send back").click()
    expect(page.get_by_text("Version 2 of trial is sent back.")).to_be_visible()

    publish(dan, 2 * 86_400)
    page.goto(f"{live_server.url}/admin/plans/trial/v/3/review/")
    expect(page.get_by_text("The wait rest takes 2 days instead of 1 day.")).to_be_visible()
    page.get_by_role("button", name="Approve and activate").click()
    expect(page.get_by_text("Version 3 of trial is approved and in force")).to_be_visible()
    rows = page.locator("section", has_text="Versions").locator("tbody tr")
    expect(rows.locator(".badge")).to_have_text(["in force", "sent back", "was in force"])


def many_changes(author: User) -> None:
    """Send a version back, then publish one in which a step is new, one is gone and one is renamed."""
    publish(author, 7200)
    reviewing.send_back(plan_key="trial", number=2, actor="user:901", note="Say why.")
    plan = Plan.objects.get(key="trial")
    document = json.loads(plan.versions.get(number=1).body)
    mail = {"kind": "send_email", "template": "hello@1", "on": {"sent": "finished", "blocked": "pause"}}
    pause = {"kind": "wait", "seconds": 60, "on": {"completed": "finished"}}
    document |= {"entry": "mail", "steps": {"mail": mail, "pause": pause, "finished": DONE}}
    revision, actor = drafts.opened(plan).revision, f"user:{author.pk}"
    saved = drafts.save_text(plan_key="trial", body=json.dumps(document), expected_revision=revision, actor=actor)
    operations.publish_draft(plan_key="trial", expected_revision=saved.revision, actor=actor)


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1360)])
def test_every_page_of_a_review_fits_and_can_be_read(page: Page, live_server: Any, scheme: Any, width: int) -> None:
    make_policy()
    make_template()
    make_plan("trial", RESTS)
    many_changes(staff("dan", "edit_plan"))
    staff("ann", "view_plan", "activate_plan")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 844})
    log_in(page, live_server, "ann")
    objections = []
    for path in ("reviews/", "plans/trial/", "plans/trial/v/2/", "plans/trial/v/3/review/", "plans/trial/compare/"):
        page.goto(f"{live_server.url}/admin/{path}")
        wide = page.locator("html").evaluate("element => element.scrollWidth")
        objections += [f"{path} is {wide} px wide"] if wide > width else []
        objections += [f"{path}: {said}" for said in violations(page)]
    assert not objections, "\n".join(objections)
    page.goto(f"{live_server.url}/admin/plans/trial/v/3/review/")
    expect(page.locator(".rv-legend li")).to_have_text(
        [re.compile(word) for word in ("new", "renamed", "gone", "leads elsewhere")]
    )
