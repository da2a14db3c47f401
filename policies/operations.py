"""How do contacts, consents and suppressions change? Every way in, each with its entry in the log.

Functions with `actor` open their own transaction (`audit.log.writing`). Functions that take a `writer` work inside
the caller's: the engine applies opt-outs and bounces that way. Nothing else may write these tables.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db.models import Max

from audit import log, vault
from audit.log import Writer
from policies import addresses, contact_fields
from policies.models import Consent, Contact, Suppression
from policies.rules import consent as consent_rule
from policies.rules import document
from policies.rules import suppression as suppression_rule

SUPPRESSIONS = "policy/suppressions"
# Removing what the person or the law said takes the right that approves plans: policies may not import plans.
APPROVER = "plans.activate_plan"

_PERSONAL = ("first_name", "last_name", "email", "phone")


class Refused(Exception):
    """The change is not made; the message is a sentence for whoever asked. field: the form field it belongs to."""

    def __init__(self, message: str, field: str = "") -> None:
        self.field = field
        super().__init__(message)


class Stale(Refused):
    """Somebody else changed it first; the message says who."""


def create_contact(*, actor: str, ref: str, **raw: Any) -> Contact:
    """Add a contact. raw: first_name, last_name, email, phone, zone, country, attributes.

    Raises: contact_fields.Invalid, Refused when the reference is taken.
    """
    ref, fields = contact_fields.read_ref(ref), contact_fields.read(raw)
    with log.writing(by=actor) as writer:
        if Contact.objects.filter(ref=ref).exists():
            raise Refused(f"There is a contact {ref} already; open it to change it.", "ref")
        return add_contact(writer, ref, fields)


def update_contact(
    *, actor: str, ref: str, expected_version: int | None = None, state: str = "", **raw: Any
) -> Contact:
    """Change a contact. raw: only the fields to change; state: "active" or "closed".

    Raises: contact_fields.Invalid, Refused for an erased contact, Stale when expected_version is not the current one.
    """
    with log.writing(by=actor) as writer:
        contact = Contact.objects.filter(ref=ref).first()
        if contact is None:
            raise Refused(f"There is no contact {ref}.")
        if expected_version is not None and contact.version != expected_version:
            raise Stale(
                f"Nothing was saved: {contact.changed_by} changed this contact (version {expected_version} is now "
                f"version {contact.version}). Reload the page and try again."
            )
        before = {name: getattr(contact, name) for name in contact_fields.Fields.__dataclass_fields__}
        change_contact(writer, contact, contact_fields.read({**before, **raw}), state=state)
        return contact


def record_consent(
    *,
    actor: str,
    contact: Contact,
    channel: str,
    purpose: str,
    kind: str,
    source: str,
    proof: str,
    text_version: str = "",
    at: int | None = None,
) -> Consent:
    """Record that a contact agreed. at: when they did, epoch seconds; now when None. proof: what shows it.

    Raises: Refused when something is missing, or when they withdrew at that time or later.
    """
    _check_consent_words(channel, purpose, source)
    if kind not in consent_rule.KINDS:
        raise Refused(f"Choose the legal basis: {', '.join(consent_rule.KINDS)}.", "kind")
    if text_version and not contact_fields.WORDS.fullmatch(text_version):
        raise Refused("The version of the wording is a short word, like signup-v3.", "text_version")
    if not proof.strip():
        raise Refused("Say what proves it: a form record, a recording, a signed paper.", "proof")
    with log.writing(by=actor) as writer:
        when = writer.clock if at is None else at
        if when > max(writer.clock, int(writer.at.timestamp())):
            raise Refused("The consent lies in the future; write when it was given.", "at")
        withdrawn = contact.consents.filter(channel=channel, purpose=purpose, status="revoked").aggregate(at=Max("at"))
        if withdrawn["at"] is not None and withdrawn["at"] >= when:
            raise Refused(
                "This contact withdrew at that time or later, and a withdrawal wins. Record consent given afterwards.",
                "at",
            )
        return grant(writer, contact, (channel, purpose, kind, source, text_version, proof.strip(), when))


def revoke_consent(
    *, actor: str, contact: Contact, channel: str, purpose: str, source: str, note: str = "", at: int | None = None
) -> Consent:
    """Record that a contact withdrew; works also where nothing was ever granted. Raises: Refused."""
    _check_consent_words(channel, purpose, source)
    with log.writing(by=actor) as writer:
        return _revoke(
            writer, contact, (channel, purpose), source=source, note=note, at=writer.clock if at is None else at
        )


def add_suppression(*, actor: str, address: str, scope: str, reason: str, **more: Any) -> tuple[Suppression, bool]:
    """Put an address on the list. more: channel, plan_key, source, note, expires_at.

    Returns (the entry that holds, whether it is new). Raises: addresses.BadAddress, Refused.
    """
    entry = suppression_entry(address=address, scope=scope, reason=reason, **more)
    with log.writing(by=actor) as writer:
        if entry["expires_at"] is not None and entry["expires_at"] <= writer.clock:
            raise Refused("It would have expired already; choose a later day or none.", "expires_at")
        return suppress(writer, entry, now=writer.clock)


def remove_suppression(*, actor: str, suppression_id: int, reason: str, approver: bool) -> Suppression:
    """Take an entry off the list. approver: the person holds the right `APPROVER`.

    Raises: Refused without a reason, or when the person may not; Stale when it was removed already.
    """
    if not reason.strip():
        raise Refused("Say why it is removed; the reason is kept.", "reason")
    with log.writing(by=actor) as writer:
        entry = Suppression.objects.filter(pk=suppression_id).first()
        if entry is None:
            raise Refused("There is no such suppression.")
        if entry.removed_at is not None:
            raise Stale(f"Nothing was done: {entry.removed_by} removed this suppression already.")
        barred = removal_bar(entry.reason, approver)
        if barred:
            raise Refused(barred)
        _remove(writer, entry, reason.strip())
        return entry


def removal_bar(reason: str, approver: bool) -> str:
    """Return why somebody may not remove an entry of this reason, or "". The page shows the same sentence."""
    if reason == "erasure":
        return "An erased person stays suppressed; this entry cannot be removed."
    if reason in suppression_rule.PROTECTED_REASONS and not approver:
        return f"Only an approver may remove a suppression with the reason {reason.replace('_', ' ')}."
    return ""


def apply_opt_out(
    writer: Writer, *, contact: Contact, channel: str, plan_key: str, reason: str, source: str, now: int
) -> dict[str, Any]:
    """Take an opt-out (reason `unsubscribe` or `complaint`): withdraw every purpose of the channel and suppress the
    address on it for good. Late or repeated ones are taken too. plan_key: the plan that led to it, for the record.

    Returns {"revoked": [purpose], "suppression": id or None without an address, "new": whether that entry is new}.
    """
    purposes = contact.consents.filter(channel=channel).values_list("purpose", flat=True).distinct()
    revoked = sorted(purposes)  # each leaves an entry: in an order that no database's language decides
    for purpose in revoked:
        _revoke(writer, contact, (channel, purpose), source=source, note="", at=now)
    entry, new = apply_suppression(
        writer, contact=contact, channel=channel, reason=reason, source=source, now=now, plan_key=plan_key
    )
    return {"revoked": revoked, "suppression": entry.pk if entry else None, "new": new}


def apply_suppression(
    writer: Writer,
    *,
    contact: Contact,
    channel: str,
    reason: str,
    source: str,
    now: int,
    plan_key: str = "",
    expires_at: int | None = None,
) -> tuple[Suppression | None, bool]:
    """Suppress a contact's address on a channel, as after a bounce. plan_key: only for the record.

    Returns (entry or None when the contact has no address there, whether it is new).
    """
    address = contact.address_for(channel)
    if not address:
        return None, False
    entry = suppression_entry(
        address=address, scope="channel", channel=channel, reason=reason, source=source, expires_at=expires_at
    )
    return suppress(writer, entry, now=now, led_by=plan_key)


# --- Steps shared with policies.imports, inside the caller's transaction ---


def add_contact(writer: Writer, ref: str, fields: contact_fields.Fields) -> Contact:
    """Write a new contact and its entry."""
    contact = Contact(ref=ref, created_at=writer.clock, changed_at=writer.clock, changed_by=writer.by, **asdict(fields))
    contact.save(force_insert=True)
    data = {name: _committed(f"contact/{ref}", name, value) for name, value in asdict(fields).items()}
    writer.append(f"contact/{ref}", "contact.created", {"version": 1, "state": contact.state, **data})
    return contact


def change_contact(writer: Writer, contact: Contact, fields: contact_fields.Fields, *, state: str = "") -> bool:
    """Write what differs and its entry; say whether anything did. Raises: Refused for an erased contact."""
    if contact.state == Contact.State.ERASED:
        raise Refused(f"Contact {contact.ref} was erased and cannot be changed.")
    if state not in ("", Contact.State.ACTIVE, Contact.State.CLOSED):
        raise Refused("A contact is active or closed.", "state")
    wanted = {**asdict(fields), **({"state": state} if state else {})}
    changed = {name: value for name, value in wanted.items() if getattr(contact, name) != value}
    if not changed:
        return False
    for name, value in changed.items():
        setattr(contact, name, value)
    contact.version += 1
    contact.changed_at, contact.changed_by = writer.clock, writer.by
    contact.save(update_fields=[*changed, "version", "changed_at", "changed_by"])
    data = {name: _committed(f"contact/{contact.ref}", name, value) for name, value in changed.items()}
    writer.append(f"contact/{contact.ref}", "contact.changed", {"version": contact.version, "changed": data})
    return True


def grant(writer: Writer, contact: Contact, said: tuple[str, str, str, str, str, str, int]) -> Consent:
    """Write a grant and its entry. said: (channel, purpose, kind, source, text version, proof, at), all checked."""
    channel, purpose, kind, source, text_version, proof, at = said
    held = vault.hold(kind="proof", value=proof, subject=f"contact/{contact.ref}")
    row = Consent(status="granted", kind=kind, text_version=text_version, proof_ref=held["ref"])
    _add_consent(writer, contact, row, (channel, purpose, source, at))
    shown = {"kind": kind, "text_version": text_version, "proof": held}
    _consent_entry(writer, contact, row, shown)
    return row


def suppression_entry(*, address: str, scope: str, reason: str, **more: Any) -> dict[str, Any]:
    """Return a checked suppression in normal form. more: channel, plan_key, source, note, expires_at.

    Raises: addresses.BadAddress, Refused.
    """
    entry = {"channel": "", "plan_key": "", "source": "page", "note": "", "expires_at": None, **more}
    entry.update(address=addresses.normal(address), scope=str(scope), reason=str(reason), channel=str(entry["channel"]))
    if reason not in suppression_rule.REASONS:
        raise Refused(f"Choose a reason: {', '.join(suppression_rule.REASONS)}.", "reason")
    if scope not in suppression_rule.SCOPES:
        raise Refused(f"Choose a scope: {', '.join(suppression_rule.SCOPES)}.", "scope")
    own_channel = "email" if addresses.kind_of(entry["address"]) == "email" else "voice"
    if scope == "channel":
        entry["channel"] = entry["channel"] or own_channel
    if (scope == "global" and entry["channel"]) or entry["channel"] not in ("", own_channel):
        raise Refused(f"The channel {entry['channel']} does not fit this address and scope.", "channel")
    if (scope == "plan") != bool(entry["plan_key"]):
        raise Refused("Name the plan for the scope plan, and only for it.", "plan_key")
    if reason in suppression_rule.PERMANENT_REASONS and entry["expires_at"] is not None:
        raise Refused(f"A suppression with the reason {reason} never expires; leave the day empty.", "expires_at")
    return entry


def suppress(writer: Writer, entry: Mapping[str, Any], *, now: int, led_by: str = "") -> tuple[Suppression, bool]:
    """Write a suppression and its entry unless one as strong holds. Returns (the one that holds, whether it is new)."""
    place = {name: entry[name] for name in ("address", "scope", "channel", "plan_key")}
    known = Suppression.objects.filter(**place, removed_at=None).first()
    if known and known.holds_at(now) and not _stronger(entry, known):
        return known, False
    if known:
        _remove(writer, known, "replaced by a newer entry", "suppression.replaced")
    note = _note(entry["note"], SUPPRESSIONS)
    row = Suppression(
        **place,
        reason=entry["reason"],
        source=entry["source"],
        note_ref=note["ref"] if note else None,
        expires_at=entry["expires_at"],
        created_at=now,
        created_by=writer.by,
    )
    row.save(force_insert=True)
    held = vault.hold(kind=addresses.kind_of(row.address), value=row.address, subject=SUPPRESSIONS)
    data = {"id": row.pk, "address": held, "scope": row.scope, "channel": row.channel, "plan": row.plan_key}
    more = {"reason": row.reason, "source": row.source, "note": note, "expires_at": row.expires_at, "led_by": led_by}
    writer.append(SUPPRESSIONS, "suppression.added", {**data, **more})
    return row, True


def _stronger(entry: Mapping[str, Any], known: Suppression) -> bool:
    """Say whether a new entry refuses more, or longer, than the one that stands. A weaker one never replaces it."""
    protected = suppression_rule.PROTECTED_REASONS
    if known.reason in protected or entry["reason"] in protected:
        return known.reason not in protected
    if known.expires_at is None:
        return False
    return entry["expires_at"] is None or entry["expires_at"] > known.expires_at


def _remove(writer: Writer, entry: Suppression, reason: str, type: str = "suppression.removed") -> None:
    held = vault.hold(kind="note", value=reason, subject=SUPPRESSIONS)
    entry.removed_at, entry.removed_by, entry.removed_ref = writer.clock, writer.by, held["ref"]
    entry.save(update_fields=["removed_at", "removed_by", "removed_ref"])
    writer.append(SUPPRESSIONS, type, {"id": entry.pk, "reason": held})


def _revoke(writer: Writer, contact: Contact, what: tuple[str, str], *, source: str, note: str, at: int) -> Consent:
    channel, purpose = what
    newest = contact.consents.filter(channel=channel, purpose=purpose).order_by("-version").first()
    if newest and newest.status == "revoked" and newest.at >= at:
        return newest
    held = _note(note, f"contact/{contact.ref}")
    row = Consent(status="revoked", kind="", proof_ref=held["ref"] if held else None)
    _add_consent(writer, contact, row, (channel, purpose, source, at))
    _consent_entry(writer, contact, row, {"note": held})
    return row


def _add_consent(writer: Writer, contact: Contact, row: Consent, said: tuple[str, str, str, int]) -> None:
    channel, row.purpose, row.source, row.at = said
    row.channel = str(channel)  # an enum member is no plain text to the log
    last = contact.consents.filter(channel=row.channel, purpose=row.purpose).aggregate(last=Max("version"))["last"]
    row.contact, row.version = contact, (last or 0) + 1
    row.recorded_at, row.recorded_by = writer.clock, writer.by
    row.save(force_insert=True)


def _consent_entry(writer: Writer, contact: Contact, row: Consent, more: dict[str, Any]) -> None:
    data = {"channel": row.channel, "purpose": row.purpose, "version": row.version, "source": row.source, "at": row.at}
    writer.append(f"contact/{contact.ref}", f"consent.{row.status}", {**data, **more})


def _check_consent_words(channel: str, purpose: str, source: str) -> None:
    if channel not in document.CHANNELS:
        raise Refused(f"Choose a channel: {', '.join(document.CHANNELS)}.", "channel")
    if not document.is_purpose(purpose):
        raise Refused("A purpose is one lower-case word, like marketing.", "purpose")
    if not contact_fields.WORDS.fullmatch(source):
        raise Refused("Name the source in a few plain words, like web form 12. No names or addresses.", "source")


def _note(text: str, subject: str) -> dict[str, Any] | None:
    return vault.hold(kind="note", value=text.strip(), subject=subject) if text.strip() else None


def _committed(subject: str, name: str, value: Any) -> Any:
    """Return what the log says of a field: a commitment for personal ones, the value for the others."""
    if name not in _PERSONAL or value == "":
        return value
    return vault.hold(kind=name, value=value, subject=subject)
