"""How do the tests get a database like production's: made and migrated by the owner, used by the application's role?

The log's triggers refuse DELETE and TRUNCATE, always, so Django's own flush cannot empty the tables between
transactional tests. `TestDatabase.flush` does it as the owner: triggers off, rows out, what the migrations put in
back in, triggers on again, in one transaction.
"""

import os
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql

GRANTS = Path(__file__).parent.parent / "devtools" / "grants.sql"
TABLES = (
    """SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace ORDER BY 1"""
)
TRIGGERS = """SELECT relname, tgname, tgenabled FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
              WHERE NOT tgisinternal AND relnamespace = 'public'::regnamespace"""
SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
MODES = {
    "O": sql.SQL("ENABLE TRIGGER"),
    "A": sql.SQL("ENABLE ALWAYS TRIGGER"),
    "R": sql.SQL("ENABLE REPLICA TRIGGER"),
    "D": sql.SQL("DISABLE TRIGGER"),
}


class TestDatabase:
    """The session's database. `make`, then `flush` after each transactional test, then `drop`."""

    __test__ = False

    def __init__(self) -> None:
        self.owner_url = os.environ["DATABASE_OWNER_URL"]
        self.name = f"test_dee_{os.getpid()}"
        self._flushing: psycopg.Connection | None = None

    def make(self) -> None:
        """Create and migrate as the owner, remember what the migrations put in, then become the application."""
        self._maintain(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"))
        self._maintain(sql.SQL("CREATE DATABASE {}"))
        with self.connect() as owner:
            owner.execute(GRANTS.read_bytes())
        connection = connections["default"]
        connection.close()
        app = dict(connection.settings_dict)
        owner_part = urlsplit(self.owner_url)
        connection.settings_dict.update(
            NAME=self.name, USER=owner_part.username or "", PASSWORD=owner_part.password or ""
        )
        call_command("migrate", verbosity=0, interactive=False)
        connection.close()
        connection.settings_dict.update(USER=app["USER"], PASSWORD=app["PASSWORD"])
        settings.DATABASES["default"]["NAME"] = self.name
        self._remember()

    def connect(self) -> psycopg.Connection:
        """Return an autocommit connection of the owner to the test database."""
        return psycopg.connect(self.owner_url, dbname=self.name, autocommit=True, options="-c lock_timeout=10s")

    def drop(self) -> None:
        """Remove the database."""
        if self._flushing is not None:
            self._flushing.close()
        connections.close_all()
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        for _ in range(20):
            try:
                return self._maintain(drop)
            except psycopg.errors.InsufficientPrivilege:  # autovacuum is at work there, and we may not end it
                time.sleep(0.5)
        self._maintain(drop)

    def flush(self) -> None:
        """Bring every table and sequence back to what the migrations left."""
        if self._flushing is None or self._flushing.closed:
            self._flushing = self.connect()
        with self._flushing.transaction(), self._flushing.cursor() as cursor:
            dirty = self._dirty(cursor)
            guarded = {trigger[0] for trigger in self.triggers if trigger[0] in dirty}
            for table in guarded:
                cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))
            if dirty:
                # One statement: foreign keys are checked at its end, so the order of the tables does not matter.
                deletions = [
                    sql.SQL("{} AS (DELETE FROM {})").format(sql.Identifier(f"d{n}"), sql.Identifier(table))
                    for n, table in enumerate(dirty)
                ]
                cursor.execute(sql.SQL("WITH {} SELECT 1").format(sql.SQL(", ").join(deletions)))
            for table in dirty:
                if table in self.seeds:
                    with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as copy:
                        copy.write(self.seeds[table])
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with pending checks cannot be altered
            for table, trigger, mode in self.triggers:
                if table in guarded:
                    statement = sql.SQL("ALTER TABLE {} {} {}")
                    cursor.execute(statement.format(sql.Identifier(table), MODES[mode], sql.Identifier(trigger)))
            self._reset_sequences(cursor)

    def _dirty(self, cursor: psycopg.Cursor) -> list[str]:
        """Return the tables whose rows are not what the migrations left."""
        asked = [
            sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(table), sql.Identifier(table))
            for table in self.tables
        ]
        cursor.execute(sql.SQL(" UNION ALL ").join(asked))
        filled = {row[0] for row in cursor.fetchall()} | set(self.seeds)
        return sorted(table for table in filled if self._rows(cursor, table) != self.seeds.get(table))

    def _rows(self, cursor: psycopg.Cursor, table: str) -> bytes:
        if table not in self.seeds:
            return b""
        with cursor.copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
            return b"".join(bytes(part) for part in copy)

    def _remember(self) -> None:
        self.seeds: dict[str, bytes] = {}
        with self.connect() as owner, owner.cursor() as cursor:
            self.tables = [row[0] for row in cursor.execute(TABLES).fetchall()]
            self.triggers = cursor.execute(TRIGGERS).fetchall()
            self.sequences: dict[str, int | None] = dict(cursor.execute(SEQUENCES).fetchall())
            for table in self.tables:
                self.seeds[table] = b""
                rows = self._rows(cursor, table)
                if rows:
                    self.seeds[table] = rows
                else:
                    del self.seeds[table]

    def _reset_sequences(self, cursor: psycopg.Cursor) -> None:
        for name, value in cursor.execute(SEQUENCES).fetchall():
            if value != self.sequences[name]:
                start = self.sequences[name]
                cursor.execute(
                    "SELECT setval(%s::regclass, %s, %s)",
                    [sql.Identifier(name).as_string(cursor), start or 1, start is not None],
                )

    def _maintain(self, statement: sql.SQL) -> None:
        with psycopg.connect(self.owner_url, autocommit=True) as owner:
            owner.execute(statement.format(sql.Identifier(self.name)))
