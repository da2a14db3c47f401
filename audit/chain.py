"""What is an entry, and does a chain of them hold? The only place where entries are hashed and linked.

Pure: no Django, clock, random, environment, file or network. The same few functions serve the writer,
`verify_log`, the replayer and the tests; static/dee/verify.js is their twin for the browser.

Source: DESIGN §9.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from audit import canon

ALG = "sha256"
SEM = 1  # version of the engine's semantics; a run is pinned to the one it started under
BODY_KEYS = frozenset({"v", "st", "n", "prev", "tick", "type", "step", "visit", "cause", "data"})
STAMP_KEYS = frozenset({"at", "by", "h", "seq"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One link: the stored text, its hash, and the fields that pages and indexes show."""

    st: str
    n: int
    type: str
    tick: int
    step: str
    prev: bytes
    hash: bytes
    body: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it is linked: everything but its place in the chain."""

    type: str
    tick: int
    data: Mapping[str, Any]
    step: str = ""
    visit: int = 0
    cause: int = 0  # n of the input entry that led to this one; 0 when this entry is itself an input


def entry_hash(body: str) -> bytes:
    """Return SHA-256 over the stored text of an entry, 32 bytes."""
    return hashlib.sha256(b"dee.entry/1\n" + body.encode()).digest()


def genesis(st: str, **facts: Any) -> bytes:
    """Return what the first entry of a stream points back to: it binds the stream's name and its beginning."""
    text = canon.encode({"alg": ALG, "sem": SEM, "st": st, **facts})
    return hashlib.sha256(b"dee.genesis/1\n" + text.encode()).digest()


def link(st: str, n: int, prev: bytes, draft: Draft) -> Entry:
    """Return the draft as entry number n of the stream, after the entry whose hash is prev."""
    body = canon.encode(
        {
            "v": 1,
            "st": st,
            "n": n,
            "prev": prev.hex(),
            "tick": draft.tick,
            "type": draft.type,
            "step": draft.step,
            "visit": draft.visit,
            "cause": draft.cause,
            "data": draft.data,
        }
    )
    return Entry(st, n, draft.type, draft.tick, draft.step, prev, entry_hash(body), body)


def stamp_text(*, at: str, by: str, entry: bytes, seq: int) -> str:
    """Return the canonical stamp of an entry: when (microseconds, Z) and by whom it was written, and its place."""
    return canon.encode({"at": at, "by": by, "h": entry.hex(), "seq": seq})


def commitment(salt: bytes, kind: str, value: str) -> str:
    """Return the hex HMAC that stands in the log for a personal value.

    Raises: ValueError unless the salt has exactly 32 bytes: HMAC pads short keys with zeros, so salts could collide.
    """
    if len(salt) != 32:
        raise ValueError("a salt has exactly 32 bytes")
    return hmac.new(salt, b"dee.pii/1\n" + kind.encode() + b"\n" + value.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Break:
    """The first thing wrong with a stream: which entry, which kind of break, and a sentence."""

    st: str
    n: int
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it lies in the database, with the columns that must agree with its text."""

    st: str
    n: int
    type: str
    tick: int
    step: str
    prev: bytes
    hash: bytes
    body: str
    seq: int
    stamp: str


def first_break(st: str, rows: Iterable[Row]) -> tuple[Break | None, int]:
    """Check one stream from its first entry; return (the break or None, how many entries were found good)."""
    prev, n = b"", 0
    for row in rows:
        found = row_break(row, st, n + 1, prev)
        if found:
            return found, n
        prev, n = row.hash, n + 1
    return None, n


def genesis_of(body: Mapping[str, Any]) -> bytes:
    """Return the genesis that a stream's first entry must point back to; a run's is in what it started with.

    Raises: KeyError or TypeError when a run's first entry does not say what it started with.
    """
    if not body["st"].startswith("run/"):
        return genesis(body["st"])
    data = body["data"]
    identity = {"plan_hash": data["plan"]["hash"], "contact_hash": data["contact"]["hash"]}
    return genesis(body["st"], **identity, start_at=data["start_at"])


def row_break(row: Row, st: str, n: int, prev: bytes) -> Break | None:
    """Check one entry as number n of a stream, after the entry hashed prev; return what is wrong or None.

    prev is ignored for n = 1, whose link follows from the entry itself.
    """

    def broken(kind: str, message: str) -> Break:
        return Break(st, n, kind, message)

    if row.st != st:
        return broken("wrong_stream", f"an entry of {row.st} stands in {st}")
    if row.n != n:
        return broken("missing_entry", f"entry {n} of {st} is missing; the next one found is {row.n}")
    if entry_hash(row.body) != row.hash:
        return broken("altered_text", f"entry {n} of {st}: its text does not hash to {row.hash.hex()[:12]}…")
    try:
        body = canon.decode_exact(row.body)
    except canon.NotCanonical as error:
        return broken("not_canonical", f"entry {n} of {st}: {error}")
    if not isinstance(body, dict) or body.keys() != BODY_KEYS:
        return broken("not_an_entry", f"entry {n} of {st} has other fields than an entry")
    shown = (row.st, row.n, row.type, row.tick, row.step, row.prev.hex())
    if shown != (body["st"], body["n"], body["type"], body["tick"], body["step"], body["prev"]):
        return broken("column_differs", f"entry {n} of {st}: a shown column differs from the hashed text")
    if n == 1:
        try:
            prev = genesis_of(body)
        except (KeyError, TypeError, AttributeError):
            return broken("wrong_start", f"the first entry of {st} does not say what it started with")
    if row.prev != prev:
        return broken("wrong_link", f"entry {n} of {st} points to {row.prev.hex()[:12]}…, not to the entry before it")
    return _stamp_break(row, broken)


def _stamp_break(row: Row, broken: Any) -> Break | None:
    try:
        stamp = canon.decode_exact(row.stamp)
    except canon.NotCanonical as error:
        return broken("bad_stamp", f"the stamp of entry {row.n} of {row.st}: {error}")  # type: ignore[no-any-return]
    if not isinstance(stamp, dict) or stamp.keys() != STAMP_KEYS:
        return broken("bad_stamp", f"the stamp of entry {row.n} of {row.st} has other fields than a stamp")  # type: ignore[no-any-return]
    if stamp["h"] != row.hash.hex() or stamp["seq"] != row.seq:
        return broken("stamp_differs", f"the stamp of entry {row.n} of {row.st} names another entry or place")  # type: ignore[no-any-return]
    return None
