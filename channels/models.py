"""The tables of this room: messages as they were rendered, and what simulated recipients are going to do.

Both are written by the engine (`runs.store`): a message with its intent before the send, its outcome afterwards.
"""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact

from channels.kinds import Channel
from channels.messages import OutcomeKind

# A message has no outcome while it is on its way, and is voided when a last check kept it from an adapter.
PENDING, VOIDED = "", "voided"
OUTCOMES = (PENDING, *(kind.value for kind in OutcomeKind), VOIDED)
_CHANNELS = [channel.value for channel in Channel]


class OutboxMessage(models.Model):
    """One rendered message of one intent: personal data, which is why the log holds only its commitment."""

    intent = models.TextField(primary_key=True)
    run = models.TextField(help_text="stream of the run, such as run/12")
    channel = models.TextField(choices=[(c, c) for c in _CHANNELS])
    adapter = models.TextField()
    to_address = models.TextField()
    subject = models.TextField(blank=True)
    body = models.TextField(blank=True)
    salt = models.BinaryField(help_text="32 random bytes that open the commitment in the log")
    created_at = models.DateTimeField(help_text="lane clock when the intent was committed")
    outcome = models.TextField(blank=True, db_default=PENDING, choices=[(o, o) for o in OUTCOMES])

    class Meta:
        verbose_name = "message"
        constraints = [
            models.CheckConstraint(condition=Q(channel__in=_CHANNELS), name="channels_outbox_channel"),
            models.CheckConstraint(condition=Q(outcome__in=OUTCOMES), name="channels_outbox_outcome"),
            models.CheckConstraint(condition=Exact(Length("salt"), 32), name="channels_outbox_salt"),
            models.CheckConstraint(
                condition=~Q(intent="") & ~Q(adapter="") & ~Q(to_address=""), name="channels_outbox_complete"
            ),
            models.CheckConstraint(condition=Q(run__regex=r"^run/[1-9][0-9]*$"), name="channels_outbox_run"),
        ]
        indexes = [
            # The mailbox pages by it; the intent makes the order total. No index by channel: every one of them costs
            # each send, and a page of one channel is found on the same walk.
            models.Index(fields=["-created_at", "-intent"], name="channels_outbox_newest"),
            models.Index(fields=["run"], name="channels_outbox_by_run"),
        ]

    def __str__(self) -> str:
        return self.intent


class Reaction(models.Model):
    """Something a simulated recipient will do. The engine turns it into an input when its second comes."""

    due = models.BigIntegerField(help_text="lane clock, whole seconds")
    source = models.TextField()
    external_id = models.TextField()
    body = models.TextField(help_text="JSON, as the inbox keeps it")
    released = models.BooleanField(db_default=False)

    class Meta:
        verbose_name = "simulated reaction"
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="channels_reaction_once"),
            models.CheckConstraint(
                condition=Q(due__gte=0) & ~Q(source="") & ~Q(external_id="") & ~Q(body=""),
                name="channels_reaction_complete",
            ),
        ]
        indexes = [models.Index(fields=["due", "id"], name="channels_reaction_due", condition=Q(released=False))]

    def __str__(self) -> str:
        return f"{self.source}/{self.external_id}"
