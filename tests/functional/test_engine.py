"""The engine on the real database: from an input in the inbox to entries in the log."""

import json
import uuid

import pytest

from audit import verify
from channels.messages import message_commitment
from channels.models import OutboxMessage, Reaction
from policies.models import Consent, Counter, Suppression
from runs import inbox, operations
from runs.models import Inbox, Intent, Run
from tests.factories import BLOCKED, DONE, MAIL_STEPS, make_contact, make_plan, make_policy, make_template
from tests.functional.engine import advance, clock, drain, enrol, entries, last, run, types, verdicts

pytestmark = pytest.mark.django_db(transaction=True)

FOLLOW_UP = {
    "welcome-email": {"kind": "send_email", "template": "hello@1", "on": {"sent": "wait-3-days"}},
    "wait-3-days": {"kind": "wait", "seconds": 259200, "on": {"completed": "check-open"}},
    "check-open": {
        "kind": "branch",
        "cases": [
            {"name": "yes", "when": {"op": "event_seen", "event": "opened", "of": "welcome-email"}, "goto": "done"}
        ],
        "else": {"name": "no", "goto": "call-1"},
    },
    "call-1": {
        "kind": "call",
        "template": "script@1",
        "on": {"answered": "done", "no_answer": "done", "busy": "done", "voicemail": "done", "blocked": "blocked"},
    },
    "done": DONE,
    "blocked": BLOCKED,
}


@pytest.fixture
def world() -> None:
    """A policy, templates and two plans."""
    make_policy()
    make_template()
    make_template("script", "voice", "Hello {{ first_name }}, this is a call.")
    make_plan("simple", MAIL_STEPS)
    make_plan("follow-up", FOLLOW_UP)


@pytest.mark.usefixtures("world")
def test_the_overviews_plan_runs_to_its_end() -> None:
    make_contact("c-1")
    enrol("follow-up", "c-1")
    drain()
    assert run().status == "WAITING"
    advance(259200)
    assert types()[-1] == "step.waiting"
    advance(3600)
    assert (run().status, run().reason) == ("COMPLETED", "finished")
    completed = [(e["tick"], e["step"]) for e in entries() if e["type"] == "step.completed"]
    assert completed[0] == (259200, "wait-3-days")
    assert last("branch.evaluated")["case"] == "no"
    assert verify.check().verdict == verify.Verdict.CONSISTENT


@pytest.mark.usefixtures("world")
def test_a_recipient_who_opens_is_not_called() -> None:
    make_contact("c-1", email="c-1+opens@example.org")
    enrol("follow-up", "c-1")
    drain()
    advance(260000)
    assert last("branch.evaluated")["case"] == "yes"
    assert Intent.objects.count() == 1


@pytest.mark.usefixtures("world")
def test_every_input_gets_exactly_one_verdict_and_a_gapless_place() -> None:
    make_contact("c-1")
    enrol("simple", "c-1")
    inbox.put(source="enrol", external_id="x", kind="run.start", body={"plan": "simple", "contact": "nobody"})
    inbox.put(source="hook:x", external_id="1", kind="event", body={"event": "opened", "intent": "ff"})
    drain()
    assert verdicts() == [("run.start", "applied"), ("run.start", "refused"), ("event", "unmatched")]
    assert list(Inbox.objects.order_by("place").values_list("place", flat=True)) == [1, 2, 3]


@pytest.mark.usefixtures("world")
def test_a_second_delivery_is_counted_and_changes_nothing() -> None:
    make_contact("c-1")
    enrol("simple", "c-1")
    enrol("simple", "c-1")
    drain()
    assert Run.objects.count() == 1
    assert Inbox.objects.get().deliveries == 2


@pytest.mark.usefixtures("world")
def test_an_event_46_times_has_one_effect() -> None:
    make_contact("c-1")
    enrol("follow-up", "c-1")
    drain()
    intent = Intent.objects.get().id
    for _ in range(46):
        inbox.put(source="hook:x", external_id="e1", kind="event", body={"event": "opened", "intent": intent})
    drain()
    assert types().count("event.received") == 1


