"""Where does every input arrive? Pages, webhooks and the API only insert here; the engine gives each row its place.

Inserting never waits for the engine. Whoever inserts rings the doorbell when the row is committed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from audit import canon
from runs import doorbell

ENGINE = "engine"  # the source of what an engine itself files


@dataclass(frozen=True, slots=True)
class Put:
    """What became of a row that was put in: its id, and whether it is new or a delivery seen before."""

    id: int
    new: bool


def event_id(source: str, external_id: str) -> str:
    """Return the name under which the log speaks of an input: what a provider calls it is not for the log."""
    return hashlib.sha256(f"{source}\n{external_id}".encode()).hexdigest()[:32]


def put(*, source: str, external_id: str, kind: str, body: Mapping[str, Any]) -> Put:
    """Add one input, once: the same source and external_id again only counts a further delivery."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO runs_inbox (source, external_id, kind, body, deliveries, verdict, reason)"
            " VALUES (%s, %s, %s, %s, 1, '', '')"
            " ON CONFLICT (source, external_id) DO UPDATE SET deliveries = runs_inbox.deliveries + 1"
            " RETURNING id, xmax = 0",
            [source, external_id, kind, _text(body)],
        )
        row = cursor.fetchone()
    transaction.on_commit(doorbell.ring)
    return Put(id=row[0], new=row[1])


def put_many(*, source: str, kind: str, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
    """Add many inputs of one kind in the order given, as (external_id, body); return how many were new."""
    pairs = [(external_id, _text(body)) for external_id, body in rows]
    if not pairs:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO runs_inbox (source, external_id, kind, body, deliveries, verdict, reason)"
            " SELECT %s, r.external_id, %s, r.body, 1, '', ''"
            " FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS r (external_id, body, place) ORDER BY r.place"
            " ON CONFLICT (source, external_id) DO UPDATE SET deliveries = runs_inbox.deliveries + 1"
            " RETURNING xmax = 0",
            [source, kind, *(list(column) for column in zip(*pairs, strict=True))],
        )
        new = sum(1 for (is_new,) in cursor.fetchall() if is_new)
    transaction.on_commit(doorbell.ring)
    return new


def read(text: str) -> dict[str, Any]:
    """Return the body of an inbox row; anything that is no strict JSON object reads as an empty one, then refused."""
    try:
        body = canon.decode(text)
    except canon.NotCanonical:
        return {}
    return body if isinstance(body, dict) else {}


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
