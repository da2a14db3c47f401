"""Who comes first: runs among themselves, events and deadlines, failures and the rules for them, yesterday and now."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from audit.models import Entry
from channels.models import OutboxMessage, Reaction
from runs import inbox, tick
from runs.models import Inbox, Run
from tests.factories import CALLS_A_DAY, DONE, MAIL_STEPS, make_contact, make_plan, make_policy, make_template
from tests.functional.engine import advance, clock, drain, enrol, entries, last, run
from tests.tampering import turn_back

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 86_400
RETRY = {"on": ["smtp_temporary_refused"], "action": "retry", "max_attempts": 2, "backoff_ticks": [60]}
REPLY: dict[str, Any] = {
    "kind": "wait_for_event",
    "event": "replied",
    "timeout_s": 1000,
    "on": {"event": "done", "timeout": "done"},
}
MAIL: dict[str, Any] = {"kind": "send_email", "template": "hello@1", "on": {"sent": "reply"}}
PAUSE: dict[str, Any] = {"kind": "wait", "seconds": 100, "on": {"completed": "mail"}}


def world(**policy: Any) -> None:
    make_policy(**policy)
    make_template()
    make_plan()


def person(n: int, tag: str = "delivered") -> str:
    """Add somebody who shares neither address nor telephone with anybody else, or no two would be in one wave."""
    return make_contact(f"c-{n}", email=f"c-{n}+{tag}@example.org", phone=f"+1212555{n:02}91").ref


def stop_the_clock(owner: psycopg.Connection) -> None:
    """Put the lane clock beyond the database's: it moves when it is driven, and not by itself."""
    owner.execute("UPDATE audit_head SET clock = 2000000000")


def test_runs_of_one_instant_are_served_in_the_order_in_which_they_began() -> None:
    world()
    enrol("simple", *(person(n) for n in range(9)))
    drain()
    streams = Entry.objects.filter(type="send.intended").order_by("seq").values_list("st", flat=True)
    assert list(streams) == [f"run/{no}" for no in range(1, 10)]


def test_an_event_after_the_deadline_comes_too_late_however_long_the_engine_slept() -> None:
    world()
    make_plan("await", {"mail": MAIL, "reply": REPLY, "done": DONE})
    make_contact("c-1", email="c-1+silent@example.org")
    enrol("await", "c-1")
    drain()
    body = json.dumps({"event": "replied", "intent": OutboxMessage.objects.get().intent})
    Reaction.objects.create(due=(run().due_at or 0) + 1, source="x", external_id="1", body=body)
    advance(2000)
    assert last("step.completed")["label"] == "timeout"
    assert last("event.after_end")["event"] == "replied"


def test_those_who_are_on_their_way_together_are_no_more_than_a_limit_allows() -> None:
    world(daily_limits=[{"key": "five", "channel": "email", "limit": 5}, CALLS_A_DAY])
    enrol("simple", *(person(n) for n in range(8)))
    drain()
    assert Counter(Run.objects.values_list("status", flat=True)) == {"COMPLETED": 5, "PAUSED": 3}


def test_who_was_held_longer_comes_before_whoever_began_earlier(owner: psycopg.Connection) -> None:
    stop_the_clock(owner)
    world(daily_limits=[{"key": "one", "channel": "email", "limit": 1}, CALLS_A_DAY])
    midnight = DAY - clock() % DAY
    make_plan("later", {"pause": PAUSE | {"seconds": midnight}, **MAIL_STEPS})
    enrol("later", person(1))
    enrol("simple", person(2), person(3))
    advance(1)
    assert [run(no).status for no in (1, 2, 3)] == ["WAITING", "COMPLETED", "PAUSED"]
    advance(midnight)
    assert [run(no).status for no in (1, 2, 3)] == ["PAUSED", "COMPLETED", "COMPLETED"]


@pytest.mark.parametrize("wave", [1, 32])
def test_a_wait_gives_up_the_turns_of_the_sends_before_it(owner: psycopg.Connection, wave: int) -> None:
    stop_the_clock(owner)
    world(daily_limits=[{"key": "four", "channel": "email", "limit": 4}, CALLS_A_DAY])
    mail = {"kind": "send_email", "template": "hello@1"}
    sent = [mail | {"on": {"sent": to}} for to in ("second", "pause", "done")]
    apart = {"first": sent[0], "second": sent[1], "pause": PAUSE | {"on": {"completed": "third"}}, "third": sent[2]}
    later = {"pause": PAUSE | {"on": {"completed": "first"}}, "first": sent[0], "second": sent[2]}
    make_plan("apart", apart | {"done": DONE})
    make_plan("later", later | {"done": DONE})
    enrol("apart", person(1))
    enrol("later", person(2))
    advance(100, wave_size=wave)
    assert [run(no).status for no in (1, 2)] == ["COMPLETED", "PAUSED"]


