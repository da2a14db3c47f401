"""Outcomes keep their class, and the commitment to a message is the one the log's readers can recompute."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import canon
from channels.kinds import CERTAIN, UNKNOWN, Event, Failure, failure
from channels.messages import event_body, failed, labelled, message_commitment, not_sent

SALT = bytes(range(32))
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=50)


def test_every_code_is_certain_or_unknown_and_not_both():
    assert set(CERTAIN) | set(UNKNOWN) == set(Failure)
    assert not set(CERTAIN) & set(UNKNOWN)
    assert {failed(code).kind for code in UNKNOWN} == {"unknown"}


def test_a_code_outside_the_list_is_refused():
    for make in (not_sent, failure):
        with pytest.raises(ValueError, match="“gremlins” is not a failure code"):
            make("gremlins")


def test_a_label_is_a_call_result():
    assert labelled("busy").label == "busy"
    for label in ("sent", "failed"):
        with pytest.raises(ValueError, match=label):
            labelled(label)


def test_the_body_of_an_event():
    assert event_body(Event.OPENED, "i1", machine=True) == {
        "event": "opened",
        "intent": "i1",
        "machine": True,
        "provider_at": None,
    }


@given(to=texts, subject=texts, body=texts)
def test_the_commitment_is_the_hmac_anybody_can_recompute(to, subject, body):
    fields = {"body": body, "channel": "email", "subject": subject, "to": to}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    expected = hmac.new(SALT, b"dee.pii/1\nmessage\n" + text.encode(), hashlib.sha256).hexdigest()
    assert message_commitment(SALT, channel="email", to=to, subject=subject, body=body) == expected


def test_a_changed_field_or_salt_changes_the_commitment():
    first = {"channel": "email", "to": "a@x.example", "subject": "s", "body": "b"}
    seen = {message_commitment(SALT, **first), message_commitment(bytes(32), **first)}
    for name in first:
        seen.add(message_commitment(SALT, **{**first, name: "other"}))
    assert len(seen) == 6


def test_a_long_message_has_a_commitment_too():
    assert message_commitment(SALT, channel="email", to="a@x.example", subject="", body="x" * 1_000_000)


def test_what_has_no_commitment():
    with pytest.raises(ValueError, match="32 bytes"):
        message_commitment(b"short", channel="email", to="a", subject="", body="")
    with pytest.raises(canon.NotCanonical):
        message_commitment(SALT, channel="email", to="a", subject="", body="\x00")
