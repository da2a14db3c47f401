import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("plans", "0001_initial"),
        ("policies", "0002_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="Engine",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                (
                    "halted",
                    models.TextField(
                        blank=True, default="", help_text="why the engine stands still; empty when it runs"
                    ),
                ),
                (
                    "offset_s",
                    models.BigIntegerField(default=0, help_text="sandbox clock minus the database's clock, seconds"),
                ),
                (
                    "target",
                    models.BigIntegerField(
                        help_text="lane second up to which the sandbox clock is being driven", null=True
                    ),
                ),
                (
                    "confirmed_s",
                    models.BigIntegerField(
                        default=0, help_text="lane second up to which a jump of the clock was confirmed"
                    ),
                ),
                ("next_run", models.BigIntegerField(default=1)),
                ("next_place", models.BigIntegerField(default=1)),
                ("holder", models.TextField(blank=True, default="", help_text="the process that is the engine")),
                ("beat_at", models.DateTimeField(help_text="when the holder last said that it lives", null=True)),
            ],
            options={
                "verbose_name_plural": "engine",
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="runs_engine_one_row")],
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                (
                    "no",
                    models.BigIntegerField(
                        help_text="given at admission, gapless; the stream is run/<no>",
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("plan_key", models.TextField()),
                (
                    "status",
                    models.TextField(
                        choices=[
                            ("READY", "Ready"),
                            ("WAITING", "Waiting"),
                            ("PAUSED", "Paused"),
                            ("DISPATCHING", "Dispatching"),
                            ("FAILED", "Failed"),
                            ("COMPLETED", "Completed"),
                            ("STOPPED", "Stopped"),
                        ]
                    ),
                ),
                (
                    "reason",
                    models.TextField(
                        blank=True, help_text="why it stands where it stands: a code such as unknown_outcome"
                    ),
                ),
                ("step", models.TextField(blank=True)),
                ("visit", models.BigIntegerField(default=0)),
                ("due_at", models.BigIntegerField(help_text="lane clock of its next own action, or null", null=True)),
                (
                    "turn",
                    models.IntegerField(default=0, help_text="sends already made in this instant: later turns go last"),
                ),
                (
                    "since",
                    models.BigIntegerField(default=0, help_text="lane clock since when it queues for a limit, or 0"),
                ),
                ("n", models.BigIntegerField(help_text="number of entries in its stream")),
                ("head", models.BinaryField()),
                ("start_at", models.BigIntegerField(help_text="lane clock at its start")),
                ("ended_at", models.BigIntegerField(null=True)),
                (
                    "epoch",
                    models.BigIntegerField(
                        default=0, help_text="fencing number under which its open intent was committed"
                    ),
                ),
                ("state", models.TextField(help_text="JSON of what the core remembers beyond these columns")),
                ("contact", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="policies.contact")),
                (
                    "plan_version",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="plans.planversion"
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("command_run", "Can retry, resolve and cancel runs"),
                    ("enrol_run", "Can enrol contacts into a plan"),
                    ("drive_clock", "Can drive the sandbox clock"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Intent",
            fields=[
                (
                    "id",
                    models.TextField(
                        help_text="SHA-256 over run, step, visit and attempt, 32 hex digits",
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("step", models.TextField()),
                ("visit", models.BigIntegerField()),
                ("attempt", models.IntegerField()),
                ("channel", models.TextField()),
                ("n", models.BigIntegerField(help_text="number of the send.intended entry")),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="intents",
                        to="runs.run",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Inbox",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.TextField()),
                ("external_id", models.TextField()),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("run.start", "run.start"),
                            ("event", "event"),
                            ("command", "command"),
                            ("clock.advance", "clock.advance"),
                            ("clock.confirm", "clock.confirm"),
                        ]
                    ),
                ),
                ("body", models.TextField(help_text="JSON")),
                (
                    "received_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), help_text="the database's clock"
                    ),
                ),
                (
                    "due_s",
                    models.BigIntegerField(help_text="lane second of a simulated event; null for real ones", null=True),
                ),
                ("deliveries", models.IntegerField(default=1, help_text="how often the same row was delivered")),
                ("place", models.BigIntegerField(help_text="its place in the order of inputs", null=True, unique=True)),
                ("verdict", models.TextField(blank=True, default="")),
                ("reason", models.TextField(blank=True, default="")),
                (
                    "run",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="inputs", to="runs.run"
                    ),
                ),
            ],
            options={
                "verbose_name": "input",
                "verbose_name_plural": "inbox",
            },
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["due_at", "turn", "since", "no"], name="runs_due"
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("status", "FAILED")),
                fields=["reason", "plan_key", "step", "no"],
                name="runs_failed",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["status", "-no"], name="runs_by_status"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=django.contrib.postgres.indexes.BrinIndex(fields=["start_at"], name="runs_by_start"),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["READY", "WAITING", "PAUSED", "DISPATCHING", "FAILED", "COMPLETED", "STOPPED"])
                ),
                name="runs_run_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("due_at__isnull", False), ("status__in", ["READY", "PAUSED"])),
                    models.Q(("due_at__isnull", False), ("status", "WAITING")),
                    models.Q(
                        ("due_at__isnull", True), ("status__in", ["DISPATCHING", "FAILED", "COMPLETED", "STOPPED"])
                    ),
                    _connector="OR",
                ),
                name="runs_run_has_a_wake",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", False), ("status__in", ("COMPLETED", "STOPPED"))),
                    models.Q(
                        ("ended_at__isnull", True),
                        ("status__in", ("READY", "WAITING", "PAUSED", "DISPATCHING", "FAILED")),
                    ),
                    _connector="OR",
                ),
                name="runs_run_ended_when_final",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["FAILED", "PAUSED", "STOPPED", "COMPLETED"]), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="runs_run_has_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="intent",
            constraint=models.UniqueConstraint(fields=("run", "step", "visit", "attempt"), name="runs_intent_once"),
        ),
        migrations.AddIndex(
            model_name="inbox",
            index=models.Index(
                condition=models.Q(("place__isnull", True)), fields=["received_at", "id"], name="runs_inbox_new"
            ),
        ),
        migrations.AddIndex(
            model_name="inbox",
            index=models.Index(
                condition=models.Q(("verdict__in", ("refused", "unmatched"))),
                fields=["verdict", "-id"],
                name="runs_inbox_odd",
            ),
        ),
        migrations.AddConstraint(
            model_name="inbox",
            constraint=models.UniqueConstraint(fields=("source", "external_id"), name="runs_inbox_once"),
        ),
        migrations.AddConstraint(
            model_name="inbox",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("place__isnull", True), ("verdict", "")),
                    models.Q(
                        ("place__isnull", False), ("verdict__in", ["applied", "duplicate", "unmatched", "refused"])
                    ),
                    _connector="OR",
                ),
                name="runs_inbox_one_verdict",
            ),
        ),
        migrations.AddConstraint(
            model_name="inbox",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("verdict", "refused"), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="runs_inbox_refused_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="inbox",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("run.start", "event", "command", "clock.advance", "clock.confirm"))),
                name="runs_inbox_kind",
            ),
        ),
    ]
