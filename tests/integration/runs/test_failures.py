"""The failure inbox: failed runs by cause, and what is offered for the ticked ones and for all that match."""

import pytest
from django.urls import reverse

from runs.many import bulk
from runs.queries import RunFilter
from tests.factories_runs import COMMAND, SEE_RUNS, failed_run, make_world, signed_in
from tests.integration.runs.asking import lost_run, queries_of, text

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_empty_inbox_says_what_would_fill_it() -> None:
    assert "Nothing has failed" in text(signed_in(*SEE_RUNS).get(reverse("runs:failures")))


def test_failures_are_grouped_by_cause_and_a_group_filters_the_rows() -> None:
    make_world()
    failed_run("c-1"), failed_run("c-2"), lost_run("c-3")
    client = signed_in(*COMMAND)

    response = client.get(reverse("runs:failures"))
    narrowed = client.get(
        f"{reverse('runs:failures')}?reason=unknown_outcome:smtp_timeout_after_data&step=mail&plan=simple"
    )

    assert [(cause.runs, cause.share) for cause, _ in response.context["causes"]] == [(2, 100), (1, 50)]
    assert [run.no for run in response.context["page"].rows] == [1, 2, 3]
    assert [run.no for run in narrowed.context["page"].rows] == [3]
    assert 'value="3:5"' in text(narrowed)


@pytest.mark.parametrize(
    ("query", "offered"),
    [
        ({"status": "FAILED"}, {"retry", "resolve", "skip", "redispatch", "cancel"}),
        ({"status": "FAILED", "reason": "step_failed"}, {"retry", "resolve", "skip", "cancel"}),
        (
            {"status": "FAILED", "reason": "unknown_outcome:outcome_lost"},
            {"retry", "resolve", "skip", "redispatch", "cancel"},
        ),
        ({"status": "WAITING"}, {"hold", "cancel"}),
        ({"status": "PAUSED", "reason": "held"}, {"release", "cancel"}),
        ({"status": "PAUSED", "reason": "daily_limit"}, {"hold", "cancel"}),
        ({"status": "COMPLETED"}, set()),
        ({"status": "DISPATCHING"}, set()),
        ({"plan": "simple"}, {"retry", "resolve", "skip", "redispatch", "hold", "release", "cancel"}),
    ],
)
def test_only_commands_that_some_run_of_the_list_could_take_are_offered(
    query: dict[str, str], offered: set[str]
) -> None:
    assert set(bulk.offered(RunFilter(**query))) == offered


def test_all_that_match_is_a_choice_of_its_own_that_says_how_many_they_are() -> None:
    make_world()
    for number in range(3):
        failed_run(f"c-{number}")

    page = text(signed_in(*COMMAND).get(f"{reverse('runs:failures')}?step=mail"))

    assert "Act on all 3 FAILED runs at step mail…" in page
    assert page.count('name="all" value="1"') == 1


def test_more_runs_than_one_list_may_hold_are_not_offered_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST", 1)
    make_world()
    failed_run("c-1"), failed_run("c-2")

    page = text(signed_in(*COMMAND).get(reverse("runs:failures")))

    assert "runs match" in page and "Narrow the list" in page
    assert 'name="all"' not in page


def test_who_may_only_look_sees_the_buttons_off_and_why() -> None:
    make_world()
    failed_run()

    page = text(signed_in(*SEE_RUNS).get(reverse("runs:failures")))

    assert page.count('disabled aria-describedby="no-right"') == 8
    assert "You may look at runs, but not command them." in page
    assert 'name="all"' not in page


def test_the_runs_list_offers_what_runs_of_its_status_could_take() -> None:
    make_world()
    failed_run()
    client, url = signed_in(*COMMAND), reverse("runs:list")

    assert "Act on all" not in text(client.get(url))  # nothing was narrowed
    assert "Act on all 1 run of plan simple…" in text(client.get(f"{url}?plan=simple"))
    assert "Act on all" not in text(client.get(f"{url}?status=COMPLETED"))
    assert "Act on all" not in text(signed_in(*SEE_RUNS, name="vic").get(f"{url}?plan=simple"))


def test_the_inbox_costs_the_same_number_of_queries_whatever_it_shows() -> None:
    make_world()
    client, url = signed_in(*COMMAND), reverse("runs:failures")
    failed_run("c-0")
    before = queries_of(client, url)
    for number in range(1, 4):
        failed_run(f"c-{number}")

    assert queries_of(client, url) == before == 11
