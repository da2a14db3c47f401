"""Does the engine keep up? What is waiting for it, and since when it has been silent."""

from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for the engine now, and how long ago its holder last said that it lives (None: never)."""

    inputs: int
    due: int
    driving: bool
    silent_s: int | None
    halted: str

    @property
    def idle(self) -> bool:
        """Nothing waits: neither inputs nor runs that are due, nor a sandbox clock on its way."""
        return not (self.inputs or self.due or self.driving)


def backlog() -> Backlog:
    """Count what waits for the engine; takes no lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM runs_inbox WHERE place IS NULL),"
            " (SELECT count(*) FROM runs_run WHERE due_at <= w.wall OR status = 'DISPATCHING'),"
            " e.target IS NOT NULL, extract(epoch FROM clock_timestamp() - e.beat_at)::int, e.halted"
            " FROM runs_engine e,"
            " LATERAL (SELECT floor(extract(epoch FROM clock_timestamp()))::bigint + e.offset_s AS wall) w"
            " WHERE e.id = 1"
        )
        return Backlog(*cursor.fetchone())
