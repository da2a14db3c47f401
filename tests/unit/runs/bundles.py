"""Bundles made by hand from a told run, and what somebody may do to one: edit, cut, and write everything anew."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from audit import canon, chain
from policies.rules import document
from runs import bundle_check, bundled, manifest
from runs.bundle_file import ENTRIES, ERASED, MANIFEST, OPENINGS, PLAN, POLICIES, README, STAMPS, VERIFY
from runs.manifest import Claims, Commitment
from tests.golden.telling import REASON, SALT, Telling, written

Members = dict[str, bytes]
Body = dict[str, Any]
CORE = "ab" * 32
HERE = Path(bundled.__file__).parent


def lines(texts: Sequence[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def read(members: Members, name: str = ENTRIES) -> list[Body]:
    return [json.loads(text) for text in members[name].decode().splitlines()]


def texts_of(bodies: Sequence[Body]) -> list[str]:
    return [canon.encode(body, manifest.LINE) for body in bodies]


def bundle(told: Telling, *, redacted: bool = False) -> Members:
    """Return the files of a told run's bundle."""
    bodies = [json.loads(text) for text in told.texts]
    committed = manifest.commitments(bodies)
    gone = [{"c": each.c, "kind": each.kind, "ref": each.ref, "why": "redacted"} for each in committed]
    files = {
        ENTRIES: lines(told.texts),
        STAMPS: lines(stamps(told.texts)),
        PLAN: told.plan.text.encode(),
        POLICIES: lines([told.policies[hash] for hash in sorted(told.policies)]),
    }
    if not redacted:
        files[OPENINGS] = lines(texts_of([opening(each, bodies) for each in committed]))
    files[ERASED] = lines(texts_of(gone)) if redacted else b""
    files |= {name: (HERE / name).read_bytes() for name in (README, VERIFY)}
    return seal(files)


def opening(each: Commitment, bodies: Sequence[Body]) -> Body:
    """Return the opening of what a told run commits to."""
    said: Body = {"c": each.c, "kind": each.kind, "ref": each.ref, "salt": SALT.hex()}
    if each.kind == "message":
        step = next(body["step"] for body in bodies if body["data"].get("payload", {}).get("ref") == each.ref)
        return said | written(step)
    return said | {"value": REASON}


def stamps(texts: Sequence[str]) -> list[str]:
    """Return stamps for entries, a second apart and with others of the log between them."""
    return [
        chain.stamp_text(
            at=f"2027-01-15T08:00:{n:02}.000000Z", by="engine/1", entry=chain.entry_hash(text), seq=100 + 2 * n
        )
        for n, text in enumerate(texts)
    ]


def seal(files: Members, core: str = CORE) -> Members:
    """Return the files with a manifest that fits them, whatever they are."""
    texts = files[ENTRIES].decode().splitlines()
    bodies = [json.loads(text) for text in texts]
    return _with_manifest(files, bundle_check.derive(bodies, len(texts), chain.entry_hash(texts[-1]).hex(), core))


def _with_manifest(files: Members, claims: Claims) -> Members:
    rest = {name: data for name, data in files.items() if name != MANIFEST}
    return {MANIFEST: manifest.text(claims, rest).encode(), **rest}


def relinked(bodies: Sequence[Body]) -> list[str]:
    """Return the entries numbered and linked anew, as somebody would who knows how."""
    return linked([body | {"n": n} for n, body in enumerate(bodies, 1)])


def linked(bodies: Sequence[Body]) -> list[str]:
    """Return entries that follow one another, whatever they hold."""
    try:
        prev = chain.genesis_of(bodies[0])
    except (KeyError, TypeError, AttributeError):
        prev = bytes(32)  # it starts nothing
    texts = []
    for body in bodies:
        texts.append(canon.encode(body | {"prev": prev.hex()}))
        prev = chain.entry_hash(texts[-1])
    return texts


def strange(members: Members, bodies: Sequence[Body]) -> Members:
    """Return a bundle with these entries, linked and stamped, under the manifest of the old ones."""
    texts = linked(bodies)
    files = {**members, ENTRIES: lines(texts), STAMPS: lines(stamps(texts))}
    claims = replace(manifest.read(members[MANIFEST]).claims, head=chain.entry_hash(texts[-1]).hex())
    return _with_manifest(files, claims)


def rewritten(members: Members, change: Callable[[list[Body]], Any]) -> Members:
    """Return a bundle after somebody changed its entries and then made everything else fit, the manifest too."""
    bodies = read(members)
    changed = change(bodies)
    texts = relinked(bodies if changed is None else changed)
    bodies = [json.loads(text) for text in texts]
    committed = {each.key for each in manifest.commitments(bodies)}
    policies = {_policy_of(body) for body in bodies}
    fitting = {
        ENTRIES: lines(texts),
        STAMPS: lines(stamps(texts)),
        OPENINGS: _kept(members[OPENINGS], lambda text: _key(text) in committed),
        POLICIES: _kept(members[POLICIES], lambda text: document.document_hash(text) in policies),
    }
    return seal({**members, **fitting})


def _policy_of(body: Body) -> str:
    data = body["data"]
    return str(data.get("facts", data).get("policy", {}).get("hash", ""))


def _key(text: str) -> tuple[str, str]:
    value = json.loads(text)
    return (str(value["ref"]), value["c"])


def _kept(data: bytes, wanted: Callable[[str], bool]) -> bytes:
    return lines([text for text in data.decode().splitlines() if wanted(text)])


def without(bodies: list[Body], n: int) -> list[Body]:
    """Return a run without entry n; what named a later entry as its cause names it still."""
    left = [body for body in bodies if body["n"] != n]
    return [body | {"cause": body["cause"] - (body["cause"] > n)} for body in left]


def first(bodies: Sequence[Body], type: str) -> Body:
    return next(body for body in bodies if body["type"] == type)
