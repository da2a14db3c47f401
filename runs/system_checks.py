"""Which settings of the engine are safe and still unwise? Django says so at every start and in `manage.py check`."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning

# A send may take ten seconds, and its holder says that it lives between two sends.
SHORTEST_LEASE_S = 12


def lease(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Warn of a lease that is shorter than a send: two workers would take the engine from each other all the time."""
    if settings.DEE_LEASE_S >= SHORTEST_LEASE_S:
        return []
    said = f"DEE_LEASE_S is {settings.DEE_LEASE_S}, shorter than a send may take."
    hint = f"Nothing is sent twice, but workers will replace each other for no reason. Set {SHORTEST_LEASE_S} or more."
    return [Warning(said, hint=hint, id="runs.W001")]
