"""How do files of contacts and suppressions come in? Read whole, checked whole, then written in slices.

A broken line refuses the file: nothing is changed and every problem is named with its line. A slice of lines holds the
log head lock for a fraction of a second, so the engine keeps its turn; importing the same file again changes nothing.
An import can only add denial: it never grants what somebody withdrew and never removes a suppression.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from audit import log
from audit.log import Writer
from policies import addresses, contact_fields, contact_file, csv_text, lookups, operations, queries
from policies.contact_file import ContactLine, Grant
from policies.csv_text import BadFile, Problem
from policies.models import Consent, Contact, Suppression
from policies.rules import suppression

SLICE = 100

_SUPPRESSION_COLUMNS = ("address", "scope", "channel", "plan", "reason", "expires")
_SYNONYMS = dict.fromkeys(("email", "e-mail", "email_address", "phone", "phone_number"), "address")
_T = TypeVar("_T")


@dataclass
class Imported:
    """What an import of contacts did. notices: sentences about lines that were taken, but not in full."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    granted: int = 0
    notices: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SuppressionFile:
    """What a list of addresses says. entries: (line, checked entry); problems: the lines that are no entry."""

    entries: tuple[tuple[int, Mapping[str, Any]], ...]
    problems: tuple[Problem, ...]


def import_contacts(*, actor: str, raw: bytes, mapping: Mapping[str, str] | None = None) -> Imported:
    """Add and change contacts from a CSV file. mapping: {header as written: column}.

    Raises: BadFile with every problem of every line; then nothing was changed.
    """
    lines = contact_file.read(csv_text.decode(raw), mapping)
    problems = [problem for part in _slices(lines) for problem in _problems_with_known(part)]
    latest = queries.latest_moment()
    future = [line for line in lines if any(grant.at is not None and grant.at > latest for grant in line.grants)]
    problems += [Problem(line.line, "consent_at lies in the future; write when it was given") for line in future]
    if problems:
        raise BadFile(problems)
    done = Imported()
    for part in _slices(lines):
        with log.writing(by=actor) as writer:
            _write_contacts(writer, part, done)
    return done


def read_suppressions(text: str, **defaults: Any) -> SuppressionFile:
    """Read a CSV with a column address, or a plain list with one address a line.

    defaults: scope, reason, channel, plan_key for lines that do not say. Raises: BadFile for an unreadable file.
    """
    columns: list[str] | None = None
    entries: dict[tuple[str, ...], tuple[int, Mapping[str, Any]]] = {}
    problems: list[Problem] = []
    for line, cells in csv_text.rows(text):
        if columns is None:
            named = [csv_text.column_name(cell, _SYNONYMS) for cell in cells]
            columns = named if "address" in named else ["address"]
            if columns is named:
                unknown = sorted(set(named) - set(_SUPPRESSION_COLUMNS))
                if unknown or len(set(named)) < len(named):
                    known = ", ".join(_SUPPRESSION_COLUMNS)
                    raise BadFile([Problem(line, f"the columns are {known}, each once; found {', '.join(named)}")])
                continue
        try:
            entry = _suppression(columns, cells, defaults)
        except (ValueError, operations.Refused) as error:
            problems.append(Problem(line, str(error)))
            continue
        entries.setdefault(_place(entry), (line, entry))
    return SuppressionFile(tuple(entries.values()), tuple(problems))


def known_among(entries: Sequence[tuple[int, Mapping[str, Any]]], now: int) -> int:
    """Return how many of these entries hold already, as far as a place on the list goes."""
    held = set()
    for part in _slices([entry["address"] for _, entry in entries]):
        for row in Suppression.objects.filter(address__in=part, removed_at=None):
            if row.holds_at(now):
                held.add((row.address, row.scope, row.channel, row.plan_key))
    return sum(_place(entry) in held for _, entry in entries)


def import_suppressions(*, actor: str, raw: bytes, **defaults: Any) -> tuple[int, int]:
    """Add suppressions from a file; return (new, known already). Raises: BadFile, and then nothing was changed."""
    read = read_suppressions(csv_text.decode(raw), **defaults)
    if read.problems:
        raise BadFile(read.problems)
    return add_suppressions(actor=actor, entries=[entry for _, entry in read.entries])


