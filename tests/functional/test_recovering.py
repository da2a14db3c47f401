"""Failed sends on the real database: recovery rules, evidence, redispatch, holds, tasks, and what people ask for."""

import json
import uuid
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from audit import verify
from channels import registry
from channels.models import OutboxMessage, Reaction
from policies import operations as policy_operations
from policies.models import Contact, Counter, Suppression
from runs import dispatch, inbox, lease, operations
from runs.models import Inbox, Intent
from tests.factories import DONE, MAIL_STEPS, make_contact, make_plan, make_policy, make_template
from tests.functional.engine import advance, clock, drain, engine, enrol, entries, last, run, types
from tests.tampering import guards_down

pytestmark = pytest.mark.django_db(transaction=True)

RETRY = {"on": ["smtp_temporary_refused"], "action": "retry", "max_attempts": 2, "backoff_ticks": [60]}
AGAIN = {"on": ["smtp_timeout_after_data"], "action": "redispatch", "max_attempts": 1, "backoff_ticks": [30]}
EVIDENCE = {"on": ["smtp_timeout_after_data", "outcome_lost"], "action": "resolve_on_evidence"}


def world(*rules: dict[str, Any], **policy: Any) -> None:
    make_policy(**({"recovery": list(rules)} if rules else {}), **policy)
    make_template()
    make_plan()


def command(name: str, *, label: str = "", no: int = 1, **more: Any) -> None:
    """Give a command on a run as it stands, and let the engine decide."""
    operations.send_command(
        run_no=no,
        command=name,
        expected_n=run(no).n,
        command_id=str(uuid.uuid4()),
        actor="user:1",
        note="because",
        label=label,
        **more,
    )
    drain()


def start(tag: str, ref: str = "c-1", plan: str = "simple") -> None:
    make_contact(ref, email=f"{ref}+{tag}@example.org")
    enrol(plan, ref)
    drain()


def counted() -> tuple[int, int]:
    """Return (reserved, posted) of the mails of the day."""
    return Counter.objects.filter(key__startswith="daily:open-email").values_list("reserved", "posted").get()


# --- recovery rules ---


def test_a_rule_tries_a_refused_mail_again_by_itself_and_every_step_is_in_the_log() -> None:
    world(RETRY)
    start("flaky")
    assert (run().status, run().reason) == ("PAUSED", "recovery:smtp_temporary_refused")
    failure = types().index("run.failed")
    assert types()[failure + 1] == "recovery.applied"
    advance(60)
    assert run().status == "COMPLETED"
    assert counted() == (0, 1)
    assert types().count("gate.decided") == 2


def test_without_a_rule_a_refused_mail_waits_for_a_person() -> None:
    world()
    start("flaky")
    assert run().status == "FAILED"


def test_a_policy_published_meanwhile_is_the_one_that_counts() -> None:
    world()
    start("flaky")
    make_policy(recovery=[RETRY])
    command("retry")
    assert run().status == "COMPLETED"
    start("refused", "c-2")
    assert run(2).status == "FAILED"


def test_evidence_resolves_an_unknown_outcome_where_a_rule_says_so() -> None:
    world(EVIDENCE)
    start("timeout-after")
    assert run().status == "FAILED"
    advance(700)
    assert run().status == "COMPLETED"
    assert last("recovery.applied")["label"] == "sent"


def test_evidence_without_a_rule_is_offered_to_a_person() -> None:
    world()
    start("timeout-after")
    advance(700)
    assert run().status == "FAILED"
    assert operations.standing_of(run()).evidence == "sent"


def test_a_rule_dispatches_a_message_again_under_its_key() -> None:
    world(AGAIN)
    start("timeout-after")
    assert run().status == "PAUSED"
    advance(30)
    assert run().status == "COMPLETED"
    assert Intent.objects.count() == OutboxMessage.objects.count() == 1
    assert counted() == (0, 1)


# --- people ---


def test_a_redispatch_is_the_kept_message_as_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    world()
    adapter, seen = registry.adapter_for("email"), []
    real = adapter.send
    monkeypatch.setattr(adapter, "send", lambda message, key: (seen.append((message.body, key)), real(message, key))[1])
    start("timeout-after")
    policy_operations.update_contact(actor="cli", ref="c-1", first_name="Somebody")
    make_template(body="Quite another text, {{ first_name }}.")
    command("redispatch")
    assert run().status == "COMPLETED"
    assert len(seen) == 2
    assert seen[0] == seen[1]
    assert OutboxMessage.objects.get().outcome == "accepted"
    assert counted() == (0, 1)
    assert verify.check().verdict == verify.Verdict.CONSISTENT


