"""The engine's tables: runs, the inbox of inputs, intents, and the one row of the engine itself.

Derived state: everything in Run can be recomputed from the run's entries. Only the engine writes these rows
(`runs.store`), except the inbox, where anybody may insert and nobody may choose an order.
"""

import uuid

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from runs.engine.transitions import FINAL, HELD, LABELLED, OPEN, Command, Status

_STATUSES = [status.value for status in Status]
ODD = ("refused", "unmatched")  # verdicts people look for
INPUTS = ("run.start", "event", "report", "command", "clock.advance", "clock.confirm")


class Run(models.Model):
    """One contact's walk through one plan version."""

    no = models.BigIntegerField(primary_key=True, help_text="given at admission, gapless; the stream is run/<no>")
    plan_version = models.ForeignKey("plans.PlanVersion", models.PROTECT, db_index=False)
    plan_key = models.TextField()
    contact = models.ForeignKey("policies.Contact", models.PROTECT)
    status = models.TextField(choices=[(s, s.title()) for s in _STATUSES])
    reason = models.TextField(blank=True, help_text="why it stands where it stands: a code such as unknown_outcome")
    step = models.TextField(blank=True)
    visit = models.BigIntegerField(default=0)
    due_at = models.BigIntegerField(null=True, help_text="lane clock of its next own action, or null")
    turn = models.IntegerField(default=0, help_text="sends already made in this instant: later turns go last")
    since = models.BigIntegerField(default=0, help_text="lane clock since when it queues for a limit, or 0")
    n = models.BigIntegerField(help_text="number of entries in its stream")
    head = models.BinaryField()
    start_at = models.BigIntegerField(help_text="lane clock at its start")
    ended_at = models.BigIntegerField(null=True)
    epoch = models.BigIntegerField(default=0, help_text="fencing number under which its open intent was committed")
    state = models.TextField(help_text="JSON of what the core remembers beyond these columns")

    class Meta:
        permissions = [
            ("command_run", "Can retry, resolve, hold and cancel runs and complete tasks"),
            ("enrol_run", "Can enrol contacts into a plan"),
            ("drive_clock", "Can drive the sandbox clock"),
        ]
        indexes = [
            # The engine's pick: one range scan over what is due, whatever number of finished runs there is.
            models.Index(fields=["due_at", "turn", "since", "no"], name="runs_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["reason", "plan_key", "step", "no"], name="runs_failed", condition=Q(status="FAILED")),
            models.Index(fields=["status", "-no"], name="runs_by_status"),
            BrinIndex(fields=["start_at"], name="runs_by_start"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=_STATUSES), name="runs_run_status"),
            models.CheckConstraint(
                condition=Q(status__in=["READY", "WAITING", "PAUSED"], due_at__isnull=False) & ~Q(reason=HELD)
                | Q(status="PAUSED", reason=HELD, due_at__isnull=True)
                | Q(status__in=["DISPATCHING", "FAILED", *FINAL], due_at__isnull=True),
                name="runs_run_has_a_wake",
            ),
            models.CheckConstraint(
                condition=Q(status__in=FINAL, ended_at__isnull=False) | Q(status__in=OPEN, ended_at__isnull=True),
                name="runs_run_ended_when_final",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["READY", "DISPATCHING"]) | ~Q(reason=""),
                name="runs_run_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        """The name people use: run-17."""
        return f"run-{self.no}"

    @property
    def stream(self) -> str:
        return f"run/{self.no}"


class Inbox(models.Model):
    """One input as it arrived. Every row gets exactly one verdict; the engine alone gives it a place."""

    class Verdict(models.TextChoices):
        APPLIED = "applied"
        DUPLICATE = "duplicate"
        UNMATCHED = "unmatched"
        REFUSED = "refused"

    source = models.TextField()
    external_id = models.TextField()
    kind = models.TextField(choices=[(kind, kind) for kind in INPUTS])
    body = models.TextField(help_text="JSON")
    received_at = models.DateTimeField(db_default=Now(), help_text="the database's clock")
    due_s = models.BigIntegerField(null=True, help_text="lane second of a simulated event; null for real ones")
    deliveries = models.IntegerField(default=1, help_text="how often the same row was delivered")
    place = models.BigIntegerField(null=True, unique=True, help_text="its place in the order of inputs")
    verdict = models.TextField(blank=True, default="")
    reason = models.TextField(blank=True, default="")
    run = models.ForeignKey(Run, models.PROTECT, null=True, related_name="inputs")

    class Meta:
        verbose_name = "input"
        verbose_name_plural = "inbox"
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="runs_inbox_once"),
            models.CheckConstraint(
                condition=Q(verdict="", place__isnull=True)
                | Q(verdict__in=["applied", "duplicate", "unmatched", "refused"], place__isnull=False),
                name="runs_inbox_one_verdict",
            ),
            models.CheckConstraint(condition=~Q(verdict="refused") | ~Q(reason=""), name="runs_inbox_refused_why"),
            models.CheckConstraint(condition=Q(kind__in=INPUTS), name="runs_inbox_kind"),
        ]
        indexes = [
            models.Index(fields=["received_at", "id"], name="runs_inbox_new", condition=Q(place__isnull=True)),
            models.Index(fields=["verdict", "-id"], name="runs_inbox_odd", condition=Q(verdict__in=ODD)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.source}/{self.external_id}"


class Intent(models.Model):
    """A committed decision to send. Append-only: what came of it is an entry, not an update."""

    id = models.TextField(primary_key=True, help_text="SHA-256 over run, step, visit and attempt, 32 hex digits")
    run = models.ForeignKey(
        Run, models.PROTECT, related_name="intents", db_index=False
    )  # runs_intent_once begins with it
    step = models.TextField()
    visit = models.BigIntegerField()
    attempt = models.IntegerField()
    channel = models.TextField()
    n = models.BigIntegerField(help_text="number of the send.intended entry")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "step", "visit", "attempt"], name="runs_intent_once")]

    def __str__(self) -> str:
        return self.id


class Engine(models.Model):
    """One row: what the engine was doing when it last committed, and the sandbox clock."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    halted = models.TextField(blank=True, default="", help_text="why the engine stands still; empty when it runs")
    offset_s = models.BigIntegerField(default=0, help_text="sandbox clock minus the database's clock, seconds")
    target = models.BigIntegerField(null=True, help_text="lane second up to which the sandbox clock is being driven")
    confirmed_s = models.BigIntegerField(
        default=0, help_text="lane second up to which a jump of the clock was confirmed"
    )
    next_run = models.BigIntegerField(default=1)
    next_place = models.BigIntegerField(default=1)
    holder = models.TextField(blank=True, default="", help_text="the process that is the engine")
    beat_at = models.DateTimeField(null=True, help_text="when the holder last said that it lives")

    class Meta:
        verbose_name_plural = "engine"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="runs_engine_one_row")]

    def __str__(self) -> str:
        return self.halted or "running"


