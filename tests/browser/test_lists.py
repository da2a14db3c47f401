"""Everything that matches, as one frozen list: what it would do, what was asked, what came of it, and stopping it."""

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from runs.models import Run
from tests.browser.people import sign_in
from tests.factories_runs import command, failed_run, make_world
from tests.functional.engine import drain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def inbox(page: Page, live_server: Any) -> Page:
    """The inbox with three failed runs that go through when they are tried again."""
    make_world()
    for ref in ("c-1", "c-2", "c-3"):
        failed_run(ref, behaves="flaky")
    sign_in(page, live_server)
    page.goto(live_server.url + reverse("runs:failures"))
    return page


def freeze(inbox: Page, name: str) -> None:
    inbox.get_by_text("Act on all 3 FAILED runs").click()
    inbox.locator("#act-on-all").get_by_role("button", name=f"{name}…").click()
    expect(inbox.get_by_role("button", name=f"{name} 3 runs")).to_be_visible()


def test_a_list_asks_only_the_runs_that_were_frozen_and_says_what_came_of_each(inbox: Page) -> None:
    freeze(inbox, "Retry")
    late = failed_run("c-4", behaves="flaky")  # after the list was made
    moved = Run.objects.get(contact__ref="c-2")
    command(moved, "retry")
    inbox.reload()
    expect(inbox.get_by_text("changed")).not_to_have_count(0)
    inbox.get_by_label("Reason, for the audit log").fill("mail server is back")
    inbox.get_by_role("button", name="Retry 3 runs").click()
    drain()
    expect(inbox.get_by_text("2 of 3 carried out")).to_be_visible(timeout=10_000)
    late.refresh_from_db()
    assert late.status == "FAILED"
    assert set(Run.objects.exclude(pk=late.pk).values_list("status", flat=True)) == {"COMPLETED"}


def test_the_rest_of_a_list_is_stopped_before_the_engine_takes_it(inbox: Page) -> None:
    freeze(inbox, "Retry")
    inbox.get_by_label("Reason, for the audit log").fill("mail server is back")
    inbox.get_by_role("button", name="Retry 3 runs").click()
    inbox.get_by_role("button", name="Stop the rest").click()
    drain()
    inbox.reload()
    expect(inbox.get_by_text("0 of 3 carried out")).to_be_visible()
    assert set(Run.objects.values_list("status", flat=True)) == {"FAILED"}