@pytest.mark.usefixtures("world")
def test_the_message_is_kept_with_its_intent_and_opens_the_commitment_in_the_log() -> None:
    make_contact("c-1", first_name="Änne")
    enrol("simple", "c-1")
    drain()
    message = OutboxMessage.objects.get()
    assert message.body == "Hello Änne."
    assert message.outcome == "accepted"
    intended = last("send.intended")
    assert intended["intent"] == message.intent
    c = message_commitment(
        bytes(message.salt), channel="email", to=message.to_address, subject=message.subject, body=message.body
    )
    assert intended["payload"]["c"] == c


@pytest.mark.usefixtures("world")
def test_no_personal_value_is_in_the_log() -> None:
    make_contact("c-1", first_name="Zebulon", last_name="Quince", email="zq+opens@example.org", phone="+12125550123")
    enrol("follow-up", "c-1")
    drain()
    advance(300000)
    text = json.dumps([e for no in (1,) for e in entries(no)])
    for value in ("Zebulon", "Quince", "zq+opens", "2125550123"):
        assert value not in text


@pytest.mark.usefixtures("world")
def test_a_success_posts_what_was_reserved() -> None:
    make_contact("c-1")
    enrol("simple", "c-1")
    drain()
    for counter in Counter.objects.all():
        assert counter.reserved == 0
        assert counter.posted > 0


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("tag", "reason", "reserved"),
    [
        ("timeout-before", "step_failed:smtp_timeout_before_data", 0),
        ("timeout-after", "unknown_outcome:smtp_timeout_after_data", 1),
    ],
)
def test_a_failed_send_stops_its_run(tag: str, reason: str, reserved: int) -> None:
    make_contact("c-1", email=f"c-1+{tag}@example.org")
    enrol("simple", "c-1")
    drain()
    advance(86_400 * 3)
    assert (run().status, run().reason) == ("FAILED", reason)
    assert OutboxMessage.objects.count() == 1
    daily = Counter.objects.get(key__startswith="daily:")
    assert (daily.reserved, daily.posted) == (reserved, 0)


@pytest.mark.usefixtures("world")
def test_a_retry_by_an_operator_completes_the_run() -> None:
    make_contact("c-1", email="c-1+flaky@example.org")
    enrol("simple", "c-1")
    drain()
    failed = run()
    assert failed.status == "FAILED"
    operations.send_command(
        run_no=1,
        command="retry",
        expected_n=failed.n,
        command_id=str(uuid.uuid4()),
        actor="user:1",
        note="The mail server is back.",
    )
    drain()
    assert run().status == "COMPLETED"
    assert last("command.accepted")["actor"] == "user:1"
    assert "mail server" not in json.dumps(entries())


@pytest.mark.usefixtures("world")
def test_of_two_operators_the_first_wins_and_the_second_is_stale() -> None:
    make_contact("c-1", email="c-1+timeout-after@example.org")
    enrol("simple", "c-1")
    drain()
    n = run().n
    for actor, command, label in (("user:1", "resolve", "sent"), ("user:2", "cancel", "")):
        operations.send_command(
            run_no=1,
            command=command,
            expected_n=n,
            command_id=str(uuid.uuid4()),
            actor=actor,
            note="I asked the provider.",
            label=label,
        )
    drain()
    commands = list(Inbox.objects.filter(kind="command").order_by("place").values_list("verdict", "reason"))
    assert commands[0] == ("applied", "")
    assert commands[1][0] == "refused"
    assert "Stale" in commands[1][1]
    assert run().status == "COMPLETED"


@pytest.mark.usefixtures("world")
def test_a_command_that_cannot_be_is_refused_at_once_with_a_sentence() -> None:
    make_contact("c-1")
    enrol("simple", "c-1")
    drain()
    with pytest.raises(operations.Refused, match="COMPLETED"):
        operations.send_command(
            run_no=1, command="retry", expected_n=4, command_id=str(uuid.uuid4()), actor="user:1", note="x"
        )
    assert not Inbox.objects.filter(kind="command").exists()