def test_a_redispatch_asks_the_gate_first() -> None:
    world()
    start("timeout-after")
    contact = Contact.objects.get()
    policy_operations.revoke_consent(actor="cli", contact=contact, channel="email", purpose="marketing", source="phone")
    command("redispatch")
    assert (run().status, run().reason) == ("FAILED", "unknown_outcome:policy_denied")


def test_a_kept_message_that_somebody_changed_is_not_dispatched_again(owner: psycopg.Connection) -> None:
    world()
    start("timeout-after")
    with guards_down(owner):
        owner.execute("UPDATE channels_outboxmessage SET body = 'Pay here'")
    command("redispatch")
    assert (run().status, run().reason) == ("FAILED", "unknown_outcome:message_changed")


def test_a_message_that_is_gone_is_not_dispatched_again(owner: psycopg.Connection) -> None:
    world()
    start("timeout-after")
    with guards_down(owner):
        owner.execute("DELETE FROM channels_outboxmessage")
    command("redispatch")
    assert (run().status, run().reason) == ("FAILED", "unknown_outcome:message_erased")


def test_a_call_whose_adapter_knows_no_keys_cannot_be_dispatched_again() -> None:
    world()
    make_template("script", "voice", "Hello.")
    labels = dict.fromkeys(("answered", "no_answer", "busy", "voicemail"), "done")
    make_plan("calls", {"call": {"kind": "call", "template": "script@1", "on": labels}, "done": DONE})
    make_contact("c-1", phone="+12125550198")
    enrol("calls", "c-1")
    drain()
    with pytest.raises(operations.Refused, match="does not know this message by a key"):
        command("redispatch")


def test_sending_again_needs_the_runs_name_typed_and_reserves_a_second_unit() -> None:
    world()
    start("timeout-after")
    with pytest.raises(operations.Refused, match="Type run-1"):
        command("send_again", confirmation="yes")
    command("send_again", confirmation="run-1")
    first, second = Intent.objects.order_by("attempt").values_list("id", flat=True)
    assert last("send.intended")["may_duplicate_of"] == first
    assert last("send.intended")["intent"] == second
    assert counted() == (2, 0)


def test_a_skipped_step_leaves_its_reservation_as_it_was() -> None:
    world()
    start("timeout-after")
    command("skip", label="sent")
    assert run().status == "COMPLETED"
    assert counted() == (1, 0)


TASK = {"kind": "task", "title": "Ring them", "timeout_s": 7200, "on": {"reached": "done", "timeout": "late"}}
TASK_STEPS = {"ring": TASK, "done": DONE, "late": {"kind": "end", "result": "late"}}


def test_a_task_waits_for_a_person_and_ends_at_its_deadline_otherwise() -> None:
    world()
    make_plan("tasks", TASK_STEPS)
    for ref in ("c-1", "c-2"):
        make_contact(ref)
    enrol("tasks", "c-1", "c-2")
    drain()
    assert (run(1).status, run(1).reason) == ("WAITING", "task")
    command("complete_task", label="reached")
    advance(7200)
    assert (run(1).reason, run(2).reason) == ("finished", "late")


def test_a_held_run_stands_still_while_the_clock_goes_on_and_goes_on_when_released() -> None:
    world()
    make_plan("tasks", TASK_STEPS)
    make_contact("c-1")
    enrol("tasks", "c-1")
    drain()
    command("hold")
    assert (run().status, run().reason, run().due_at) == ("PAUSED", "held", None)
    advance(10_000)
    assert run().status == "PAUSED"
    command("release")
    assert run().reason == "late"


# --- plans that ask the shell ---


