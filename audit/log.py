"""The only writer of the log. Who writes, locks the head first; so the order of the log is the order of everything.

A transaction collects its entries and puts them down in one COPY at its end, with their stamps. The engine
brings entries that its pure core has already linked (`extend`); everybody else appends drafts.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from audit import chain

_COLUMNS = "seq, st, n, type, tick, step, prev, hash, body, stamp"
_TYPES = ["int8", "text", "int8", "text", "int8", "text", "bytea", "bytea", "text", "text"]


class Fenced(Exception):
    """Another engine has taken over since this one started: nothing was written."""


class Writer:
    """What one transaction adds to the log. Made by `writing`; valid until that block ends."""

    def __init__(self, by: str, size: int, epoch: int, clock: int, at: datetime) -> None:
        self.by = by
        self.epoch = epoch
        self.clock = clock  # lane clock, whole seconds; the engine may raise it, never lower it
        self.at = at  # the database's clock when this transaction got the lock, aware UTC
        self.size = size  # entries in the log when the lock was taken
        self._size = size
        self._clock_before = clock
        self._new: list[chain.Entry] = []
        self._heads: dict[str, tuple[int, bytes]] = {}

    def append(self, st: str, type: str, data: Mapping[str, Any]) -> chain.Entry:
        """Add one entry to a stream other than a run's; its tick is the lane clock.

        Raises: audit.canon.NotCanonical when data is outside the canonical profile.
        """
        n, head = self._heads.get(st) or _stream_head(st)
        entry = chain.link(st, n + 1, head, chain.Draft(type, self.clock, data))
        self._heads[st] = (entry.n, entry.hash)
        self._new.append(entry)
        return entry

    def extend(self, entries: Iterable[chain.Entry]) -> None:
        """Add entries of runs, linked by the engine. The database refuses a gap, a fork or a wrong link."""
        self._new.extend(entries)

    def raise_clock(self, to: int) -> None:
        """Move the lane clock forward to an instant; earlier instants leave it where it is."""
        self.clock = max(self.clock, to)

    @property
    def size_after(self) -> int:
        """Entries in the log once this transaction is committed."""
        return self._size + len(self._new)

    def flush(self) -> None:
        """Put down what was collected: one COPY, one upsert of stream heads, one update of the head row."""
        if not self._new and self.clock == self._clock_before:
            return
        at = self.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        with connection.cursor() as cursor:
            if self._new:
                with cursor.copy(f"COPY audit_entry ({_COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
                    copy.set_types(_TYPES)
                    for seq, e in enumerate(self._new, self._size):
                        stamp = chain.stamp_text(at=at, by=self.by, entry=e.hash, seq=seq)
                        copy.write_row((seq, e.st, e.n, e.type, e.tick, e.step, e.prev, e.hash, e.body, stamp))
            self._write_heads(cursor)
            cursor.execute(
                "UPDATE audit_head SET size = size + %s, clock = %s WHERE id = 1", [len(self._new), self.clock]
            )
        self._size += len(self._new)
        self._new.clear()
        self._heads.clear()
        self._clock_before = self.clock

    def _write_heads(self, cursor: Any) -> None:
        if not self._heads:
            return
        rows = [(st, n, head) for st, (n, head) in sorted(self._heads.items())]
        cursor.execute(
            "INSERT INTO audit_stream (st, n, head) SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bytea[])"
            " ON CONFLICT (st) DO UPDATE SET n = excluded.n, head = excluded.head",
            [list(column) for column in zip(*rows, strict=True)],
        )


@contextmanager
def writing(*, by: str, epoch: int | None = None) -> Iterator[Writer]:
    """Open the one kind of transaction that changes anything: lock the head, yield a Writer, flush, commit.

    by: the actor for the stamps (`user:3`, `cli`, `engine`). epoch: the engine's fencing number.
    Raises: Fenced when epoch is no longer the current one.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT size, epoch, clock FROM audit_head WHERE id = 1 FOR UPDATE")
        size, current, clock = cursor.fetchone()
        if epoch is not None and epoch != current:
            raise Fenced(f"this engine holds epoch {epoch}, the log is at epoch {current}")
        # Read after the lock is held, in a statement of its own: so stamps never run backwards along the log.
        cursor.execute("SELECT clock_timestamp()")
        at = cursor.fetchone()[0].astimezone(UTC)
        writer = Writer(by, size, current, clock, at)
        yield writer
        writer.flush()


def take_epoch() -> int:
    """Make the caller the only engine that may write runs; return its fencing number."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_head SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch")
        epoch: int = cursor.fetchone()[0]
        return epoch


def _stream_head(st: str) -> tuple[int, bytes]:
    if st.startswith("run/"):
        raise ValueError(f"{st}: entries of runs are linked by the engine and added with extend()")
    with connection.cursor() as cursor:
        cursor.execute("SELECT n, head FROM audit_stream WHERE st = %s", [st])
        row = cursor.fetchone()
    return (row[0], bytes(row[1])) if row else (0, chain.genesis(st))