# Commands that may be asked for many runs at once; the others need a person's eye on each run.
BULK_COMMANDS = tuple(c.value for c in Command if c not in (Command.SEND_AGAIN, Command.COMPLETE_TASK))
_LABELLED = sorted(command.value for command in LABELLED if command in BULK_COMMANDS)


class Bulk(models.Model):
    """One command for many runs: a list frozen when it is made, which asks for nothing until it is confirmed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    command = models.TextField(choices=[(command, command) for command in BULK_COMMANDS])
    filter = models.TextField(help_text="which runs were meant, in the words the page used")
    back = models.TextField(blank=True, help_text="address of the list it was made from")
    actor = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), help_text="the database's clock")
    confirmed_at = models.DateTimeField(null=True, help_text="since when it asks; from then on nothing changes")
    label = models.TextField(blank=True, default="", help_text="the outcome, for commands that take one")
    note = models.JSONField(null=True, help_text="commitment to the reason, as in each of its commands")
    cancelled_at = models.DateTimeField(null=True, help_text="since when the engine refuses what it had not taken yet")
    cancelled_by = models.TextField(blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(command__in=BULK_COMMANDS), name="runs_bulk_command"),
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True, note__isnull=True)
                | Q(confirmed_at__isnull=False, note__isnull=False),
                name="runs_bulk_reason_when_confirmed",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=False, command__in=_LABELLED) & ~Q(label="")
                | ~Q(confirmed_at__isnull=False, command__in=_LABELLED) & Q(label=""),
                name="runs_bulk_label_when_confirmed",
            ),
            models.CheckConstraint(condition=~Q(filter="") & ~Q(actor=""), name="runs_bulk_complete"),
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True, cancelled_by="")
                | Q(cancelled_at__isnull=False, confirmed_at__isnull=False) & ~Q(cancelled_by=""),
                name="runs_bulk_cancelled_by_whom",
            ),
        ]
        indexes = [models.Index(fields=["-created_at"], name="runs_bulk_newest")]

    def __str__(self) -> str:
        return f"{self.command}: {self.filter}"


class BulkItem(models.Model):
    """One run of a bulk action, as it stood when the list was frozen."""

    bulk = models.ForeignKey(Bulk, models.CASCADE, related_name="items", db_index=False)  # the keys begin with it
    place = models.IntegerField(help_text="from 1, in the order of run numbers")
    run = models.ForeignKey(Run, models.PROTECT, related_name="+", db_index=False)
    expected_n = models.BigIntegerField(help_text="the run's entry number when the list was made")
    refusal = models.TextField(blank=True, help_text="why the command was impossible then; empty when it was possible")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bulk", "place"], name="runs_bulkitem_place"),
            models.UniqueConstraint(fields=["bulk", "run"], name="runs_bulkitem_run"),
            models.CheckConstraint(condition=Q(place__gte=1, expected_n__gte=1), name="runs_bulkitem_numbers"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} at {self.expected_n}"


class Triage(models.Model):
    """Who looks after a failed run, and until when it is out of the way. What people did is in the stream triage/<no>.

    Nothing here moves a run: commands go through the engine, whoever it is assigned to and however long it is snoozed.
    """

    run = models.OneToOneField(Run, models.PROTECT, primary_key=True)
    assignee = models.TextField(blank=True, default="", help_text="the actor who looks after it, as the log names them")
    snoozed_until = models.BigIntegerField(null=True, help_text="second of the desk's clock at which the snooze ends")
    snoozed_n = models.BigIntegerField(null=True, help_text="number of the failure's entry; a later one ends it too")
    notes = models.IntegerField(default=0)
    n = models.BigIntegerField(help_text="number of entries in its stream")

    class Meta:
        verbose_name_plural = "triage"
        constraints = [
            models.CheckConstraint(
                condition=Q(snoozed_until__isnull=True, snoozed_n__isnull=True)
                | Q(snoozed_until__isnull=False, snoozed_n__isnull=False),
                name="runs_triage_snoozes_a_failure",
            ),
            models.CheckConstraint(
                condition=Q(assignee__regex=r"^(user:[0-9]+)?$"), name="runs_triage_assigned_to_a_person"
            ),
            models.CheckConstraint(condition=Q(n__gte=1, notes__gte=0), name="runs_triage_numbers"),
        ]
        indexes = [models.Index(fields=["assignee"], name="runs_triage_assignee", condition=~Q(assignee=""))]

    def __str__(self) -> str:
        return f"triage of run-{self.run_id}"

    @property
    def stream(self) -> str:
        return f"triage/{self.run_id}"
