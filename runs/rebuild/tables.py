"""Do the tables outside runs say what the log says? Every row of each, both ways."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Model

from audit.models import Stream
from plans import document as plan_document
from plans.models import Activation, Plan, PlanDraft, PlanVersion, Review, TemplateVersion
from policies.models import Consent, Contact, Counter, KillSwitch, Policy, PolicyVersion, Suppression
from policies.rules import document as policy_document
from runs.models import Bulk, Engine, Inbox, Triage
from runs.rebuild import world as worlds
from runs.rebuild.ledger import Ledger
from runs.rebuild.report import STREAMS, Gone, Report
from runs.rebuild.world import World

CHUNK = 2_000
CONTACT = ("state", "version", "created_at", "changed_at", "changed_by")
CONSENT = ("status", "kind", "source", "text_version", "proof_ref", "at", "recorded_at", "recorded_by")
SUPPRESSION = (
    "scope", "channel", "plan_key", "reason", "source", "note_ref", "expires_at", "created_at", "created_by",
    "removed_at", "removed_by", "removed_ref",
)  # fmt: skip
UNITS = ("limit", "reserved", "posted", "overrun", "freed", "freed_at")
SWITCH = ("engaged", "changed_at", "changed_by", "reason_ref")
TRIAGE = ("assignee", "snoozed_until", "snoozed_n", "notes", "n")
PUBLISHED = ("hash", "published_at", "published_by")

Key = tuple[Any, ...]
Rows = Iterable[tuple[Key, dict[str, Any]]]


def compare(
    report: Report, world: World, ledger: Ledger, *, heads: Mapping[str, tuple[int, bytes]], started: int
) -> None:
    """Compare every table that the log outside runs tells. heads: of every stream but runs'. started: how many runs."""
    _contacts(report, world)
    _match(report, "consents", _stored(Consent, "contact__ref channel purpose version", CONSENT), world.consents)
    _suppressions(report, world)
    units = {(key,): {name: getattr(found, name) for name in UNITS} for key, found in ledger.units.items()}
    _match(report, "counters", _stored(Counter, "key", UNITS), units)
    _match(report, "kill switches", _stored(KillSwitch, "scope key", SWITCH), world.switches)
    _plans(report, world)
    _policies(report, world)
    _match(report, "triage", _stored(Triage, "run_id", TRIAGE), {(no,): row for no, row in world.triage.items()})
    _match(report, "bulk actions that were stopped", _stopped(), {(id,): row for id, row in world.stopped.items()})
    stored = ((key, row | {"head": bytes(row["head"]).hex()}) for key, row in _stored(Stream, "st", ("n", "head")))
    _match(report, STREAMS, stored, {(st,): {"n": n, "head": head.hex()} for st, (n, head) in heads.items()})
    _engine(report, world, started)


def _stored(model: type[Model], keys: str, names: Iterable[str]) -> Iterator[tuple[Key, dict[str, Any]]]:
    """Yield the rows of a table as (key, columns). keys: names of the columns that are the key."""
    names, many = tuple(names), len(keys.split())
    shown = [name.partition("__")[0] for name in names]
    for row in model._default_manager.values_list(*keys.split(), *names).iterator(CHUNK):
        yield row[:many], dict(zip(shown, row[many:], strict=True))


def _match(report: Report, area: str, stored: Rows, told: Mapping[Any, Mapping[str, Any]]) -> None:
    """Compare rows with what the log tells, by key; a row too many or too few is a difference too."""
    left = dict(told)
    for key, row in stored:
        report.compared[area] += 1
        expected = left.pop(key, None)
        if expected is None:
            report.differ(area, _name(key), "", "a row", None)
        else:
            report.compare(area, _name(key), row, dict(expected), stream=f"contact/{key[0]}")
    for key in left:
        report.compared[area] += 1
        report.differ(area, _name(key), "", None, "a row")


def _name(key: Key) -> str:
    return " ".join(str(part) for part in key if part != "")


def _contacts(report: Report, world: World) -> None:
    told = {
        (ref,): {name: getattr(contact, name) for name in CONTACT} | contact.fields
        for ref, contact in world.contacts.items()
    }

    def stored() -> Rows:
        for key, row in _stored(Contact, "ref", (*CONTACT, *worlds.PERSONAL, *worlds.PLAIN)):
            for name in worlds.PERSONAL if key in told else ():
                row[name] = _veiled(report, (_name(key), name), row[name], told[key][name])
            yield key, row

    _match(report, "contacts", stored(), told)


def _veiled(report: Report, place: tuple[str, str], stored: str, told: str | Gone) -> str | Gone:
    """Compare a personal value here, so that it is never printed; return what then counts as stored."""
    if isinstance(told, Gone) or stored == told:
        return stored
    shown = ["a value" if value else "nothing" for value in (stored, told)]
    report.differ("contacts", *place, *(shown if "nothing" in shown else ("another value", "the one it commits to")))
    return told


