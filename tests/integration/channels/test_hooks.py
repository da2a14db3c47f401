"""A webhook through the whole site: from the signed request to the row in the inbox, and no further."""

import json
import time

import pytest
from django.test import Client

from channels import webhooks
from runs.models import Inbox

pytestmark = pytest.mark.django_db

SECRET = "a-secret-of-more-than-thirty-two-characters"


@pytest.fixture(autouse=True)
def secrets(settings):
    settings.DEE_HOOK_SECRETS = {"mailer": SECRET}


def post(event: dict, **extra: str):
    body = json.dumps(event).encode()
    header = webhooks.signature(SECRET, int(time.time()), body)
    client = Client(enforce_csrf_checks=True)
    return client.post(
        "/hooks/mailer/", body, content_type="application/json", headers={"X-DEE-Signature": header, **extra}
    )


def test_from_the_request_to_the_inbox():
    response = post({"id": "evt-1", "event": "opened", "intent": "5f0c", "at": 5})
    assert (response.status_code, response.json()) == (200, {"stored": 1, "duplicate": 0})
    row = Inbox.objects.get()
    assert (row.source, row.external_id, row.kind, row.verdict, row.place) == (
        "hook:mailer",
        "evt-1",
        "event",
        "",
        None,
    )
    assert json.loads(row.body) == {"event": "opened", "intent": "5f0c", "machine": False, "provider_at": 5}


def test_forty_six_deliveries_are_one_row():
    answers = [post({"id": "evt-1", "event": "opened", "intent": "5f0c"}).json() for _ in range(46)]
    assert sum(answer["stored"] for answer in answers) == 1
    assert Inbox.objects.get().deliveries == 46


def test_a_bad_signature_leaves_no_row():
    assert post({"event": "opened", "intent": "5f0c"}, **{"X-DEE-Signature": "t=1,v1=0"}).status_code == 400
    assert Inbox.objects.count() == 0


def test_a_get_changes_nothing():
    assert Client().get("/hooks/mailer/").status_code == 405
    assert Client().get("/hooks/unknown/").status_code == 405
    assert Inbox.objects.count() == 0
