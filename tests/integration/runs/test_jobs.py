"""Bulk actions under way: stopping the rest, progress, the result of each run, and what it may cost beforehand."""

import csv
import io
import json
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from audit import verify
from audit.models import Entry
from policies import queries as policy_queries
from runs import clock, operations, tick
from runs.many import bulk, bulk_cost, bulk_progress
from runs.many.bulk_progress import Outcome, Result
from runs.models import Bulk, Inbox, Run
from runs.queries import RunFilter
from runs.rebuild import check
from runs.rebuild.report import Verdict
from tests.factories import DONE, make_contact, make_plan, make_policy
from tests.factories_runs import COMMAND, SEE_RUNS, command, failed_run, make_world, signed_in
from tests.functional.engine import drain, engine, types
from tests.integration.runs.asking import HTMX, lost_run, queries_of, text

pytestmark = pytest.mark.django_db(transaction=True)

FAILED = RunFilter(status="FAILED")
EVIDENCE = (*COMMAND, "audit.verify_log")


def actor(name: str = "maria") -> str:
    return f"user:{User.objects.get(username=name).pk}"


def started(runs: int = 3, name: str = "cancel") -> Bulk:
    """A confirmed list of failed runs, of which the engine has taken none yet."""
    for number in range(runs):
        failed_run(f"c-{number}")
    made = bulk.freeze(actor=actor(), command=name, wanted=FAILED)
    bulk.confirm(bulk_id=made.pk, actor=actor(), note="outage over")
    return made


def page(client: Client, made: Bulk, query: str = "", **headers: Any) -> Any:
    return client.get(f"{reverse('runs:bulk', args=[made.pk])}?{query}", **headers)


def stop(client: Client, made: Bulk) -> Any:
    return client.post(reverse("runs:bulk_cancel", args=[made.pk]), follow=True)


def one_slice() -> None:
    """Let the engine take one transaction's worth of inputs and no more."""
    with engine() as worker:
        worker.drain(budget_s=0)


@pytest.fixture
def maria() -> Client:
    make_world()
    return signed_in(*EVIDENCE)


# --- stopping ---


def test_stopping_leaves_what_the_engine_has_not_taken_and_keeps_what_it_has(
    maria: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tick, "INPUTS", 1)
    made = started()

    one_slice()
    taken = Run.objects.filter(status="STOPPED").count()
    answer = stop(maria, made)
    drain()
    done = page(maria, made)

    assert 0 < taken < 3
    assert "Stopped by maria" in text(answer) and "every 2s" in text(answer)
    assert Run.objects.filter(status="STOPPED").count() == taken
    progress = done.context["progress"]
    assert (progress.applied, progress.stopped, progress.waiting) == (taken, 3 - taken, 0)
    assert "Somebody stopped the list before the engine took this run." in text(done)
    assert "every 2s" not in text(done) and "Stop the rest" not in text(done)


def test_the_stop_is_an_entry_and_every_refusal_a_verdict_so_that_log_and_tables_agree(maria: Client) -> None:
    made = started(2)
    stop(maria, made)
    drain()

    entry = Entry.objects.get(st=f"bulk/{made.pk}")
    assert entry.type == "bulk.cancelled" and json.loads(entry.stamp)["by"] == actor()
    verdicts = Inbox.objects.filter(kind="command").values_list("verdict", flat=True)
    assert list(verdicts) == ["refused", "refused"]
    assert "command.accepted" not in types(1)
    report = check.check()
    assert (report.verdict, sum(report.unread.values())) == (Verdict.SAME, 0)
    assert report.compared["bulk actions that were stopped"] == 1
    assert verify.check().first_break is None


def test_other_commands_go_on_while_a_list_is_stopped(maria: Client) -> None:
    made = started(2)
    stop(maria, made)

    command(Run.objects.get(no=1), "cancel")

    assert [run.status for run in Run.objects.order_by("no")] == ["STOPPED", "FAILED"]


def test_a_stopped_list_can_be_made_again(maria: Client) -> None:
    stop(maria, started(1))
    drain()

    again = bulk.freeze(actor=actor(), command="cancel", wanted=FAILED)
    bulk.confirm(bulk_id=again.pk, actor=actor(), note="now really")
    drain()

    assert Run.objects.get().status == "STOPPED"


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("frozen", "nothing is under way"),
        ("finished", "There is nothing left to stop"),
        ("stopped", "It was stopped already."),
    ],
)
def test_only_what_is_under_way_can_be_stopped(state: str, sentence: str, maria: Client) -> None:
    if state == "frozen":
        failed_run()
        made = bulk.freeze(actor=actor(), command="cancel", wanted=FAILED)
    else:
        made = started(1)
    if state == "finished":
        drain()
    if state == "stopped":
        stop(maria, made)

    answer = stop(maria, made)

    assert f"Nothing was stopped. {sentence}" in text(answer) or sentence in text(answer)
    assert Entry.objects.filter(type="bulk.cancelled").count() == (1 if state == "stopped" else 0)


