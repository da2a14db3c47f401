"""Who sees which of the operator's pages, the frame around them, the list, the engine and the overview."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from runs import operations
from runs.models import Inbox, Run
from tests.factories_runs import SEE_RUNS, failed_run, make_world, signed_in, start_run, superuser
from tests.functional.engine import drain
from tests.integration.runs.asking import HTMX, act, form, queries_of, text

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = {
    "runs:list": "runs.view_run",
    "runs:failures": "runs.view_run",
    "runs:engine": "runs.view_run",
    "runs:clock": "runs.view_run",
    "runs:inbox": "runs.view_inbox",
    "runs:enrol": "runs.enrol_run",
    "runs:tasks": "runs.view_run",
    "runs:bulks": "runs.view_run",
}


# --- who may see what ---


@pytest.mark.parametrize("name", PAGES)
def test_a_stranger_is_sent_to_the_login(name: str) -> None:
    response = Client().get(reverse(name))

    assert response.status_code == 302
    assert response["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize("name", PAGES)
def test_staff_without_the_right_is_refused_in_the_frame(name: str) -> None:
    response = signed_in().get(reverse(name))

    assert response.status_code == 403
    assert "does not have the right" in text(response)
    assert 'id="nav-sidebar"' in text(response)


@pytest.mark.parametrize(("name", "right"), PAGES.items())
def test_the_right_opens_the_page(name: str, right: str) -> None:
    assert signed_in(right).get(reverse(name)).status_code == 200


def test_a_run_that_does_not_exist_is_a_404_with_a_sentence() -> None:
    response = signed_in(*SEE_RUNS).get(reverse("runs:run", args=[404]))

    assert response.status_code == 404
    assert "There is no run-404." in text(response)


def test_who_may_look_but_not_command_sees_why_the_buttons_are_off() -> None:
    make_world()
    run = failed_run()
    client = signed_in(*SEE_RUNS)

    page = text(client.get(reverse("runs:run", args=[run.no])))

    assert page.count("You may look at runs, but not command them.") >= 1
    of_every_page = {"dee-keys", "dee-help"}
    assert set(re.findall('<dialog [^>]*id="([^"]+)"', page)) == of_every_page
    assert client.post(act(run), form(run)).status_code == 403


# --- the frame ---


def test_the_menu_marks_one_item_and_compares_whole_parts_of_the_path() -> None:
    make_world()
    run = start_run()
    page = text(superuser().get(reverse("runs:run", args=[run.no])))

    assert page.count("aria-current=") - page.count('aria-current="true">all') == 1
    assert f'<a href="{reverse("runs:list")}" aria-current="true" data-go="r">' in page


def test_every_page_counts_failed_runs_for_those_who_may_see_them() -> None:
    make_world()
    failed_run()

    assert "1 FAILED" in text(signed_in(*SEE_RUNS).get(reverse("runs:engine")))
    assert "FAILED</a>" not in text(signed_in("runs.view_inbox", name="vic").get(reverse("runs:inbox")))


def test_a_menu_item_shows_to_those_who_may_open_it() -> None:
    page = text(signed_in(*SEE_RUNS).get(reverse("runs:list")))

    assert reverse("runs:failures") in page
    assert reverse("admin:auth_user_changelist") not in page


# --- the list ---


def test_the_list_says_what_fills_it() -> None:
    assert "No runs yet" in text(signed_in(*SEE_RUNS).get(reverse("runs:list")))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=FAILED", [1]),
        ("status=COMPLETED", [2]),
        ("plan=simple", [2, 1]),
        ("plan=other", []),
        ("reason=step_failed", [1]),
        ("reason=step_failed:smtp_recipient_refused", [1]),
        ("step=mail", [1]),
        ("q=run-2", [2]),
        ("q=2", [2]),
        ("q=c-1", [1]),
        ("q=nobody", []),
        ("before=2", [1]),
        ("before=x", [2, 1]),
    ],
)
def test_the_list_is_narrowed_by_its_address(query: str, found: list[int]) -> None:
    make_world()
    failed_run("c-1")
    start_run("c-2")

    response = signed_in(*SEE_RUNS).get(f"{reverse('runs:list')}?{query}")

    assert [run.no for run in response.context["page"].rows] == found


def test_lists_cost_the_same_number_of_queries_whatever_they_show() -> None:
    make_world()
    client = superuser()
    failed_run("c-1")
    urls = [reverse(name) for name in ("runs:list", "runs:failures", "runs:inbox")]
    before = [queries_of(client, url) for url in urls]

    for number in range(2, 6):
        failed_run(f"c-{number}")

    assert [queries_of(client, url) for url in urls] == before
    assert max(before) <= 14


# --- engine, clock, enrolment, inputs ---


def test_the_engine_page_says_whether_it_works() -> None:
    client = signed_in(*SEE_RUNS)
    assert "Engine not started." in text(client.get(reverse("runs:engine")))
    drain()
    assert "Engine running." in text(client.get(reverse("runs:engine")))


def test_the_sandbox_clock_is_driven_by_those_who_may() -> None:
    make_world()
    drain()
    client = signed_in("runs.view_run", "runs.drive_clock")

    answer = client.post(reverse("runs:advance"), {"by": "3600"}, follow=True)

    assert "Asked the engine to advance the clock: 1 hour." in text(answer)
    assert Inbox.objects.get().kind == "clock.advance"
    assert signed_in("runs.view_run", name="vic").post(reverse("runs:advance"), {"by": "3600"}).status_code == 403


def test_a_clock_is_not_driven_nowhere() -> None:
    client = signed_in("runs.view_run", "runs.drive_clock")

    assert "Nothing was done" in text(client.post(reverse("runs:advance"), {"by": "a week"}, follow=True))
    assert not Inbox.objects.exists()


def test_the_clock_cannot_be_driven_while_real_people_would_be_reached(settings: Any) -> None:
    settings.DEE_EMAIL_ADAPTER, settings.DEE_SMTP_HOST = "smtp", "127.0.0.1"
    settings.DEE_MAIL_FROM = "desk@example.org"
    client = signed_in("runs.view_run", "runs.drive_clock")

    assert "follows the database" in text(client.get(reverse("runs:clock")))
    assert "only while every channel is a sandbox" in text(
        client.post(reverse("runs:advance"), {"by": "3600"}, follow=True)
    )


def test_enrolling_counts_first_and_does_nothing() -> None:
    make_world()
    start_run("c-1"), failed_run("c-2")
    client = signed_in("runs.enrol_run", *SEE_RUNS)
    data = {"plan": "simple", "who": "list", "refs": "c-1, c-2", "round": "r1"}

    counted = client.post(reverse("runs:enrol"), data)

    assert counted.context["counted"]["refs"] == ["c-1"]  # c-2 still has its failed run
    assert "Nothing was done yet." in text(counted)
    assert Inbox.objects.filter(kind="run.start").count() == 2


def test_enrolling_again_is_asked_for_by_name() -> None:
    make_world()
    start_run("c-1")
    client = signed_in("runs.enrol_run", *SEE_RUNS)
    data = {"plan": "simple", "who": "all", "refs": "", "round": "r1", "confirm": "1"}

    once = client.post(reverse("runs:enrol"), data, follow=True)
    again = client.post(reverse("runs:enrol"), {**data, "again": "on"}, follow=True)
    drain()

    assert "0 runs of simple asked for" in text(once) and "1 had been enrolled before" in text(once)
    assert "1 run of simple asked for" in text(again)
    assert Run.objects.count() == 2


@pytest.mark.parametrize(
    ("data", "sentence", "status"),
    [
        ({"plan": "", "who": "all"}, "This field is required.", 422),
        ({"plan": "simple", "who": "list", "refs": " "}, "Name at least one contact", 422),
        ({"plan": "simple", "who": "list", "refs": "c-9", "confirm": "1"}, "There is no contact c-9.", 200),
    ],
)
def test_an_enrolment_that_cannot_be_says_why(data: dict[str, str], sentence: str, status: int) -> None:
    make_world()

    response = signed_in("runs.enrol_run", *SEE_RUNS).post(reverse("runs:enrol"), {"round": "r1", **data})

    assert (response.status_code, sentence in text(response)) == (status, True)
    assert not Inbox.objects.exists()


def test_inputs_are_listed_with_their_verdicts_and_filtered() -> None:
    make_world()
    run = failed_run()
    operations.send_command(
        run_no=run.no, command="retry", expected_n=1, command_id=str(uuid.uuid4()), actor="cli", note="too late"
    )
    drain()
    client, url = signed_in("runs.view_inbox"), reverse("runs:inbox")

    assert "Stale: decided on entry 1" in text(client.get(f"{url}?verdict=refused"))
    assert [row.kind for row in client.get(f"{url}?kind=run.start").context["page"].rows] == ["run.start"]
    assert "No input like that" in text(client.get(f"{url}?verdict=duplicate"))


# --- the overview ---


def test_the_overview_shows_what_needs_an_operator() -> None:
    make_world(daily_limits=[{"key": "open-email-day", "channel": "email", "limit": 1}])
    failed_run("c-1", behaves="timeout-after")
    start_run("c-2")

    page = text(superuser().get(reverse("admin:index")))

    assert "1 failed run</strong></a> waits for a retry" in page
    assert "Nobody knows what came of it." in page
    assert "open-email-day is used up" in page
    assert "The daily limit is used up" in page  # held now
    assert "was never checked as a whole" in page
    assert "held by the rule daily_limit" in page  # stopped today
    assert "nothing leaves this machine" in page and "of the newest 1: 1 unknown" in page


def test_the_overview_of_an_empty_house_tells_where_to_begin() -> None:
    page = text(superuser().get(reverse("admin:index")))

    assert "No failed run waits for you." in page
    assert "No run was started in the last 14 days." in page


def test_the_overview_refreshes_by_itself_and_costs_a_fixed_number_of_queries() -> None:
    make_world()
    failed_run("c-1")
    client = superuser()
    before = queries_of(client, reverse("admin:index"))
    failed_run("c-2"), start_run("c-3")

    part = client.get(reverse("admin:index"), **HTMX)

    assert "<html" not in text(part) and "every 15s" in text(part)
    assert queries_of(client, reverse("admin:index")) == before <= 22


def test_somebody_without_rights_sees_an_overview_without_numbers() -> None:
    make_world()
    failed_run()

    page = text(signed_in().get(reverse("admin:index")))

    assert "You may not see runs" in page and "smtp_recipient_refused" not in page
