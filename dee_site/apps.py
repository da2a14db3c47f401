"""Which admin site does DEE use, and what follows every `migrate`?"""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate

from dee_site import roles


class DeeAdminConfig(AdminConfig):
    default_site = "dee_site.admin.DeeAdminSite"


class SiteConfig(AppConfig):
    """The site itself, without tables. It stands last among the apps, so that every right is made before the roles."""

    name = "dee_site"

    def ready(self) -> None:
        post_migrate.connect(roles.keep_in_step, sender=self)
