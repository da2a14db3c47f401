"""Commands through pages: the form of each of the nine, what it asks for, and what is said when it cannot be."""

import re
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from runs import inbox
from runs.models import Inbox, Run
from tests.factories import MAIL_STEPS, make_plan, make_template
from tests.factories_runs import COMMAND, command, failed_run, make_world, signed_in, start_run
from tests.functional.engine import advance, drain, last, types
from tests.functional.engine import run as now
from tests.integration.runs.asking import CALL_STEPS, HTMX, TASK_STEPS, act, evidence, form, lost_run, queries_of, text

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
        ("resolve", {"label": ""}, "Choose one of the outcomes."),
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

    assert signed_in(*COMMAND).get(act(run, "undo")).status_code == 404


# --- what each of them asks for, and says of itself ---

SAYS = {
    "retry": "a new message, through the whole policy gate, counted anew against limits and budget",
    "resolve": "Nothing is sent, the counters stay as they are, and the log says that it was you who said so",
    "skip": "Nothing is sent or counted; the log says that the step was skipped",
    "cancel": "The run stops for good and nothing more is sent for it",
    "redispatch": "is not counted twice, and the log ties it to the first dispatch",
    "send_again": "counts against limits and budget once more, and the log marks it as a possible duplicate",
}


@pytest.mark.parametrize("name", SAYS)
def test_a_form_says_what_the_command_does_to_message_counters_and_log(name: str) -> None:
    make_world()
    run = lost_run() if name in ("redispatch", "send_again") else failed_run()

    page = text(signed_in(*COMMAND).get(act(run, name)))

    assert SAYS[name] in page
    assert "Reason, for the audit log" in page


@pytest.mark.parametrize("name", ["resolve", "skip"])
def test_an_outcome_is_chosen_with_where_it_leads(name: str) -> None:
    make_world()
    run = failed_run()
    client = signed_in(*COMMAND)

    assert "sent → done" in text(client.get(act(run, name)))
    client.post(act(run, name), form(run, label="sent"))
    drain()

    assert now().status == "COMPLETED"
    assert types().count("step.skipped") == (name == "skip")


def test_a_redispatch_says_how_long_its_key_still_lives_and_sends_the_same_message() -> None:
    make_world()
    run = lost_run()
    advance(120)
    client, run = signed_in(*COMMAND), now()

    assert "The adapter knows the key for 23 h 5" in text(client.get(act(run, "redispatch")))
    client.post(act(run, "redispatch"), form(run))
    drain()

    assert now().status == "COMPLETED"
    assert last("send.redispatched")["intent"] == last("send.intended")["intent"]


def test_a_redispatch_without_a_living_key_is_refused_with_the_ways_that_are_left() -> None:
    make_world()
    run = lost_run()
    advance(86_400)

    page = text(signed_in(*COMMAND).get(act(run, "redispatch")))

    assert "does not know this message by a key (or not any more)" in page and "<textarea" not in page


@pytest.mark.parametrize("typed", ["", "yes", "run-2", "run 1"])
def test_a_second_send_warns_and_wants_the_runs_name_typed(typed: str) -> None:
    make_world()
    run = lost_run()
    client = signed_in(*COMMAND)

    page = text(client.get(act(run, "send_again")))
    refused = client.post(act(run, "send_again"), form(run, confirmation=typed))

    assert "the contact may get both" in page and "Type run-1 to say that you mean it" in page
    assert refused.status_code == 422
    assert not Inbox.objects.filter(kind="command").exists()


def test_a_second_send_that_is_confirmed_is_marked_as_a_possible_duplicate() -> None:
    make_world()
    run = lost_run()

    signed_in(*COMMAND).post(act(run, "send_again"), form(run, confirmation=" run-1 "))
    drain()

    assert last("send.intended")["may_duplicate_of"]
    assert types().count("send.intended") == 2


