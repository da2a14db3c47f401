"""An engine that stands still while the world goes on: frozen by SIGSTOP or slow, replaced or not, and thawed again."""

import time
import uuid
from collections.abc import Callable

import pytest

from audit.log import Fenced
from channels import registry
from channels.messages import Message, Outcome, not_sent
from policies import operations as policy_operations
from policies.models import Contact
from runs import lease, operations
from runs.models import Engine as EngineRow
from runs.models import Inbox, Run
from tests.channels_fakes.smtp import Reply
from tests.factories import make_contact, make_plan, make_policy, make_template
from tests.functional.engine import drain, engine, enrol, last, run, types
from tests.functional.leaving import FINISHED, LOST_OUTCOME, Mail, reserved, stands, start_runs
from tests.workers import StartEngine, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.process]
TakeOver = Callable[[], None]


def command(name: str, **more: str) -> None:
    """Give a command on the first run as it stands."""
    given = {"command_id": str(uuid.uuid4()), "actor": "user:1", "note": "asked the provider"} | more
    operations.send_command(run_no=1, command=name, expected_n=run().n, **given)


def test_an_engine_frozen_in_a_send_is_refused_its_commit_and_reports_what_it_learnt(
    mail: Mail, start_engine: StartEngine
) -> None:
    mail.behaves({"final": Reply("250 2.0.0 Ok", after_s=2)})
    both = [start_engine(**mail.environment, DEE_LEASE_S="2") for _ in range(2)]
    start_runs()
    until(lambda: len(mail.left) == 1)
    holder = EngineRow.objects.get().holder.split("/")[1]
    [frozen] = [one for one in both if str(one.process.pid) == holder]
    frozen.freeze()  # the provider has it and has not said so yet
    until(lambda: stands() == LOST_OUTCOME)
    frozen.thaw()
    until(lambda: "send.reported" in types())
    assert last("send.reported") == {"intent": mail.left[0], "kind": "accepted", "code": "", "label": ""}
    assert (stands(), len(mail.left), reserved()) == (LOST_OUTCOME, 1, 1)
    assert types().count("send.outcome") == 1
    assert Inbox.objects.get(kind="report").verdict == "applied"
    command("resolve", label="sent")
    until(lambda: stands() == FINISHED)
    assert len(mail.left) == 1


def test_an_engine_that_was_replaced_before_its_sockets_sends_nothing(
    mail: Mail, start_engine: StartEngine, take_over: TakeOver
) -> None:
    start_runs()
    frozen = start_engine("before the last look", **mail.environment)
    frozen.wait_standing()
    take_over()
    assert stands() == LOST_OUTCOME
    frozen.go()
    enrol("simple", make_contact("c-2").ref)  # shows that it is awake and stands by, or is the engine again
    until(lambda: Run.objects.filter(no=2, status="COMPLETED").exists())
    assert (stands(), stands(2), mail.provider.connections, len(mail.left)) == (LOST_OUTCOME, FINISHED, 1, 1)


def test_a_message_that_is_too_old_at_its_socket_is_voided_and_asked_again(
    mail: Mail, start_engine: StartEngine
) -> None:
    """Nobody took over: the commit is simply too long ago, by the database's clock."""
    start_runs()
    slow = start_engine("before the last look, which is impatient", **mail.environment)
    slow.wait_standing()
    time.sleep(1.2)  # longer than this engine lets a commit wait
    slow.go()
    until(lambda: stands() == FINISHED)
    assert [type for type in types() if type.startswith(("gate", "send"))] == [
        "gate.decided",
        "send.intended",
        "send.voided",
        "gate.decided",
        "send.intended",
        "send.outcome",
    ]
    assert last("send.voided")["rule"] == "not_after"
    assert mail.left == [last("send.outcome")["intent"]]


def test_a_message_that_is_too_old_does_not_leave_when_it_would_be_denied_by_now(
    mail: Mail, start_engine: StartEngine
) -> None:
    start_runs()
    slow = start_engine("before the last look, which is impatient", **mail.environment)
    slow.wait_standing()
    contact = Contact.objects.get(ref="c-1")
    policy_operations.revoke_consent(
        actor="user:1", contact=contact, channel="email", purpose="marketing", source="phone"
    )
    time.sleep(1.2)  # longer than this engine lets a commit wait
    slow.go()
    until(lambda: stands() == ("FAILED", "policy_denied:consent"))
    assert (mail.left, reserved()) == ([], 0)


def test_a_report_about_one_dispatch_does_not_make_an_earlier_one_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message may have left at first; that its second dispatch was refused says nothing about that."""
    make_policy()
    make_template()
    make_plan()
    make_contact("c-1", email="c-1+timeout-after@example.org")
    enrol("simple", "c-1")
    drain()
    assert stands() == ("FAILED", "unknown_outcome:smtp_timeout_after_data")
    command("redispatch")
    monkeypatch.setattr(lease, "LEASE_S", 0)
    with engine() as frozen, engine() as fresh, monkeypatch.context() as patch:

        def refused(_message: Message, _key: str) -> Outcome:
            fresh.drain()  # takes over while the message is out, and closes it
            return not_sent("smtp_connect_refused")

        patch.setattr(registry.adapter_for("email"), "send", refused)
        with pytest.raises(Fenced):
            frozen.drain()
        while frozen.drain():
            pass
    drain()
    assert last("send.reported")["kind"] == "not_sent"
    assert stands() == LOST_OUTCOME
    with pytest.raises(operations.Refused, match="twice"):
        command("retry")
