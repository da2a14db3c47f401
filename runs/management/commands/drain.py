"""`manage.py drain`: do what the worker does until nothing is left; waits for the worker when that is the engine."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from runs import doorbell, health
from runs.lease import Held
from runs.tick import Engine

PATIENCE_S = 600


class Command(BaseCommand):
    help = "Admit waiting inputs and walk every run as far as the clock allows."

    def handle(self, *_: Any, **__: Any) -> None:
        engine = Engine()
        try:
            while engine.drain():
                pass
        except Held:
            self._wait_for_the_worker()
        finally:
            engine.close()

    def _wait_for_the_worker(self) -> None:
        """The worker is the engine: ring, and wait until it has nothing left to do."""
        end = time.monotonic() + PATIENCE_S
        doorbell.ring()
        while not health.backlog().idle:
            if time.monotonic() > end:
                raise CommandError("The worker still has work after ten minutes; see its log.")
            time.sleep(0.2)
