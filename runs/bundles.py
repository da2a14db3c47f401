"""How does a run leave this server as evidence? Its entries, plan, policies and openings as one file.

Everything is written as it is stored, good or bad: judging is left to whoever checks the file. The same run gives the
same bytes until something about it changes. Source: DESIGN §13; study/audit.md §6.2.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audit import canon
from audit.models import Entry, Opening
from channels.models import OutboxMessage
from policies.models import PolicyVersion
from runs import bundle_check, bundle_file, bundled, manifest
from runs.bundle_chain import Found
from runs.bundle_file import ENTRIES, ERASED, MANIFEST, OPENINGS, PLAN, POLICIES, README, STAMPS, VERIFY, NotABundle
from runs.core_digest import core_digest
from runs.engine import recorded
from runs.manifest import Commitment
from runs.models import Run

BUNDLED = Path(bundled.__file__).parent

Body = Mapping[str, Any]


class Refused(Exception):
    """The run cannot be exported; the message says why."""


def export(run: Run, *, redacted: bool) -> bytes:
    """Return a run's bundle. redacted: without any personal value. Raises: Refused."""
    try:
        return bundle_file.pack(members(run, redacted=redacted))
    except NotABundle as error:
        raise Refused(f"{run.ref} cannot be exported: {error}") from None


def members(run: Run, *, redacted: bool) -> dict[str, bytes]:
    """Return the files of a run's bundle by name, up to the entry the run's row names. Raises: Refused."""
    stored = list(Entry.objects.filter(st=run.stream, n__lte=run.n).order_by("n").values_list("body", "stamp"))
    texts = [body for body, _ in stored]
    try:
        bodies = [recorded.body(text) for text in texts]
        named = bundle_check.policies_named(bodies)
        claims = bundle_check.derive(bodies, run.n, bytes(run.head).hex(), core_digest())
    except (recorded.Malformed, Found, IndexError) as error:
        advice = f"Look at it with verify_log --run {run.ref}."
        raise Refused(f"{run.ref} cannot be exported, its log is broken: {error}. {advice}") from None
    policies = dict(PolicyVersion.objects.filter(hash__in=named).values_list("hash", "body"))
    held, gone = _openings(manifest.commitments(bodies))
    files = {
        ENTRIES: _lines(texts),
        STAMPS: _lines([stamp for _, stamp in stored]),
        PLAN: run.plan_version.body.encode(),
        # Sorted here: how a database sorts text depends on its collation.
        POLICIES: _lines([policies[key] for key in sorted(policies)]),
    }
    if not redacted:
        files[OPENINGS] = _lines([_line(value) for value in held.values()])
    missing = [(each, "erased") for each in gone]
    if redacted:
        missing += [(each, "redacted") for each in held]
    files[ERASED] = _lines([_line({"c": c.c, "kind": c.kind, "ref": c.ref, "why": why}) for c, why in missing])
    files |= {name: (BUNDLED / name).read_bytes() for name in (README, VERIFY)}
    return {MANIFEST: manifest.text(claims, files).encode(), **files}


def _openings(wanted: Sequence[Commitment]) -> tuple[dict[Commitment, dict[str, Any]], list[Commitment]]:
    """Return what is held of the values behind these commitments, and the commitments whose value is gone."""
    notes = Opening.objects.in_bulk([each.ref for each in wanted if isinstance(each.ref, int)])
    intents = [each.ref for each in wanted if isinstance(each.ref, str)]
    messages = OutboxMessage.objects.in_bulk(intents)
    held: dict[Commitment, dict[str, Any]] = {}
    for each in wanted:
        said: dict[str, Any] = {"c": each.c, "kind": each.kind, "ref": each.ref}
        if each.ref in messages:
            held[each] = said | _message(messages[each.ref])
        elif each.ref in notes:
            note = notes[each.ref]
            held[each] = said | {"salt": bytes(note.salt).hex(), "value": note.value}
    return held, [each for each in wanted if each not in held]


def _message(message: OutboxMessage) -> dict[str, Any]:
    return {
        "salt": bytes(message.salt).hex(),
        "channel": message.channel,
        "to": message.to_address,
        "subject": message.subject,
        "body": message.body,
    }


def _line(value: Mapping[str, Any]) -> str:
    return canon.encode(value, manifest.LINE)


def _lines(texts: Sequence[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()
