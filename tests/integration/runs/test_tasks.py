"""Tasks: what people have to do before runs go on, found on one page and completed there or on the run."""

from typing import Any

import pytest
from django.urls import reverse

from runs import queries
from runs.models import Inbox, Run
from tests.factories import make_plan
from tests.factories_runs import COMMAND, SEE_RUNS, make_world, signed_in, start_run, superuser
from tests.functional.engine import advance, drain
from tests.integration.runs.asking import HTMX, TASK_STEPS, act, form, queries_of, text

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> None:
    make_world()
    make_plan("desk", TASK_STEPS)
    quick = {**TASK_STEPS["ring-the-bank"], "title": "Look at the file", "timeout_s": 3600}
    make_plan("hurry", {**TASK_STEPS, "ring-the-bank": quick})


def page(client: Any, query: str = "") -> Any:
    return client.get(f"{reverse('runs:tasks')}{query}")


def test_without_a_task_the_page_says_what_would_fill_it() -> None:
    assert "Nobody has to do anything" in text(page(signed_in(*SEE_RUNS)))


@pytest.mark.usefixtures("world")
def test_open_tasks_are_listed_with_the_oldest_deadline_first() -> None:
    start_run("c-1", plan="desk"), start_run("c-2", plan="hurry"), start_run("c-3", plan="simple")

    response = page(signed_in(*COMMAND))

    assert [(run.no, task.title) for run, task in response.context["rows"]] == [
        (2, "Look at the file"),
        (1, "Ring the bank"),
    ]
    assert "ring-the-bank of hurry" in text(response) and "c-2" in text(response)


@pytest.mark.usefixtures("world")
def test_a_task_is_completed_from_the_page_and_its_verdict_shown_there() -> None:
    run = start_run(plan="desk")
    client, url = signed_in(*COMMAND), f"{act(run, 'complete_task')}?from=tasks"

    opened = text(client.get(url, **HTMX))
    data = form(run, label="refused", note="The bank has no such payment.")
    answer = client.post(url, data)
    drain()
    after = text(client.get(answer["Location"]))

    assert "Have the file at hand." in opened and f'action="{url}"' in opened and "<html" not in opened
    assert answer["Location"] == f"{reverse('runs:tasks')}?command={data['command_id']}"
    assert reverse("runs:verdict", args=[data["command_id"]]) in after and "Nobody has to do anything" in after
    assert Run.objects.get().reason == "refused"


@pytest.mark.usefixtures("world")
def test_a_task_nobody_did_is_gone_when_its_time_is_up() -> None:
    start_run(plan="hurry")
    advance(3600)

    assert page(signed_in(*COMMAND)).context["rows"] == []
    assert Run.objects.get().reason == "nobody_did_it"


@pytest.mark.usefixtures("world")
def test_the_run_says_what_has_to_be_done_until_when_and_with_which_outcomes() -> None:
    run = start_run(plan="desk")

    shown = text(signed_in(*COMMAND).get(reverse("runs:run", args=[run.no])))

    assert "Waiting at ring-the-bank:" in shown and "for a person to do a task." in shown
    assert "Task: Ring the bank" in shown and "Ask for the payment of last month.<br>" in shown
    assert "<strong>paid</strong> → done" in shown and "with <strong>timeout</strong> → late" in shown


@pytest.mark.usefixtures("world")
def test_who_may_only_look_sees_why_a_task_cannot_be_completed() -> None:
    run = start_run(plan="desk")
    viewer = signed_in(*SEE_RUNS)

    shown = text(page(viewer))

    assert "You may look at runs, but not command them." in shown
    assert 'disabled aria-describedby="forbidden"' in shown and "<details" not in shown
    assert viewer.post(act(run, "complete_task"), form(run, label="paid")).status_code == 403
    assert not Inbox.objects.filter(kind="command").exists()


@pytest.mark.usefixtures("world")
def test_the_overview_counts_open_tasks() -> None:
    start_run("c-1", plan="desk"), start_run("c-2", plan="hurry")

    assert "2 tasks</strong></a> wait for a person" in text(superuser().get(reverse("admin:index")))


@pytest.mark.usefixtures("world")
def test_the_list_is_paged_by_deadline_and_costs_the_same_whatever_its_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = signed_in(*COMMAND)
    start_run("c-0", plan="desk")
    before = queries_of(client, reverse("runs:tasks"))
    for number in range(1, 4):
        start_run(f"c-{number}", plan="desk")
    assert queries_of(client, reverse("runs:tasks")) == before <= 7

    monkeypatch.setattr(queries, "PAGE", 2)
    first = page(client)
    second = page(client, first.context["further"])

    assert [run.no for run, _ in first.context["rows"]] == [1, 2]
    assert [run.no for run, _ in second.context["rows"]] == [3, 4]
    assert second.context["further"] == ""
