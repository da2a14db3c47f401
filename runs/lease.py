"""Who may be the engine? One holder at a time, by a lease in the database and a fencing number in the log's head.

The lease keeps a second worker standing by. The fencing number is what makes it safe: a worker that was frozen,
replaced and thawed is refused at its next transaction, whatever it believes.
"""

import os
import secrets
import socket

from django.conf import settings
from django.db import connection

from audit import log

# Longer than any send may take (10 s), so that a busy holder is never taken for a dead one.
LEASE_S = settings.DEE_LEASE_S


class Lease:
    """This process's claim to be the engine."""

    def __init__(self) -> None:
        self.holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        self.epoch: int | None = None

    def acquire(self) -> bool:
        """Become or stay the engine. Return True when newly so (then recovery is due), False when it was already.

        Raises: Held when another live engine holds the lease.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE runs_engine SET holder = %s, beat_at = clock_timestamp() WHERE id = 1 AND (holder = %s"
                " OR holder = '' OR beat_at < clock_timestamp() - make_interval(secs => %s))"
                " RETURNING (SELECT epoch FROM audit_head WHERE id = 1)",
                [self.holder, self.holder, LEASE_S],
            )
            row = cursor.fetchone()
        if row is None:
            self.epoch = None
            raise Held("another engine holds the lease; this one stands by")
        if self.epoch == row[0]:
            return False
        self.epoch = log.take_epoch()
        return True

    def release(self) -> None:
        """Let the next engine start at once instead of when the lease runs out."""
        if self.epoch is None:
            return
        self.epoch = None
        with connection.cursor() as cursor:
            cursor.execute("UPDATE runs_engine SET holder = '' WHERE id = 1 AND holder = %s", [self.holder])


class Held(Exception):
    """Another live process is the engine."""