def add_suppressions(*, actor: str, entries: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Add checked entries; return (new, known already)."""
    new = 0
    for part in _slices(entries):
        with log.writing(by=actor) as writer:
            for entry in part:
                new += operations.suppress(writer, entry, now=writer.clock)[1]
    return new, len(entries) - new


def _place(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return (entry["address"], entry["scope"], entry["channel"], entry["plan_key"])


def _suppression(columns: list[str], cells: list[str], defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        raise ValueError(f"has {len(cells)} cells where the first line has {len(columns)}")
    filled = {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if cell.strip()}
    for column, cell in filled.items():
        danger = csv_text.formula(cell)
        if danger:
            raise ValueError(f"{column}: {danger}")
    wanted = {"scope": "global", "reason": "manual", "source": "import", **defaults}
    names = {"scope": "scope", "channel": "channel", "plan": "plan_key", "reason": "reason"}
    wanted.update({name: filled[column] for column, name in names.items() if column in filled})
    if "expires" in filled:
        wanted["expires_at"] = contact_file.instant(filled["expires"])
    return operations.suppression_entry(address=filled.get("address", ""), **wanted)


def _slices(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), SLICE):
        yield items[start : start + SLICE]


def _known(lines: Sequence[ContactLine]) -> dict[str, Contact]:
    return {contact.ref: contact for contact in Contact.objects.filter(ref__in=[line.ref for line in lines])}


def _problems_with_known(lines: Sequence[ContactLine]) -> list[Problem]:
    """Return what is wrong with lines only because of who is in the database already."""
    problems = []
    known = _known(lines)
    for line in lines:
        contact = known.get(line.ref)
        if contact is None:
            continue
        if contact.state == Contact.State.ERASED:
            problems.append(Problem(line.line, f"{line.ref} was erased; it cannot come back by an import"))
            continue
        try:
            _merged(contact, line)
        except contact_fields.Invalid as error:
            problems += [Problem(line.line, f"{name}: {message}") for name, message in error.problems.items()]
    return problems


def _merged(contact: Contact | None, line: ContactLine) -> contact_fields.Fields:
    if contact is None:
        return contact_fields.Fields(**line.given)
    before = {name: getattr(contact, name) for name in contact_fields.Fields.__dataclass_fields__}
    given = dict(line.given)
    if "attributes" in given:
        given["attributes"] = {**contact.attributes, **given["attributes"]}
    return contact_fields.read({**before, **given})


def _write_contacts(writer: Writer, lines: Sequence[ContactLine], done: Imported) -> None:
    known = _known(lines)
    written: list[tuple[ContactLine, Contact]] = []
    for line in lines:
        contact = known.get(line.ref)
        fields = _merged(contact, line)
        if contact is None:
            contact = operations.add_contact(writer, line.ref, fields)
            done.created += 1
        elif operations.change_contact(writer, contact, fields):
            done.changed += 1
        else:
            done.unchanged += 1
        written.append((line, contact))
    _write_grants(writer, written, done)


def _write_grants(writer: Writer, written: Sequence[tuple[ContactLine, Contact]], done: Imported) -> None:
    bringing = [(line, contact) for line, contact in written if line.grants]
    if not bringing:
        return
    newest: dict[tuple[int, str, str], Consent] = {}
    for row in Consent.objects.filter(contact__in=[contact.pk for _, contact in bringing]).order_by("version"):
        newest[row.contact_id, row.channel, row.purpose] = row
    blocked: dict[str, list[lookups.SuppressionRow]] = {}
    for entry in lookups.suppressions([a for _, contact in bringing for a in (contact.email, contact.phone) if a]):
        blocked.setdefault(entry.address, []).append(entry)
    for line, contact in bringing:
        for grant in line.grants:
            before = newest.get((contact.pk, grant.channel, grant.purpose))
            why = _why_not(grant, before, blocked.get(contact.address_for(grant.channel), []))
            if why:
                message = f"consent for {grant.channel} {grant.purpose} was not recorded: {why}"
                done.notices.append(Problem(line.line, message))
            elif not (before and _same(before, grant)):
                what = (grant.channel, grant.purpose, grant.kind, grant.source, grant.text_version, grant.proof)
                operations.grant(writer, contact, (*what, writer.clock if grant.at is None else grant.at))
                done.granted += 1


def _why_not(grant: Grant, before: Consent | None, blocked: list[lookups.SuppressionRow]) -> str:
    """Return why an import may not record a grant: it never turns a no into a yes."""
    if before and before.status == "revoked":
        return "the contact withdrew it, and an import never brings it back"
    for entry in blocked:
        covered = suppression.covers(
            scope=entry.scope, on_channel=entry.channel, on_plan=entry.plan_key, channel=grant.channel, plan=""
        )
        if covered and entry.reason in suppression.PROTECTED_REASONS:
            return f"the address {addresses.masked(entry.address)} is suppressed ({entry.reason})"
    return ""


def _same(before: Consent, grant: Grant) -> bool:
    mine = (before.kind, before.source, before.text_version)
    return mine == (grant.kind, grant.source, grant.text_version) and grant.at in (None, before.at)
