"""The database itself keeps the log: hashes recomputed, columns bound to the text, order checked, no way to change."""

from django.conf import settings
from django.db import migrations

CHECKS = r"""
ALTER TABLE audit_entry
  ADD CONSTRAINT audit_entry_hash CHECK (hash = sha256(convert_to(E'dee.entry/1\n' || body, 'UTF8'))),
  ADD CONSTRAINT audit_entry_columns CHECK (body::jsonb @> jsonb_build_object(
    'st', st, 'n', n, 'type', type, 'tick', tick, 'step', step, 'prev', encode(prev, 'hex'))),
  ADD CONSTRAINT audit_entry_stamp CHECK (stamp::jsonb @> jsonb_build_object('seq', seq, 'h', encode(hash, 'hex'))),
  ADD CONSTRAINT audit_entry_size CHECK (octet_length(body) <= 16384 AND octet_length(prev) = 32);
ALTER TABLE audit_stream ADD CONSTRAINT audit_stream_head CHECK (octet_length(head) = 32 AND n >= 1);
ALTER TABLE audit_opening ADD CONSTRAINT audit_opening_salt CHECK (octet_length(salt) = 32);
INSERT INTO audit_head (id, size, epoch, clock) VALUES (1, 0, 0, 0);
"""

# The row of the clock's start: the lane begins when the database was made, and never earlier.
CLOCK = "UPDATE audit_head SET clock = floor(extract(epoch FROM clock_timestamp()))::bigint WHERE id = 1;"

ORDER = r"""
CREATE FUNCTION audit_entry_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE lo bigint; hi bigint; added bigint; before bigint; bad record;
BEGIN
  SELECT min(seq), max(seq), count(*) INTO lo, hi, added FROM fresh;
  IF added = 0 THEN RETURN NULL; END IF;
  SELECT max(seq) INTO before FROM audit_entry WHERE seq < lo;
  IF hi - lo + 1 <> added OR lo <> COALESCE(before, -1) + 1 THEN
    RAISE EXCEPTION 'the log has no gaps: entries %..% (% of them) cannot follow entry %', lo, hi, added, before;
  END IF;
  SELECT f.st, f.n INTO bad FROM fresh f LEFT JOIN audit_entry p ON p.st = f.st AND p.n = f.n - 1
    WHERE f.n > 1 AND p.hash IS DISTINCT FROM f.prev LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry % of % does not follow the entry before it', bad.n, bad.st;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_entry_in_order AFTER INSERT ON audit_entry
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_in_order();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_in_order;
"""

REFUSE = r"""
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on % refused: it is append-only', TG_OP, TG_TABLE_NAME;
END $$;
CREATE TRIGGER audit_entry_no_change BEFORE UPDATE OR DELETE ON audit_entry
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_change;
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_truncate;
"""

FORWARD = r"""
CREATE FUNCTION audit_head_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.size < OLD.size OR NEW.epoch < OLD.epoch OR NEW.clock < OLD.clock THEN
    RAISE EXCEPTION 'the head of the log only moves forward: size %, epoch %, clock %', OLD.size, OLD.epoch, OLD.clock;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_head_forward();
CREATE TRIGGER audit_head_kept BEFORE DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_head ENABLE ALWAYS TRIGGER audit_head_forward;
ALTER TABLE audit_head ENABLE ALWAYS TRIGGER audit_head_kept;
"""

UNDO = """
DROP TRIGGER audit_head_kept ON audit_head; DROP TRIGGER audit_head_forward ON audit_head;
DROP FUNCTION audit_head_forward();
DROP TRIGGER audit_entry_no_truncate ON audit_entry; DROP TRIGGER audit_entry_no_change ON audit_entry;
DROP TRIGGER audit_entry_in_order ON audit_entry; DROP FUNCTION audit_refuse(); DROP FUNCTION audit_entry_in_order();
"""


def grant(apps, schema_editor):
    """Take from the application's role every way to change the log; it may read and add."""
    role = schema_editor.quote_name(settings.DEE_APP_ROLE)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.DEE_APP_ROLE])
        if cursor.fetchone() is None:
            return
        cursor.execute(f"REVOKE ALL ON audit_entry, audit_head, audit_opening FROM {role}")
        cursor.execute(f"GRANT SELECT, INSERT ON audit_entry TO {role}")
        cursor.execute(f"GRANT SELECT, UPDATE ON audit_head TO {role}")
        cursor.execute(f"GRANT SELECT, INSERT, DELETE ON audit_opening TO {role}")


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [
        migrations.RunSQL(CHECKS + CLOCK, migrations.RunSQL.noop),
        migrations.RunSQL(ORDER + REFUSE + FORWARD, UNDO),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
