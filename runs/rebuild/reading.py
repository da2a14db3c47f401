"""How is the log read for a comparison? In one moment, through cursors on the server, taking no lock, writing nothing.

Memory holds a piece of the log at a time; what grows with the log is only what its folds remember.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from django.db import connection, transaction

from audit import chain
from audit.models import Opening
from runs.rebuild.report import GONE, Gone, Report
from runs.rebuild.world import Entry

PIECE = 2_000  # entries in hand at once
RUNS = "run/"
# What reading an entry trips over when no engine wrote it: a chain that holds says nothing about the sense of it.
SENSELESS = (KeyError, TypeError, ValueError, AttributeError, IndexError)

_AUTHORED = ("attributes", "attrs")  # values of people's own making, whatever they look like
_BODY = ("st", "n", "type", "tick", "step", "visit", "data")


@contextmanager
def one_moment() -> Iterator[None]:
    """Let everything inside see the database as it stands now, whatever is written meanwhile."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def log() -> Iterator[list[tuple[Entry, bytes]]]:
    """Yield the whole log in the order of writing, in pieces, each entry with its hash."""
    rows = _stored("SELECT hash, body, stamp FROM audit_entry ORDER BY seq", "rebuild_log")
    piece: list[tuple[Entry, bytes]] = []
    for hash, body, stamp in rows:
        piece.append((_entry(body, stamp), bytes(hash)))
        if len(piece) == PIECE:
            yield piece
            piece = []
    if piece:
        yield piece


def runs() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each run's stream with its entries as (body, stamp), in their order."""
    sql = f"SELECT st, body, stamp FROM audit_entry WHERE starts_with(st, '{RUNS}') ORDER BY st, n"
    for st, rows in groupby(_stored(sql, "rebuild_runs"), key=lambda row: row[0]):
        yield st, [(body, stamp) for _, body, stamp in rows]


def writer(stamp: str) -> str:
    """Return who wrote an entry."""
    return str(json.loads(stamp)["by"])


def _entry(body: str, stamp: str) -> Entry:
    said = json.loads(body)
    return Entry(**{name: said[name] for name in _BODY}, by=writer(stamp))


def _stored(sql: str, name: str) -> Iterator[tuple[Any, ...]]:
    with connection.connection.cursor(name=name) as cursor:
        cursor.itersize = PIECE
        cursor.execute(sql)
        yield from cursor


class Vault:
    """Opens the commitments of one piece of the log after the other."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.missing: dict[str, int] = {}  # stream to how many of its values are not there
        self._values: dict[int, str | Gone] = {}

    def load(self, entries: Sequence[Entry]) -> None:
        """Read what these entries commit to, and see that every value opens its commitment."""
        held = [(entry, found) for entry in entries for found in _commitments(entry.data)]
        stored = Opening.objects.in_bulk([found["ref"] for _, found in held])
        self._values = {}
        for entry, found in held:
            row = stored.get(found["ref"])
            if row is None:
                self.missing[entry.st] = self.missing.get(entry.st, 0) + 1
                continue
            self.report.compared["vault"] += 1
            if chain.commitment(bytes(row.salt), row.kind, row.value) == found["c"]:
                self._values[found["ref"]] = row.value
            else:
                where = f"{entry.st} entry {entry.n}"
                self.report.differ("vault", where, f"value {found['ref']}", "another value", "the one it commits to")

    def opened(self, held: Mapping[str, Any]) -> str | Gone:
        """Return the value behind a commitment of the piece loaded last."""
        return self._values.get(held["ref"], GONE)


def _commitments(data: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every commitment to a value in the vault; messages lie elsewhere, under their intent."""
    if isinstance(data, dict):
        if data.keys() == {"c", "kind", "ref"} and type(data["ref"]) is int:
            yield data
            return
        for name, inner in data.items():
            if name not in _AUTHORED:
                yield from _commitments(inner)
    elif isinstance(data, list):
        for inner in data:
            yield from _commitments(inner)
