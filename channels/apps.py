from django.apps import AppConfig
from django.core import checks

from channels import registry


class ChannelsConfig(AppConfig):
    name = "channels"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        checks.register(registry.check_settings, "channels")
