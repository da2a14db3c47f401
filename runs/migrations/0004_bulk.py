"""Bulk actions: a frozen list that nobody changes, and what a confirmed one asked for. And an index of open tasks."""

import uuid

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Now

COMMANDS = ("retry", "resolve", "skip", "redispatch", "hold", "release", "cancel")
LABELLED = ["resolve", "skip"]

GUARDS = r"""
CREATE FUNCTION runs_bulk_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.confirmed_at IS NOT NULL THEN
    RAISE EXCEPTION 'bulk % is confirmed: it stays as it is', OLD.id;
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  IF (NEW.id, NEW.command, NEW.filter, NEW.back, NEW.actor, NEW.created_at)
     IS DISTINCT FROM (OLD.id, OLD.command, OLD.filter, OLD.back, OLD.actor, OLD.created_at) THEN
    RAISE EXCEPTION 'bulk %: what was frozen stays as it is, it can only be confirmed', OLD.id;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER runs_bulk_kept BEFORE UPDATE OR DELETE ON runs_bulk FOR EACH ROW EXECUTE FUNCTION runs_bulk_kept();
CREATE TRIGGER runs_bulk_all_kept BEFORE TRUNCATE ON runs_bulk FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE FUNCTION runs_bulkitem_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE of uuid;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    RAISE EXCEPTION 'run % of bulk %: a frozen list stays as it is', OLD.run_id, OLD.bulk_id;
  END IF;
  IF TG_OP = 'DELETE' THEN of := OLD.bulk_id; ELSE of := NEW.bulk_id; END IF;
  IF EXISTS (SELECT FROM runs_bulk b WHERE b.id = of AND b.confirmed_at IS NOT NULL) THEN
    RAISE EXCEPTION 'bulk % is confirmed: its list stays as it is', of;
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER runs_bulkitem_kept BEFORE INSERT OR UPDATE OR DELETE ON runs_bulkitem
  FOR EACH ROW EXECUTE FUNCTION runs_bulkitem_kept();
CREATE TRIGGER runs_bulkitem_all_kept BEFORE TRUNCATE ON runs_bulkitem
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE runs_bulk ENABLE ALWAYS TRIGGER runs_bulk_kept;
ALTER TABLE runs_bulk ENABLE ALWAYS TRIGGER runs_bulk_all_kept;
ALTER TABLE runs_bulkitem ENABLE ALWAYS TRIGGER runs_bulkitem_kept;
ALTER TABLE runs_bulkitem ENABLE ALWAYS TRIGGER runs_bulkitem_all_kept;
CREATE INDEX runs_tasks ON runs_run (due_at, no) WHERE status = 'WAITING' AND reason = 'task';
"""

UNDO = """
DROP INDEX runs_tasks;
DROP TRIGGER runs_bulkitem_all_kept ON runs_bulkitem; DROP TRIGGER runs_bulkitem_kept ON runs_bulkitem;
DROP TRIGGER runs_bulk_all_kept ON runs_bulk; DROP TRIGGER runs_bulk_kept ON runs_bulk;
DROP FUNCTION runs_bulkitem_kept(); DROP FUNCTION runs_bulk_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("runs", "0003_commands"), ("audit", "0002_append_only")]
    operations = [
        migrations.CreateModel(
            name="Bulk",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("command", models.TextField(choices=[(command, command) for command in COMMANDS])),
                ("filter", models.TextField(help_text="which runs were meant, in the words the page used")),
                ("back", models.TextField(blank=True, help_text="address of the list it was made from")),
                ("actor", models.TextField()),
                ("created_at", models.DateTimeField(db_default=Now(), help_text="the database's clock")),
                (
                    "confirmed_at",
                    models.DateTimeField(help_text="since when it asks; from then on nothing changes", null=True),
                ),
                (
                    "label",
                    models.TextField(blank=True, default="", help_text="the outcome, for commands that take one"),
                ),
                ("note", models.JSONField(help_text="commitment to the reason, as in each of its commands", null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["-created_at"], name="runs_bulk_newest")],
                "constraints": [
                    models.CheckConstraint(condition=Q(("command__in", COMMANDS)), name="runs_bulk_command"),
                    models.CheckConstraint(
                        condition=Q(("confirmed_at__isnull", True), ("note__isnull", True))
                        | Q(("confirmed_at__isnull", False), ("note__isnull", False)),
                        name="runs_bulk_reason_when_confirmed",
                    ),
                    models.CheckConstraint(
                        condition=Q(("command__in", LABELLED), ("confirmed_at__isnull", False)) & ~Q(("label", ""))
                        | ~Q(("command__in", LABELLED), ("confirmed_at__isnull", False)) & Q(("label", "")),
                        name="runs_bulk_label_when_confirmed",
                    ),
                    models.CheckConstraint(condition=~Q(("filter", "")) & ~Q(("actor", "")), name="runs_bulk_complete"),
                ],
            },
        ),
        migrations.CreateModel(
            name="BulkItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.IntegerField(help_text="from 1, in the order of run numbers")),
                (
                    "expected_n",
                    models.BigIntegerField(help_text="the run's entry number when the list was made"),
                ),
                (
                    "refusal",
                    models.TextField(
                        blank=True, help_text="why the command was impossible then; empty when it was possible"
                    ),
                ),
                (
                    "bulk",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="runs.bulk",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="runs.run",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("bulk", "place"), name="runs_bulkitem_place"),
                    models.UniqueConstraint(fields=("bulk", "run"), name="runs_bulkitem_run"),
                    models.CheckConstraint(
                        condition=Q(("expected_n__gte", 1), ("place__gte", 1)), name="runs_bulkitem_numbers"
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARDS, UNDO),
    ]
