"""A run's mail leaves through a real SMTP session, and what the server did decides what the run becomes."""

from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from policies.models import Counter
from runs.models import Intent, Run
from tests.channels_fakes.smtp import Act, Drop, Reply, ScriptedSmtp
from tests.factories import make_contact, make_plan, make_policy, make_template
from tests.functional.engine import drain, enrol, run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(settings: Any) -> None:
    settings.DEE_EMAIL_ADAPTER = "smtp"
    settings.DEE_SMTP_HOST = "127.0.0.1"
    settings.DEE_SMTP_TLS = "none"
    settings.DEE_MAIL_FROM = "DEE <dee@example.org>"
    make_policy()
    make_template(body="Grüß Gott, {{ first_name }}.")
    make_plan()


def send_through(settings: Any, script: dict[str, Act], people: int = 1) -> ScriptedSmtp:
    """Enrol people, drain with a mail server that follows the script, return the server."""
    refs = [make_contact(f"c-{n}", email=f"c-{n}@example.org").ref for n in range(people)]
    enrol("simple", *refs)
    with ScriptedSmtp(script) as server:
        settings.DEE_SMTP_PORT = server.port
        drain()
    return server


@pytest.mark.usefixtures("world")
def test_a_wave_of_mails_leaves_once_each_and_carries_its_intents(settings: Any) -> None:
    server = send_through(settings, {}, people=12)
    assert set(Run.objects.values_list("status", flat=True)) == {"COMPLETED"}
    mails = [message_from_bytes(raw, policy=default) for raw in server.messages]
    assert sorted(str(mail["X-DEE-Intent"]) for mail in mails) == sorted(Intent.objects.values_list("id", flat=True))
    assert {mail.get_content().strip() for mail in mails} == {"Grüß Gott, Ann."}


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("script", "reason", "kept"),
    [
        ({"rcpt": Reply("550 5.1.1 no such user")}, "step_failed:smtp_recipient_refused", 0),
        ({"banner": Reply("421 4.3.2 closing")}, "step_failed:smtp_421", 0),
        ({"data": Drop()}, "step_failed:smtp_dropped_before_data", 0),
        ({"final": Drop()}, "unknown_outcome:smtp_dropped_after_data", 1),
        ({"final": Reply("554 5.7.1 spam")}, "step_failed:smtp_data_refused", 0),
    ],
)
def test_what_the_server_did_decides_what_the_run_becomes(
    settings: Any, script: dict[str, Act], reason: str, kept: int
) -> None:
    server = send_through(settings, script)
    assert (run().status, run().reason) == ("FAILED", reason)
    assert server.connections == 1
    assert Counter.objects.get(key__startswith="daily:").reserved == kept
