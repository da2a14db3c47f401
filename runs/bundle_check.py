"""Does a bundle hold, and does its run replay? Manifest, chain, plan, policies, openings, replay, in this order.

The first thing that is wrong is the verdict, with its exit code and its probable cause. Nothing in a bundle is trusted:
whatever its files hold, the answer is a verdict. Pure. Source: DESIGN §10, §13; study/engine.md §7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from audit import canon, chain
from channels.messages import message_commitment
from plans import document as plan_document
from plans.document import Plan
from policies.rules import document as policy_document
from runs import bundle_chain, manifest
from runs.bundle_chain import Body, Exit, Found
from runs.bundle_file import ENTRIES, ERASED, MANIFEST, OPENINGS, PLAN, POLICIES, STAMPS, Members
from runs.engine import divergence, recorded
from runs.engine.divergence import Cause, Divergence
from runs.engine.replay import Report, replay
from runs.manifest import Claims, Commitment, Manifest

ERASED_WHY = ("erased", "redacted")  # the value is gone; or it was left out of this bundle
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its bundle tells it, ready to be replayed."""

    plan: Plan
    policies: Mapping[str, Mapping[str, Any]]
    texts: Sequence[str]
    report: Report


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of a bundle. entry: the one that is wrong, 0 for none. missing: values without an opening."""

    exit: Exit
    message: str
    cause: Cause | None = None
    entry: int = 0
    claims: Claims | None = None
    opened: int = 0
    missing: int = 0
    divergence: Divergence | None = None
    run: Run | None = None

    def as_data(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        return {
            "verdict": self.exit.name.lower(),
            "exit_code": int(self.exit),
            "message": self.message,
            "cause": self.cause.value if self.cause else None,
            "entry": self.entry or None,
            "manifest": asdict(self.claims) if self.claims else None,
            "openings": self.opened,
            "missing_openings": self.missing,
            "divergence": self.divergence.as_data() if self.divergence else None,
        }


def examine(members: Members, *, core: str = "") -> Verdict:
    """Check a bundle's files and replay its run. core: digest of this very core, to tell it from the exporter's."""
    claims = None
    try:
        claimed = _manifest(members)
        claims = claimed.claims
        return _examine(members, claimed, core)
    except Found as found:
        return Verdict(found.exit, found.message, found.cause, found.entry, claims)


def _manifest(members: Members) -> Manifest:
    try:
        return manifest.read(members[MANIFEST])
    except manifest.Wrong as error:
        raise Found(Cause.BUNDLE_CHANGED, str(error)) from None
    except manifest.Unknown as error:
        raise Found(Cause.BUNDLE_CHANGED, str(error), exit=Exit.UNSUPPORTED) from None


def _examine(members: Members, claimed: Manifest, core: str) -> Verdict:
    altered = manifest.altered(claimed, members)
    claims = claimed.claims
    texts, bodies, plan_text = _evidence(members, claimed, altered)
    if altered:
        # No entry, stamp or plan shows it, so all that can be said is which files.
        raise Found(Cause.BUNDLE_CHANGED, f"Not what the manifest says: {', '.join(altered)}.")
    derived = derive(bodies, bodies[-1]["n"], chain.entry_hash(texts[-1]).hex(), claims.core)
    if canon.encode(asdict(derived)) != canon.encode(asdict(claims)):
        raise Found(Cause.BUNDLE_CHANGED, f"{MANIFEST} tells of another run than the entries do.")
    policies = _policies(members, bodies)
    opened, missing = _openings(members, claimed, bodies)
    plan = _plan(plan_text)
    report = replay(plan, policies, texts)
    found = Verdict(Exit.IDENTICAL, "", claims=claims, opened=opened, missing=missing)
    found = replace(found, run=Run(plan, policies, texts, report))
    return _judge(found, report, texts, other_core=bool(core) and core != claims.core)


def _judge(found: Verdict, report: Report, texts: Sequence[str], *, other_core: bool) -> Verdict:
    if report.difference is not None:
        told = divergence.explain(report.difference, texts, other_core=other_core)
        place = f"entry {told.n}, tick {told.tick}" + (f", step {told.step}" if told.step else "")
        message = f"DIVERGED at {place}. {told.why}"
        exit = Exit.TAMPERED if told.cause is Cause.LOG_TAMPERED else Exit.DIVERGED
        return replace(found, exit=exit, message=message, cause=told.cause, entry=told.n, divergence=told)
    same = f"IDENTICAL: {report.entries} entries from {report.inputs} inputs, every byte as recorded."
    if found.missing:
        values = f"{found.missing} value{'s' if found.missing != 1 else ''}"
        message = f"{same} {values} behind the entries could not be looked at: erased, or left out of this bundle."
        return replace(found, exit=Exit.REDACTED, message=message)
    return replace(found, message=same)


def _evidence(members: Members, claimed: Manifest, altered: Sequence[str]) -> tuple[list[str], list[Body], str]:
    """Return the entries, their bodies and the plan's text, once the chain and the plan's hash hold."""
    texts, stamps = (bundle_chain.lines(members[name], name) for name in (ENTRIES, STAMPS))
    try:
        bodies = bundle_chain.check(texts, stamps, entries=claimed.claims.entries, head=claimed.claims.head)
    except Found as found:
        if altered and found.exit == Exit.UNSUPPORTED:
            raise Found(Cause.LOG_TAMPERED, found.message, entry=found.entry) from None
        raise
    plan_text = members[PLAN].decode("utf-8", "replace")
    if plan_document.content_hash(plan_text) != bodies[0]["data"]["plan"]["hash"]:
        raise Found(Cause.PLAN_CHANGED, "plan.json does not hash to the plan that the first entry names.", entry=1)
    return texts, bodies, plan_text


def derive(bodies: Sequence[Body], entries: int, head: str, core: str) -> Claims:
    """Return what a manifest has to say of a run with these entries. Raises: Found when the first one says nothing."""
    first = bodies[0]["data"]
    try:
        recorded.check_input(bodies[0])
    except (recorded.NotAnInput, recorded.Malformed) as error:
        raise Found(Cause.LOG_TAMPERED, f"Entry 1 does not start a run. {error}".strip(), entry=1) from None
    return Claims(
        run=bodies[0]["st"],
        alg=first["alg"],
        sem=first["sem"],
        plan_key=first["plan"]["key"],
        plan_version=first["plan"]["version"],
        plan_hash=first["plan"]["hash"],
        entries=entries,
        inputs=sum(1 for body in bodies if not body["cause"]),
        head=head,
        core=core,
    )


# Plan and policies


def _plan(text: str) -> Plan:
    try:
        plan = plan_document.parse(text)
    except plan_document.Invalid as error:
        message = f"This version cannot read the plan of the run: {error.problems[0]}"
        raise Found(Cause.PLAN_CHANGED, message, exit=Exit.UNSUPPORTED, entry=1) from None
    if plan.text != text:
        raise Found(Cause.PLAN_CHANGED, f"{PLAN} is not in canonical form.", entry=1)
    return plan


def policies_named(bodies: Sequence[Body]) -> dict[str, int]:
    """Return {policy hash: first entry that names it}. Raises: Found for an input no engine writes."""
    found: dict[str, int] = {}
    for body in bodies:
        if body["cause"] == 0 and body["type"] in recorded.INPUTS:
            try:
                recorded.check_input(body)
            except recorded.Malformed as error:
                message = f"Entry {body['n']}: {error}."
                raise Found(Cause.LOG_TAMPERED, message, entry=body["n"]) from None
            if hash := recorded.policy_hash(body):
                found.setdefault(hash, body["n"])
    return found


def _policies(members: Members, bodies: Sequence[Body]) -> dict[str, Mapping[str, Any]]:
    named = policies_named(bodies)
    texts = {policy_document.document_hash(text): text for text in bundle_chain.lines(members[POLICIES], POLICIES)}
    for hash, n in named.items():
        if hash not in texts:
            message = f"{POLICIES} does not hold the policy {hash[:12]}… that entry {n} names."
            raise Found(Cause.INPUT_MISSING, message, entry=n)
    if texts.keys() != named.keys():
        raise Found(Cause.BUNDLE_CHANGED, f"{POLICIES} holds a policy that no entry names.")
    return {hash: _policy(text, named[hash]) for hash, text in texts.items()}


def _policy(text: str, n: int) -> Mapping[str, Any]:
    try:
        return policy_document.parse(text).body
    except policy_document.Invalid as error:
        message = f"This version cannot read the policy that entry {n} names: {error.problems[0]}"
        raise Found(Cause.ENGINE_CHANGED, message, exit=Exit.UNSUPPORTED, entry=n) from None


# Openings


def _openings(members: Members, claimed: Manifest, bodies: Sequence[Body]) -> tuple[int, int]:
    """Check every opening; return how many commitments are open and how many are not."""
    wanted = {each.key: each for each in manifest.commitments(bodies)}
    if claimed.redacted is (OPENINGS in members):
        raise Found(Cause.BUNDLE_CHANGED, f"{MANIFEST} and {OPENINGS} disagree on whether this bundle is redacted.")
    opened = [_opening(value, n) for n, value in _values(members.get(OPENINGS, b""), OPENINGS)]
    erased = [_erased(value, n) for n, value in _values(members[ERASED], ERASED)]
    told = [*opened, *erased]
    if len({each.key for each in told}) != len(told) or {each.key: each for each in told} != wanted:
        message = f"{OPENINGS} and {ERASED} do not name each value that the entries commit to, once."
        raise Found(Cause.BUNDLE_CHANGED, message)
    return len(opened), len(erased)


def _values(data: bytes, name: str) -> list[tuple[int, Any]]:
    found = []
    for n, text in enumerate(bundle_chain.lines(data, name), 1):
        try:
            found.append((n, canon.decode_exact(text, manifest.LINE)))
        except canon.NotCanonical as error:
            raise Found(Cause.BUNDLE_CHANGED, f"{name}, line {n}: {error}.") from None
    return found


def _opening(value: Any, n: int) -> Commitment:
    """Return the commitment that a line opens, once its value and salt give that commitment again."""
    fields = {"c", "kind", "ref", "salt", "value"}
    if isinstance(value, dict) and value.get("kind") == "message":
        fields = {"c", "kind", "ref", "salt", "channel", "to", "subject", "body"}
    if not _has_texts(value, fields) or len(value["salt"]) != 64 or not set(value["salt"]) <= _HEX:
        raise Found(Cause.BUNDLE_CHANGED, f"{OPENINGS}, line {n} is no opening.")
    salt = bytes.fromhex(value["salt"])
    if value["kind"] == "message":
        parts = {name: value[name] for name in ("channel", "to", "subject", "body")}
        c = message_commitment(salt, **parts)
    else:
        c = chain.commitment(salt, value["kind"], value["value"])
    if c != value["c"]:
        message = f"{OPENINGS}, line {n}: the value is not the one the log committed to."
        raise Found(Cause.BUNDLE_CHANGED, message)
    return Commitment(value["c"], value["kind"], value["ref"])


def _erased(value: Any, n: int) -> Commitment:
    if not _has_texts(value, {"c", "kind", "ref", "why"}) or value["why"] not in ERASED_WHY:
        raise Found(Cause.BUNDLE_CHANGED, f"{ERASED}, line {n} does not say which value is missing and why.")
    return Commitment(value["c"], value["kind"], value["ref"])


def _has_texts(value: Any, fields: set[str]) -> bool:
    """Return whether a value has exactly these fields, all of them texts; a ref may be a number."""
    if not isinstance(value, dict) or value.keys() != fields:
        return False
    texts = all(isinstance(value[name], str) for name in fields - {"ref"})
    return texts and (isinstance(value["ref"], str) or type(value["ref"]) is int)
