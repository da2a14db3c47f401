"""How does a long-lived process act as the engine? Holds its one Engine between rings of the doorbell."""

import atexit
import logging
from functools import cache

from audit.log import Fenced
from runs import doorbell
from runs.lease import Held
from runs.tick import Engine

logger = logging.getLogger(__name__)


@cache
def engine() -> Engine:
    """Return this process's engine; it lets go of its lease when the process ends."""
    made = Engine()
    atexit.register(made.close)
    return made


def slice_of_work() -> None:
    """Work for about a second; ring again when more is left. Stands by while another process is the engine."""
    try:
        more = engine().drain()
    except Held:
        logger.debug("standing by: another process is the engine")
    except Fenced as error:
        logger.warning("refused by the fence", extra={"detail": str(error)})
    else:
        if more:
            doorbell.ring()
