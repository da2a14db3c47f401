"""How does Django reach the tables in memory? A connection with real `atomic` blocks and one place where it can break.

Every commit passes `Connection.at_commit`, which may raise before it or after it, as a process can die there.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db.backends.dummy.base import DatabaseWrapper

from tests.simulator import statements
from tests.simulator.tables import Database

SETTINGS = {
    "ENGINE": "django.db.backends.dummy",
    "NAME": "simulator",
    "ATOMIC_REQUESTS": False,
    "AUTOCOMMIT": True,
    "CONN_HEALTH_CHECKS": False,
    "CONN_MAX_AGE": 0,
    "OPTIONS": {},
    "TIME_ZONE": None,
}


class Connection(DatabaseWrapper):
    """Django's connection to a `Database`."""

    def __init__(self, database: Database) -> None:
        super().__init__(SETTINGS, "default")
        self.database = database
        self.at_commit: Callable[[Callable[[], None]], None] = lambda commit: commit()
        self._marks: dict[str, int] = {}
        self.ensure_connection()
        self.autocommit = True

    def ensure_connection(self) -> None:
        self.connection = self  # what psycopg would be: `connection.connection.cursor(name=…)`

    def cursor(self, name: str = "") -> "Cursor":  # type: ignore[override]
        return Cursor(self.database)

    def forget(self) -> None:
        """Be as a new process finds it: no transaction, nothing to call."""
        if self.database.open:
            self.database.roll_back()
        self.atomic_blocks.clear()
        self.savepoint_ids.clear()
        self.run_on_commit.clear()
        self.in_atomic_block = self.needs_rollback = self.run_commit_hooks_on_set_autocommit_on = False
        self.autocommit = True

    def _set_autocommit(self, autocommit: bool) -> None:
        if not autocommit:
            self.database.begin()

    def _commit(self) -> None:
        try:
            self.at_commit(self.database.commit)
        finally:
            if self.database.open:
                self.database.roll_back()  # the process died before its commit

    def _rollback(self) -> None:
        self.database.roll_back()

    def _savepoint(self, sid: str) -> None:
        self._marks[sid] = len(self.database.undo)

    def _savepoint_rollback(self, sid: str) -> None:
        mark = self._marks[sid]
        self.database.roll_back(mark) if mark else self._undo_all()

    def _undo_all(self) -> None:
        self.database.roll_back()
        self.database.open = True

    def _savepoint_commit(self, sid: str) -> None:
        self._marks.pop(sid, None)

    def close(self) -> None:
        self.forget()


class Cursor:
    """What the few modules with SQL of their own use of a cursor."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.rows: Sequence[tuple[Any, ...]] = ()
        self.rowcount = 0
        self.itersize = 0

    def __enter__(self) -> "Cursor":
        return self

    def __exit__(self, *error: object) -> None: ...

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self.rows = statements.compiled(sql)(self.database, parameters)
        self.rowcount = len(self.rows)

    def fetchone(self) -> tuple[Any, ...] | None:
        return self.rows[0] if self.rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self.rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    @contextmanager
    def copy(self, sql: str) -> Iterator["Copy"]:
        yield Copy(self.database, sql)


class Copy:
    """COPY … FROM STDIN: rows as they come."""

    def __init__(self, database: Database, sql: str) -> None:
        table, self.columns = statements.copied(sql)
        self.table = database[table]

    def set_types(self, types: Sequence[str]) -> None:
        assert len(types) == len(self.columns), f"{len(types)} types for {len(self.columns)} columns"

    def write_row(self, row: Sequence[Any]) -> None:
        self.table.insert(dict(zip(self.columns, row, strict=True)))
