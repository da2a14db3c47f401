"""The database refuses what the vocabularies and the contract do not allow, whoever writes."""

import pytest
from django.db import IntegrityError, connection, transaction

from channels.kinds import Channel
from channels.messages import OutcomeKind
from channels.models import OUTCOMES, OutboxMessage, Reaction

pytestmark = pytest.mark.django_db

GOOD_MESSAGE = {
    "intent": "i1",
    "run": "run/12",
    "channel": "email",
    "adapter": "sandbox",
    "to_address": "ann@example.org",
    "subject": "",
    "body": "",
    "salt": bytes(32),
    "created_at": "2026-11-22T09:00:00Z",
}
GOOD_REACTION = {"due": 5, "source": "hook:sandbox", "external_id": "i1/0", "body": "{}"}


def insert(table: str, values: dict) -> None:
    columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(values.values()))


def test_the_engine_may_leave_out_what_has_a_default():
    insert("channels_outboxmessage", GOOD_MESSAGE)
    insert("channels_reaction", GOOD_REACTION)
    assert OutboxMessage.objects.get().outcome == ""
    assert Reaction.objects.get().released is False


def test_every_channel_and_outcome_of_the_vocabulary_fits():
    assert {kind.value for kind in OutcomeKind} < set(OUTCOMES)
    pairs = [(channel.value, outcome) for channel in Channel for outcome in OUTCOMES]
    for number, (channel, outcome) in enumerate(pairs):
        insert(
            "channels_outboxmessage",
            {**GOOD_MESSAGE, "intent": f"i{number}", "channel": channel, "outcome": outcome},
        )
    assert OutboxMessage.objects.count() == len(pairs)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"channel": "fax"}, "channels_outbox_channel"),
        ({"channel": ""}, "channels_outbox_channel"),
        ({"outcome": "sent"}, "channels_outbox_outcome"),
        ({"salt": bytes(31)}, "channels_outbox_salt"),
        ({"salt": b""}, "channels_outbox_salt"),
        ({"intent": ""}, "channels_outbox_complete"),
        ({"adapter": ""}, "channels_outbox_complete"),
        ({"to_address": ""}, "channels_outbox_complete"),
        ({"run": "run-12"}, "channels_outbox_run"),
        ({"run": "run/0"}, "channels_outbox_run"),
        ({"run": "contact/12"}, "channels_outbox_run"),
        ({"body": None}, "null value"),
    ],
)
def test_a_message_outside_the_rules_is_refused(change, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        insert("channels_outboxmessage", {**GOOD_MESSAGE, **change})


def test_an_intent_has_one_message():
    insert("channels_outboxmessage", GOOD_MESSAGE)
    with pytest.raises(IntegrityError, match="channels_outboxmessage_pkey"):
        insert("channels_outboxmessage", {**GOOD_MESSAGE, "body": "other"})


@pytest.mark.parametrize(
    "change", [{"due": -1}, {"source": ""}, {"external_id": ""}, {"body": ""}], ids=lambda change: next(iter(change))
)
def test_a_reaction_outside_the_rules_is_refused(change):
    with pytest.raises(IntegrityError, match="channels_reaction_complete"):
        insert("channels_reaction", {**GOOD_REACTION, **change})


def test_a_reaction_is_scheduled_once():
    insert("channels_reaction", GOOD_REACTION)
    with pytest.raises(IntegrityError, match="channels_reaction_once"):
        insert("channels_reaction", {**GOOD_REACTION, "due": 9})
