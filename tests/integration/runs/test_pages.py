"""The operator's pages: who sees them, what they say, and what a command through them does."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from plans import queries as plan_queries
from runs import operations
from runs.models import Inbox, Run
from tests.factories_runs import COMMAND, SEE_RUNS, command, failed_run, make_world, signed_in, start_run, superuser
from tests.functional.engine import drain, types
from tests.tampering import guards_down

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = {
    "runs:list": "runs.view_run",
    "runs:failures": "runs.view_run",
    "runs:engine": "runs.view_run",
    "runs:clock": "runs.view_run",
    "runs:inbox": "runs.view_inbox",
    "runs:enrol": "runs.enrol_run",
    "runs:bulk_result": "runs.command_run",
}
HTMX = {"HTTP_HX_REQUEST": "true"}


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def queries_of(client: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


def act(run: Run, name: str = "retry") -> str:
    return reverse("runs:act", args=[run.no, name])


def form(run: Run, **changes: Any) -> dict[str, Any]:
    return {"expected_n": run.n, "command_id": str(uuid.uuid4()), "note": "the server is back"} | changes


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
    assert "<dialog" not in page.replace('<dialog class="dialog" id="dee-keys"', "")
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
    assert max(before) <= 8


# --- one run ---


def test_a_failed_run_says_why_it_stands_and_what_is_needed() -> None:
    make_world()
    run = failed_run()

    page = text(signed_in(*COMMAND).get(reverse("runs:run", args=[run.no])))

    assert "Stopped at mail:" in page and "refused the recipient address" in page
    assert "The message certainly did not leave." in page
    assert "step_failed:smtp_recipient_refused" in page
    assert page.count("<dialog") == 4  # three commands and the keyboard help


def test_the_timeline_writes_the_gates_reasons_out_with_their_numbers() -> None:
    make_world(calling_hours=[])
    run = start_run()

    page = text(signed_in(*SEE_RUNS).get(reverse("runs:run", args=[run.no])))

    assert "consent email granted v1 express_written" in page
    assert "limit open-email-day 0/100000" in page
    assert "budget open-budget 0.00/100000.00 EUR (+0.001)" in page
    assert "suppression clear" in page


@pytest.mark.parametrize(
    ("show", "seen"),
    [
        ("all", ["run.started", "gate.decided", "send.intended", "send.outcome", "run.failed"]),
        ("sends", ["send.intended", "send.outcome"]),
        ("policy", ["gate.decided"]),
        ("errors", ["send.outcome", "run.failed"]),
        ("operator", []),
        ("nonsense", ["run.started", "gate.decided", "send.intended", "send.outcome", "run.failed"]),
    ],
)
def test_the_timeline_is_filtered(show: str, seen: list[str]) -> None:
    make_world()
    run = failed_run()

    response = signed_in(*SEE_RUNS).get(f"{reverse('runs:run', args=[run.no])}?show={show}")

    assert [row.line.type for row in response.context["rows"]] == seen


def test_the_picture_shows_the_path_of_the_runs_own_version() -> None:
    make_world()
    failed, done = failed_run("c-1"), start_run("c-2")
    client = signed_in(*SEE_RUNS)

    states = [
        {card.name: card.state for card in client.get(reverse("runs:run", args=[run.no])).context["picture"].cards}
        for run in (failed, done)
    ]

    assert states == [{"mail": "failed", "done": "none"}, {"mail": "done", "done": "done"}]


def test_a_poll_gets_204_until_something_happens_and_a_final_run_is_not_polled() -> None:
    make_world()
    run = failed_run()
    client, url = signed_in(*COMMAND), reverse("runs:run", args=[run.no])

    assert client.get(f"{url}?n={run.n}", **HTMX).status_code == 204
    part = client.get(f"{url}?n={run.n - 1}", **HTMX)
    assert part.status_code == 200 and "<html" not in text(part) and "every 3s" in text(part)
    command(run, "cancel")
    assert "every 3s" not in text(client.get(f"{url}?n={run.n}", **HTMX))


def test_the_neighbours_are_the_failed_runs_before_and_after() -> None:
    make_world()
    first, _, last = failed_run("c-1"), start_run("c-2"), failed_run("c-3")

    context = signed_in(*SEE_RUNS).get(reverse("runs:run", args=[2])).context

    assert (context["before"], context["after"]) == (first.no, last.no)


def test_a_run_page_costs_the_same_number_of_queries_however_long_its_story_is() -> None:
    make_world()
    run, client = failed_run(), superuser()
    before = queries_of(client, reverse("runs:run", args=[run.no]))

    for _ in range(3):
        command(Run.objects.get(no=run.no), "retry")

    after = queries_of(client, reverse("runs:run", args=[run.no]))
    assert before <= 14
    assert after == before + 1  # the reasons that were typed, all of them in one


def test_a_broken_chain_is_said_first_and_no_retry_is_offered(owner: Any) -> None:
    make_world()
    run = failed_run()
    with guards_down(owner):
        owner.execute(
            "UPDATE audit_entry SET body = replace(body, 'allow', 'ALLOW') WHERE st = %s AND n = 2", [run.stream]
        )
    client = signed_in(*COMMAND)

    page = text(client.get(reverse("runs:run", args=[run.no])))
    answer = client.post(act(run), form(run))

    assert "BROKEN at entry 2 (altered_text)." in page
    assert "proves nothing: the chain breaks at 2" in page
    assert answer.status_code == 422 and "own evidence is broken at entry 2" in text(answer)
    assert not Inbox.objects.filter(kind="command").exists()


def test_a_plan_version_that_was_changed_behind_its_guards_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    make_world()
    run = failed_run()

    def corrupt(version_id: int) -> None:
        raise plan_queries.Corrupt("changed")

    monkeypatch.setattr(plan_queries, "parsed", corrupt)
    page = text(signed_in(*COMMAND).get(reverse("runs:run", args=[run.no])))

    assert "The stored plan version is not what it was:" in page
    assert "has no outcome to resolve it with" in page


def test_a_command_that_was_never_given_is_not_said_to_be_queued() -> None:
    make_world()
    run = failed_run()

    page = text(signed_in(*COMMAND).get(f"{reverse('runs:run', args=[run.no])}?command={uuid.uuid4()}"))

    assert "queued" not in page


# --- commands ---


def test_a_command_has_a_page_of_its_own_for_browsers_without_script() -> None:
    make_world()
    run = failed_run()

    page = text(signed_in(*COMMAND).get(act(run)))

    assert "Retry mail?" in page and f'name="expected_n" value="{run.n}"' in page


def test_a_retry_is_queued_and_its_verdict_is_polled_until_the_engine_has_decided() -> None:
    make_world()
    run = failed_run(behaves="flaky")
    client, data = signed_in(*COMMAND), form(run)

    answer = client.post(act(run), data)
    assert answer.status_code == 302
    assert answer["Location"] == f"{reverse('runs:run', args=[run.no])}?command={data['command_id']}"
    verdict = reverse("runs:verdict", args=[data["command_id"]])
    waiting = text(client.get(verdict, **HTMX))
    drain()
    decided = text(client.get(verdict, **HTMX))

    assert "is queued" in waiting and "every 1s" in waiting
    assert "Retry was carried out" in decided and "every 1s" not in decided
    assert Run.objects.get(no=run.no).status == "COMPLETED"
    assert "“the server is back”" in text(client.get(reverse("runs:run", args=[run.no])))


def test_sending_the_same_form_twice_does_nothing_twice() -> None:
    make_world()
    run = failed_run()
    client, data = signed_in(*COMMAND), form(run)

    client.post(act(run), data)
    client.post(act(run), data)
    drain()

    assert types(run.no).count("command.accepted") == 1


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("retry", {"note": " "}, "Give a reason"),
        ("retry", {"expected_n": ""}, "The form is incomplete"),
        ("resolve", {"label": ""}, "Say what came of the step."),
        ("resolve", {"label": "delivered"}, "Choose one of the step&#x27;s own outcomes."),
    ],
)
def test_a_form_that_is_not_right_is_refused_beside_its_field(name: str, changes: Any, sentence: str) -> None:
    make_world()
    run = failed_run()

    response = signed_in(*COMMAND).post(act(run, name), form(run, **changes))

    assert response.status_code == 422
    assert sentence in text(response)
    assert not Inbox.objects.filter(kind="command").exists()


def test_a_command_that_the_status_does_not_allow_is_refused_with_the_rules_sentence() -> None:
    make_world()
    run = start_run()

    response = signed_in(*COMMAND).post(act(run), form(run))

    assert response.status_code == 422
    assert "Retry is possible for FAILED runs; this one is COMPLETED." in text(response)


def test_a_stale_command_does_nothing_and_is_told_who_did_what() -> None:
    make_world()
    run = failed_run()
    jon = User.objects.create_user("jon")
    command(run, "retry", actor=f"user:{jon.pk}", note="outage over")

    response = signed_in(*COMMAND).post(act(run), form(run))

    assert response.status_code == 409
    page = text(response)
    assert "Nothing was done." in page and f"you saw entry {run.n}" in page
    assert "jon chose “retry”: “outage over”." in page
    assert Inbox.objects.filter(kind="command").count() == 1


def test_a_stale_command_over_htmx_gets_the_sentence_alone() -> None:
    make_world()
    run = failed_run()
    command(run, "cancel")

    response = signed_in(*COMMAND).post(act(run), form(run), **HTMX)

    assert response.status_code == 409
    assert "<html" not in text(response)


def test_htmx_is_led_on_by_a_header() -> None:
    make_world()
    run = failed_run()

    response = signed_in(*COMMAND).post(act(run), form(run), **HTMX)

    assert response.headers["HX-Redirect"].startswith(reverse("runs:run", args=[run.no]))


def test_a_command_nobody_knows_is_a_404() -> None:
    make_world()
    run = failed_run()

    assert signed_in(*COMMAND).get(act(run, "skip")).status_code == 404


# --- the failure inbox ---


def test_an_empty_inbox_says_what_would_fill_it() -> None:
    assert "Nothing has failed" in text(signed_in(*SEE_RUNS).get(reverse("runs:failures")))


def test_failures_are_grouped_by_cause_and_a_group_filters_the_rows() -> None:
    make_world()
    failed_run("c-1"), failed_run("c-2"), failed_run("c-3", behaves="timeout-after")
    client = signed_in(*COMMAND)

    response = client.get(reverse("runs:failures"))
    narrowed = client.get(
        f"{reverse('runs:failures')}?reason=unknown_outcome:smtp_timeout_after_data&step=mail&plan=simple"
    )

    assert [(cause.runs, cause.share) for cause, _ in response.context["causes"]] == [(2, 100), (1, 50)]
    assert [run.no for run in response.context["page"].rows] == [3, 2, 1]
    assert [run.no for run in narrowed.context["page"].rows] == [3]
    assert 'value="3:5"' in text(narrowed)


def test_a_bulk_retry_shows_first_what_would_happen_and_then_gives_one_command_each() -> None:
    make_world()
    runs = [
        failed_run("c-1", behaves="flaky"),
        failed_run("c-2", behaves="timeout-after"),
        failed_run("c-3", behaves="flaky"),
    ]
    command(runs[2], "cancel")
    rows = [f"{run.no}:{run.n}" for run in runs]
    client, url = signed_in(*COMMAND), reverse("runs:bulk")

    dry = client.get(url, {"command": "retry", "row": rows, "reason": "x"})
    assert [bool(one["refusal"]) for one in dry.context["chosen"]] == [False, True, True]
    assert "could send it twice" in text(dry) and "It changed since you ticked it" in text(dry)
    assert Inbox.objects.filter(kind="command").count() == 1

    data = {"command": "retry", "row": rows, "note": "server is back", "batch": str(uuid.uuid4())}
    answer = client.post(f"{url}?reason=x", data)
    again = client.post(f"{url}?reason=x", data)
    waiting = client.get(answer["Location"])
    drain()
    done = client.get(answer["Location"], **HTMX)

    assert answer["Location"] == again["Location"]
    assert waiting.context["waiting"] == 1 and "every 2s" in text(waiting)
    assert done.context["applied"] == 1 and "every 2s" not in text(done)
    assert [Run.objects.get(no=run.no).status for run in runs] == ["COMPLETED", "FAILED", "STOPPED"]
    assert done.context["back"] == f"{reverse('runs:failures')}?reason=x"
    assert Inbox.objects.filter(kind="command").count() == 2


def test_a_bulk_resolve_gives_every_run_the_same_outcome() -> None:
    make_world()
    runs = [failed_run("c-1"), failed_run("c-2")]
    client = signed_in(*COMMAND)
    data = {"command": "resolve", "row": [f"{run.no}:{run.n}" for run in runs], "note": "sent by hand", "label": "sent"}

    client.post(reverse("runs:bulk"), {**data, "batch": str(uuid.uuid4())})
    drain()

    assert {run.status for run in Run.objects.all()} == {"COMPLETED"}


def test_a_bulk_action_needs_a_reason_and_ticked_runs() -> None:
    make_world()
    run = failed_run()
    client, url = signed_in(*COMMAND), reverse("runs:bulk")

    assert "No run is ticked" in text(client.get(url, {"command": "retry"}))
    refused = client.post(url, {"command": "retry", "row": f"{run.no}:{run.n}", "batch": str(uuid.uuid4()), "note": ""})
    assert refused.status_code == 422 and "Give a reason" in text(refused)
    assert client.get(url, {"command": "cancel", "row": "1:5"}).status_code == 404


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
