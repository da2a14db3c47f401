"""`dee-replay FILE.zip… [--json] [--trace] [--at N]`: is this run what its plan, policies and inputs lead to?

Exit codes: 0 identical, 1 diverged, 2 tampered with or no bundle, 3 unsupported semantics, 4 identical, but some values
cannot be looked at. Of several files the worst counts: 2, 1, 3, 4, 0. Needs the standard library and the pure core; no
Django, database or network. Source: DESIGN §10, §13.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runs.bundle_chain import Exit
from runs.bundle_check import Run, Verdict, examine
from runs.bundle_file import MAX_BYTES, NotABundle, unpack
from runs.core_digest import core_digest
from runs.engine.divergence import Cause, Divergence, line
from runs.engine.replay import Applied, Diverged, retell

WORST_FIRST = (Exit.TAMPERED, Exit.DIVERGED, Exit.UNSUPPORTED, Exit.REDACTED, Exit.IDENTICAL)
NOTHING = "(nothing)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    worst = Exit.IDENTICAL
    for path in options.files:
        verdict = _verdict(path)
        if options.at is not None:
            verdict, state = _state(verdict, options.at)
        else:
            state = None
        told = _json(path, verdict, options, state) if options.json else _text(path, verdict, options, state)
        for text in told:
            _print(text)
        worst = min(worst, verdict.exit, key=WORST_FIRST.index)
    return int(worst)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dee-replay",
        description="Verify bundles of runs and replay them with the pure core: no database, no network.",
        epilog="exit codes: 0 identical, 1 diverged, 2 tampered with or no bundle, 3 unsupported semantics,"
        " 4 identical, but some values cannot be looked at",
    )
    parser.add_argument("files", nargs="+", metavar="FILE.zip", help="a bundle made by export_run")
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each file")
    parser.add_argument("--trace", action="store_true", help="print each entry that came out as recorded")
    parser.add_argument("--at", type=int, metavar="N", help="show the run's state after entry N")
    return parser


def _verdict(path: str) -> Verdict:
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise NotABundle(f"The file is longer than {MAX_BYTES} bytes; no bundle is.")
        return examine(unpack(Path(path).read_bytes()), core=core_digest())
    except OSError as error:
        return Verdict(Exit.TAMPERED, f"The file cannot be read: {error.strerror or type(error).__name__}.")
    except NotABundle as error:
        return Verdict(Exit.TAMPERED, str(error), Cause.BUNDLE_CHANGED)


def _state(verdict: Verdict, n: int) -> tuple[Verdict, Applied | None]:
    """Return the run after the input that made entry n; the verdict changes when there is no such entry."""
    run = verdict.run
    if run is None:
        return verdict, None
    try:
        for applied in retell(run.plan, run.policies, run.texts):
            if applied.first <= n <= applied.last:
                return verdict, applied
    except Diverged as parted:
        missing = f"The replay stops before entry {parted.found.n}, so there is no state after entry {n}."
        return Verdict(verdict.exit, f"{verdict.message} {missing}", verdict.cause, divergence=verdict.divergence), None
    missing = f"There is no entry {n}: the run has {len(run.texts)}."
    return Verdict(Exit.TAMPERED, missing), None


def _trace(run: Run | None) -> list[str]:
    return [line(text) for text in run.texts[: run.report.entries]] if run else []


def _json(path: str, verdict: Verdict, options: argparse.Namespace, at: Applied | None) -> Iterator[str]:
    said: dict[str, Any] = {"file": path, **verdict.as_data()}
    if options.trace:
        said["trace"] = _trace(verdict.run)
    if at is not None:
        said["state"] = {"after_entry": at.last, **_plain(at)}
    yield json.dumps(said)


def _plain(at: Applied) -> dict[str, Any]:
    """Return the state as JSON values, without what is empty."""
    state = {name: value.hex() if isinstance(value, bytes) else value for name, value in asdict(at.state).items()}
    return {name: value for name, value in state.items() if value not in ("", None, 0, [], {}, False)}


def _text(path: str, verdict: Verdict, options: argparse.Namespace, at: Applied | None) -> Iterator[str]:
    yield f"{path}: {verdict.message}"
    if verdict.claims and verdict.run:
        claims = verdict.claims
        yield f"  {claims.run}, plan {claims.plan_key} v{claims.plan_version}, semantics {claims.sem}"
        yield f"  plan {claims.plan_hash}"
        yield f"  head {claims.head}"
    if options.trace:
        yield from (f"  {text}" for text in _trace(verdict.run))
    if verdict.divergence:
        yield from _divergence(verdict.divergence)
    elif verdict.cause:
        yield f"  probable cause: {verdict.cause}. {verdict.cause.sentence}"
    if verdict.exit in (Exit.IDENTICAL, Exit.REDACTED) and verdict.claims:
        yield f"  as of entry {verdict.claims.entries}; manifest.json says what this proves and what not"
    if at is not None:
        yield from _state_lines(at)


def _divergence(told: Divergence) -> Iterator[str]:
    for field in told.fields:
        yield f"  {field.path or '/'}"
        yield f"    recorded  {NOTHING if field.recorded is None else field.recorded}"
        yield f"    replayed  {NOTHING if field.replayed is None else field.replayed}"
    if told.last_equal:
        yield "  the last equal entries"
        yield from (f"    {text}" for text in told.last_equal)
    yield f"  input: {told.input}"
    yield f"  probable cause: {told.cause}. {told.sentence}"


def _state_lines(at: Applied) -> Iterator[str]:
    made = f"entry {at.first}" if at.first == at.last else f"entries {at.first} to {at.last}"
    yield f"  state after entry {at.last} ({made} came from one input)"
    for name, value in _plain(at).items():
        yield f"    {name:12} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


def _print(text: str) -> None:
    """Print a line that may hold anything a bundle does: no control character reaches the terminal."""
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    encoding = sys.stdout.encoding or "utf-8"
    print(safe.encode(encoding, "backslashreplace").decode(encoding), flush=True)


if __name__ == "__main__":
    sys.exit(main())
