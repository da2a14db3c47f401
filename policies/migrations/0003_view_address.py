"""One right to read addresses, names and messages in clear; `manage_contacts` alone no longer is."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("policies", "0002_guards")]

    operations = [
        migrations.AlterModelOptions(
            name="contact",
            options={
                "permissions": [
                    ("manage_contacts", "Can add, change and import contacts"),
                    ("view_address", "Can see addresses, names and messages in clear"),
                ]
            },
        )
    ]
