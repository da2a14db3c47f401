"""Commands through pages: one run's dialogs, the failure inbox, bulk actions."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from runs.models import Inbox, Run
from tests.factories_runs import COMMAND, SEE_RUNS, command, failed_run, make_world, signed_in, start_run
from tests.functional.engine import drain, types
from tests.integration.runs.asking import HTMX, act, form, text

pytestmark = pytest.mark.django_db(transaction=True)


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
