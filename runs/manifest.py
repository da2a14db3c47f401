"""What does a bundle say about itself? manifest.json: of which run, which files, what they prove and what not.

Pure. Source: DESIGN §13; study/audit.md §6.2.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit import canon
from runs.bundle_file import MANIFEST, OPENINGS, Members

FORMAT = "dee.bundle/1"
# Openings hold whole messages; everything else of a bundle is far shorter.
LINE = canon.Profile(canon.ENTRY.key, canon.ENTRY.key_rule, 4, 8 * 1024 * 1024)

# What the design's bundle holds beside these files, once there is something to put there.
LEFT_OUT = ("proofs.json", "seal.json", "checkpoint", "log.vkey")
PROVES = (
    "Each entry follows the one before it, from the start of the run to its last entry here, and its stamp names it.",
    "With dee-replay: this plan, these policies and these inputs lead to exactly these entries, byte for byte.",
    "Each value in openings.ndjson is the one the log committed to when the entry was written.",
)
DOES_NOT_PROVE = (
    "That the run has no further entries, and that no other run was left out of the log: that takes proofs.json,"
    " seal.json, checkpoint and log.vkey, which this version of DEE does not make yet.",
    "Who wrote the log and when: nobody outside the server has signed it, and the times in the stamps are its own.",
    "That inputs and facts are true. They are taken as they were recorded.",
    "Which other data stand behind the contact's hash: only the attributes that the plan declares are here.",
    "Anything that was never logged.",
)


class Wrong(ValueError):
    """The manifest is not one; the message is a sentence."""


class Unknown(ValueError):
    """The manifest is of a format this version does not know."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What the manifest says of the run. version: of the plan. core: digest of the core that exported it."""

    run: str
    alg: str
    sem: int
    plan_key: str
    plan_version: int
    plan_hash: str
    entries: int
    inputs: int
    head: str
    core: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as read: the claims, and {file: (bytes, SHA-256)}."""

    claims: Claims
    redacted: bool
    files: Mapping[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Commitment:
    """What an entry says in place of a personal value. kind: of the value; `message` for a rendered message."""

    c: str
    kind: str
    ref: int | str

    @property
    def key(self) -> tuple[str, str]:
        return (str(self.ref), self.c)


def text(claims: Claims, members: Members) -> str:
    """Return the manifest of a bundle's other files."""
    body = {
        "format": FORMAT,
        "run": claims.run,
        "alg": claims.alg,
        "sem": claims.sem,
        "plan": {"key": claims.plan_key, "version": claims.plan_version, "hash": claims.plan_hash},
        "entries": claims.entries,
        "inputs": claims.inputs,
        "head": claims.head,
        "core": claims.core,
        "redacted": OPENINGS not in members,
        "files": [{"name": name, "bytes": len(data), "sha256": _sha256(data)} for name, data in members.items()],
        "proves": list(PROVES),
        "does_not_prove": list(DOES_NOT_PROVE),
        "left_out": list(LEFT_OUT),
    }
    return canon.encode({**body, "digest": _digest(body)}, canon.DOCUMENT)


def read(data: bytes) -> Manifest:
    """Return a manifest. Raises: Wrong; Unknown for another format than dee.bundle/1."""
    try:
        body = canon.decode_exact(data.decode("utf-8"), canon.DOCUMENT)
        digest = body.pop("digest")
        if digest != _digest(body):
            raise Wrong(f"{MANIFEST} was changed: its digest is not that of its text.")
        if body["format"] != FORMAT:
            raise Unknown(f"The bundle is of the format {body['format']}; this version reads {FORMAT}.")
        files = {each["name"]: (each["bytes"], each["sha256"]) for each in body["files"]}
        plan = body["plan"]
        claims = Claims(
            run=body["run"],
            alg=body["alg"],
            sem=body["sem"],
            plan_key=plan["key"],
            plan_version=plan["version"],
            plan_hash=plan["hash"],
            entries=body["entries"],
            inputs=body["inputs"],
            head=body["head"],
            core=body["core"],
        )
    except UnicodeDecodeError:
        raise Wrong(f"{MANIFEST} is not UTF-8.") from None
    except canon.NotCanonical as error:
        raise Wrong(f"{MANIFEST}: {error}.") from None
    except (KeyError, TypeError, AttributeError):
        raise Wrong(f"{MANIFEST} lacks something every manifest says.") from None
    return Manifest(claims, body.get("redacted") is True, files)


def altered(manifest: Manifest, members: Members) -> list[str]:
    """Return the files that are not what the manifest says, added and missing ones included."""
    there = {name: (len(data), _sha256(data)) for name, data in members.items() if name != MANIFEST}
    names = [*there, *(name for name in manifest.files if name not in there)]
    return [name for name in names if there.get(name) != manifest.files.get(name)]


def commitments(bodies: Sequence[Mapping[str, Any]]) -> list[Commitment]:
    """Return what a run's entries commit to, each once, in the order of the log.

    A message that was rendered for a gate that did not allow it is kept nowhere, so it is not among them.
    """
    found: dict[tuple[str, str], Commitment] = {}
    for body in bodies:
        if body["type"] not in ("run.started", "gate.decided"):
            for each in _commitments(body["data"]):
                found.setdefault(each.key, each)
    return list(found.values())


def _commitments(value: Any) -> Iterator[Commitment]:
    if isinstance(value, dict):
        if value.keys() == {"c", "kind", "ref"} and isinstance(value["c"], str):
            yield Commitment(value["c"], str(value["kind"]), value["ref"])
        for inner in value.values():
            yield from _commitments(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _commitments(inner)


def _digest(body: Mapping[str, Any]) -> str:
    return _sha256(b"dee.manifest/1\n" + canon.encode(body, canon.DOCUMENT).encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
