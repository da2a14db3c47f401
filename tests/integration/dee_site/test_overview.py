"""What the overview says: what needs whom, what limits, what is coming, what the gate stopped, what is proved."""

from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit import desk as audit_desk
from audit.models import Head, Verification
from dee_site import needs
from policies import publishing
from runs import counts, engine_state
from runs.models import Engine
from tests.factories import DONE, make_plan
from tests.factories_runs import COMMAND, SEE_RUNS, failed_run, make_world, signed_in, start_run, superuser
from tests.functional.engine import advance, clock
from tests.integration.plans.world import make_version
from tests.integration.runs.asking import HTMX, TASK_STEPS, queries_of, text

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 86_400
WAITING = {
    "pause": {"kind": "wait", "seconds": 3 * DAY, "on": {"completed": "mail"}},
    "mail": {"kind": "send_email", "template": "hello@1", "on": {"sent": "done"}},
    "done": DONE,
}


def overview(client: Client) -> str:
    return text(client.get(reverse("admin:index")))


def told(client: Client) -> dict[str, Any]:
    return dict(client.get(reverse("admin:index")).context)


def needs_of(client: Client) -> needs.Needs:
    return told(client)["needs"]


# --- what needs whom ---


def test_failed_runs_need_people_who_may_retry_them_and_are_news_to_the_others() -> None:
    make_world()
    failed_run()

    operator, viewer = needs_of(signed_in(*COMMAND)), needs_of(signed_in(*SEE_RUNS, name="vic"))

    assert [need.what for need in operator.mine] == ["1 failed run"]
    assert (viewer.mine, [need.what for need in viewer.others]) == ([], ["1 failed run"])


def test_every_cause_is_a_link_into_the_inbox() -> None:
    make_world()
    failed_run()

    page = overview(signed_in(*COMMAND))

    assert "?reason=step_failed%3Asmtp_recipient_refused&amp;step=mail&amp;plan=simple" in page


def test_nothing_to_do_is_said_calmly() -> None:
    make_world()
    start_run()

    page = overview(signed_in(*COMMAND))

    assert "Nothing needs you now. No failed run waits for you." in page
    assert "Needs somebody else" not in page


def test_what_others_must_do_is_not_called_nothing() -> None:
    make_world()
    failed_run()

    page = overview(signed_in(*SEE_RUNS))

    assert "Nothing needs you now. No failed run" not in page
    assert "Nothing needs you now." in page and "Needs somebody else" in page


def test_a_task_needs_an_operator() -> None:
    make_world()
    make_plan("desk", TASK_STEPS)
    start_run(plan="desk")

    assert [(need.what, need.url) for need in needs_of(signed_in(*COMMAND)).mine] == [("1 task", reverse("runs:tasks"))]


@pytest.mark.parametrize(
    ("used", "level", "said"),
    [(7, "", ""), (8, "info", "mail-day is at 80 %"), (9, "info", "mail-day is at 90 %"), (10, "warn", "is used up")],
)
def test_a_limit_needs_somebody_from_eighty_percent_on(used: int, level: str, said: str) -> None:
    make_world(daily_limits=[{"key": "mail-day", "channel": "email", "limit": 10}])
    for number in range(used):
        start_run(f"c-{number}")

    found = needs_of(signed_in("policies.view_policy", "policies.manage_policies")).mine

    assert [(need.level, said in need.what) for need in found] == ([(level, True)] if level else [])


def test_a_used_up_limit_says_when_it_starts_anew_and_a_budget_that_it_refuses() -> None:
    limits = [{"key": "mail-day", "channel": "email", "limit": 1}]
    make_world(daily_limits=limits, budgets=[{"key": "money", "limit": 1000, "period": "lifetime"}])
    start_run()

    found = {need.what: need for need in needs_of(superuser()).mine}

    assert found["mail-day is used up"].until == clock() // DAY * DAY + DAY
    assert found["mail-day is used up"].rest == "sends wait until"
    assert (found["money is used up"].rest, found["money is used up"].until) == ("sends that need it are refused", None)


def test_a_jump_of_the_clock_needs_somebody_to_confirm_it() -> None:
    Engine.objects.update(halted="clock_gap")

    first = needs_of(signed_in("runs.view_run", "runs.drive_clock")).mine[0]

    assert (first.level, first.what) == ("bad", "The engine is halted")
    assert "somebody confirms" in first.rest and first.url == reverse("runs:engine")


