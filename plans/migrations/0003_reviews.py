"""Reviews: who approved a version or sent it back, once, and never anybody who edited it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Who edited since the last version before this one that was ever in force: the same question as plans.queries.barred.
EDITED = r"""
CREATE FUNCTION plans_edited(bigint, text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT 1 FROM plans_planversion v JOIN plans_planversion w ON w.plan_id = v.plan_id
    WHERE v.id = $1 AND w.number <= v.number AND $2 = ANY (w.edited_by) AND w.number > COALESCE(
      (SELECT max(b.number) FROM plans_planversion b JOIN plans_activation a ON a.version_id = b.id
       WHERE b.plan_id = v.plan_id AND b.number < v.number), 0))
$$;
"""

TRIGGERS = r"""
CREATE FUNCTION plans_review_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."by" <> 'cli' AND plans_edited(NEW.version_id, NEW."by") THEN
    RAISE EXCEPTION 'a version is not reviewed by somebody who edited it';
  END IF;
  IF EXISTS (SELECT 1 FROM plans_activation WHERE version_id = NEW.version_id) THEN
    RAISE EXCEPTION 'a version that was in force needs no review';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER plans_review_fits BEFORE INSERT ON plans_review
  FOR EACH ROW EXECUTE FUNCTION plans_review_fits();
ALTER TABLE plans_review ENABLE ALWAYS TRIGGER plans_review_fits;

CREATE FUNCTION plans_reviewed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  found plans_review;
BEGIN
  SELECT * INTO found FROM plans_review WHERE version_id = NEW.version_id;
  IF found.verdict = 'sent_back' THEN
    RAISE EXCEPTION 'this version was sent back';
  END IF;
  IF NEW."by" <> 'cli' AND NOT EXISTS (SELECT 1 FROM plans_activation WHERE version_id = NEW.version_id)
     AND found."by" IS DISTINCT FROM NEW."by" THEN
    RAISE EXCEPTION 'a version comes into force for the first time with the approval of who activates it';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER plans_reviewed BEFORE INSERT ON plans_activation
  FOR EACH ROW EXECUTE FUNCTION plans_reviewed();
ALTER TABLE plans_activation ENABLE ALWAYS TRIGGER plans_reviewed;

CREATE TRIGGER plans_review_no_change BEFORE UPDATE OR DELETE ON plans_review
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER plans_review_no_truncate BEFORE TRUNCATE ON plans_review
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE plans_review ENABLE ALWAYS TRIGGER plans_review_no_change;
ALTER TABLE plans_review ENABLE ALWAYS TRIGGER plans_review_no_truncate;
"""

UNDO = """
DROP TRIGGER plans_reviewed ON plans_activation; DROP FUNCTION plans_reviewed();
DROP TRIGGER plans_review_no_change ON plans_review; DROP TRIGGER plans_review_no_truncate ON plans_review;
DROP TRIGGER plans_review_fits ON plans_review; DROP FUNCTION plans_review_fits();
DROP FUNCTION plans_edited(bigint, text);
"""


def take_rights(apps, schema_editor):
    """Leave the application's role nothing but reading and adding."""
    role = schema_editor.quote_name(settings.DEE_APP_ROLE)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.DEE_APP_ROLE])
        if cursor.fetchone() is not None:
            cursor.execute(f"REVOKE ALL ON plans_review FROM {role}")
            cursor.execute(f"GRANT SELECT, INSERT ON plans_review TO {role}")


class Migration(migrations.Migration):
    dependencies = [("plans", "0002_guards")]
    operations = [
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "verdict",
                    models.TextField(choices=[("approved", "approved"), ("sent_back", "sent back")]),
                ),
                ("at", models.BigIntegerField()),
                ("by", models.TextField()),
                (
                    "note",
                    models.JSONField(help_text="commitment to the comment, as in the log; null for none", null=True),
                ),
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="review", to="plans.planversion"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("verdict__in", ["approved", "sent_back"])), name="plans_review_verdict"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("verdict", "approved"), ("note__isnull", False), _connector="OR"),
                        name="plans_review_sent_back_why",
                    ),
                ],
            },
        ),
        migrations.RunSQL(EDITED + TRIGGERS, UNDO),
        migrations.RunPython(take_rights, migrations.RunPython.noop),
    ]
