#!/usr/bin/env python3
"""Does this bundle hold? Manifest, hashes, chain, stamps and openings; it does not replay, dee-replay does.

    python3 verify.py FILE.zip        or, in the folder where a bundle was unpacked: python3 verify.py

Standard library only, and nothing of DEE. Exit 0 everything holds · 2 changed, or no bundle · 3 semantics it does not
know · 4 everything holds, but some values cannot be looked at. It comes from the server it checks: for independence use
a copy that you saved or read before.
"""

import hashlib
import hmac
import json
import re
import sys
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

NAMES = (
    "manifest.json", "entries.ndjson", "stamps.ndjson", "plan.json", "policies.ndjson", "openings.ndjson",
    "erased.ndjson", "README.txt", "verify.py",
)  # fmt: skip
MAX_BYTES = 256 * 1024 * 1024
MAX_INT, MAX_DEPTH = 2**53 - 1, 32
BODY = {"v", "st", "n", "prev", "tick", "type", "step", "visit", "cause", "data"}
KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")
Json = dict[str, Any]
AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Wrong(Exception):
    """What does not hold, as a sentence."""


class Unknown(Exception):
    """Semantics or a format that this program does not know."""


def main(arguments: list[str]) -> int:
    """Check the bundle named, or the folder this file lies in."""
    source = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    try:
        run, entries, opened, missing = check(read(source))
    except Unknown as error:
        print(f"UNSUPPORTED: {error}")
        return 3
    except (Wrong, OSError, zipfile.BadZipFile) as error:
        print(f"NOT VERIFIED: {error}")
        return 2
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, NotImplementedError) as error:
        print(f"NOT VERIFIED: something in it is not as it has to be ({type(error).__name__}).")
        return 2
    print(f"The chain of {run} holds up to entry {entries}; {opened} values opened, {missing} cannot be looked at.")
    print("Not replayed here (dee-replay does), and not anchored: manifest.json says what this does not prove.")
    return 4 if missing else 0


def read(source: Path) -> dict[str, bytes]:
    """Return the files of a bundle, a zip file or a folder."""
    if source.is_dir():
        return {name: (source / name).read_bytes() for name in NAMES if (source / name).is_file()}
    with zipfile.ZipFile(source) as bundle:
        infos = bundle.infolist()
        if [info.filename for info in infos] != [name for name in NAMES if name in bundle.namelist()]:
            raise Wrong("the zip file holds other files than a bundle")
        if any(info.compress_type or info.flag_bits for info in infos):
            raise Wrong("a file of the bundle is compressed or encrypted")
        if sum(info.file_size for info in infos) > MAX_BYTES:
            raise Wrong("the bundle is too long")
        return {info.filename: bundle.read(info) for info in infos}


def check(files: dict[str, bytes]) -> tuple[str, int, int, int]:
    """Return the run, how many entries hold, and how many values are open and are not. Raises: Wrong, Unknown."""
    manifest = check_manifest(files)
    texts = lines(files["entries.ndjson"])
    bodies = [parse(text) for text in texts]
    check_chain(texts, bodies, [parse(text) for text in lines(files["stamps.ndjson"])])
    first = bodies[0]["data"]
    said = {"run": bodies[0]["st"], "alg": first["alg"], "sem": first["sem"], "plan": first["plan"]}
    said |= {"entries": len(texts), "head": sha("dee.entry/1\n", texts[-1])}
    said["inputs"] = sum(1 for body in bodies if not body["cause"])
    if canonical({name: manifest[name] for name in said}) != canonical(said):
        raise Wrong("the manifest tells of another run than the entries do")
    if sha("dee.plan/1\n", files["plan.json"].decode()) != first["plan"]["hash"]:
        raise Wrong("plan.json is not the plan that the first entry names")
    named = {hash for body in bodies for hash in policies_named(body)}
    if {sha("dee.policy/1\n", text) for text in lines(files["policies.ndjson"])} != named:
        raise Wrong("policies.ndjson does not hold the policies that the entries name")
    opened = [opening(parse(text)) for text in lines(files.get("openings.ndjson", b""))]
    erased = [parse(text) for text in lines(files["erased.ndjson"])]
    told = [(value["c"], value["kind"], value["ref"]) for value in (*opened, *erased)]
    # A message that was rendered for a gate that did not allow it is kept nowhere.
    committing = [body["data"] for body in bodies if body["type"] not in ("run.started", "gate.decided")]
    wanted = set(commitments(committing))
    if len(told) != len(wanted) or set(told) != wanted or manifest["redacted"] != ("openings.ndjson" not in files):
        raise Wrong("openings.ndjson and erased.ndjson do not name each committed value once")
    return bodies[0]["st"], len(texts), len(opened), len(erased)


def check_manifest(files: dict[str, bytes]) -> Json:
    if "manifest.json" not in files:
        raise Wrong("there is no manifest.json")
    manifest = parse(files["manifest.json"].decode())
    digest = manifest.pop("digest")
    if digest != sha("dee.manifest/1\n", canonical(manifest)):
        raise Wrong("manifest.json was changed: its digest is not that of its text")
    if manifest["format"] != "dee.bundle/1":
        raise Unknown(f"the bundle is of the format {manifest['format']}")
    named = {each["name"]: (each["bytes"], each["sha256"]) for each in manifest["files"]}
    for name in {*named, *files} - {"manifest.json"}:
        data = files.get(name)
        if data is None or named.get(name) != (len(data), hashlib.sha256(data).hexdigest()):
            raise Wrong(f"{name} is not what the manifest says")
    return manifest


