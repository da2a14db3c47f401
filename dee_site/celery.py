"""Which Celery application rings the engine's doorbell? `celery --app dee_site.celery` starts worker and beat here."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_ready

from runs import doorbell

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dee_site.settings")

app = Celery("dee")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Leave Django's LOGGING alone: a receiver of this signal, even an empty one, stops Celery's own configuring."""


@worker_ready.connect
def start_working(**_: Any) -> None:
    """Look into the inbox at once: beat may come up later than the worker."""
    doorbell.ring()
