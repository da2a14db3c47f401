"""What a crash, an odd input or an unlucky cut of the work leaves behind: each of these was found broken once."""

import json
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import psycopg
import pytest
from django.db import connection
from django.test import override_settings

from audit import verify
from audit.log import Fenced
from channels import registry
from channels.models import OutboxMessage, Reaction
from plans import conditions
from plans import queries as plan_queries
from policies.models import Contact, Counter
from runs import batch, compose, dispatch, inbox, lease, operations, tick
from runs.models import Engine as EngineRow
from runs.models import Inbox, Run
from tests.factories import CALLS_A_DAY, DONE, MAIL_STEPS, make_contact, make_plan, make_policy, make_template
from tests.functional.engine import advance, clock, drain, engine, enrol, entries, run, types
from tests.tampering import turn_back

pytestmark = pytest.mark.django_db(transaction=True)

WAIT: dict[str, Any] = {"pause": {"kind": "wait", "seconds": 100, "on": {"completed": "done"}}, "done": DONE}
AWAIT = {
    "mail": {"kind": "send_email", "template": "hello@1", "on": {"sent": "reply"}},
    "reply": {
        "kind": "wait_for_event",
        "event": "replied",
        "timeout_s": 1000,
        "on": {"event": "pause", "timeout": "pause"},
    },
    "pause": {"kind": "wait", "seconds": 5000, "on": {"completed": "done"}},
    "done": DONE,
}


MAIL: dict[str, Any] = {"kind": "send_email", "template": "hello@1"}
SEEN = {"op": "event_seen", "event": "opened", "of": "mail"}
ELSE = {"else": {"name": "no", "goto": "done"}}


class Crash(BaseException):
    """The process is gone at this point."""


def crash(*_: Any, **__: Any) -> NoReturn:
    raise Crash