def test_a_colleague_may_stop_a_list_and_who_may_only_look_may_not(maria: Client) -> None:
    made = started(1)
    viewer = signed_in(*SEE_RUNS, name="vic")

    shown = text(page(viewer, made))
    assert 'disabled aria-describedby="stop-help"' in shown and "You may look at runs" in shown
    assert stop(viewer, made).status_code == 403
    assert viewer.get(reverse("runs:bulk_csv", args=[made.pk])).status_code == 403

    assert "Stopped by jon" in text(stop(signed_in(*COMMAND, name="jon"), made))


def refused(sql: str) -> str:
    with pytest.raises(DatabaseError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    return str(error.value)


def test_of_a_confirmed_list_only_the_stop_may_change_and_only_once(maria: Client) -> None:
    made = started(1)

    assert "runs_bulk_cancelled_by_whom" in refused("UPDATE runs_bulk SET cancelled_at = now()")
    assert "is confirmed" in refused("UPDATE runs_bulk SET cancelled_at = now(), cancelled_by = 'x', label = 'sent'")
    assert "stays as it is" in refused("UPDATE runs_bulk SET cancelled_at = now(), cancelled_by = 'x', actor = 'y'")
    stop(maria, made)
    assert "is confirmed" in refused("UPDATE runs_bulk SET cancelled_at = NULL, cancelled_by = ''")
    assert "is confirmed" in refused("UPDATE runs_bulk SET cancelled_at = now(), cancelled_by = 'x'")


def test_a_list_that_nobody_confirmed_cannot_be_stopped_by_sql(maria: Client) -> None:
    failed_run()
    bulk.freeze(actor=actor(), command="cancel", wanted=FAILED)

    assert "runs_bulk_cancelled_by_whom" in refused("UPDATE runs_bulk SET cancelled_at = now(), cancelled_by = 'x'")


def test_the_stop_follows_from_the_log(maria: Client, owner: psycopg.Connection) -> None:
    made = started(1)
    stop(maria, made)
    owner.execute("ALTER TABLE runs_bulk DISABLE TRIGGER USER")
    owner.execute("UPDATE runs_bulk SET cancelled_by = 'user:9'")

    report = check.check()

    assert [(one.area, one.what) for one in report.differences] == [("bulk actions that were stopped", "cancelled_by")]


# --- progress ---


def test_progress_tells_counts_rate_and_what_is_left(maria: Client) -> None:
    made = started(2)
    made.refresh_from_db()
    told = {place: Outcome(Result.DONE) for place in range(1, 31)}
    told |= {place: Outcome(Result.WAITING) for place in range(31, 91)}

    assert made.confirmed_at is not None
    found = bulk_progress.progress(made, told, made.confirmed_at + timedelta(seconds=60))

    assert (found.runs, found.applied, found.waiting, found.percent) == (90, 30, 60, 33)
    assert (found.rate, found.left_s) == (30, 120)


def test_nothing_is_said_of_a_rate_while_too_little_is_known_or_when_all_is_done(maria: Client) -> None:
    made = started(1)
    made.refresh_from_db()
    assert made.confirmed_at is not None
    few = {1: Outcome(Result.DONE), 2: Outcome(Result.WAITING)}
    done = {place: Outcome(Result.DONE) for place in range(20)}

    for told in (few, done):
        assert bulk_progress.progress(made, told, made.confirmed_at + timedelta(seconds=9)).rate is None


def test_the_page_asks_again_only_until_all_is_decided(maria: Client) -> None:
    made = started(2)

    first = page(maria, made)
    same = page(maria, made, "done=0", **HTMX)
    drain()
    last = page(maria, made, "done=0", **HTMX)

    assert "every 2s" in text(first) and "done=0" in first.context["again"]
    assert same.status_code == 204
    assert last.status_code == 200 and "every 2s" not in text(last)
    assert "2 of 2 carried out" in text(last)


def test_each_result_can_be_looked_at_alone_and_says_who_started_it_and_why(maria: Client) -> None:
    make_world()
    failed_run("c-1"), lost_run("c-2"), failed_run("c-3")
    made = bulk.freeze(actor=actor(), command="retry", wanted=FAILED)
    command(Run.objects.get(no=3), "cancel")
    bulk.confirm(bulk_id=made.pk, actor=actor(), note="the server is back")
    drain()

    whole = page(maria, made)
    assert [(tab["words"], tab["runs"]) for tab in whole.context["tabs"]] == [
        ("all", 3),
        ("carried out", 1),
        ("refused", 1),
        ("left alone", 1),
    ]
    assert "started by maria" in text(whole) and "“the server is back”" in text(whole)
    for name, run in (("done", 1), ("left", 2), ("refused", 3)):
        assert [one.item.run_id for one in page(maria, made, f"show={name}").context["shown"]] == [run]
    assert "No run has this result" in text(page(maria, made, "show=waiting"))


def test_one_result_is_paged_without_losing_a_run(maria: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PAGE", 2)
    made = started(3)
    drain()

    first = page(maria, made, "show=done")
    further = maria.get(reverse("runs:bulk", args=[made.pk]) + first.context["further"])

    assert [[one.item.run_id for one in part.context["shown"]] for part in (first, further)] == [[1, 2], [3]]


def test_the_list_of_jobs_says_where_each_stands(maria: Client) -> None:
    failed_run("c-9")
    bulk.freeze(actor=actor(), command="skip", wanted=FAILED)
    finished = started(1, "retry")
    drain()
    under_way = started_again("cancel")
    states = {job.bulk.pk: (job.state, job.waiting) for job in bulk_progress.jobs()}
    assert states[finished.pk] == ("finished", 0) and states[under_way.pk] == ("running", 2)
    shown = text(maria.get(reverse("runs:bulks")))
    assert "not yet confirmed" in shown and "running" in shown and "finished" in shown

    stop(maria, under_way)
    assert {job.bulk.pk: job.state for job in bulk_progress.jobs()}[under_way.pk] == "stopping"
    drain()
    assert {job.bulk.pk: job.state for job in bulk_progress.jobs()}[under_way.pk] == "stopped"


def started_again(name: str) -> Bulk:
    made = bulk.freeze(actor=actor(), command=name, wanted=FAILED)
    bulk.confirm(bulk_id=made.pk, actor=actor(), note="again")
    return made


def test_the_result_goes_out_as_csv_with_references_only(maria: Client) -> None:
    failed_run("c-1"), lost_run("c-2")
    made = bulk.freeze(actor=actor(), command="retry", wanted=FAILED)
    waits = maria.get(reverse("runs:bulk_csv", args=[made.pk]))
    bulk.confirm(bulk_id=made.pk, actor=actor(), note="back")
    drain()

    answer: Any = maria.get(reverse("runs:bulk_csv", args=[made.pk]))
    lines = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))

    assert waits.status_code == 404
    assert [(line["run"], line["contact"], line["result"]) for line in lines] == [
        ("run-1", "c-1", "done"),
        ("run-2", "c-2", "left"),
    ]
    assert lines[1]["why"].startswith("Nobody knows whether the message left")
    assert not any("@" in cell for line in lines for cell in line.values())


