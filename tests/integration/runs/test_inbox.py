"""The failure inbox: which failures it shows, in which order, what each row says, and the same as a file."""

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from runs import clock, csv_out
from runs.models import Run
from runs.triaging import failure_filter, failure_rows, triage
from tests.factories_runs import COMMAND, SEE_RUNS, command, failed_run, make_world, signed_in
from tests.functional.engine import advance
from tests.integration.runs.asking import HTMX, evidence, lost_run, queries_of, text

pytestmark = pytest.mark.django_db(transaction=True)

HOUR, DAY = 3600, 86_400
ME = ("runs.view_run", "runs.command_run", "audit.verify_log")


def inbox(client: Client, query: str = "", **headers: Any) -> Any:
    return client.get(f"{reverse('runs:failures')}?{query}", **headers)


def numbers(response: Any) -> list[int]:
    return [run.no for run in response.context["page"].rows]


def row_of(response: Any, no: int) -> Any:
    return next(row for row in response.context["rows"] if row.run.no == no)


def actor(name: str = "maria") -> str:
    return f"user:{User.objects.get(username=name).pk}"


def seen(run: Run) -> dict[int, tuple[int, int]]:
    acts = triage.of(run).acts
    return {run.no: (run.n, len(acts))}


@pytest.fixture
def failures() -> list[Run]:
    """Three failures: one of three days ago, one of two hours ago whose message may have arrived, one of now."""
    make_world()
    old = failed_run("c-1")
    advance(3 * DAY - 2 * HOUR)
    lost = lost_run("c-2")
    advance(2 * HOUR)
    return [old, lost, failed_run("c-3")]


# --- what is shown, in which order ---


@pytest.mark.usefixtures("failures")
def test_the_oldest_failure_comes_first_and_the_page_says_how_old_it_is() -> None:
    page = inbox(signed_in(*COMMAND))

    assert numbers(page) == [1, 2, 3]
    assert 3 * DAY <= page.context["oldest_s"] < 3 * DAY + 600
    assert "3 failed" in text(page) and "oldest 3 d" in text(page)
    assert numbers(inbox(page.client, "sort=newest")) == [3, 2, 1]


@pytest.mark.usefixtures("failures")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("age=1h", [1, 2]),
        ("age=1d", [1]),
        ("age=7d", []),
        ("unknown=1", [2]),
        ("reason=step_failed", [1, 3]),
        ("step=mail&age=1h", [1, 2]),
        ("plan=other", []),
        ("age=nonsense&who=%27--&sort=sideways", [1, 2, 3]),
    ],
)
def test_the_address_narrows_the_list(query: str, found: list[int]) -> None:
    assert numbers(inbox(signed_in(*COMMAND), query)) == found


@pytest.mark.usefixtures("failures")
def test_a_filter_without_hits_says_so_and_offers_to_drop_it() -> None:
    page = text(inbox(signed_in(*COMMAND), "age=7d&reason=step_failed"))

    assert "No failed run matches" in page and "Drop the filters" in page
    assert f'href="{reverse("runs:failures")}"' in page


def test_causes_are_links_that_keep_the_other_filters_and_know_their_oldest(failures: list[Run]) -> None:
    page = inbox(signed_in(*COMMAND), "age=1h")

    causes = {group.reason: (group.runs, about["url"]) for group, about in page.context["causes"]}
    assert causes.keys() == {"step_failed:smtp_recipient_refused", "unknown_outcome:smtp_timeout_after_data"}
    count, url = causes["unknown_outcome:smtp_timeout_after_data"]
    assert count == 1 and "age=1h" in url and "step=mail" in url
    chosen = page.client.get(url)
    assert numbers(chosen) == [failures[1].no]
    assert [about["folded"] for _, about in chosen.context["causes"]].count(False) == 1


def test_who_looks_after_it_narrows_too(failures: list[Run]) -> None:
    client, jon = signed_in(*COMMAND), signed_in(*COMMAND, name="jon")
    triage.assign(actor=actor(), seen=seen(failures[0]), to=actor())
    triage.assign(actor=actor(), seen=seen(failures[1]), to=actor("jon"))
    jons = User.objects.get(username="jon").pk

    assert numbers(inbox(client, "who=me")) == [1]
    assert numbers(inbox(client, "who=nobody")) == [3]
    assert numbers(inbox(client, f"who={jons}")) == numbers(inbox(jon, "who=me")) == [2]


