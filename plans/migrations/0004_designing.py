"""How drafts are edited: cards put by hand, and every change kept as a difference that can be taken back."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARDS = """
CREATE TRIGGER plans_draftchange_no_change BEFORE UPDATE OR DELETE ON plans_draftchange
  FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER plans_draftchange_no_truncate BEFORE TRUNCATE ON plans_draftchange
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE plans_draftchange ENABLE ALWAYS TRIGGER plans_draftchange_no_change;
ALTER TABLE plans_draftchange ENABLE ALWAYS TRIGGER plans_draftchange_no_truncate;
"""
UNDO = """
DROP TRIGGER plans_draftchange_no_change ON plans_draftchange;
DROP TRIGGER plans_draftchange_no_truncate ON plans_draftchange;
"""


def take_rights(apps, schema_editor):
    """Leave the application's role nothing but reading and adding."""
    role = schema_editor.quote_name(settings.DEE_APP_ROLE)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.DEE_APP_ROLE])
        if cursor.fetchone() is not None:
            cursor.execute(f"REVOKE ALL ON plans_draftchange FROM {role}")
            cursor.execute(f"GRANT SELECT, INSERT ON plans_draftchange TO {role}")


def numbers():
    """Return the field of a list of revisions."""
    return django.contrib.postgres.fields.ArrayField(base_field=models.PositiveIntegerField(), default=list, size=None)


class Migration(migrations.Migration):
    dependencies = [("plans", "0003_reviews")]
    operations = [
        migrations.AddField("plandraft", "places", models.JSONField(default=dict)),
        migrations.AddField("plandraft", "undoable", numbers()),
        migrations.AddField("plandraft", "undone", numbers()),
        migrations.CreateModel(
            name="DraftChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("revision", models.PositiveIntegerField()),
                ("said", models.TextField()),
                ("step", models.TextField(blank=True, help_text="the step to show after it")),
                (
                    "delta",
                    models.TextField(help_text="JSON; text, because a document may hold what jsonb refuses"),
                ),
                ("of", models.PositiveIntegerField(null=True)),
                ("at", models.BigIntegerField()),
                ("by", models.TextField()),
                (
                    "draft",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="plans.plandraft"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("draft", "revision"), name="plans_change_one_revision"),
                    models.CheckConstraint(
                        condition=models.Q(("of", None), ("of__lt", models.F("revision")), _connector="OR"),
                        name="plans_change_of_earlier",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARDS, UNDO),
        migrations.RunPython(take_rights, migrations.RunPython.noop),
    ]
