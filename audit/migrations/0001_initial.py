from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Opening",
            fields=[
                ("ref", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "subject",
                    models.TextField(db_index=True, help_text="whose value: a stream name such as contact/c-1001"),
                ),
                ("kind", models.TextField()),
                ("salt", models.BinaryField()),
                ("value", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="Stream",
            fields=[
                ("st", models.TextField(primary_key=True, serialize=False)),
                ("n", models.BigIntegerField()),
                ("head", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Verification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("by", models.TextField()),
                ("scope", models.TextField(help_text="'log' or a stream name")),
                ("verdict", models.TextField()),
                ("checked", models.BigIntegerField()),
                ("message", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="place in the whole log, gapless from 0", primary_key=True, serialize=False
                    ),
                ),
                ("st", models.TextField(verbose_name="stream")),
                ("n", models.BigIntegerField(help_text="place in the stream, gapless from 1")),
                ("type", models.TextField()),
                (
                    "tick",
                    models.BigIntegerField(help_text="whole seconds since the run's start, or lane clock outside runs"),
                ),
                ("step", models.TextField(blank=True)),
                ("prev", models.BinaryField(help_text="hash of the entry before, or of the genesis")),
                ("hash", models.BinaryField()),
                ("body", models.TextField(help_text="canonical JSON, hashed exactly as stored")),
                ("stamp", models.TextField(help_text="canonical JSON: at, by, h, seq")),
            ],
            options={
                "verbose_name_plural": "entries",
                "permissions": [("verify_log", "Can verify the log and export evidence")],
                "constraints": [
                    models.UniqueConstraint(fields=("st", "n"), name="audit_entry_one_n"),
                    models.UniqueConstraint(fields=("st", "prev"), name="audit_entry_no_fork"),
                    models.CheckConstraint(condition=models.Q(("n__gte", 1)), name="audit_entry_n_positive"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Head",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("size", models.BigIntegerField(default=0, help_text="entries in the log; the next seq")),
                (
                    "epoch",
                    models.BigIntegerField(default=0, help_text="fencing number of the engine that may write runs"),
                ),
                (
                    "clock",
                    models.BigIntegerField(default=0, help_text="lane clock, whole seconds since the epoch, UTC"),
                ),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="audit_head_one_row")],
            },
        ),
    ]
