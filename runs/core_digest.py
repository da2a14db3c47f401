"""Which core is this? One hash over the source of everything that decides what a run's entries are."""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = "runs.engine.machine"
ROOMS = ("audit", "channels", "plans", "policies", "runs")


@cache
def core_digest() -> str:
    """Return the hex SHA-256 of the core's source files, each with its name and length."""
    digest = hashlib.sha256(b"dee.core/1\n")
    for name in modules():
        source = _source(name)
        digest.update(f"{name} {len(source)}\n".encode() + source)
    return digest.hexdigest()


def modules() -> list[str]:
    """Return the names of the core's modules: the machine and whatever of DEE it imports, directly or not."""
    seen: set[str] = set()
    todo = [CORE]
    while todo:
        name = todo.pop()
        if name not in seen and name.partition(".")[0] in ROOMS and _path(name).is_file():
            seen.add(name)
            todo += _imported(name)
    return sorted(seen)


def _imported(name: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(_source(name))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _path(name: str) -> Path:
    return ROOT / f"{name.replace('.', '/')}.py"


def _source(name: str) -> bytes:
    return _path(name).read_bytes()