def _suppressions(report: Report, world: World) -> None:
    def stored() -> Rows:
        for key, row in _stored(Suppression, "id", ("address", *SUPPRESSION)):
            address, found = row.pop("address"), world.suppressions.get(key[0])
            if found is not None and isinstance(found.address, Gone):
                report.lack("suppressions: address", worlds.SUPPRESSIONS)
            elif found is not None and found.address != address:
                report.differ("suppressions", _name(key), "address", "another value", "the one it commits to")
            yield key, row

    _match(report, "suppressions", stored(), {(number,): found.row for number, found in world.suppressions.items()})


def _plans(report: Report, world: World) -> None:
    told = {(key,): {"state": plan.state, "active_version": plan.active} for key, plan in world.plans.items()}
    _match(report, "plans", _stored(Plan, "key", ("state", "active_version__number")), told)
    versions = _hashed(_stored(PlanVersion, "plan__key number", ("body", *PUBLISHED)), plan_document.content_hash)
    _match(report, "plan versions", versions, _with_text(world.plan_versions))
    activated = Activation.objects.order_by("id").values_list("version__plan__key", "version__number", "at", "by")
    _match(report, "activations", _numbered(activated), dict(_numbered(world.activations)))
    reviews = _stored(Review, "version__plan__key version__number", ("verdict", "at", "by", "note"))
    named = ((key, {**row, "note": row["note"] and row["note"]["ref"]}) for key, row in reviews)
    _match(report, "reviews", named, world.reviews)
    drafts = _hashed(_stored(PlanDraft, "plan__key", ("body", "revision", "updated_at", "updated_by")), _draft_hash)
    _match(report, "drafts", drafts, {(key,): row for key, row in world.drafts.items()})
    templates = _hashed(_stored(TemplateVersion, "key number", ("document", *PUBLISHED)), _template_hash)
    _match(report, "template versions", templates, _with_text(world.templates))


def _policies(report: Report, world: World) -> None:
    told = {(key,): {"active_version": number} for key, number in world.policies.items()}
    _match(report, "policies", _stored(Policy, "key", ("active_version__number",)), told)
    stored = _stored(PolicyVersion, "policy__key number", ("body", "reason_ref", *PUBLISHED))
    versions = _hashed(stored, policy_document.document_hash)
    _match(report, "policy versions", versions, _with_text(world.policy_versions))


def _stopped() -> Rows:
    rows = Bulk.objects.exclude(cancelled_at=None).values_list("pk", "cancelled_by")
    return (((str(pk),), {"cancelled_by": by}) for pk, by in rows)


def _numbered(activations: Iterable[tuple[Any, ...]]) -> Rows:
    """Yield the activations of each plan as its first, second and so on: the log gives them no other name."""
    seen: dict[str, int] = {}
    for key, number, at, by in activations:
        seen[key] = seen.get(key, 0) + 1
        yield (key, f"#{seen[key]}"), {"version": number, "at": at, "by": by}


def _hashed(rows: Rows, hash_of: Callable[[str], str]) -> Rows:
    """Yield rows with what their text, the first column, hashes to in its place."""
    for key, row in rows:
        text = row.pop(next(iter(row)))
        yield key, row | {"hash of the text": hash_of(text)}


def _with_text(versions: Mapping[Any, Mapping[str, Any]]) -> dict[Any, dict[str, Any]]:
    return {key: {**row, "hash of the text": row["hash"]} for key, row in versions.items()}


def _draft_hash(text: str) -> str:
    return hashlib.sha256(b"dee.draft/1\n" + text.encode()).hexdigest()


def _template_hash(text: str) -> str:
    return hashlib.sha256(b"dee.template/1\n" + text.encode()).hexdigest()


def _engine(report: Report, world: World, started: int) -> None:
    """The engine's own row, and the inputs that moved the clock: the log counts them but does not name them."""
    row = Engine.objects.values("halted", "next_run", "next_place").get(pk=1)
    placed = Inbox.objects.exclude(place=None)
    last = placed.order_by("-place").values_list("place", flat=True).first() or 0
    told_row = {"halted": world.halted, "next_run": started + 1, "next_place": last + 1}
    report.compare("engine", "its row", dict(row), told_row)
    report.compare("inbox", "places", {"rows": placed.count()}, {"rows": last})
    for kind, told in world.clock_inputs.items():
        applied = Inbox.objects.filter(kind=kind, verdict="applied").count()
        report.compare("inbox", f"applied {kind}", {"rows": applied}, {"rows": told})
