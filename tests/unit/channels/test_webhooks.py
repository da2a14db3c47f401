"""Webhooks: a signed event is stored once, and everything else is refused with a sentence and leaves no trace."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import RequestFactory

from channels import webhooks

SECRET = "a-secret-of-more-than-thirty-two-characters"
NOW = 1_795_000_000
EVENT = {"id": "evt-1", "event": "opened", "intent": "5f0c", "at": NOW - 20, "machine": True}


@dataclass(frozen=True)
class Put:
    new: bool


@dataclass
class Inbox:
    """Keeps rows by source and external id, as the real one does."""

    rows: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def put(self, *, source, external_id, kind, body):
        assert kind == "event"
        new = (source, external_id) not in self.rows
        self.rows.setdefault((source, external_id), dict(body))
        return Put(new)


@pytest.fixture(autouse=True)
def secrets(settings):
    settings.DEE_HOOK_SECRETS = {"mailer": SECRET, "voice": ["o" * 40, "n" * 40]}


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def post(inbox):
    view = webhooks.receiver(inbox.put, now=lambda: NOW)

    def send(payload: Any, *, adapter: str = "mailer", secret: str = SECRET, at: int = NOW, header: str | None = None):
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        signed = webhooks.signature(secret, at, body) if header is None else header
        request = RequestFactory().post("/", body, content_type="application/json", headers={"X-DEE-Signature": signed})
        return view(request, adapter)

    return send


def answer(response) -> dict[str, Any]:
    return json.loads(response.content)


def test_a_signed_event_is_stored(post, inbox):
    response = post(EVENT)
    assert (response.status_code, answer(response)) == (200, {"stored": 1, "duplicate": 0})
    assert inbox.rows == {
        ("hook:mailer", "evt-1"): {"event": "opened", "intent": "5f0c", "machine": True, "provider_at": NOW - 20}
    }


def test_a_replayed_event_is_a_duplicate(post, inbox):
    post(EVENT)
    response = post(EVENT)
    assert (response.status_code, answer(response)) == (200, {"stored": 0, "duplicate": 1})
    assert len(inbox.rows) == 1


def test_several_events_at_once(post, inbox):
    events = [{"id": str(n), "event": "delivered", "intent": f"i{n}"} for n in range(3)]
    assert answer(post({"events": [*events, events[0]]})) == {"stored": 3, "duplicate": 1}
    assert [external_id for _, external_id in inbox.rows] == ["0", "1", "2"]
    assert inbox.rows["hook:mailer", "0"] == {
        "event": "delivered",
        "intent": "i0",
        "machine": False,
        "provider_at": None,
    }


def test_an_event_without_an_id_is_known_by_its_content(post, inbox):
    first = {"event": "opened", "intent": "i1", "at": 5}
    assert answer(post(first))["stored"] == 1
    assert answer(post(b'{ "at": 5, "intent": "i1",\n "event": "opened" }')) == {"stored": 0, "duplicate": 1}
    assert answer(post({**first, "at": 6}))["stored"] == 1
    assert all(len(external_id) == 64 for _, external_id in inbox.rows)


def test_the_same_id_from_two_providers_is_two_events(post, inbox):
    post(EVENT)
    assert answer(post(EVENT, adapter="voice", secret="n" * 40))["stored"] == 1
    assert len(inbox.rows) == 2


@pytest.mark.parametrize("secret", ["o" * 40, "n" * 40])
def test_while_a_secret_is_replaced_both_count(post, secret):
    assert post(EVENT, adapter="voice", secret=secret).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1795000000",
        "v1=" + "0" * 64,
        "t=1795000000,v1=" + "0" * 64,
        "t=1795000000,v1=é",
        "t=,v1=",
        "t=1,t=2,v1=" + "0" * 64,
        "nonsense",
    ],
)
def test_a_bad_signature_is_refused_and_logged_without_the_body(post, inbox, caplog, header):
    response = post({**EVENT, "intent": "ann@example.org"}, header=header)
    assert response.status_code == 400
    assert answer(response)["error"].endswith(".")
    assert inbox.rows == {}
    assert "webhook refused" in caplog.text
    assert "ann@example.org" not in caplog.text


def test_another_secret_or_a_changed_body_is_a_bad_signature(post, inbox):
    assert post(EVENT, secret="x" * 40).status_code == 400
    signed = webhooks.signature(SECRET, NOW, json.dumps(EVENT).encode())
    assert post({**EVENT, "intent": "other"}, header=signed).status_code == 400
    assert inbox.rows == {}


@pytest.mark.parametrize(("age", "status"), [(300, 200), (301, 400), (-300, 200), (-301, 400), (10**9, 400)])
def test_a_signature_holds_five_minutes(post, age, status):
    response = post(EVENT, at=NOW - age)
    assert response.status_code == status
    assert status == 200 or "300 seconds" in answer(response)["error"]


def test_a_signed_time_that_is_no_number_is_refused(post):
    body = json.dumps(EVENT).encode()
    header = f"t=soon,v1={webhooks._digest(SECRET, 'soon', body)}"
    assert post(body, header=header).status_code == 400


def test_one_of_several_signatures_is_enough(post):
    good = webhooks.signature(SECRET, NOW, json.dumps(EVENT).encode())
    assert post(EVENT, header=good + ",v1=" + "0" * 64 + ",v0=old").status_code == 200


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"event":"opened","event":"replied","intent":"i"}', "twice"),
        (b'{"event":"opened","intent":"i","at":1.5}', "integer"),
        (b'{"event":"opened","intent":"i","at":NaN}', "NaN"),
        (b"[" * 40, "not JSON"),
        (b"[]", "JSON object"),
        (b'"opened"', "JSON object"),
        ({"event": "exploded", "intent": "i"}, "one of delivered"),
        ({"event": ["opened"], "intent": "i"}, "one of delivered"),
        ({"intent": "i"}, "one of delivered"),
        ({"event": "opened"}, "intent"),
        ({"event": "opened", "intent": ""}, "intent"),
        ({"event": "opened", "intent": "x" * 201}, "intent"),
        ({"event": "opened", "intent": "i", "id": 5}, "“id”"),
        ({"event": "opened", "intent": "i", "id": ""}, "“id”"),
        ({"event": "opened", "intent": "i", "at": "now"}, "“at”"),
        ({"event": "opened", "intent": "i", "at": True}, "“at”"),
        ({"event": "opened", "intent": "i", "machine": 1}, "“machine”"),
        ({"event": "opened", "intent": "i", "address": "ann@example.org"}, "“address” is not a key"),
        ({"events": []}, "1 to 500"),
        ({"events": "all"}, "1 to 500"),
        ({"events": [EVENT], "more": 1}, "nothing else"),
        ({"events": [{"event": "x", "intent": "i"}] * 501}, "1 to 500"),
        ({"events": [EVENT, {"event": "opened"}]}, "/events/1: "),
    ],
)
def test_what_is_not_an_event_is_refused_whole(post, inbox, payload, sentence):
    response = post(payload)
    assert response.status_code == 400
    assert sentence in answer(response)["error"]
    assert inbox.rows == {}, "not even its good events"


def test_a_body_over_the_limit_is_not_read_further(post, inbox):
    fits = json.dumps(EVENT).encode()
    assert post(fits + b" " * (webhooks.MAX_BODY - len(fits))).status_code == 200
    response = post(fits + b" " * (webhooks.MAX_BODY - len(fits) + 1))
    assert response.status_code == 413
    assert len(inbox.rows) == 1


@pytest.mark.parametrize("method", ["get", "put", "delete", "head", "options"])
def test_only_post(inbox, method):
    view = webhooks.receiver(inbox.put, now=lambda: NOW)
    response = view(getattr(RequestFactory(), method)("/"), "mailer")
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert inbox.rows == {}


def test_a_name_without_a_secret_is_not_there(post, settings):
    assert post(EVENT, adapter="other").status_code == 404
    settings.DEE_HOOK_SECRETS = {}
    response = post(EVENT)
    assert response.status_code == 404
    assert "DEE_HOOK_SECRETS" in answer(response)["error"]


def test_the_signature_anybody_can_make():
    """Written down for those who send: echo -n '1795000000.{}' | openssl dgst -sha256 -hmac secret"""
    assert webhooks.signature("secret", NOW, b"{}") == SIGNED


SIGNED = "t=1795000000,v1=6b4c7e66d3b69c810f27c4aa67ee370757d4dfdabf1fbb338ea7cf6aba9e0494"
