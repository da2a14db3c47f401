from django.apps import AppConfig
from django.core import checks

from runs import system_checks


class RunsConfig(AppConfig):
    name = "runs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        checks.register(system_checks.lease)
