"""What a crash, an odd input or an unlucky cut of the work leaves behind: each of these was found broken once."""

import json
import threading
import uuid
from typing import Any, NoReturn

import psycopg
import pytest
from django.db import connection
from django.test import override_settings

from audit import verify
from audit.log import Fenced
from channels import registry
from channels.models import Reaction
from plans import conditions
from policies.models import Contact, Counter
from runs import batch, compose, dispatch, inbox, lease, operations, tick
from runs.models import Engine as EngineRow
from runs.models import Inbox
from tests.factories import DONE, MAIL_STEPS, make_contact, make_plan, make_policy, make_template
from tests.functional.engine import advance, drain, engine, enrol, entries, run, types
from tests.tampering import turn_back

pytestmark = pytest.mark.django_db(transaction=True)

WAIT: dict[str, Any] = {"pause": {"kind": "wait", "seconds": 100, "on": {"completed": "done"}}, "done": DONE}
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
        '{"run":1,"expected_n":N,"command":"retry","actor":"x","bulk":"x"}',
        '{"run":1,"expected_n":N,"command":"retry","actor":"x","bulk":"\\u0000"}',
        '{"run":1,"expected_n":N,"command":"retry","actor":"x","bulk":["x"]}',
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
