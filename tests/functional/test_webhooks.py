"""From a provider's signed request to an entry in a run: the webhook stores, the engine admits."""

import json
import time
from typing import Any

import pytest
from django.test import Client

from channels.webhooks import signature
from runs.models import Inbox, Intent
from tests.factories import DONE, make_contact, make_plan, make_policy, make_template
from tests.functional.engine import drain, enrol, last, run

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "a-secret-of-at-least-thirty-two-characters"
REPLY = {
    "mail": {"kind": "send_email", "template": "hello@1", "on": {"sent": "await-reply"}},
    "await-reply": {
        "kind": "wait_for_event",
        "event": "replied",
        "of": "mail",
        "timeout_s": 86_400,
        "on": {"event": "done", "timeout": "gave-up"},
    },
    "done": DONE,
    "gave-up": {"kind": "end", "result": "gave_up"},
}


@pytest.fixture
def waiting(settings: Any) -> str:
    """A run that waits for a reply; returns its intent."""
    settings.DEE_HOOK_SECRETS = {"provider": SECRET}
    make_policy()
    make_template()
    make_plan("reply", REPLY)
    make_contact("c-1", email="c-1+silent@example.org")
    enrol("reply", "c-1")
    drain()
    return Intent.objects.get().id


def deliver(client: Client, intent: str, secret: str = SECRET, **event: Any) -> int:
    body = json.dumps({"id": "evt-1", "event": "replied", "intent": intent} | event).encode()
    headers = {"X-DEE-Signature": signature(secret, int(time.time()), body)}
    response = client.post("/hooks/provider/", body, content_type="application/json", headers=headers)
    return response.status_code


def test_a_signed_event_reaches_its_run(client: Client, waiting: str) -> None:
    assert deliver(client, waiting) == 200
    assert run().status == "WAITING"
    drain()
    assert (run().status, run().reason) == ("COMPLETED", "finished")
    assert last("event.received")["source"] == "hook:provider"


def test_the_same_event_again_is_counted_and_has_no_effect(client: Client, waiting: str) -> None:
    for _ in range(3):
        assert deliver(client, waiting) == 200
    drain()
    assert Inbox.objects.get(kind="event").deliveries == 3


def test_an_unsigned_event_is_not_stored(client: Client, waiting: str) -> None:
    assert deliver(client, waiting, secret="another-secret-of-thirty-two-characters") == 400
    assert not Inbox.objects.filter(kind="event").exists()


def test_an_event_for_nobody_is_kept_as_unmatched(client: Client, waiting: str) -> None:
    assert deliver(client, "0" * 32) == 200
    drain()
    assert Inbox.objects.get(kind="event").verdict == "unmatched"
    assert run().status == "WAITING"