@pytest.mark.parametrize("wave", [1, 2, 32])
def test_the_second_sends_of_an_instant_wait_for_all_the_first_ones(owner: psycopg.Connection, wave: int) -> None:
    stop_the_clock(owner)
    world(daily_limits=[{"key": "four", "channel": "email", "limit": 4}, CALLS_A_DAY])
    midnight = DAY - clock() % DAY
    mail = {"kind": "send_email", "template": "hello@1"}
    twice = {"first": mail | {"on": {"sent": "second"}}, "second": mail | {"on": {"sent": "done"}}, "done": DONE}
    make_plan("twice", twice)
    make_plan("later", {"pause": PAUSE | {"seconds": midnight, "on": {"completed": "first"}}} | twice)
    enrol("later", person(1))
    enrol("simple", *(person(n) for n in (2, 3, 4, 5)))  # which is all of the first day
    enrol("twice", person(6), person(7))
    advance(midnight, wave_size=wave)
    assert list(Run.objects.filter(status="PAUSED").order_by("no").values_list("no", flat=True)) == [6, 7]


def test_a_run_that_was_not_loaded_is_not_overtaken_by_what_follows_for_those_that_were(
    monkeypatch: pytest.MonkeyPatch, owner: psycopg.Connection
) -> None:
    stop_the_clock(owner)
    world()
    steps = {"mail": MAIL, "reply": REPLY | {"on": {"event": "pause", "timeout": "done"}}, "done": DONE}
    make_plan("await", steps | {"pause": PAUSE | {"seconds": 1500, "on": {"completed": "done"}}})
    enrol("await", *(person(n, "silent") for n in range(3)))
    advance(1)
    body = json.dumps({"event": "replied", "intent": OutboxMessage.objects.get(run="run/1").intent})
    Reaction.objects.create(due=clock() + 10, source="x", external_id="1", body=body)
    monkeypatch.setattr(tick, "LOAD", 1)
    advance(2000)
    ticks = [[e["tick"] for e in entries(no) if e["type"] == "step.completed"] for no in (1, 2, 3)]
    assert ticks == [[11, 1511], [1000], [1000]]


def test_an_opt_out_reaches_a_run_that_has_sent_nothing_yet() -> None:
    world()
    make_plan("later", {"pause": PAUSE | {"seconds": 900_000}, **MAIL_STEPS})
    enrol("simple", person(1, "silent"))
    enrol("later", person(2), "c-1")
    drain()
    told = {"event": "unsubscribed", "intent": OutboxMessage.objects.get(run="run/1").intent, "machine": False}
    inbox.put(source="hook:sandbox", external_id="1", kind="event", body=told)
    drain()
    assert {(r.contact.ref, r.status, r.reason) for r in Run.objects.filter(plan_key="later")} == {
        ("c-1", "STOPPED", "opted_out"),
        ("c-2", "WAITING", "timer"),
    }


def test_a_rule_is_applied_after_the_failure_in_the_order_of_the_log() -> None:
    world(recovery=[RETRY])
    make_contact("c-1", email="c-1+flaky@example.org")
    enrol("simple", "c-1")
    drain()
    types = list(Entry.objects.filter(st="run/1").order_by("seq").values_list("type", flat=True))
    assert types[-2:] == ["run.failed", "recovery.applied"]


def test_a_send_that_became_due_in_an_outage_is_asked_about_at_the_present(owner: psycopg.Connection) -> None:
    world()
    make_plan("later", {"pause": PAUSE, **MAIL_STEPS})
    make_contact("c-1")
    drain()
    turn_back(owner, 7200)
    begun = clock() + 10
    body = json.dumps({"plan": "later", "contact": "c-1", "actor": "cli"})
    received = datetime.fromtimestamp(begun, UTC)
    Inbox.objects.create(source="enrol", external_id="1", kind="run.start", body=body, received_at=received)
    drain()
    facts = last("gate.decided")["facts"]
    assert run().start_at == begun
    assert last("step.completed")["label"] == "completed"
    assert (facts["at"] - facts["late_by"], facts["late_by"] > 7000) == (begun + 100, True)
