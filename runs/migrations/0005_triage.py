"""Triage of failed runs, bulk actions that can be stopped, and an index of failures in the log.

A triage row changes only with its entry; of a confirmed list only one thing may change, once: that it was stopped.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

GUARDS = r"""
CREATE OR REPLACE FUNCTION runs_bulk_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE stopped boolean := false;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    stopped := OLD.cancelled_at IS NULL AND NEW.cancelled_at IS NOT NULL
      AND (NEW.confirmed_at, NEW.label, NEW.note::jsonb) IS NOT DISTINCT FROM
          (OLD.confirmed_at, OLD.label, OLD.note::jsonb);
  END IF;
  IF OLD.confirmed_at IS NOT NULL AND NOT stopped THEN
    RAISE EXCEPTION 'bulk % is confirmed: it stays as it is', OLD.id;
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  IF (NEW.id, NEW.command, NEW.filter, NEW.back, NEW.actor, NEW.created_at)
     IS DISTINCT FROM (OLD.id, OLD.command, OLD.filter, OLD.back, OLD.actor, OLD.created_at) THEN
    RAISE EXCEPTION 'bulk %: what was frozen stays as it is, it can only be confirmed', OLD.id;
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION runs_triage_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.run_id <> OLD.run_id OR NEW.n <= OLD.n THEN
    RAISE EXCEPTION 'triage of run %: it changes only with a further entry', OLD.run_id;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER runs_triage_kept BEFORE UPDATE ON runs_triage FOR EACH ROW EXECUTE FUNCTION runs_triage_kept();
CREATE TRIGGER runs_triage_stays BEFORE DELETE ON runs_triage FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER runs_triage_all_stay BEFORE TRUNCATE ON runs_triage
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE FUNCTION runs_triage_said() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM audit_entry e WHERE e.st = 'triage/' || NEW.run_id AND e.n = NEW.n) THEN
    RAISE EXCEPTION 'triage of run %: its stream has no entry %', NEW.run_id, NEW.n;
  END IF;
  RETURN NULL;
END $$;
-- Deferred: the entries of a transaction are put down at its end.
CREATE CONSTRAINT TRIGGER runs_triage_said AFTER INSERT OR UPDATE ON runs_triage DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION runs_triage_said();
ALTER TABLE runs_triage ENABLE ALWAYS TRIGGER runs_triage_kept;
ALTER TABLE runs_triage ENABLE ALWAYS TRIGGER runs_triage_stays;
ALTER TABLE runs_triage ENABLE ALWAYS TRIGGER runs_triage_all_stay;
ALTER TABLE runs_triage ENABLE ALWAYS TRIGGER runs_triage_said;
"""

UNDO = """
DROP TRIGGER runs_triage_said ON runs_triage; DROP TRIGGER runs_triage_all_stay ON runs_triage;
DROP TRIGGER runs_triage_stays ON runs_triage; DROP TRIGGER runs_triage_kept ON runs_triage;
DROP FUNCTION runs_triage_said(); DROP FUNCTION runs_triage_kept();
CREATE OR REPLACE FUNCTION runs_bulk_kept() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""

# Since when a run has failed is in the log only; the inbox sorts thousands of failed runs by it.
FAILURES = """
CREATE INDEX runs_failures ON audit_entry (st, n DESC) INCLUDE (tick) WHERE type = 'run.failed';
"""


class Migration(migrations.Migration):
    dependencies = [("runs", "0004_bulk"), ("audit", "0002_append_only")]
    operations = [
        migrations.CreateModel(
            name="Triage",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        serialize=False,
                        to="runs.run",
                    ),
                ),
                (
                    "assignee",
                    models.TextField(
                        blank=True, default="", help_text="the actor who looks after it, as the log names them"
                    ),
                ),
                (
                    "snoozed_until",
                    models.BigIntegerField(help_text="second of the desk's clock at which the snooze ends", null=True),
                ),
                (
                    "snoozed_n",
                    models.BigIntegerField(
                        help_text="number of the failure's entry; a later one ends it too", null=True
                    ),
                ),
                ("notes", models.IntegerField(default=0)),
                ("n", models.BigIntegerField(help_text="number of entries in its stream")),
            ],
            options={
                "verbose_name_plural": "triage",
                "indexes": [
                    models.Index(condition=~Q(("assignee", "")), fields=["assignee"], name="runs_triage_assignee")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(("snoozed_n__isnull", True), ("snoozed_until__isnull", True))
                        | Q(("snoozed_n__isnull", False), ("snoozed_until__isnull", False)),
                        name="runs_triage_snoozes_a_failure",
                    ),
                    models.CheckConstraint(
                        condition=Q(("assignee__regex", r"^(user:[0-9]+)?$")),
                        name="runs_triage_assigned_to_a_person",
                    ),
                    models.CheckConstraint(condition=Q(("n__gte", 1), ("notes__gte", 0)), name="runs_triage_numbers"),
                ],
            },
        ),
        migrations.AddField(
            model_name="bulk",
            name="cancelled_at",
            field=models.DateTimeField(help_text="since when the engine refuses what it had not taken yet", null=True),
        ),
        migrations.AddField(
            model_name="bulk", name="cancelled_by", field=models.TextField(blank=True, db_default="", default="")
        ),
        migrations.AddConstraint(
            model_name="bulk",
            constraint=models.CheckConstraint(
                condition=Q(("cancelled_at__isnull", True), ("cancelled_by", ""))
                | Q(("cancelled_at__isnull", False), ("confirmed_at__isnull", False)) & ~Q(("cancelled_by", "")),
                name="runs_bulk_cancelled_by_whom",
            ),
        ),
        migrations.RunSQL(GUARDS, UNDO),
        migrations.RunSQL(FAILURES, "DROP INDEX runs_failures;"),
    ]