@pytest.mark.usefixtures("world")
def test_an_unsubscribe_revokes_suppresses_and_stops_every_open_run_of_the_channel() -> None:
    contact = make_contact("c-1", email="c-1+unsubscribes@example.org")
    make_contact("c-2")
    enrol("follow-up", "c-1", "c-2")
    enrol("follow-up", "c-1", again="second")
    drain()
    advance(86_400)
    states = {r.no: (r.contact.ref, r.status, r.reason) for r in Run.objects.select_related("contact")}
    assert sorted(v for v in states.values() if v[0] == "c-1") == [("c-1", "STOPPED", "opted_out")] * 2
    assert [v[1] for v in states.values() if v[0] == "c-2"] == ["WAITING"]
    newest = Consent.objects.filter(contact=contact, channel="email").order_by("-version").first()
    assert newest is not None
    assert newest.status == "revoked"
    assert Suppression.objects.filter(address="c-1+unsubscribes@example.org", reason="unsubscribe").exists()


@pytest.mark.usefixtures("world")
def test_a_hard_bounce_suppresses_the_address_for_the_next_send() -> None:
    make_contact("c-1", email="c-1+bounces@example.org")
    enrol("simple", "c-1")
    drain()
    advance(86_400)
    enrol("simple", "c-1", again="second")
    drain()
    assert (run(2).status, run(2).reason) == ("FAILED", "policy_denied:suppression")


@pytest.mark.usefixtures("world")
def test_a_contact_without_consent_is_refused_and_nothing_leaves() -> None:
    make_contact("c-1", consents=())
    enrol("simple", "c-1")
    drain()
    assert run().reason == "policy_denied:consent"
    assert not OutboxMessage.objects.exists()
    assert last("gate.decided")["facts"]["consent"]["status"] == "unknown"


def test_a_daily_limit_holds_the_rest_until_the_next_day() -> None:
    make_policy(daily_limits=[{"key": "five", "channel": "email", "limit": 5}])
    make_template()
    make_plan()
    refs = [make_contact(f"c-{n}").ref for n in range(8)]
    enrol("simple", *refs)
    drain()
    assert Run.objects.filter(status="COMPLETED").count() == 5
    assert set(Run.objects.filter(status="PAUSED").values_list("reason", flat=True)) == {"daily_limit:daily_limit"}
    advance(86_400)
    assert Run.objects.filter(status="COMPLETED").count() == 8


def test_calling_hours_hold_in_the_contacts_zone() -> None:
    window = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "09:00", "to": "09:01"}]
    make_policy(calling_hours=[{"channels": ["voice"], "purposes": ["marketing"], "windows": window}])
    make_template("script", "voice", "Hello.")
    make_plan("call", {"call-1": FOLLOW_UP["call-1"], "done": DONE, "blocked": BLOCKED})
    make_contact("c-1")
    enrol("call", "c-1")
    drain()
    if run().status == "PAUSED":
        assert run().reason.startswith("calling_hours")
        advance(86_400)
    sent = next(e for e in entries() if e["type"] == "gate.decided" and e["data"]["verdict"] == "allow")
    (zone,) = sent["data"]["facts"]["hours"]["zones"]
    assert (zone["name"], zone["minute"]) == ("America/New_York", 540)


@pytest.mark.usefixtures("world")
def test_the_sandbox_clock_meets_every_instant_on_its_way() -> None:
    make_contact("c-1")
    enrol("follow-up", "c-1")
    drain()
    before = clock()
    advance(10 * 86_400)
    assert clock() >= before + 10 * 86_400
    gates = [e["data"]["facts"]["late_by"] for e in entries() if e["type"] == "gate.decided"]
    assert gates == [0, 0]
    assert not Reaction.objects.filter(released=False).exists()
