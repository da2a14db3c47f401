"""Who is written to? Contacts as messages and new runs need them, read set-based by the engine."""

import json
from collections.abc import Collection
from typing import Any, NamedTuple

from django.db import connection


class Person(NamedTuple):
    """A contact's own words for a message, and the attributes its conditions may look at."""

    id: int
    ref: str
    first_name: str
    last_name: str
    email: str
    phone: str
    zone: str
    country: str
    attributes: dict[str, Any]


_COLUMNS = "id, ref, first_name, last_name, email, phone, zone, country, attributes"


def by_id(ids: Collection[int]) -> dict[int, Person]:
    """Return {contact id: person}."""
    return {person.id: person for person in _read("id = ANY(%s)", list(ids))}


def by_ref(refs: Collection[str]) -> dict[str, Person]:
    """Return {reference: person} for those that exist."""
    return {person.ref: person for person in _read("ref = ANY(%s)", list(refs))} if refs else {}


def _read(where: str, keys: list[Any]) -> list[Person]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_COLUMNS} FROM policies_contact WHERE {where}", [keys])
        return [Person._make([*row[:8], _attributes(row[8])]) for row in cursor.fetchall()]


def _attributes(value: Any) -> dict[str, Any]:
    # Django's cursor hands jsonb over as text; the ORM is what decodes it elsewhere.
    found: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found
