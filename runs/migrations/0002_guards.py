"""What the database itself holds about runs: an ended run stays ended, a chain only grows, an intent is never changed."""

from django.db import migrations

GUARDS = r"""
ALTER TABLE runs_run ADD CONSTRAINT runs_run_head CHECK (octet_length(head) = 32 AND n >= 1);
ALTER TABLE runs_intent ADD CONSTRAINT runs_intent_id CHECK (id ~ '^[0-9a-f]{32}$' AND attempt >= 1 AND visit >= 1);
INSERT INTO runs_engine (id, halted, offset_s, confirmed_s, next_run, next_place, holder)
  VALUES (1, '', 0, 0, 1, 1, '');

CREATE FUNCTION runs_run_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status IN ('COMPLETED', 'STOPPED') AND NEW.status <> OLD.status THEN
    RAISE EXCEPTION 'run % is %: an ended run stays ended', OLD.no, OLD.status;
  END IF;
  IF NEW.n < OLD.n OR (NEW.n = OLD.n AND NEW.head <> OLD.head) THEN
    RAISE EXCEPTION 'run %: its chain of % entries only grows', OLD.no, OLD.n;
  END IF;
  IF NEW.status <> OLD.status AND NEW.n = OLD.n THEN
    RAISE EXCEPTION 'run % cannot become % without an entry that says so', OLD.no, NEW.status;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER runs_run_moves BEFORE UPDATE ON runs_run FOR EACH ROW EXECUTE FUNCTION runs_run_moves();
CREATE TRIGGER runs_run_kept BEFORE DELETE ON runs_run FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER runs_intent_kept BEFORE UPDATE OR DELETE ON runs_intent FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER runs_intent_all_kept BEFORE TRUNCATE ON runs_intent
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE runs_run ENABLE ALWAYS TRIGGER runs_run_moves;
ALTER TABLE runs_run ENABLE ALWAYS TRIGGER runs_run_kept;
ALTER TABLE runs_intent ENABLE ALWAYS TRIGGER runs_intent_kept;
ALTER TABLE runs_intent ENABLE ALWAYS TRIGGER runs_intent_all_kept;
"""

UNDO = """
DROP TRIGGER runs_intent_all_kept ON runs_intent; DROP TRIGGER runs_intent_kept ON runs_intent;
DROP TRIGGER runs_run_kept ON runs_run; DROP TRIGGER runs_run_moves ON runs_run; DROP FUNCTION runs_run_moves();
"""


class Migration(migrations.Migration):
    dependencies = [("runs", "0001_initial"), ("audit", "0002_append_only")]
    operations = [migrations.RunSQL(GUARDS, UNDO)]
