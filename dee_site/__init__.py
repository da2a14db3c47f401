"""The site: settings, addresses, health, the Celery application."""

from dee_site.celery import app as celery_app

__all__ = ["celery_app"]
