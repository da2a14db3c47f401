"""What does the gate read? Its SQL, set-based: one statement per table, however many sends are asked about.

The ORM stays out: this runs before every send. Every statement has its index (see `models`).
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connection


class ContactRow(NamedTuple):
    """What the gate needs of a contact."""

    id: int
    state: str
    email: str
    phone: str
    zone: str


class SuppressionRow(NamedTuple):
    """An entry that nobody removed; whether it has expired is for the reader to compare."""

    id: int
    address: str
    scope: str
    channel: str
    plan_key: str
    reason: str
    expires_at: int | None


def contacts(ids: Iterable[int]) -> list[ContactRow]:
    """Return the contacts with these keys."""
    sql = "SELECT id, state, email, phone, zone FROM policies_contact WHERE id = ANY(%s)"
    return [ContactRow(*row) for row in _rows(sql, [list(ids)])]


def consents(contact_ids: Iterable[int]) -> list[tuple[int, str, str, str, int, str]]:
    """Return (contact, channel, purpose, status, version, kind) of the newest record of each channel and purpose."""
    sql = (
        "SELECT DISTINCT ON (contact_id, channel, purpose) contact_id, channel, purpose, status, version, kind"
        " FROM policies_consent WHERE contact_id = ANY(%s) ORDER BY contact_id, channel, purpose, version DESC"
    )
    return _rows(sql, [list(contact_ids)])


def suppressions(addresses: Iterable[str]) -> list[SuppressionRow]:
    """Return the entries for these addresses that nobody removed, oldest first."""
    sql = (
        "SELECT id, address, scope, channel, plan_key, reason, expires_at FROM policies_suppression"
        " WHERE removed_at IS NULL AND address = ANY(%s) ORDER BY id"
    )
    return [SuppressionRow(*row) for row in _rows(sql, [list(addresses)])]


def policy_keys() -> list[str]:
    """Return the keys of the policies that have an active version, sorted."""
    return sorted(row[0] for row in _rows("SELECT key FROM policies_policy WHERE active_version_id IS NOT NULL", []))


def active_policies(keys: Iterable[str]) -> list[tuple[str, str]]:
    """Return (key, hash of the active version) of the policies that have one."""
    sql = (
        "SELECT p.key, v.hash FROM policies_policy p JOIN policies_policyversion v ON v.id = p.active_version_id"
        " WHERE p.key = ANY(%s)"
    )
    return _rows(sql, [list(keys)])


def policy_texts(hashes: Iterable[str]) -> list[tuple[str, str]]:
    """Return (hash, canonical text) of policy versions."""
    return _rows("SELECT hash, body FROM policies_policyversion WHERE hash = ANY(%s)", [list(hashes)])


def engaged_switches() -> list[tuple[str, str]]:
    """Return (scope, key) of every engaged kill switch, in a fixed order."""
    # Into the facts, which are hashed: so not in whatever order this database's language has.
    sql = 'SELECT scope, key FROM policies_killswitch WHERE engaged ORDER BY scope COLLATE "C", key COLLATE "C"'
    return _rows(sql, [])


def counters(keys: Iterable[str]) -> list[tuple[str, int, int, int, int, int, int]]:
    """Return (key, limit, reserved, posted, overrun, freed, freed_at) of the counters that exist."""
    sql = (
        'SELECT key, "limit", reserved, posted, overrun, freed, freed_at FROM policies_counter'
        ' WHERE key = ANY(%s) ORDER BY key COLLATE "C"'
    )
    return _rows(sql, [list(keys)])


def write_counters(rows: Sequence[tuple[str, int, int, int, int, int, int]]) -> None:
    """Put down counters in one upsert. rows: as `counters` returns them, absolute; so the head lock is needed."""
    sql = (
        'INSERT INTO policies_counter AS c (key, "limit", reserved, posted, overrun, freed, freed_at)'
        " SELECT * FROM unnest(%s::text[], %s::int8[], %s::int8[], %s::int8[], %s::int8[], %s::int8[], %s::int8[])"
        ' ON CONFLICT (key) DO UPDATE SET "limit" = excluded."limit", reserved = excluded.reserved,'
        " posted = excluded.posted, overrun = excluded.overrun, freed = excluded.freed, freed_at = excluded.freed_at"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(column) for column in zip(*rows, strict=True)])


def _rows(sql: str, parameters: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
