"""Do the entries of a bundle follow one another, and do their stamps name them? The first break, and whose it is.

Three things say which hash an entry has: its own text, the entry after it (or the manifest, for the last one), and its
stamp. Who of them stands alone was changed. Pure. Source: DESIGN §9; study/engine.md §7.
"""

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from itertools import pairwise
from typing import Any

from audit import canon, chain
from runs.engine import recorded
from runs.engine.divergence import Cause

VERSION = 1  # of an entry's body
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_KNOWN = recorded.INPUTS | recorded.OUTPUTS

Body = Mapping[str, Any]


class Exit(IntEnum):
    """The exit codes of `dee-replay`."""

    IDENTICAL = 0
    DIVERGED = 1
    TAMPERED = 2
    UNSUPPORTED = 3
    REDACTED = 4


class Found(Exception):
    """What ends the check of a bundle: a sentence, its probable cause and its exit code. entry: 0 for none."""

    def __init__(self, cause: Cause, message: str, *, exit: Exit = Exit.TAMPERED, entry: int = 0) -> None:
        super().__init__(message)
        self.cause = cause
        self.message = message
        self.exit = exit
        self.entry = entry


def lines(data: bytes, name: str) -> list[str]:
    """Return the lines of a file. Raises: Found."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Found(Cause.BUNDLE_CHANGED, f"{name} is not UTF-8.") from None
    if text and not text.endswith("\n"):
        raise Found(Cause.BUNDLE_CHANGED, f"{name} does not end with a line feed: it was cut off.")
    return text.split("\n")[:-1]


def check(texts: Sequence[str], stamps: Sequence[str], *, entries: Any, head: Any) -> list[Body]:
    """Check a run's entries and stamps; return the bodies. entries, head: how many and which hash the manifest says.

    Raises: Found.
    """
    if not texts:
        raise Found(Cause.RUN_REPLACED_OR_TRUNCATED, "The bundle holds no entries, so there is nothing to verify.")
    hashes = [chain.entry_hash(text).hex() for text in texts]
    stamped = [_stamp(text, n) for n, text in enumerate(stamps, 1)]
    bodies = [_body(text, n) for n, text in enumerate(texts, 1)]
    for at, hash in enumerate(hashes):
        after = bodies[at + 1]["prev"] if at + 1 < len(bodies) else head
        stamp = stamped[at]["h"] if at < len(stamped) else None
        if at:
            _check_link(bodies, at, hashes[at - 1])
        _check_text(at + 1, hash, after, stamp, last=at + 1 == len(bodies))
        _check_version(bodies[at], at + 1)
        if not at:
            _check_link(bodies, 0, _genesis(bodies[0]))
    if not len(texts) == len(stamps) == entries:
        raise _cut(f"there are {len(texts)} entries and {len(stamps)} stamps here; the manifest names {entries}")
    _check_order(stamped)
    return bodies


def _check_text(n: int, hash: str, after: Any, stamp: Any, *, last: bool) -> None:
    if hash != after and hash != stamp:
        raise _tampered(n, f"entry {n}: its text does not hash to what the entry after it and its stamp say")
    if hash != stamp:
        raise _cut(f"from entry {n} on the entries are not those that were stamped", n)
    if last and hash != after:
        raise _cut(f"entry {n} is the last one here, but not the one the manifest ends with", n)


def _check_version(body: Body, n: int) -> None:
    data = body["data"]
    unknown = ""
    if body["v"] != VERSION:
        unknown = f"entry {n} is of version {body['v']}"
    elif body["type"] not in _KNOWN:
        unknown = f"entry {n} is of the type {body['type'][:60]}"
    elif n == 1 and (data.get("alg"), data.get("sem")) != (chain.ALG, chain.SEM):
        unknown = f"the run was made with semantics {data.get('sem')} and {data.get('alg')}"
    if unknown:
        message = f"This version knows semantics {chain.SEM} and {chain.ALG} only; {unknown}."
        raise Found(Cause.ENGINE_CHANGED, message, exit=Exit.UNSUPPORTED, entry=n)


def _genesis(first: Body) -> str:
    try:
        return chain.genesis_of(first).hex()
    except (KeyError, TypeError, AttributeError, canon.NotCanonical):
        raise _tampered(1, "the first entry does not say what the run started with") from None


def _check_link(bodies: Sequence[Body], at: int, prev: str) -> None:
    body, n = bodies[at], at + 1
    if body["st"] != bodies[0]["st"] or not body["st"].startswith("run/"):
        raise _tampered(n, f"entry {n} belongs to {body['st'][:60]}")
    if body["prev"] != prev:
        missing = f": entry {n} is missing" if body["n"] > n else ""
        raise _tampered(n, f"the entry in place {n} does not follow the one before it{missing}")
    if body["n"] != n:
        raise Found(Cause.INPUT_MISSING, f"The entry in place {n} says that it is number {body['n']}.", entry=n)


def _check_order(stamps: Sequence[Body]) -> None:
    for n, (one, other) in enumerate(pairwise(stamps), 2):
        if other["seq"] <= one["seq"] or other["at"] < one["at"]:
            raise _tampered(n, f"the stamp of entry {n} is older than the one before it")


def _body(text: str, n: int) -> Body:
    try:
        return recorded.body(text)
    except recorded.Malformed as error:
        raise _tampered(n, f"entry {n} is no entry: {error}") from None


def _stamp(text: str, n: int) -> Body:
    try:
        stamp = canon.decode_exact(text)
    except canon.NotCanonical as error:
        raise _tampered(n, f"the stamp of entry {n}: {error}") from None
    if not isinstance(stamp, dict) or stamp.keys() != chain.STAMP_KEYS:
        raise _tampered(n, f"the stamp of entry {n} has other fields than a stamp")
    texts = all(isinstance(stamp[name], str) for name in ("at", "by", "h"))
    if not texts or type(stamp["seq"]) is not int or not _AT.fullmatch(stamp["at"]):
        raise _tampered(n, f"the stamp of entry {n} is no stamp")
    return stamp


def _tampered(n: int, message: str) -> Found:
    return Found(Cause.LOG_TAMPERED, f"{message[0].upper()}{message[1:]}.", entry=n)


def _cut(message: str, n: int = 0) -> Found:
    return Found(Cause.RUN_REPLACED_OR_TRUNCATED, f"{message[0].upper()}{message[1:]}.", entry=n)
