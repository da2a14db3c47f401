"""What Django cannot express: normal forms, recomputed hashes, append-only and immutable tables."""

from django.db import migrations

CHECKS = r"""
ALTER TABLE policies_contact
  ADD CONSTRAINT contact_email_normal CHECK (
    email = '' OR (email ~ '^[^\s@]+@[^\s@]+\.[^\s@]+$' AND email = lower(email COLLATE "C") AND email IS NFC NORMALIZED)),
  ADD CONSTRAINT contact_attributes_object CHECK (jsonb_typeof(attributes) = 'object');
ALTER TABLE policies_suppression
  ADD CONSTRAINT suppression_address_normal CHECK (
    address ~ '^\+[1-9][0-9]{6,14}$'
    OR (address ~ '^[^\s@]+@[^\s@]+\.[^\s@]+$' AND address = lower(address COLLATE "C") AND address IS NFC NORMALIZED)),
  ADD CONSTRAINT suppression_channel_fits_address CHECK (
    (channel <> 'email' OR address LIKE '%@%') AND (channel <> 'voice' OR address LIKE '+%'));
ALTER TABLE policies_policyversion
  ADD CONSTRAINT policy_version_hash CHECK (
    hash = encode(sha256(convert_to(E'dee.policy/1\n' || body, 'UTF8')), 'hex'));
"""

# audit_refuse() says which table refused. ENABLE ALWAYS: also for a session that calls itself a replica.
REFUSE = "".join(
    f"""
CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON policies_{table}
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON policies_{table}
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE policies_{table} ENABLE ALWAYS TRIGGER {table}_no_change;
ALTER TABLE policies_{table} ENABLE ALWAYS TRIGGER {table}_no_truncate;
"""
    for table in ("consent", "policyversion")
)

# A suppression changes once in its life: it may be removed, by whom and why.
REMOVE_ONLY = r"""
CREATE FUNCTION policies_suppression_remove_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.removed_at IS NOT NULL OR NEW.removed_at IS NULL
    OR (to_jsonb(OLD) - '{removed_at,removed_by,removed_ref}'::text[])
      <> (to_jsonb(NEW) - '{removed_at,removed_by,removed_ref}'::text[]) THEN
    RAISE EXCEPTION 'UPDATE on policies_suppression refused: an entry can only be removed, once, with a reason';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER suppression_remove_only BEFORE UPDATE ON policies_suppression
  FOR EACH ROW EXECUTE FUNCTION policies_suppression_remove_only();
CREATE TRIGGER suppression_no_delete BEFORE DELETE ON policies_suppression
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER suppression_no_truncate BEFORE TRUNCATE ON policies_suppression
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE policies_suppression ENABLE ALWAYS TRIGGER suppression_remove_only;
ALTER TABLE policies_suppression ENABLE ALWAYS TRIGGER suppression_no_delete;
ALTER TABLE policies_suppression ENABLE ALWAYS TRIGGER suppression_no_truncate;
"""

UNDO = """
DROP TRIGGER consent_no_change ON policies_consent; DROP TRIGGER consent_no_truncate ON policies_consent;
DROP TRIGGER policyversion_no_change ON policies_policyversion; DROP TRIGGER policyversion_no_truncate ON policies_policyversion;
DROP TRIGGER suppression_remove_only ON policies_suppression; DROP TRIGGER suppression_no_delete ON policies_suppression;
DROP TRIGGER suppression_no_truncate ON policies_suppression; DROP FUNCTION policies_suppression_remove_only();
"""


class Migration(migrations.Migration):
    dependencies = [("policies", "0001_initial"), ("audit", "0002_append_only")]
    operations = [
        migrations.RunSQL(CHECKS, migrations.RunSQL.noop),
        migrations.RunSQL(REFUSE + REMOVE_ONLY, UNDO),
    ]
