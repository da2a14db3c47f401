"""What Django cannot express: recomputed hashes, texts that agree with columns, four eyes, tables that only grow."""

from django.conf import settings
from django.db import migrations

CHECKS = r"""
ALTER TABLE plans_planversion
  ADD CONSTRAINT plans_version_hash CHECK (
    hash = encode(sha256(convert_to(E'dee.plan/1\n' || body, 'UTF8')), 'hex')),
  ADD CONSTRAINT plans_version_document CHECK (
    body::jsonb @> '{"schema": "dee.plan/1"}' AND NOT body::jsonb ? 'meta' AND octet_length(body) <= 262144),
  ADD CONSTRAINT plans_version_meta CHECK (meta = '' OR jsonb_typeof(meta::jsonb) = 'object');
ALTER TABLE plans_plan
  ADD CONSTRAINT plans_plan_own_version FOREIGN KEY (id, active_version_id)
    REFERENCES plans_planversion (plan_id, id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE plans_activation
  ADD CONSTRAINT plans_four_eyes CHECK (by = 'cli' OR NOT by = ANY (barred));
ALTER TABLE plans_template
  ADD CONSTRAINT plans_template_id_key UNIQUE (id, key);
ALTER TABLE plans_templateversion
  ADD CONSTRAINT plans_template_version_key FOREIGN KEY (template_id, key) REFERENCES plans_template (id, key),
  ADD CONSTRAINT plans_template_hash CHECK (
    hash = encode(sha256(convert_to(E'dee.template/1\n' || document, 'UTF8')), 'hex')),
  ADD CONSTRAINT plans_template_document CHECK (document::jsonb = jsonb_build_object(
    'schema', 'dee.template/1', 'key', key, 'channel', channel, 'subject', subject, 'body', body));
"""

TRIGGERS = r"""
CREATE FUNCTION plans_version_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.body::jsonb ->> 'key' IS DISTINCT FROM (SELECT key FROM plans_plan WHERE id = NEW.plan_id) THEN
    RAISE EXCEPTION 'this document is of plan %, not of the plan it is stored under', NEW.body::jsonb ->> 'key';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER plans_version_fits BEFORE INSERT ON plans_planversion
  FOR EACH ROW EXECUTE FUNCTION plans_version_fits();
ALTER TABLE plans_planversion ENABLE ALWAYS TRIGGER plans_version_fits;

CREATE FUNCTION plans_activation_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT (SELECT edited_by FROM plans_planversion WHERE id = NEW.version_id) <@ NEW.barred THEN
    RAISE EXCEPTION 'an activation bars everybody who edited the version';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER plans_activation_fits BEFORE INSERT ON plans_activation
  FOR EACH ROW EXECUTE FUNCTION plans_activation_fits();
ALTER TABLE plans_activation ENABLE ALWAYS TRIGGER plans_activation_fits;

CREATE FUNCTION plans_key_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a plan keeps its key: documents, hashes and the log name it';
END $$;
CREATE TRIGGER plans_key_stays BEFORE UPDATE ON plans_plan
  FOR EACH ROW WHEN (OLD.key <> NEW.key) EXECUTE FUNCTION plans_key_stays();
ALTER TABLE plans_plan ENABLE ALWAYS TRIGGER plans_key_stays;
"""

APPEND_ONLY = ("planversion", "templateversion", "activation")
REFUSE = "".join(
    f"""
CREATE TRIGGER plans_{table}_no_change BEFORE UPDATE OR DELETE ON plans_{table}
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER plans_{table}_no_truncate BEFORE TRUNCATE ON plans_{table}
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE plans_{table} ENABLE ALWAYS TRIGGER plans_{table}_no_change;
ALTER TABLE plans_{table} ENABLE ALWAYS TRIGGER plans_{table}_no_truncate;
"""
    for table in APPEND_ONLY
)

UNDO = (
    "".join(
        f"DROP TRIGGER plans_{table}_no_change ON plans_{table}; DROP TRIGGER plans_{table}_no_truncate ON plans_{table};"
        for table in APPEND_ONLY
    )
    + """
DROP TRIGGER plans_version_fits ON plans_planversion; DROP FUNCTION plans_version_fits();
DROP TRIGGER plans_activation_fits ON plans_activation; DROP FUNCTION plans_activation_fits();
DROP TRIGGER plans_key_stays ON plans_plan; DROP FUNCTION plans_key_stays();
ALTER TABLE plans_plan DROP CONSTRAINT plans_plan_own_version;
ALTER TABLE plans_templateversion DROP CONSTRAINT plans_template_version_key;
"""
)


def take_rights(apps, schema_editor):
    """Leave the application's role nothing but reading and adding."""
    role = schema_editor.quote_name(settings.DEE_APP_ROLE)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.DEE_APP_ROLE])
        if cursor.fetchone() is None:
            return
        for table in APPEND_ONLY:
            cursor.execute(f"REVOKE ALL ON plans_{table} FROM {role}")
            cursor.execute(f"GRANT SELECT, INSERT ON plans_{table} TO {role}")


class Migration(migrations.Migration):
    dependencies = [("plans", "0001_initial"), ("audit", "0002_append_only")]
    operations = [
        migrations.RunSQL(CHECKS, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS + REFUSE, UNDO),
        migrations.RunPython(take_rights, migrations.RunPython.noop),
    ]
