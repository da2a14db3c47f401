"""The operator's story: enrol, let a day pass, find the failure, read why, retry, see it complete, verify the chain."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Page, expect

from audit.models import Entry
from runs.models import Run
from tests.browser.people import PASSWORD, log_in
from tests.factories import DONE, make_contact, make_plan, make_policy, make_template
from tests.tampering import guards_down
from tests.workers import StartWorker, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.process]

STEPS = {
    "wait-a-while": {"kind": "wait", "seconds": 3600, "on": {"completed": "reminder-email"}},
    "reminder-email": {"kind": "send_email", "template": "hello@1", "on": {"sent": "done"}},
    "done": DONE,
}


@pytest.fixture
def operator() -> User:
    """Maria, with the rights of the role operator and no others."""
    maria = User.objects.create_user("maria", password=PASSWORD, is_staff=True)
    maria.groups.add(Group.objects.get(name="operator"))
    return maria


def enrol_everybody(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/runs/enrol/")
    page.get_by_label("Plan", exact=True).select_option("reminder")
    page.get_by_label("Every active contact").check()
    page.get_by_role("button", name="Count, do nothing").click()
    page.get_by_role("button", name="Enrol 2 contacts").click()


def a_day_passes(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/clock/")
    page.get_by_role("button", name="Advance 1 day").click()
    until(lambda: Run.objects.filter(status="FAILED").exists())


@pytest.mark.usefixtures("operator")
def test_an_operator_finds_a_failure_retries_it_and_verifies_what_happened(
    page: Page, live_server: Any, start_worker: StartWorker, owner: Any
) -> None:
    make_policy()
    make_template()
    make_plan("reminder", STEPS)
    make_contact("c-1")
    make_contact("c-2", email="c-2+flaky@example.org")
    start_worker()

    log_in(page, live_server, "maria")
    enrol_everybody(page, live_server)
    a_day_passes(page, live_server)

    page.goto(f"{live_server.url}/admin/failures/")
    expect(page.get_by_role("link", name="1 FAILED")).to_be_visible()
    page.get_by_role("link", name="run-2", exact=True).click()
    expect(page.get_by_text("reminder-email").first).to_be_visible()
    expect(page.get_by_text("step_failed:smtp_temporary_refused").first).to_be_visible()

    page.get_by_role("link", name="Retry").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("The mail server is back.")
    dialog.get_by_role("button", name="Retry").click()
    expect(page.locator(".dee-head .badge", has_text="COMPLETED")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("command:retry")).to_be_visible()

    page.get_by_role("link", name="Verify in this browser").click()
    result = page.locator("[data-verify-result]")
    expect(result).to_contain_text(re.compile(r"\d+ entries of run/2 hold"))
    expect(result).to_contain_text("not anchored", ignore_case=True)

    with guards_down(owner):
        owner.execute("UPDATE audit_entry SET body = replace(body, 'smtp_temporary_refused', 'smtp_temporary_refusex')")
    assert Entry.objects.filter(body__contains="refusex").exists()
    page.reload()
    page.get_by_role("link", name="Verify in this browser").click()
    expect(result).to_contain_text("BROKEN", ignore_case=True)
