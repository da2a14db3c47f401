"""Messages are read by those who may read addresses (`policies.view_address`): the right of their own goes."""

from typing import Any

from django.db import migrations


def forget(apps: Any, schema_editor: Any) -> None:
    """Take the old right from everybody. Groups of the desk get the new one from `dee_site.roles`."""
    apps.get_model("auth", "Permission").objects.filter(
        codename="read_messages", content_type__app_label="channels"
    ).delete()


class Migration(migrations.Migration):
    dependencies = [("channels", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        migrations.AlterModelOptions(name="outboxmessage", options={"verbose_name": "message"}),
        migrations.RunPython(forget, migrations.RunPython.noop),
    ]
