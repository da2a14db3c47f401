"""How is the engine woken? A ring carries no data: losing one, or the whole broker, loses nothing but a second."""

import logging

from celery import current_app
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def ring() -> None:
    """Ask the engine to look into its inbox now. Never fails and never waits long: beat rings every second anyway."""
    try:
        current_app.send_task("runs.drain", queue="engine", retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        logger.warning("the doorbell did not ring; beat will", extra={"error": type(error).__name__})