@pytest.fixture
def world() -> None:
    make_policy()
    make_template()
    make_plan()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The intents that reached the mail adapter."""
    adapter, intents = registry.adapter_for("email"), []
    real = adapter.send
    monkeypatch.setattr(adapter, "send", lambda message, key: (intents.append(key), real(message, key))[1])
    return intents


def command(name: str, *, label: str = "", no: int = 1) -> None:
    """Give a command on a run as it stands."""
    operations.send_command(
        run_no=no,
        command=name,
        expected_n=run(no).n,
        command_id=str(uuid.uuid4()),
        actor="user:1",
        note="because",
        label=label,
    )


def completed(no: int = 1) -> list[dict[str, Any]]:
    return [entry["data"] for entry in entries(no) if entry["type"] == "step.completed"]


# --- crashes ---


@pytest.mark.usefixtures("world")
def test_a_crash_during_recovery_is_recovered_from(monkeypatch: pytest.MonkeyPatch, sent: list[str]) -> None:
    make_contact("c-1")
    enrol("simple", "c-1")
    with engine() as worker:
        with monkeypatch.context() as patch, pytest.raises(Crash):
            patch.setattr(dispatch, "send", crash)
            worker.drain()
        with monkeypatch.context() as patch, pytest.raises(Crash):
            patch.setattr(batch.Batch, "flush", crash)
            worker.drain()
        assert run().status == "DISPATCHING"
        worker.drain()
    assert (run().status, run().reason, sent) == ("FAILED", "unknown_outcome:outcome_lost", [])


@pytest.mark.usefixtures("world")
def test_an_engine_replaced_between_commit_and_send_sends_nothing(
    monkeypatch: pytest.MonkeyPatch, sent: list[str]
) -> None:
    make_contact("c-1")
    enrol("simple", "c-1")
    monkeypatch.setattr(lease, "LEASE_S", 0)
    send = dispatch.send

    def freeze_and_thaw(*wave: Any) -> Any:
        monkeypatch.setattr(dispatch, "send", send)
        drain()
        return send(*wave)

    monkeypatch.setattr(dispatch, "send", freeze_and_thaw)
    with engine() as frozen, pytest.raises(Fenced, match="nothing is sent"):
        frozen.drain()
    assert (run().status, run().reason, sent) == ("FAILED", "unknown_outcome:outcome_lost", [])


@pytest.mark.usefixtures("world")
def test_a_fault_after_a_send_offers_no_retry(monkeypatch: pytest.MonkeyPatch, sent: list[str]) -> None:
    branch: dict[str, Any] = {"kind": "branch", "cases": [{"name": "yes", "when": SEEN, "goto": "done"}]}
    make_plan("choose", {"mail": MAIL | {"on": {"sent": "choice"}}, "choice": branch | ELSE, "done": DONE})
    make_contact("c-1")
    enrol("choose", "c-1")
    with monkeypatch.context() as patch:
        patch.setattr(conditions, "evaluate", lambda *_: 1 / 0)
        drain()
    assert len(sent) == 1
    assert (run().status, run().reason) == ("FAILED", "unknown_outcome:engine_fault")
    assert Counter.objects.get(key__startswith="daily:").reserved == 1
    with pytest.raises(operations.Refused, match="twice"):
        command("retry")
    command("resolve", label="sent")
    drain()
    assert run().status == "COMPLETED"


@pytest.mark.usefixtures("world")
def test_a_message_that_cannot_be_made_fails_its_run_and_the_queue_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    enrol("simple", *(make_contact(f"c-{n}").ref for n in (1, 2)))
    real = compose.compose
    monkeypatch.setattr(compose, "compose", lambda run, *given: 1 / 0 if run.no == 1 else real(run, *given))
    drain()
    assert (run(1).status, run(1).reason) == ("FAILED", "engine_fault:ZeroDivisionError")
    assert run(2).status == "COMPLETED"


# --- inputs nobody expects ---

POISON = {
    "command": [
        "[]",
        "not json",
        "[" * 20_000,
        '{"run":"abc"}',
        '{"run":[1]}',
        '{"run":true,"expected_n":N,"command":"cancel","actor":"x"}',
        '{"run":1.5}',
        '{"run":%s}' % ("9" * 400),
        '{"run":9007199254740991,"expected_n":N,"command":"cancel","actor":"x"}',
        '{"run":"\\u0000"}',
        '{"run":"\\ud800"}',
        '{"run":1,"expected_n":N,"command":"cancel"}',
        '{"run":1,"expected_n":N.0,"command":"cancel","actor":"x"}',
        '{"run":1,"expected_n":true,"command":"cancel","actor":"x"}',
        '{"run":1,"expected_n":N,"command":["cancel"],"actor":"x"}',
        '{"run":1,"expected_n":N,"command":"cancel","actor":["x"]}',
        '{"run":1,"expected_n":N,"command":"cancel","actor":"x","note":1.5}',
        '{"run":1,"expected_n":N,"command":"cancel","actor":"x","note":"Ann Smith said so"}',
    ],
    "event": ["1", "NaN", '{"intent":["x"],"event":{}}', '{"intent":"\\u0000","event":"opened"}', '{"intent":null}'],
    "run.start": [
        "{}",
        '{"plan":["simple"],"contact":{}}',
        '{"plan":"\\u0000","contact":"c-1"}',
        '{"plan":"simple","contact":"\\u0000"}',
        '{"plan":"simple","contact":"c-1","actor":"%s"}' % ("x" * 20_000),
    ],
    "clock.advance": ["[]", '{"seconds":true}', '{"seconds":1.5}', '{"seconds":%s}' % ("9" * 400)],
    "clock.confirm": ['{"actor":"\\ud800"}'],
}


@pytest.mark.usefixtures("world")
def test_no_row_of_the_inbox_holds_up_the_others() -> None:
    make_plan("wait", WAIT)
    make_contact("c-1")
    enrol("wait", "c-1")
    drain()
    n = run().n
    for kind, bodies in POISON.items():
        for at, body in enumerate(bodies):
            Inbox.objects.create(source="odd", external_id=f"{kind}/{at}", kind=kind, body=body.replace("N", str(n)))
    drain()
    odd = Inbox.objects.filter(source="odd")
    assert set(odd.values_list("verdict", flat=True)) == {"refused", "unmatched"}
    assert odd.count() == sum(map(len, POISON.values()))
    assert (run().status, run().n) == ("WAITING", n)


@pytest.mark.usefixtures("world")
def test_a_contact_that_cannot_be_recorded_is_refused_with_a_sentence() -> None:
    make_plan("scored", MAIL_STEPS, attributes={"score": "int"})
    Contact.objects.filter(pk=make_contact("c-1").pk).update(attributes={"score": 1.5})
    enrol("scored", "c-1")
    drain()
    assert Inbox.objects.get().reason.startswith("The contact's attributes cannot be recorded: /attrs/score")


@pytest.mark.usefixtures("world")
def test_the_label_of_a_command_that_has_none_is_not_recorded() -> None:
    make_plan("wait", WAIT)
    make_contact("c-1")
    enrol("wait", "c-1")
    drain()
    command("cancel", label="Ann Smith asked for it")
    drain()
    assert run().status == "STOPPED"
    assert "Smith" not in json.dumps(entries())


@pytest.mark.usefixtures("world")
def test_a_reaction_that_a_webhook_told_first_has_one_effect() -> None:
    make_contact("c-1", email="c-1+delivered@example.org")
    enrol("simple", "c-1")
    drain()
    told = Reaction.objects.get()
    inbox.put(source=told.source, external_id=told.external_id, kind="event", body=json.loads(told.body))
    advance(3600)
    assert types().count("event.after_end") == 1
    assert not Reaction.objects.filter(released=False).exists()


@override_settings(
    DEE_EMAIL_ADAPTER="smtp",
    DEE_SMTP_HOST="127.0.0.1",
    DEE_SMTP_PORT=1,
    DEE_SMTP_TLS="none",
    DEE_MAIL_FROM="dee@example.org",
)
def test_a_halted_engine_hears_the_confirmation_behind_any_number_of_inputs(
    owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_back(owner, 10 * 86_400)
    monkeypatch.setattr(tick, "INPUTS", 4)
    for n in range(6):
        inbox.put(source="hook:x", external_id=f"{n}", kind="event", body={"event": "opened", "intent": "ff"})
    drain()
    assert EngineRow.objects.get().halted == "clock_gap"
    operations.confirm_clock(actor="user:1")
    drain()
    assert EngineRow.objects.get().halted == ""
    assert not Inbox.objects.filter(place=None).exists()


# --- order ---


@pytest.mark.usefixtures("world")
def test_a_run_that_moved_does_not_hide_the_ones_that_were_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    make_plan("await", AWAIT)
    enrol("await", *(make_contact(f"c-{n}", email=f"c-{n}+silent@example.org").ref for n in range(4)))
    drain()
    for message in OutboxMessage.objects.filter(run__in=["run/1", "run/2"]):
        body = json.dumps({"event": "replied", "intent": message.intent})
        Reaction.objects.create(due=clock() + 10, source="x", external_id=message.run, body=body)
    monkeypatch.setattr(tick, "LOAD", 2)
    advance(2000, group=2)
    assert [e["tick"] for e in entries(3) if e["type"] == "step.completed"] == [1000]


@pytest.mark.usefixtures("world")
def test_inputs_that_came_before_a_drive_of_the_clock_are_admitted_before_it() -> None:
    make_plan("wait", WAIT)
    make_contact("c-1")
    enrol("wait", "c-1")
    operations.advance_clock(actor="cli")
    drain()
    assert run().status == "COMPLETED"


@pytest.mark.usefixtures("world")
def test_a_drive_that_ends_before_the_present_leaves_nothing_behind(owner: psycopg.Connection) -> None:
    drain()
    turn_back(owner, 25)
    operations.advance_clock(seconds=2, actor="cli")
    make_contact("c-1")
    enrol("simple", "c-1")
    drain()
    assert not Inbox.objects.filter(place=None).exists()


@pytest.mark.usefixtures("world")
def test_places_follow_the_order_of_admission() -> None:
    make_contact("c-1", email="c-1+silent@example.org")
    enrol("simple", "c-1")
    drain()
    intent = OutboxMessage.objects.get().intent
    inbox.put(source="x", external_id="1", kind="event", body={"event": "clicked", "intent": intent})
    body = json.dumps({"event": "opened", "intent": intent})
    Reaction.objects.create(due=clock() - 5, source="y", external_id="1", body=body)
    drain()
    placed = Inbox.objects.filter(kind="event").order_by("place").values_list("body", flat=True)
    assert [json.loads(text)["event"] for text in placed] == ["opened", "clicked"]
    assert [e["data"]["event"] for e in entries() if e["type"] == "event.after_end"] == ["opened", "clicked"]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("inputs", [1, 128])
def test_inputs_of_one_second_are_admitted_as_they_came_however_many_are_read(
    monkeypatch: pytest.MonkeyPatch, inputs: int
) -> None:
    monkeypatch.setattr(tick, "INPUTS", inputs)
    second = datetime.fromtimestamp(clock(), UTC)
    for ref, ms in (("c-1", 900), ("c-2", 100), ("c-3", 500)):  # a sequence is not an order
        make_contact(ref)
        at, body = second + timedelta(milliseconds=ms), json.dumps({"plan": "simple", "contact": ref, "actor": "cli"})
        Inbox.objects.create(source="enrol", external_id=ref, kind="run.start", body=body, received_at=at)
    drain()
    assert list(Run.objects.order_by("no").values_list("contact__ref", flat=True)) == ["c-2", "c-3", "c-1"]


def test_who_was_held_longest_gets_the_first_unit_of_the_next_day() -> None:
    make_policy(daily_limits=[{"key": "one", "channel": "email", "limit": 1}, CALLS_A_DAY])
    make_template()
    make_plan()
    enrol("simple", *(make_contact(f"c-{n}").ref for n in (1, 2)))
    drain()
    midnight = run(2).due_at or 0
    make_contact("c-3")
    for again in range(3):  # the run's start and the length of its wait have to be of one second
        pause = {"kind": "wait", "seconds": midnight - clock(), "on": {"completed": "mail"}}
        make_plan(f"later-{again}", {"pause": pause, **MAIL_STEPS})
        enrol(f"later-{again}", "c-3")
        drain()
    assert midnight in Run.objects.filter(status="WAITING").values_list("due_at", flat=True)
    advance(midnight - clock())
    assert run(2).status == "COMPLETED"
    assert Run.objects.filter(status="COMPLETED").count() == 2


def test_a_timer_keeps_no_turn_so_waves_of_any_size_order_the_sends_alike(
    owner: psycopg.Connection, again: Callable[[], None]
) -> None:
    def held(wave_size: int) -> list[tuple[int, str]]:
        again()
        owner.execute("UPDATE audit_head SET clock = 2000000000")
        make_policy(daily_limits=[{"key": "four", "channel": "email", "limit": 4}, CALLS_A_DAY])
        make_template()
        pause: dict[str, Any] = {"kind": "wait", "seconds": 100}
        first, last = MAIL | {"on": {"sent": "second"}}, MAIL | {"on": {"sent": "done"}}
        twice = {"pause": pause | {"on": {"completed": "first"}}, "first": first, "second": last}
        apart = {"first": first, "second": MAIL | {"on": {"sent": "pause"}}, "third": last}
        make_plan("twice", twice | {"done": DONE})
        make_plan("apart", apart | {"pause": pause | {"on": {"completed": "third"}}, "done": DONE})
        make_contact("c-1")
        enrol("twice", "c-1")
        enrol("apart", "c-1")
        advance(100, wave_size=wave_size)
        return list(Run.objects.order_by("no").values_list("no", "status"))

    assert held(1) == held(32)


@pytest.fixture
def again(test_database: Any) -> Callable[[], None]:
    """Return a function that empties the world."""
    return lambda: (test_database.flush(), plan_queries.forget()) and None


@pytest.mark.usefixtures("world")
def test_an_event_in_the_second_of_the_deadline_wins() -> None:
    make_plan("await", AWAIT)
    make_contact("c-1", email="c-1+silent@example.org")
    enrol("await", "c-1")
    drain()
    body = json.dumps({"event": "replied", "intent": OutboxMessage.objects.get().intent})
    Reaction.objects.create(due=run().due_at, source="x", external_id="1", body=body)
    advance(2000)
    assert [data["label"] for data in completed()] == ["event"]


@pytest.mark.usefixtures("world")
def test_an_opt_out_holds_for_everybody_with_that_address_from_its_second_on() -> None:
    later = {"pause": WAIT["pause"] | {"on": {"completed": "mail"}}, **MAIL_STEPS}
    make_plan("later", later)
    enrol("later", *(make_contact(f"c-{n}", email="family+silent@example.org").ref for n in (1, 2)))
    enrol("simple", "c-1")
    drain()
    due = run(2).due_at
    body = json.dumps({"event": "unsubscribed", "intent": OutboxMessage.objects.get().intent})
    Reaction.objects.create(due=due, source="x", external_id="1", body=body)
    advance(2000)
    assert [(run(no).status, run(no).reason) for no in (1, 2)] == [
        ("STOPPED", "opted_out"),
        ("FAILED", "policy_denied:suppression"),
    ]


# --- the log ---


@pytest.mark.usefixtures("world")
def test_a_log_that_grows_while_it_is_verified_is_not_called_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    real, grown = verify.chain.row_break, []

    def row_break(*given: Any) -> Any:
        if not grown:
            grown.append(threading.Thread(target=lambda: (make_contact("c-9"), connection.close())))
            grown[0].start()
            grown[0].join()
        return real(*given)

    monkeypatch.setattr(verify.chain, "row_break", row_break)
    assert verify.check().verdict == verify.Verdict.CONSISTENT
