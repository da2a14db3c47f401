"""A chain of entries: what is hashed, what a link binds, and which break is found where."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from audit import canon, chain
from audit.chain import Draft, Row

STREAM = "contact/c-1"


def make_rows(length: int = 5, st: str = STREAM) -> list[Row]:
    """Return a good stream as it would lie in the database."""
    rows: list[Row] = []
    prev = chain.genesis(st)
    for n in range(1, length + 1):
        entry = chain.link(st, n, prev, Draft("consent.granted", 100 + n, {"n": n}, step="", cause=0))
        stamp = chain.stamp_text(at="2026-01-01T00:00:00.000000Z", by="cli", entry=entry.hash, seq=n + 6)
        rows.append(Row(st, n, entry.type, entry.tick, "", prev, entry.hash, entry.body, n + 6, stamp))
        prev = entry.hash
    return rows


def rewritten(row: Row, **changes: Any) -> Row:
    """Return a row whose body was changed by somebody who also mends hash and stamp."""
    body = canon.encode(json.loads(row.body) | changes)
    digest = chain.entry_hash(body)
    stamp = chain.stamp_text(at="2026-01-01T00:00:00.000000Z", by="cli", entry=digest, seq=row.seq)
    shown = {key: value for key, value in changes.items() if key in ("st", "n", "type", "tick", "step")}
    return replace(row, body=body, hash=digest, stamp=stamp, **shown)


def test_the_hash_of_an_entry_is_sha_256_over_its_tagged_text() -> None:
    body = make_rows(1)[0].body
    assert chain.entry_hash(body) == hashlib.sha256(b"dee.entry/1\n" + body.encode()).digest()


def test_an_entry_holds_exactly_the_ten_members_and_no_wall_time() -> None:
    assert json.loads(make_rows(1)[0].body).keys() == chain.BODY_KEYS
    assert len(chain.BODY_KEYS) == 10


def test_streams_of_different_names_begin_differently() -> None:
    assert chain.genesis("contact/c-1") != chain.genesis("contact/c-2")


def test_a_good_stream_has_no_break() -> None:
    assert chain.first_break(STREAM, make_rows()) == (None, 5)


def test_an_empty_stream_checks_nothing() -> None:
    assert chain.first_break(STREAM, []) == (None, 0)


Tamper = Callable[[list[Row]], list[Row]]
TAMPERINGS: dict[str, tuple[Tamper, str, int]] = {
    "a byte of the text": (
        lambda r: [*r[:2], replace(r[2], body=r[2].body.replace("3", "4")), *r[3:]],
        "altered_text",
        3,
    ),
    "a shown column": (lambda r: [*r[:2], replace(r[2], tick=9), *r[3:]], "column_differs", 3),
    "an entry and its own hash": (lambda r: [*r[:2], rewritten(r[2], data={}), *r[3:]], "wrong_link", 4),
    "an entry taken out": (lambda r: [*r[:2], *r[3:]], "missing_entry", 3),
    "two entries swapped": (lambda r: [*r[:2], r[3], r[2], r[4]], "missing_entry", 3),
    "an entry doubled": (lambda r: [*r[:3], r[2], *r[3:]], "missing_entry", 4),
    "the beginning cut off": (lambda r: r[1:], "missing_entry", 1),
    "a first entry of another stream": (lambda r: make_rows(1, "contact/c-2"), "wrong_stream", 1),
    "extra white space": (lambda r: [spaced(r[0])], "not_canonical", 1),
    "a stamp of another entry": (lambda r: [replace(r[0], stamp=r[1].stamp), *r[1:]], "stamp_differs", 1),
    "a stamp that is not JSON": (lambda r: [replace(r[0], stamp="{"), *r[1:]], "bad_stamp", 1),
    "a foreign member in the body": (lambda r: [rewritten(r[0], extra=1)], "not_an_entry", 1),
    "a false beginning": (lambda r: [rewritten(replace(r[0], prev=bytes(32)), prev="00" * 32)], "wrong_link", 1),
}


def spaced(row: Row) -> Row:
    body = row.body.replace('":', '": ', 1)
    return replace(row, body=body, hash=chain.entry_hash(body))


@pytest.mark.parametrize("case", TAMPERINGS)
def test_tampering_is_found_at_its_entry(case: str) -> None:
    tamper, kind, n = TAMPERINGS[case]
    st = "contact/c-1"
    found, good = chain.first_break(st, tamper(make_rows()))
    assert found is not None
    assert (found.kind, found.n) == (kind, n)
    assert good == n - 1


def test_a_run_must_begin_with_what_it_was_started_with() -> None:
    data = {"plan": {"hash": "aa"}, "contact": {"hash": "bb"}, "start_at": 5}
    good = chain.genesis("run/1", plan_hash="aa", contact_hash="bb", start_at=5)
    for prev, expected in ((good, None), (chain.genesis("run/1"), "wrong_link")):
        entry = chain.link("run/1", 1, prev, Draft("run.started", 0, data))
        stamp = chain.stamp_text(at="2026-01-01T00:00:00.000000Z", by="engine/1", entry=entry.hash, seq=0)
        row = Row("run/1", 1, "run.started", 0, "", prev, entry.hash, entry.body, 0, stamp)
        found, _ = chain.first_break("run/1", [row])
        assert (found.kind if found else None) == expected


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_salt_has_exactly_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        chain.commitment(bytes(length), "email", "ann@example.org")


def test_a_commitment_depends_on_salt_kind_and_value() -> None:
    base = chain.commitment(bytes(32), "email", "ann@example.org")
    others = {
        chain.commitment(b"\x01" + bytes(31), "email", "ann@example.org"),
        chain.commitment(bytes(32), "phone", "ann@example.org"),
        chain.commitment(bytes(32), "email", "bob@example.org"),
    }
    assert base not in others
    assert len(others) == 3
