"""What keeps a message from leaving, a command from counting and a second engine from beginning."""

import uuid
from typing import Any, NoReturn

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from channels import registry
from channels.models import OutboxMessage
from policies import operations as policy_operations
from policies.models import Contact, Counter
from runs import compose, dispatch, lease, operations
from runs.models import Inbox
from tests.factories import MAIL_STEPS, make_contact, make_plan, make_policy, make_template
from tests.functional.engine import advance, drain, engine, enrol, last, run
from tests.tampering import guards_down

pytestmark = pytest.mark.django_db(transaction=True)

PAUSE = {"kind": "wait", "seconds": 100, "on": {"completed": "mail"}}


@pytest.fixture(autouse=True)
def world() -> None:
    make_policy()
    make_template()
    make_plan()
    make_plan("later", {"pause": PAUSE, **MAIL_STEPS})


def start(plan: str = "simple", tag: str = "delivered") -> None:
    make_contact("c-1", email=f"c-1+{tag}@example.org")
    enrol(plan, "c-1")


def withdraw() -> None:
    contact = Contact.objects.get()
    policy_operations.revoke_consent(actor="cli", contact=contact, channel="email", purpose="marketing", source="phone")


def command(name: str, *, expected_n: int, confirmation: str = "") -> None:
    """Give a command that was decided on an entry, and let the engine decide."""
    operations.send_command(
        run_no=1,
        command=name,
        expected_n=expected_n,
        command_id=str(uuid.uuid4()),
        actor="user:1",
        note="because",
        confirmation=confirmation,
    )
    drain()


def test_a_consent_withdrawn_while_a_run_waits_stops_its_send() -> None:
    start("later")
    drain()
    withdraw()
    advance(100)
    assert (run().status, run().reason) == ("FAILED", "policy_denied:consent")
    assert not OutboxMessage.objects.exists()


def test_a_consent_withdrawn_between_the_commit_and_the_socket_stops_the_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    adapter, left = registry.adapter_for("email"), []
    sends, real = adapter.send, dispatch.send
    monkeypatch.setattr(adapter, "send", lambda message, key: (left.append(key), sends(message, key))[1])

    def send(*given: Any) -> Any:
        monkeypatch.setattr(dispatch, "send", real)
        withdraw()
        return real(*given)

    monkeypatch.setattr(dispatch, "send", send)
    start()
    drain()
    assert left == []
    assert last("send.voided")["rule"] == "consent"
    assert (run().status, run().reason) == ("FAILED", "policy_denied:consent")


def test_an_adapter_that_raises_leaves_an_unknown_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = registry.adapter_for("email")
    monkeypatch.setattr(adapter, "send", lambda message, key: 1 / 0)
    start()
    drain()
    assert (run().status, run().reason) == ("FAILED", "unknown_outcome:adapter_error_after_data")
    assert Counter.objects.get(key__startswith="daily:").reserved == 1


def test_an_engine_fault_records_what_the_error_is_called_and_never_what_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks(*_: Any) -> NoReturn:
        raise ValueError("ann@example.org at 0x7f")

    monkeypatch.setattr(compose, "compose", breaks)
    start()
    drain()
    assert last("engine.fault") == {"type": "ValueError"}
    assert run().reason == "engine_fault:ValueError"


def test_a_command_decided_on_an_older_entry_is_refused_although_it_would_be_possible_now() -> None:
    start("later")
    drain()
    command("cancel", expected_n=run().n - 1)
    verdict = Inbox.objects.get(kind="command")
    assert (verdict.verdict, verdict.reason[:6], run().status) == ("refused", "Stale:", "WAITING")


@pytest.mark.parametrize("name", ["redispatch", "send_again"])
def test_a_run_whose_log_was_changed_is_not_tried_again(owner: psycopg.Connection, name: str) -> None:
    start(tag="timeout-after")
    drain()
    with guards_down(owner):
        owner.execute("UPDATE audit_entry SET body = replace(body, 'cli', 'cmd') WHERE st = 'run/1' AND n = 1")
    command(name, expected_n=run().n, confirmation="run-1")
    refused = Inbox.objects.get(kind="command")
    assert (refused.verdict, "does not verify" in refused.reason) == ("refused", True)
    assert run().status == "FAILED"


def test_a_message_is_not_dispatched_again_by_another_provider(owner: psycopg.Connection) -> None:
    start(tag="timeout-after")
    drain()
    owner.execute("UPDATE channels_outboxmessage SET adapter = 'smtp'")
    command("redispatch", expected_n=run().n)
    assert (run().status, run().reason) == ("FAILED", "unknown_outcome:adapter_changed")


def test_a_second_engine_stands_by_while_the_first_is_alive() -> None:
    with engine() as first, engine() as second:
        first.drain()
        with pytest.raises(lease.Held):
            second.drain()


def test_a_status_changes_only_with_an_entry() -> None:
    start("later")
    drain()
    with pytest.raises(DatabaseError, match="without an entry that says so"), transaction.atomic():
        connection.cursor().execute("UPDATE runs_run SET status = 'READY', reason = ''")