def test_a_log_nobody_ever_checked_needs_whoever_may_verify() -> None:
    make_world()

    assert [
        "first check" in need.rest for need in needs_of(signed_in("audit.view_entry", "audit.verify_log")).mine
    ] == [True]
    assert needs_of(signed_in("audit.view_entry", name="vic")).mine == []


def test_what_somebody_may_not_open_is_no_link() -> None:
    make_world()
    client = signed_in("audit.view_entry", "runs.view_run")

    (need,) = needs_of(client).others

    assert (need.what, need.url) == (f"{Head.objects.get().size} entries", "")
    assert f"<strong>{need.what}</strong> of the log" in overview(client)
    assert reverse("audit:verify") not in overview(client)


def test_a_log_that_does_not_verify_stands_first_until_it_verifies_again() -> None:
    make_world()
    failed_run()
    client = superuser()
    broken = {"at": timezone.now(), "by": "user:1", "scope": "log", "verdict": "broken", "checked": 3}
    Verification.objects.create(**broken, message="Entry 3 was changed.")
    assert [(need.level, need.what, need.rest) for need in needs_of(client).mine][:2] == [
        ("bad", "1 failed run", "waits for a retry or a resolution"),
        ("bad", "The log does not verify", "Entry 3 was changed."),
    ]

    audit_desk.verify_and_note("", by="user:1")

    assert "does not verify" not in overview(client)


def test_a_version_waits_for_the_review_of_those_who_did_not_edit_it() -> None:
    ann = signed_in("plans.view_plan", "plans.activate_plan", name="ann")
    dan = signed_in("plans.view_plan", "plans.activate_plan", name="dan")
    vic = signed_in("plans.view_plan", name="vic")
    version = make_version(actor=f"user:{dan.session['_auth_user_id']}")

    hers, his, viewers = (needs_of(client) for client in (ann, dan, vic))

    assert [(need.what, need.rest) for need in hers.mine] == [
        ("Trial v1", "waits for your review, published by dan"),
    ]
    assert (hers.mine[0].url, hers.mine[0].until) == (
        reverse("plans:review", args=["trial", 1]),
        version.published_at,
    )
    for others in (his, viewers):
        assert (others.mine, [need.rest for need in others.others]) == ([], ["waits for a review, published by dan"])


def test_one_broken_stream_is_named() -> None:
    row = {"at": timezone.now(), "by": "user:1", "scope": "run/1", "verdict": "broken", "checked": 3}
    Verification.objects.create(**row, message="Entry 2 is missing.")

    assert "run/1 does not verify" in overview(superuser())


def test_inputs_that_nobody_could_use_are_a_link() -> None:
    page = needs.of_runs(engine_state.Desk(), [], 2)

    assert (page[0].what, page[0].url) == ("2 inputs", f"{reverse('runs:inbox')}?verdict=refused")


# --- the engine and the switch ---


def test_the_engines_line_says_where_it_stands() -> None:
    make_world()
    start_run()
    advance(3600)

    page = overview(superuser())

    for words in ("Lane clock", "nothing is late", "Inputs waiting", "Runs due now", "Last sign of life", "allowed"):
        assert words in page
    assert "sandbox, 1 h" in page
    assert Engine.objects.get().holder in page


def test_an_engaged_switch_is_red_with_who_when_and_why() -> None:
    client = signed_in("policies.view_killswitch")
    user = client.session["_auth_user_id"]
    publishing.engage_kill_switch(actor=f"user:{user}", scope="channel", key="voice", reason="Wrong numbers")

    page = overview(client)

    assert "stopped by hand" in page
    assert "nothing is sent on the channel <strong>voice</strong>" in page
    assert "Maria stopped it <time" in page and "“Wrong numbers”" in page


def test_sending_is_stopped_from_here_by_those_who_may() -> None:
    assert f'href="{reverse("policies:kill_switch_engage")}"' in overview(signed_in("policies.manage_suppressions"))

    page = overview(signed_in(name="vic"))

    assert reverse("policies:kill_switch_engage") not in page
    assert "You may not stop sending" in page


# --- what is coming, what was stopped, how messages fared ---


def test_upcoming_sends_count_what_a_wait_leads_to() -> None:
    make_world()
    make_plan("later", WAITING)
    start_run("c-1", plan="later"), start_run("c-2", plan="later")

    client = superuser()
    first = told(client)["ahead"]
    advance(2 * DAY + 3600)
    second = told(client)["ahead"]

    assert [(within.hour, within.day, within.week) for within in first.sends.values()] == [(0, 0, 2), (0, 0, 0)]
    assert [(within.hour, within.day, within.week) for within in second.sends.values()] == [(0, 2, 2), (0, 0, 0)]
    assert (first.due, first.complete) == (0, True)