def test_a_run_is_held_and_released() -> None:
    make_world()
    steps = {"wait": {"kind": "wait", "seconds": 3600, "on": {"completed": "mail"}}, **MAIL_STEPS}
    make_plan("later", steps)
    run, client = start_run(plan="later"), signed_in(*COMMAND)

    client.post(act(run, "hold"), form(run))
    advance(7200)
    held = now()
    page = text(client.get(reverse("runs:run", args=[run.no])))
    client.post(act(held, "release"), form(held))
    drain()

    assert (held.status, held.reason) == ("PAUSED", "held")
    assert "Held at wait:" in page and "It goes on when somebody releases it." in page
    assert now().status == "COMPLETED"


def test_a_task_is_completed_with_what_came_of_it_and_never_with_its_timeout() -> None:
    make_world()
    make_plan("desk", TASK_STEPS)
    run, client = start_run(plan="desk"), signed_in(*COMMAND)

    page = text(client.get(act(run, "complete_task")))
    timeout = client.post(act(run, "complete_task"), form(run, label="timeout"))
    client.post(act(run, "complete_task"), form(run, label="paid"))
    drain()

    assert "Ring the bank" in page and "Ask for the payment of last month." in page
    assert "paid → done" in page and "timeout →" not in page
    assert timeout.status_code == 422
    assert last("run.completed")["result"] == "finished"


# --- when the run has changed ---


def test_a_form_of_a_step_the_run_has_left_is_stale_and_not_wrong() -> None:
    make_world()
    run = failed_run()
    command(run, "retry")

    response = signed_in(*COMMAND).post(act(run, "resolve"), form(run, label="nothing of it"))

    assert response.status_code == 409


def test_a_command_that_the_engine_finds_stale_says_who_did_what() -> None:
    make_world()
    run = failed_run()
    jon = User.objects.create_user("jon")
    client, data = signed_in(*COMMAND), form(run)
    client.post(act(run), data)
    body = {"command": "cancel", "run": run.no, "expected_n": run.n, "actor": f"user:{jon.pk}", "note": None}
    first = inbox.put(source="command", external_id=str(uuid.uuid4()), kind="command", body=body | {"label": ""})
    Inbox.objects.filter(pk=first.id).update(received_at="2020-01-01T00:00:00Z")
    drain()

    page = text(client.get(reverse("runs:verdict", args=[data["command_id"]]), **HTMX))

    assert "Retry was refused." in page and "Stale: decided on entry" in page
    assert "jon chose “cancel”" in page


# --- evidence ---


def test_evidence_is_one_click_from_the_resolution_it_speaks_for() -> None:
    make_world()
    run = lost_run()
    evidence(run, "delivered")
    run, client = now(), signed_in(*COMMAND)

    page = text(client.get(reverse("runs:run", args=[run.no])))
    form_page = text(client.get(f"{act(run, 'resolve')}?label=sent"))

    assert "The provider reported delivered on" in page and "So the step ended with “sent”." in page
    assert "Resolve as sent…" in page
    assert re.search(r'<input type="radio" name="label" value="sent"[^>]* checked', form_page)
    assert client.post(act(run, "resolve"), form(run, label="sent")).status_code == 302


def test_evidence_that_nothing_left_opens_the_way_to_a_retry() -> None:
    make_world()
    make_template("script", "voice", "Hello.")
    make_plan("ring", CALL_STEPS)
    run = lost_run(plan="ring")
    evidence(run, "failed")
    run, client = now(), signed_in(*COMMAND)

    page = text(client.get(reverse("runs:run", args=[run.no])))

    assert "It did not leave, so a retry sends it once." in page
    assert client.get(act(run, "retry")).status_code == 200 and "can be retried" in page


def test_a_command_form_costs_a_fixed_number_of_queries() -> None:
    make_world()
    run, client = failed_run(), signed_in(*COMMAND)

    assert queries_of(client, act(run)) <= 14
