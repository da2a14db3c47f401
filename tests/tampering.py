"""What only somebody who owns the tables can do: take the log's guards away, change history, put the guards back."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

CHECKS = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'audit_entry'::regclass"


def turn_back(owner: psycopg.Connection, seconds: int) -> None:
    """Set the lane clock back, as if the engine had last run that long ago."""
    owner.execute("ALTER TABLE audit_head DISABLE TRIGGER USER")
    owner.execute("UPDATE audit_head SET clock = clock - %s", [seconds])
    for trigger in ("audit_head_forward", "audit_head_kept"):
        owner.execute(sql.SQL("ALTER TABLE audit_head ENABLE ALWAYS TRIGGER {}").format(sql.Identifier(trigger)))


@contextmanager
def guards_down(owner: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Yield the owner's connection while the log accepts everything; afterwards new rows are checked as before."""
    checks = owner.execute(f"{CHECKS} AND contype = 'c'").fetchall()
    owner.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
    for name, _ in checks:
        owner.execute(sql.SQL("ALTER TABLE audit_entry DROP CONSTRAINT {}").format(sql.Identifier(name)))
    try:
        yield owner
    finally:
        for name, definition in checks:
            statement = sql.SQL("ALTER TABLE audit_entry ADD CONSTRAINT {} {} NOT VALID")
            body = sql.SQL(definition.removesuffix(" NOT VALID"))
            owner.execute(statement.format(sql.Identifier(name), body))
        for trigger in ("audit_entry_in_order", "audit_entry_no_change", "audit_entry_no_truncate"):
            owner.execute(sql.SQL("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER {}").format(sql.Identifier(trigger)))
