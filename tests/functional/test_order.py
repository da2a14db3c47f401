"""In which order is it done? However the work was cut, loaded and sent: each of these was found broken once."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from channels import registry
from channels.messages import labelled
from channels.models import OutboxMessage, Reaction
from plans import queries as plan_queries
from runs import inbox, operations, tick
from runs.models import Inbox, Intent, Run
from tests.factories import CALLS_A_DAY, DONE, MAIL_STEPS, make_contact, make_plan, make_policy, make_template, phone_of
from tests.functional.engine import advance, clock, drain, enrol, entries, run, types
from tests.tampering import guards_down, turn_back

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 86_400
WAIT: dict[str, Any] = {"pause": {"kind": "wait", "seconds": 100, "on": {"completed": "done"}}, "done": DONE}
MAIL: dict[str, Any] = {"kind": "send_email", "template": "hello@1"}
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


@pytest.fixture
def world() -> None:
    make_policy()
    make_template()
    make_plan()


def completed(no: int = 1) -> list[dict[str, Any]]:
    return [entry["data"] for entry in entries(no) if entry["type"] == "step.completed"]


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


def test_a_timer_keeps_no_turn_so_waves_of_any_size_order_the_sends_alike(again: Callable[[int], None]) -> None:
    def held(wave_size: int) -> list[tuple[int, str]]:
        again(4)
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


def test_a_wave_never_mixes_turns_so_waves_of_any_size_order_the_sends_alike(again: Callable[[int], None]) -> None:
    def held(wave_size: int) -> list[int]:
        again(4)
        twice = {"first": MAIL | {"on": {"sent": "second"}}, "second": MAIL | {"on": {"sent": "done"}}, "done": DONE}
        midnight = DAY - clock() % DAY
        make_plan("later", {"pause": {"kind": "wait", "seconds": midnight, "on": {"completed": "first"}}} | twice)
        make_plan("twice", twice)
        make_plan()
        refs = [make_contact(f"c-{n}").ref for n in range(4)]
        enrol("later", refs[0])
        enrol("simple", *refs)  # uses up the first day, so the next two queue for the second, before the first run
        enrol("twice", *refs[:2])
        advance(midnight, wave_size=wave_size)
        return list(Run.objects.filter(status="PAUSED").order_by("no").values_list("no", flat=True))

    assert held(1) == held(2) == held(32) == [6, 7]


@pytest.fixture
def again(test_database: Any, owner: psycopg.Connection) -> Callable[[int], None]:
    """Return a function that empties the world, beyond the database's clock, with a daily limit of mails."""

    def make(mails: int) -> None:
        test_database.flush()
        plan_queries.forget()
        owner.execute("UPDATE audit_head SET clock = 2000000000")
        make_policy(daily_limits=[{"key": "mails", "channel": "email", "limit": mails}, CALLS_A_DAY])
        make_template()

    return make


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


@pytest.mark.usefixtures("world")
def test_an_event_after_the_end_does_not_move_the_end() -> None:
    make_contact("c-1", email="c-1+opens@example.org")
    enrol("simple", "c-1")
    drain()
    ended = run().ended_at
    advance(40_000)
    assert "event.after_end" in types()
    assert run().ended_at == ended


REPLY = {"kind": "wait_for_event", "event": "replied", "timeout_s": 3600, "on": {"event": "done", "timeout": "late"}}


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("polled", [True, False])
def test_what_is_received_after_a_drive_was_asked_for_counts_after_it_however_often_the_engine_looks(
    polled: bool,
) -> None:
    mail = {"kind": "send_email", "template": "hello@1", "on": {"sent": "reply"}}
    make_plan("ask", {"mail": mail, "reply": REPLY, "done": DONE, "late": {"kind": "end", "result": "late"}})
    make_contact("c-1", email="c-1+silent@example.org")
    enrol("ask", "c-1")
    drain()
    operations.advance_clock(seconds=7200, actor="cli")
    if polled:
        drain()
    body = {"event": "replied", "intent": Intent.objects.get().pk, "machine": False}
    inbox.put(source="hook:sandbox", external_id="e-1", kind="event", body=body)
    drain()
    drain()
    assert run().reason == "late"
    assert types()[-1] == "event.after_end"


def test_nobody_is_asked_for_while_a_message_to_the_same_person_is_on_its_way(
    again: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    said_no = {"kind": "record_opt_out", "channels": ["voice"], "on": {"recorded": "done"}}
    labels = dict.fromkeys(("answered", "no_answer", "busy", "voicemail"), "no")
    call = {"kind": "call", "template": "script@1", "on": labels}
    monkeypatch.setattr(registry.adapter_for("voice"), "send", lambda *_: labelled("answered"))
    for wave in (1, 32):
        again(wave)
        make_template("script", "voice", "Hello.")
        make_plan("calls", {"call": call, "no": said_no, "done": DONE})
        make_contact("c-1")
        make_contact("c-2", phone=phone_of("c-1"))  # of the same household
        enrol("calls", "c-1", "c-2")
        enrol("calls", "c-1", again="b")
        advance(1, wave_size=wave)
        assert [run(no).reason for no in (1, 2, 3)] == ["finished", "policy_denied:suppression", "opted_out"], wave


@pytest.mark.usefixtures("world")
def test_no_timer_overtakes_an_event_because_something_about_the_clock_was_asked_in_between(
    owner: psycopg.Connection,
) -> None:
    late = {"late": {"kind": "end", "result": "late"}}
    mail = {"kind": "send_email", "template": "hello@1", "on": {"sent": "reply"}}
    make_plan("ask", {"mail": mail, "reply": REPLY | {"timeout_s": 30}, "done": DONE, **late})
    make_contact("c-1", email="c-1+silent@example.org")
    enrol("ask", "c-1")
    drain()
    inbox.put(source="clock", external_id="c-1", kind="clock.advance", body={"actor": "cli", "seconds": 0})
    body = {"event": "replied", "intent": Intent.objects.get().pk, "machine": False}
    inbox.put(source="hook:sandbox", external_id="e-1", kind="event", body=body)
    with guards_down(owner):
        owner.execute("UPDATE runs_engine SET offset_s = offset_s + 600")
        sooner = "UPDATE runs_inbox SET received_at = to_timestamp(%s - (SELECT offset_s FROM runs_engine))"
        owner.execute(f"{sooner} WHERE place IS NULL", [run().due_at])
    drain()
    assert run().reason == "finished"


def test_a_message_waits_for_nobody_but_not_after_its_persons_opt_out(again: Callable[[int], None]) -> None:
    """A run that may opt somebody out waits for the messages to them that are on their way."""
    said_no = {"kind": "record_opt_out", "channels": ["email"], "on": {"recorded": "done"}}
    for wave in (1, 32):
        again(4)
        call = {"kind": "call", "template": "script@1"}
        labels = dict.fromkeys(("answered", "no_answer", "busy", "voicemail"), "done")
        make_template("script", "voice", "Hello.")
        make_plan()
        make_plan("refused", {"call": call | {"on": labels | {"blocked": "no"}}, "no": said_no, "done": DONE})
        make_contact("c-1", consents=("email",))
        enrol("simple", "c-1")
        enrol("refused", "c-1")
        advance(1, wave_size=wave)
        assert [(run(no).status, run(no).reason) for no in (1, 2)] == [("COMPLETED", "finished")] * 2, wave