def test_a_long_list_is_read_page_by_page_without_losing_or_repeating_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.triaging.failure_queries.PAGE", 2)
    make_world()
    for number in range(3):  # of one instant: the order goes on by number
        failed_run(f"c-{number}")
    client = signed_in(*COMMAND)

    first = inbox(client, "reason=step_failed")
    further = client.get(first.context["further"])

    assert (numbers(first), numbers(further)) == ([1, 2], [3])
    assert "reason=step_failed" in first.context["further"] and further.context["further"] == ""
    assert "Oldest failures" in text(further)

    asked = {"list": "failures", "command": "skip", "row": ["3:5"], "reason": "step_failed", "after": "17-2"}
    frozen = client.post(reverse("runs:freeze"), asked, follow=True)
    assert frozen.context["bulk"].back == f"{reverse('runs:failures')}?reason=step_failed&after=17-2"


# --- what a row says ---


def test_a_row_says_what_happened_since_when_how_often_and_what_may_be_asked(failures: list[Run]) -> None:
    command(failures[0], "retry")
    page = inbox(signed_in(*COMMAND))
    row = row_of(page, 1)

    assert row.happened == "The mail server refused the recipient address."
    assert row.run.attempts == 2 and row.age_s < 600
    assert [ask.button for ask in row.possible] == ["Retry", "Resolve", "Skip", "Cancel"]
    assert {ask.name for ask in row.refused} == {"redispatch", "send_again"}
    assert "The message certainly did not leave: retry it." in text(page)
    assert "simple v1" in text(page)


def test_a_message_that_may_have_arrived_warns_of_the_second_one_until_it_is_known() -> None:
    make_world()
    failed_run("c-1")
    lost = lost_run("c-2")
    client = signed_in(*COMMAND)

    page = inbox(client)
    row = row_of(page, 2)
    assert (row.badge, row.doubt) == ("may have arrived", failure_rows.SECOND)
    assert "retry" not in {ask.name for ask in row.possible} and "send_again" in {ask.name for ask in row.possible}
    assert row_of(page, 1).badge == ""

    evidence(lost, "delivered")
    row = row_of(inbox(client), 2)
    assert row.badge == "known since: sent" and "“sent”" in row.doubt


@pytest.mark.usefixtures("failures")
def test_who_may_only_look_sees_every_act_off_with_the_sentence() -> None:
    page = inbox(signed_in(*SEE_RUNS))

    assert row_of(page, 1).possible == []
    assert {ask.refusal for ask in row_of(page, 1).refused} == {page.context["no_right"]}
    assert 'name="act"' not in text(page) and "Export CSV</button>" in text(page)
    assert page.client.get(reverse("runs:failures_csv")).status_code == 403


@pytest.mark.usefixtures("failures")
def test_htmx_gets_the_part_that_changes() -> None:
    part = inbox(signed_in(*COMMAND), "age=1d", **HTMX)

    assert text(part).startswith('<div id="failures"') and numbers(part) == [1]


# --- the filter survives every action ---


@pytest.mark.usefixtures("failures")
def test_a_command_on_a_row_leads_back_to_the_filtered_list() -> None:
    client = signed_in(*COMMAND)
    url = row_of(inbox(client, "age=1d&sort=newest"), 1).possible[0].url

    form = client.get(url)
    offer = form.context["command"]
    asked = {**offer.form.initial, "note": "the server is back"}
    del asked["label"]
    gone = client.post(url, asked)

    back = f"{reverse('runs:failures')}?age=1d&sort=newest"
    assert f'href="{back.replace("&", "&amp;")}"' in text(form)
    assert gone.status_code == 302 and gone["Location"].startswith(f"{back}&command=")
    assert "Your command is queued." in text(client.get(gone["Location"]))


