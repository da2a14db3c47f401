"""Commands that hold and release, waits for a person, reports of engines: and FAILED is left only with an entry that says so."""

from django.db import migrations, models

# What a run waits for became its reason, and a run knows its contact's reference, which splits go by.
REWRITE = """
UPDATE runs_run AS r SET
  reason = CASE WHEN r.status = 'WAITING' THEN r.state::jsonb ->> 'waiting_on' ELSE r.reason END,
  state = ((r.state::jsonb - 'waiting_on') || jsonb_build_object('contact', c.ref))::text
FROM policies_contact c WHERE c.id = r.contact_id;
"""

# Events after the end had moved it.
ENDS = """
UPDATE runs_run AS r SET ended_at = r.start_at + e.tick FROM audit_entry e
WHERE e.st = 'run/' || r.no AND e.type IN ('run.completed', 'run.stopped') AND r.ended_at <> r.start_at + e.tick;
"""

# Messages of unknown fate are remembered from now on, with the reservation that stays.
REMEMBER = """
UPDATE runs_run AS r SET state = (r.state::jsonb || jsonb_build_object(
  'sole', true, 'unsure', i.id, 'unsure_at', (r.state::jsonb -> 'moment'), 'kept', e.body::jsonb #> '{data,reserve}'))::text
FROM runs_intent i JOIN audit_entry e ON e.st = 'run/' || i.run_id AND e.n = i.n
WHERE r.status = 'FAILED' AND r.reason LIKE 'unknown_outcome:%' AND i.id = r.state::jsonb ->> 'intent';
SET CONSTRAINTS ALL IMMEDIATE; -- a table with checks that still have to run cannot be altered
"""

LEFT_FAILED = r"""
CREATE FUNCTION runs_left_failed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM audit_entry e WHERE e.st = 'run/' || NEW.no AND e.n > OLD.n AND e.n <= NEW.n
      AND (e.type IN ('command.accepted', 'recovery.applied')
        OR (e.type = 'run.stopped' AND e.body::jsonb #>> '{data,reason}' = 'opted_out'))
  ) THEN
    RAISE EXCEPTION 'run % left FAILED without a command, a recovery rule or an opt-out', NEW.no;
  END IF;
  RETURN NULL;
END $$;
-- Deferred: the entries of a transaction are put down after its runs. WHEN keeps every other update free of it.
CREATE CONSTRAINT TRIGGER runs_run_left_failed AFTER UPDATE ON runs_run DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.status = 'FAILED' AND NEW.status <> 'FAILED') EXECUTE FUNCTION runs_left_failed();
ALTER TABLE runs_run ENABLE ALWAYS TRIGGER runs_run_left_failed;
"""

ENDED_ONCE = """
CREATE FUNCTION runs_ended_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'run % ended at %: that stays', OLD.no, OLD.ended_at;
END $$;
CREATE TRIGGER runs_run_ended_once BEFORE UPDATE OF ended_at ON runs_run FOR EACH ROW
  WHEN (OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at) EXECUTE FUNCTION runs_ended_once();
ALTER TABLE runs_run ENABLE ALWAYS TRIGGER runs_run_ended_once;
"""

FORGET_ENDS = "DROP TRIGGER runs_run_ended_once ON runs_run; DROP FUNCTION runs_ended_once();"

UNDO = "DROP TRIGGER runs_run_left_failed ON runs_run; DROP FUNCTION runs_left_failed();"


class Migration(migrations.Migration):
    dependencies = [
        ("plans", "0002_guards"),
        ("policies", "0002_guards"),
        ("runs", "0002_guards"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="run",
            options={
                "permissions": [
                    ("command_run", "Can retry, resolve, hold and cancel runs and complete tasks"),
                    ("enrol_run", "Can enrol contacts into a plan"),
                    ("drive_clock", "Can drive the sandbox clock"),
                ]
            },
        ),
        migrations.RemoveConstraint(
            model_name="inbox",
            name="runs_inbox_kind",
        ),
        migrations.RemoveConstraint(
            model_name="run",
            name="runs_run_has_a_wake",
        ),
        migrations.RemoveConstraint(
            model_name="run",
            name="runs_run_has_a_reason",
        ),
        migrations.AlterField(
            model_name="inbox",
            name="kind",
            field=models.TextField(
                choices=[
                    ("run.start", "run.start"),
                    ("event", "event"),
                    ("report", "report"),
                    ("command", "command"),
                    ("clock.advance", "clock.advance"),
                    ("clock.confirm", "clock.confirm"),
                ]
            ),
        ),
        migrations.AddConstraint(
            model_name="inbox",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ("run.start", "event", "report", "command", "clock.advance", "clock.confirm"))
                ),
                name="runs_inbox_kind",
            ),
        ),
        migrations.RunSQL(REWRITE, migrations.RunSQL.noop),
        migrations.RunSQL(ENDS, migrations.RunSQL.noop),
        migrations.RunSQL(REMEMBER, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("due_at__isnull", False),
                        ("status__in", ["READY", "WAITING", "PAUSED"]),
                        models.Q(("reason", "held"), _negated=True),
                    ),
                    models.Q(("due_at__isnull", True), ("reason", "held"), ("status", "PAUSED")),
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
                    ("status__in", ["READY", "DISPATCHING"]), models.Q(("reason", ""), _negated=True), _connector="OR"
                ),
                name="runs_run_has_a_reason",
            ),
        ),
        migrations.RunSQL(LEFT_FAILED, UNDO),
        migrations.RunSQL(ENDED_ONCE, FORGET_ENDS),
    ]