def test_a_run_waits_until_nine_in_its_contacts_own_zone() -> None:
    world()
    steps = {"nine": {"kind": "wait_until", "time": "09:00", "on": {"completed": "mail"}}} | MAIL_STEPS
    make_plan("morning", steps)
    for ref, zone in (("c-1", "Asia/Kathmandu"), ("c-2", "Europe/Berlin"), ("c-3", "")):
        make_contact(ref, zone=zone, phone="+12125550191")
    enrol("morning", "c-1", "c-2", "c-3")
    drain()
    zones = [entries(no)[1]["data"]["zone"] for no in (1, 2, 3)]
    assert zones[:2] == ["Asia/Kathmandu", "Europe/Berlin"]
    assert zones[2].startswith("America/")  # of the telephone's area
    offset = timedelta(hours=5, minutes=45).seconds
    assert ((run(1).due_at or 0) + offset) % 86_400 == 9 * 3600
    assert clock() < (run(1).due_at or 0) <= clock() + 86_400
    advance(86_400)
    assert [run(no).status for no in (1, 2, 3)] == ["COMPLETED"] * 3


def test_an_opt_out_that_a_step_records_suppresses_the_person_and_ends_their_other_runs() -> None:
    world()
    said_no = {"kind": "record_opt_out", "channels": ["email"], "on": {"recorded": "left"}}
    make_plan("said-no", {"no": said_no, "left": {"kind": "end", "result": "left"}})
    make_plan("later", {"pause": {"kind": "wait", "seconds": 60, "on": {"completed": "mail"}}} | MAIL_STEPS)
    make_contact("c-1")
    make_contact("c-2", email="c-2@example.org")
    enrol("later", "c-1", "c-2")
    drain()
    enrol("said-no", "c-1")
    drain()
    assert [(run(no).status, run(no).reason) for no in (1, 2, 3)] == [
        ("STOPPED", "opted_out"),
        ("WAITING", "timer"),
        ("COMPLETED", "left"),
    ]
    told = last("event.received", 1)
    assert (told["source"], told["id"]) == ("run/3", last("opt_out.recorded", 3)["id"])
    assert Suppression.objects.get().reason == "unsubscribe"
    assert Contact.objects.get(ref="c-1").consents.get(channel="email", version=2).status == "revoked"
    enrol("simple", "c-1")
    drain()
    assert run(4).reason == "policy_denied:suppression"


# --- engines that come too late ---


def test_an_engine_that_stood_still_after_its_commit_sends_nothing_late(monkeypatch: pytest.MonkeyPatch) -> None:
    world()
    with engine() as frozen:
        make_contact("c-1")
        enrol("simple", "c-1")
        monkeypatch.setattr(dispatch, "LATENESS_TOLERANCE_S", -1)
        batch, _ = (frozen.lease.acquire(), frozen._transact(None, []))[1]
        answers = frozen._send(batch)
        assert [answer for _, answer in answers] == ["not_after"]
        assert OutboxMessage.objects.get().outcome == ""
        monkeypatch.undo()
        frozen._transact(batch, answers, closing=True)
    assert last("send.voided")["rule"] == "not_after"
    drain()
    assert run().status == "COMPLETED"


def test_an_engine_that_was_replaced_reports_what_it_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    world(EVIDENCE)
    make_contact("c-1")
    monkeypatch.setattr(lease, "LEASE_S", 0)
    real = dispatch.send
    with engine() as frozen, engine() as fresh:

        def replaced(*given: Any) -> Any:
            answers = real(*given)
            while fresh.drain():
                pass
            assert run().reason == "unknown_outcome:outcome_lost"
            return answers

        enrol("simple", "c-1")
        with monkeypatch.context() as patch, pytest.raises(Exception, match="epoch"):
            patch.setattr(dispatch, "send", replaced)
            frozen.drain()
        frozen.drain()
    drain()
    report = Inbox.objects.get(kind="report")
    assert (report.verdict, json.loads(report.body)["kind"]) == ("applied", "accepted")
    assert types()[-4:] == ["send.reported", "recovery.applied", "step.completed", "run.completed"]
    assert run().status == "COMPLETED"
    assert not Reaction.objects.exists()  # nobody committed them


def test_a_report_comes_from_an_engine_only() -> None:
    world()
    start("timeout-after")
    body = {"intent": Intent.objects.get().pk, "kind": "accepted", "code": "", "label": ""}
    inbox.put(source="hook:sandbox", external_id="x", kind="report", body=body)
    inbox.put(source="engine", external_id="y", kind="report", body=body | {"intent": "0" * 32})
    drain()
    assert sorted(Inbox.objects.filter(kind="report").values_list("verdict", flat=True)) == ["refused", "unmatched"]