def test_where_a_command_leads_back_to_is_never_another_place() -> None:
    assert failure_filter.back_to("age=1d&next=//evil.example&q=x") == f"{reverse('runs:failures')}?age=1d"


@pytest.mark.usefixtures("failures")
def test_all_that_match_are_frozen_with_the_filter_and_without_what_is_snoozed() -> None:
    client = signed_in(*COMMAND)
    triage.snooze(actor=actor(), seen=seen(Run.objects.get(no=3)), until=failure_now() + HOUR)
    asked = {"list": "failures", "command": "cancel", "all": "1", "reason": "step_failed"}

    whole = client.post(reverse("runs:freeze"), asked, follow=True)
    old = client.post(reverse("runs:freeze"), {**asked, "age": "1d"}, follow=True)

    assert [one.item.run_id for one in whole.context["shown"]] == [1]
    assert "(1 snoozed left out)" in whole.context["bulk"].filter
    assert "that failed more than 1 day ago" in old.context["bulk"].filter
    assert old.context["bulk"].back == f"{reverse('runs:failures')}?reason=step_failed&age=1d"


def failure_now() -> int:
    return clock.state().wall


# --- as a file ---


def lines(response: Any) -> list[dict[str, str]]:
    body = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(body)))


def test_the_export_is_the_filtered_list_with_references_only(failures: list[Run]) -> None:
    client = signed_in(*ME)
    triage.assign(actor=actor(), seen=seen(failures[0]), to=actor())

    answer = client.get(f"{reverse('runs:failures_csv')}?age=1h")
    found = lines(answer)

    assert answer["Content-Disposition"] == 'attachment; filename="failures.csv"'
    assert [(line["run"], line["contact"], line["assigned_to"]) for line in found] == [
        ("run-1", "c-1", "maria"),
        ("run-2", "c-2", ""),
    ]
    assert found[0]["reason"] == "step_failed:smtp_recipient_refused" and found[0]["failed_at"].endswith("Z")
    assert not any("@" in cell for line in found for cell in line.values())


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_of_an_export_is_a_formula(cell: str) -> None:
    answer = csv_out.response("x.csv", ("a", "b"), [(cell, 5)])

    assert list(csv.reader(io.StringIO(b"".join(answer).decode(), newline="")))[1] == [f"'{cell}", "5"]


# --- what it costs ---


def test_the_inbox_costs_the_same_number_of_queries_for_one_run_and_for_thirty() -> None:
    make_world()
    client, url = signed_in(*COMMAND), reverse("runs:failures")
    first = failed_run("c-0")
    triage.note(actor=actor(), seen=seen(first), text="looked at it")
    triage.assign(actor=actor(), seen=seen(first), to=actor())
    before = queries_of(client, url)
    for number in range(1, 30):
        run = failed_run(f"c-{number}")
        triage.note(actor=actor(), seen=seen(run), text="looked at it")

    assert queries_of(client, url) == before == 15
    assert len(inbox(client).context["rows"]) == 30


# --- what failed meanwhile ---


def test_the_page_is_told_of_what_failed_after_it_was_shown(failures: list[Run]) -> None:
    client = signed_in(*COMMAND)
    shown = inbox(client)
    known = shown.context["known"]
    address = reverse("runs:failures_news")
    assert f'hx-get="{address}?known={known}"' in text(shown)
    assert "failed since" not in text(client.get(f"{address}?known={known}"))

    failed_run("c-4")
    failed_run("c-5")
    said = text(client.get(f"{address}?known={known}"))
    assert "2 more runs have failed since this page was shown" in said and reverse("runs:failures") in said
    one = text(client.get(f"{address}?reason={failures[1].reason}&known={known}"))
    assert "failed since" not in one, "another cause is no news for who looks at this one"
    assert "failed since" not in text(client.get(f"{address}?known={inbox(client).context['known']}"))


@pytest.mark.parametrize("known", ["", "-1", "x", "9" * 40, "²"])
def test_a_page_that_knows_nothing_is_told_nothing(failures: list[Run], known: str) -> None:
    assert "failed since" not in text(signed_in(*COMMAND).get(reverse("runs:failures_news"), {"known": known}))
