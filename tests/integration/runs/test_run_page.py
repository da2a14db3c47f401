"""The page of one run: why it stands where it stands, its timeline, its path."""

import uuid
from typing import Any

import pytest
from django.urls import reverse

from plans import queries as plan_queries
from runs.models import Inbox, Run
from tests.factories_runs import COMMAND, SEE_RUNS, command, failed_run, make_world, signed_in, start_run, superuser
from tests.integration.runs.asking import HTMX, act, form, queries_of, text
from tests.tampering import guards_down

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_failed_run_says_why_it_stands_and_what_is_needed() -> None:
    make_world()
    run = failed_run()

    page = text(signed_in(*COMMAND).get(reverse("runs:run", args=[run.no])))

    assert "Stopped at mail:" in page and "refused the recipient address" in page
    assert "The message certainly did not leave." in page
    assert "step_failed:smtp_recipient_refused" in page
    assert page.count("<dialog") == 6  # retry, resolve, skip, cancel, the keys, and the help of the page


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
    assert "The plan version of run-1 is not what it was; verify the stream of its plan first." in page


def test_a_command_that_was_never_given_is_not_said_to_be_queued() -> None:
    make_world()
    run = failed_run()

    page = text(signed_in(*COMMAND).get(f"{reverse('runs:run', args=[run.no])}?command={uuid.uuid4()}"))

    assert "queued" not in page