def test_what_is_due_while_nobody_works_is_counted_as_due() -> None:
    make_world()
    make_plan("later", WAITING)
    start_run(plan="later")
    Engine.objects.update(offset_s=4 * DAY)

    ahead = told(superuser())["ahead"]

    assert (ahead.due, ahead.sends["email"].hour) == (1, 1)


def test_what_the_gate_stopped_links_to_the_runs() -> None:
    make_world(daily_limits=[{"key": "mail-day", "channel": "email", "limit": 1}])
    for number in range(6):
        start_run(f"c-{number}")

    rows = told(superuser())["stopped"]["rows"]

    assert [(row["verdict"], row["rule"], row["sends"], row["newest"]) for row in rows] == [
        ("pause", "daily_limit", 5, [6, 5, 4])
    ]
    page = overview(superuser("other"))
    assert f'<a href="{reverse("runs:run", args=[6])}">run-6</a>' in page and ", …" in page


def test_messages_are_drawn_by_channel_and_outcome_with_a_table_beneath() -> None:
    make_world()
    start_run("c-1"), failed_run("c-2"), failed_run("c-3", behaves="timeout-after")

    client = superuser()
    drawn = told(client)["messages_made"]
    page = overview(client)

    assert [(channel, list(numbers)) for _, channel, numbers in drawn["rows"][-2:]] == [
        ("email", [1, 0, 1, 1]),
        ("voice", [0, 0, 0, 0]),
    ]
    assert 'aria-label="Email messages per day over 7 days: 3 in all: 1 sent, 1 unknown, 1 not sent."' in page
    assert 'id="messages-table"' in page and "67 % errors" in page


def test_of_more_messages_than_one_look_counts_the_newest_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    make_world()
    start_run("c-1"), start_run("c-2")
    monkeypatch.setattr(counts, "NEWEST", 1)

    found = counts.messages_per_day(clock())

    assert (found.complete, found.days[-1][1]) == (False, {"email": {"sent": 1}})
    assert "Only the newest" in overview(superuser())


# --- what it costs ---


def test_it_costs_the_same_for_one_run_and_for_thirty() -> None:
    make_world()
    failed_run("c-0")
    client = superuser()
    overview(client)  # plan versions are kept in memory once they were read
    few = queries_of(client, reverse("admin:index"))
    for number in range(1, 30):
        start_run(f"c-{number}", behaves=("refused", "delivered", "timeout-after")[number % 3])

    assert queries_of(client, reverse("admin:index")) == few <= 24


def test_the_part_that_refreshes_has_no_frame() -> None:
    part = superuser().get(reverse("admin:index"), **HTMX)

    assert "<html" not in text(part) and "every 15s" in text(part)


BIG = """
    INSERT INTO runs_run (no, plan_version_id, plan_key, contact_id, status, reason, step, visit, due_at, turn, since,
                          n, head, start_at, ended_at, epoch, state)
    SELECT 1000 + i, plan_version_id, plan_key, contact_id,
           CASE WHEN i % 50 = 0 THEN 'FAILED' WHEN i % 20 = 1 THEN 'WAITING' ELSE 'COMPLETED' END,
           CASE WHEN i % 50 = 0 THEN 'step_failed:x' WHEN i % 20 = 1 THEN 'timer' ELSE 'finished' END,
           step, 1, CASE WHEN i % 20 = 1 AND i % 50 <> 0 THEN start_at + i * 60 END, 0, 0, 9, head,
           start_at - (100000 - i) * 600,
           CASE WHEN i % 50 <> 0 AND i % 20 <> 1 THEN start_at END, 0, repeat('x', 400)
      FROM runs_run, generate_series(1, 100000) AS i WHERE no = 1
"""


def test_at_a_hundred_thousand_runs_it_reads_by_index(owner: psycopg.Connection) -> None:
    make_world()
    start_run()
    client = superuser()
    with connection.cursor() as cursor:
        cursor.execute(BIG)
    owner.execute("ANALYZE runs_run")
    statements: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "runs_run" in sql:
            statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        overview(client)
    assert len(statements) > 4
    with connection.cursor() as cursor:
        for sql, params in statements:
            cursor.execute(f"EXPLAIN {sql}", params)
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan on runs_run" not in plan, f"{sql}\n{plan}"
