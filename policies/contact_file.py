"""What does a file of contacts say? Columns, types and consent proofs, read strictly; the database is not asked.

Columns: ref (needed), first_name, last_name, email, phone, zone, country, attr.NAME (text), attr.NAME:int,
attr.NAME:bool, and consent.CHANNEL.PURPOSE, whose cells name the legal basis and need consent_source and
consent_proof (consent_text_version and consent_at are optional). An empty cell leaves a known contact as it is.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from policies import contact_fields, csv_text
from policies.csv_text import BadFile, Problem
from policies.rules import consent, document

_PLAIN = ("ref", "first_name", "last_name", "email", "phone", "zone", "country")
_PROOF = ("consent_source", "consent_text_version", "consent_proof", "consent_at")
_SYNONYMS = {
    **dict.fromkeys(("id", "reference", "contact", "contact_id", "customer_id"), "ref"),
    **dict.fromkeys(("e-mail", "mail", "email_address", "e-mail_address"), "email"),
    **dict.fromkeys(("phone_number", "mobile", "telephone", "tel"), "phone"),
    **dict.fromkeys(("firstname", "given_name", "first"), "first_name"),
    **dict.fromkeys(("lastname", "surname", "family_name", "last"), "last_name"),
    **dict.fromkeys(("time_zone", "timezone", "tz"), "zone"),
    "country_code": "country",
}
_CONSENT = re.compile(r"consent\.([a-z]+)\.([a-z][a-z0-9_-]{0,47})")
_ATTRIBUTE = re.compile(r"attr\.([a-z][a-z0-9_]{0,47})(?::(int|bool))?")
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Grant:
    """A consent that a line brings. at: epoch seconds, or None for the moment of the import."""

    channel: str
    purpose: str
    kind: str
    source: str
    text_version: str
    proof: str
    at: int | None


@dataclass(frozen=True, slots=True)
class ContactLine:
    """One contact as a line says it. given: the fields whose cells were filled, in normal form."""

    line: int
    ref: str
    given: Mapping[str, Any]
    grants: tuple[Grant, ...]


def read(text: str, mapping: Mapping[str, str] | None = None) -> list[ContactLine]:
    """Return the contacts of a file. mapping: {header as written: column}, for headers nobody could guess.

    Raises: BadFile with every problem of every line.
    """
    records = csv_text.rows(text)
    line, headers = next(records, (1, []))
    columns = [(mapping or {}).get(header.strip()) or csv_text.column_name(header, _SYNONYMS) for header in headers]
    problems = [Problem(line, message) for message in _header_problems(columns)]
    if problems:
        raise BadFile(problems)
    found: list[ContactLine] = []
    seen: dict[str, int] = {}
    for line, cells in records:
        reader = _LineReader(line, problems)
        contact = reader.read(columns, cells)
        if contact is None:
            continue
        if contact.ref in seen:
            problems.append(Problem(line, f"{contact.ref} stands on line {seen[contact.ref]} already"))
        seen.setdefault(contact.ref, line)
        found.append(contact)
    if problems:
        raise BadFile(problems)
    return found


def instant(text: str) -> int:
    """Return the epoch seconds of a day (its start in UTC), a time with its zone, or a number of seconds.

    Raises: ValueError.
    """
    if text.isdecimal() and len(text) <= 12:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"“{text[:40]}” is not a time; write 2026-03-01 or 2026-03-01T10:00:00+01:00") from None
    if moment.tzinfo is None:
        if len(text) > 10:
            raise ValueError(f"“{text[:40]}” has no zone; write it like 2026-03-01T10:00:00+01:00")
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())


def _header_problems(columns: list[str]) -> list[str]:
    problems = []
    if "ref" not in columns:
        problems.append("there is no column ref: the name by which DEE knows the contact, such as c-1001")
    for column in columns:
        consented = _CONSENT.fullmatch(column)
        if consented and consented[1] not in document.CHANNELS:
            problems.append(f"{column}: the channel is one of {', '.join(document.CHANNELS)}")
        elif not consented and column not in (*_PLAIN, *_PROOF) and not _ATTRIBUTE.fullmatch(column):
            problems.append(
                f"the column “{column[:60]}” is not known; to keep it as an attribute, call it attr.{column[:40]}"
            )
    problems += [f"the column {column} stands twice" for column in sorted({c for c in columns if columns.count(c) > 1})]
    return problems


class _LineReader:
    """Reads one line and adds what is wrong with it to the file's problems."""

    def __init__(self, line: int, problems: list[Problem]) -> None:
        self.line = line
        self._problems = problems
        self._bad = False

    def read(self, columns: list[str], cells: list[str]) -> ContactLine | None:
        """Return the contact of this line, or None when something is wrong with it."""
        if len(cells) != len(columns):
            self._add(f"has {len(cells)} cells where the first line has {len(columns)}")
            return None
        filled = {column: cell.strip() for column, cell in zip(columns, cells, strict=True) if cell.strip()}
        for column, cell in filled.items():
            danger = csv_text.formula(cell)
            if danger:
                self._add(f"{column}: {danger}")
        ref = self._try(contact_fields.read_ref, filled.get("ref", ""))
        given = self._given(filled)
        grants = tuple(self._grants(filled))
        return None if self._bad else ContactLine(self.line, ref, given, grants)

    def _given(self, filled: Mapping[str, str]) -> dict[str, Any]:
        raw: dict[str, Any] = {name: filled[name] for name in _PLAIN[1:] if name in filled}
        attributes = {}
        for column, cell in filled.items():
            match = _ATTRIBUTE.fullmatch(column)
            if match:
                attributes[match[1]] = self._try(partial(_typed, kind=match[2]), cell)
        if attributes:
            raw["attributes"] = attributes
        if self._bad:
            return {}
        try:
            fields = contact_fields.read(raw)
        except contact_fields.Invalid as error:
            for name, message in error.problems.items():
                self._add(f"{name}: {message}")
            return {}
        return {name: getattr(fields, name) for name in raw}

    def _grants(self, filled: Mapping[str, str]) -> list[Grant]:
        source, proof = filled.get("consent_source", ""), filled.get("consent_proof", "")
        text_version = filled.get("consent_text_version", "")
        at = self._try(instant, filled["consent_at"]) if "consent_at" in filled else None
        grants = []
        for column, kind in filled.items():
            match = _CONSENT.fullmatch(column)
            if match is None:
                continue
            if kind not in consent.KINDS:
                self._add(f"{column}: “{kind[:40]}” is not a legal basis; use {', '.join(consent.KINDS)}")
            if not contact_fields.WORDS.fullmatch(source) or not proof:
                self._add(f"{column}: a consent needs consent_source (a few plain words) and consent_proof")
            if text_version and not contact_fields.WORDS.fullmatch(text_version):
                self._add("consent_text_version: write a short word, like signup-v3")
            grants.append(Grant(match[1], match[2], kind, source, text_version, proof, at))
        return grants

    def _try(self, read: Callable[[str], Any], cell: str) -> Any:
        try:
            return read(cell)
        except ValueError as error:
            self._add(str(error))
            return ""

    def _add(self, message: str) -> None:
        self._bad = True
        self._problems.append(Problem(self.line, message))


def _typed(cell: str, kind: str | None) -> Any:
    if kind == "int":
        if not re.fullmatch(r"-?[0-9]{1,16}", cell):
            raise ValueError(f"“{cell[:40]}” is not a whole number")
        return int(cell)
    if kind == "bool":
        if cell.lower() not in _TRUTHS:
            raise ValueError(f"“{cell[:40]}” is neither true nor false")
        return _TRUTHS[cell.lower()]
    return cell