def check_chain(texts: list[str], bodies: list[Json], stamps: list[Json]) -> None:
    if not bodies or len(bodies) != len(stamps):
        raise Wrong(f"there are {len(bodies)} entries and {len(stamps)} stamps")
    hashes = [sha("dee.entry/1\n", text) for text in texts]
    for n, (body, stamp) in enumerate(zip(bodies, stamps, strict=True), 1):
        if body.keys() != BODY or stamp.keys() != {"at", "by", "h", "seq"} or not AT.fullmatch(stamp["at"]):
            raise Wrong(f"entry {n} or its stamp has other fields than it should")
        if stamp["h"] != hashes[n - 1]:
            raise Wrong(f"the stamp of entry {n} names another entry")
        prev = hashes[n - 2] if n > 1 else genesis(body)
        if canonical([body["st"], body["n"], body["prev"]]) != canonical([bodies[0]["st"], n, prev]):
            raise Wrong(f"the entry in place {n} does not follow the one before it")
        if body["v"] != 1:
            raise Unknown(f"entry {n} is of version {body['v']}")
    for one, other in pairwise(stamps):
        if other["seq"] <= one["seq"] or other["at"] < one["at"]:
            raise Wrong("the stamps are not in the order of the log")


def genesis(body: Json) -> str:
    """Return what the first entry has to point back to. Raises: Unknown."""
    data = body["data"]
    if (body["v"], data["alg"], data["sem"]) != (1, "sha256", 1):
        raise Unknown(f"the run was made with semantics {data['sem']} and {data['alg']}")
    start = {"alg": "sha256", "sem": 1, "st": body["st"], "start_at": data["start_at"]}
    start |= {"plan_hash": data["plan"]["hash"], "contact_hash": data["contact"]["hash"]}
    return sha("dee.genesis/1\n", canonical(start))


def policies_named(body: Json) -> list[str]:
    if body["type"] == "gate.decided":
        return [hash for hash in (body["data"]["facts"]["policy"]["hash"],) if hash]
    if body["type"] in ("recovery.applied", "recovery.exhausted"):
        return [hash for hash in (body["data"]["policy"]["hash"],) if hash]
    return []


def commitments(value: object) -> list[tuple[Any, ...]]:
    """Return the commitments in an entry's data."""
    found = []
    if isinstance(value, dict):
        if value.keys() == {"c", "kind", "ref"} and isinstance(value["c"], str):
            found.append((value["c"], value["kind"], value["ref"]))
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            found += commitments(item)
    return found


def opening(value: Json) -> Json:
    """Return an opening whose value and salt give its commitment again. Raises: Wrong."""
    if not re.fullmatch("[0-9a-f]{64}", value["salt"]):
        raise Wrong("a salt is 32 bytes in lower-case hex")
    if value["kind"] == "message":
        hidden = canonical({name: value[name] for name in ("body", "channel", "subject", "to")})
        fields = {"c", "kind", "ref", "salt", "body", "channel", "subject", "to"}
    else:
        hidden, fields = value["value"], {"c", "kind", "ref", "salt", "value"}
    text = f"dee.pii/1\n{value['kind']}\n{hidden}".encode()
    if value.keys() != fields or hmac.new(bytes.fromhex(value["salt"]), text, "sha256").hexdigest() != value["c"]:
        raise Wrong(f"the value of {value['ref']} is not the one the log committed to")
    return value


def lines(data: bytes) -> list[str]:
    text = data.decode()
    if text and not text.endswith("\n"):
        raise Wrong("a file of lines does not end with a line feed")
    return text.split("\n")[:-1]


def parse(text: str) -> Json:
    """Return a canonical JSON object. Raises: Wrong."""
    value = json.loads(text, parse_float=refuse, parse_constant=refuse)
    check_value(value, MAX_DEPTH)
    if (
        not isinstance(value, dict) or canonical(value) != text
    ):  # a key twice, a space, an escape: all of them show here
        raise Wrong("a text is not in canonical form")
    return value


def check_value(value: object, depth: int) -> None:
    if depth == 0:
        raise Wrong("a text is nested too deeply")
    if isinstance(value, dict):
        for key, item in value.items():
            if not KEY.fullmatch(key):
                raise Wrong(f"the key {key[:60]!r} is not allowed")
            check_value(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            check_value(item, depth - 1)
    elif type(value) is int and abs(value) > MAX_INT:
        raise Wrong("a number is out of range")
    elif isinstance(value, str) and ("\x00" in value or re.search("[\ud800-\udfff]", value)):
        raise Wrong("a text holds U+0000 or a lone surrogate")


def refuse(literal: str) -> object:
    raise Wrong(f"{literal[:40]} is not an integer")


def canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha(prefix: str, text: str) -> str:
    return hashlib.sha256(prefix.encode() + text.encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