def test_job_pages_cost_the_same_number_of_queries_whatever_their_length(maria: Client) -> None:
    costs = []
    for make in (lambda: started(1), lambda: more(4)):
        url = reverse("runs:bulk", args=[make().pk])
        costs.append((queries_of(maria, url), queries_of(maria, reverse("runs:bulks"))))
        drain()

    assert costs[0] == costs[1] == (11, 8)


def more(runs: int) -> Bulk:
    for number in range(runs):
        failed_run(f"d-{number}")
    return started_again("cancel")


# --- what it may cost ---


def test_the_dry_run_sets_what_may_be_used_against_what_is_left(maria: Client) -> None:
    make_policy(
        daily_limits=[{"key": "open-email", "channel": "email", "limit": 4}],
        budgets=[{"key": "open-budget", "period": "lifetime", "limit": 5000}],
        prices={"email": 2000, "voice": 90_000},
    )
    for number in range(3):
        failed_run(f"c-{number}")
    used = dict(_used())
    made = bulk.freeze(actor=actor(), command="retry", wanted=FAILED)

    costs = {cost.key: cost for cost in bulk_cost.costs(made)}
    shown = text(page(maria, made))

    assert (costs["open-email"].needed, costs["open-email"].left) == (3, 4 - used.get("open-email", 0))
    assert (costs["open-budget"].needed, costs["open-budget"].left) == (6000, 5000 - used.get("open-budget", 0))
    assert costs["open-budget"].short and not costs["open-budget"].waits
    assert "is refused by the gate and fails again" in shown and "What it may use" in shown


def _used() -> list[tuple[str, int]]:
    return [
        (usage.key, usage.used) for state in policy_queries.policy_states(clock.state().lane) for usage in state.usages
    ]


@pytest.mark.parametrize("name", ["cancel", "skip", "resolve", "redispatch"])
def test_commands_that_send_nothing_cost_nothing(name: str, maria: Client) -> None:
    failed_run()
    made = bulk.freeze(actor=actor(), command=name, wanted=FAILED)

    assert bulk_cost.costs(made) == []
    assert "What it may use" not in text(page(maria, made))


def test_runs_that_stand_at_a_step_that_does_not_send_are_not_counted(maria: Client) -> None:
    steps = {"nine": {"kind": "wait_until", "time": "09:00", "on": {"completed": "done"}}, "done": DONE}
    make_plan("clocked", steps)
    make_contact("c-1")
    with patch("policies.gate.Ledger.zone", return_value=""):
        operations.enrol(plan_key="clocked", contact_refs=["c-1"], actor="cli")
        drain()
    run = Run.objects.get()
    made = bulk.freeze(actor=actor(), command="retry", wanted=FAILED)

    assert run.reason.startswith("zone_unknown") and bulk_cost.costs(made) == []
