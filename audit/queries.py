"""What do the pages of the log read? Entries by stream or newest first, who is behind an actor, and the last check."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from audit.models import Entry, Head, Stream, Verification

PAGE = 50
WINDOW = 50_000  # entries that one page looks through for a type, so that a rare type costs no full read
FETCH = 2_000  # entries held in memory while a chain is sent to a browser
_LONG_HEX = re.compile(r"[0-9a-f]{24,}")
NOBODY = {"cli": "the command line", "engine": "the engine", "system": "the system", "enrol": "an enrolment"}


def actor_names(actors: Iterable[str]) -> dict[str, str]:
    """Return {actor: name to show} for actors such as `user:3`, `cli`, `hook:smtp`; one query at most."""
    wanted = set(actors)
    numbers = {actor: int(actor[5:]) for actor in wanted if actor.startswith("user:") and actor[5:].isdigit()}
    people: dict[int, str] = {}
    if numbers:
        people = {user.pk: user.get_username() for user in get_user_model().objects.filter(pk__in=numbers.values())}
    names = {actor: people.get(pk, f"user {pk} (deleted)") for actor, pk in numbers.items()}
    return {actor: names.get(actor) or _unnamed(actor) for actor in wanted}


def _unnamed(actor: str) -> str:
    kind, _, detail = actor.partition("/")
    if kind == "engine" and detail:
        return f"the engine ({detail})"
    return NOBODY.get(actor, actor)


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a list: its columns, what its stamp says, and its data in a few words."""

    entry: Entry
    at: str
    by: str
    summary: str
    personal: tuple[int, ...]  # refs of commitments in its data


def lines(entries: Sequence[Entry]) -> list[Line]:
    """Return entries with stamp and summary, names instead of actor codes; one query for the names."""
    read = [(entry, json.loads(entry.stamp), json.loads(entry.body)["data"]) for entry in entries]
    names = actor_names(stamp["by"] for _, stamp, _ in read)
    return [
        Line(entry, stamp["at"], names[stamp["by"]], summary(data), tuple(commitments(data)))
        for entry, stamp, data in read
    ]


def summary(data: Any, room: int = 140) -> str:
    """Return an entry's data as `key value` pairs, cut to fit a table cell."""
    parts = [f"{key} {_short(value)}" for key, value in data.items() if value not in (None, "", [], {})]
    text = " · ".join(parts)
    return text if len(text) <= room else text[: room - 1] + "…"


def _short(value: Any) -> str:
    if isinstance(value, dict):
        if value.keys() == {"c", "kind", "ref"}:
            return "(kept outside the log)"
        return ", ".join(f"{key} {_short(inner)}" for key, inner in list(value.items())[:3])
    if isinstance(value, list):
        return f"{len(value)} items" if value and isinstance(value[0], dict) else ", ".join(map(str, value[:4]))
    if isinstance(value, str) and _LONG_HEX.fullmatch(value):
        return f"{value[:8]}…"
    return str(value).lower() if isinstance(value, bool) else str(value)


def commitments(data: Any) -> Iterator[int]:
    """Yield the vault refs of every personal value an entry commits to; messages lie elsewhere, under their intent."""
    if isinstance(data, dict):
        if data.keys() == {"c", "kind", "ref"} and isinstance(data["ref"], int):
            yield data["ref"]
        for inner in data.values():
            yield from commitments(inner)
    elif isinstance(data, list):
        for inner in data:
            yield from commitments(inner)


@dataclass(frozen=True, slots=True)
class Slice:
    """A page of the log, newest first. older: the `before` of the next page. searched: entries looked through."""

    lines: Sequence[Line]
    older: int | None
    searched: int


def newest(*, stream: str = "", type: str = "", before: int | None = None) -> Slice:
    """Return a page of entries: a whole stream, everything under a prefix such as `contact/`, or the whole log."""
    size = Head.objects.values_list("size", flat=True).get(id=1)
    top = size if before is None else min(before, size)
    rows = Entry.objects.filter(seq__lt=top)
    floor = 0
    if stream and not stream.endswith("/"):
        rows = rows.filter(st=stream)
    elif stream or type:
        floor = max(0, top - WINDOW)
        rows = rows.filter(seq__gte=floor)
        rows = rows.filter(st__startswith=stream) if stream else rows
    if type:
        rows = rows.filter(Q(type=type) | Q(type__startswith=f"{type}."))
    found = list(rows.order_by("-seq")[: PAGE + 1])
    if len(found) > PAGE:
        return Slice(lines(found[:PAGE]), found[PAGE - 1].seq, top - floor)
    return Slice(lines(found), floor or None, top - floor)


def stream_page(st: str, *, after: int = 0, limit: int = 200) -> list[Entry]:
    """Return entries of one stream, oldest first."""
    return list(Entry.objects.filter(st=st, n__gt=after).order_by("n")[:limit])


def stream_length(st: str) -> int:
    """Return how many entries a stream has; 0 when it does not exist."""
    newest_entry = Entry.objects.filter(st=st).order_by("-n").values_list("n", flat=True).first()
    return newest_entry or 0


def neighbourhood(st: str, n: int) -> dict[int, Entry]:
    """Return {n: entry} for an entry and the ones before and after it."""
    return {entry.n: entry for entry in Entry.objects.filter(st=st, n__in=[n - 1, n, n + 1])}


def streams(prefix: str = "", limit: int = 50) -> QuerySet[Stream]:
    """Return streams other than those of runs, by name."""
    rows = Stream.objects.filter(st__startswith=prefix) if prefix else Stream.objects.all()
    return rows.order_by("st")[:limit]


def size() -> int:
    """Return the number of entries in the log."""
    return Head.objects.values_list("size", flat=True).get(id=1)


def chain_rows(stream: str = "") -> Iterator[Entry]:
    """Yield every entry of a stream (or of the log) in order, a few thousand at a time."""
    rows = Entry.objects.only("seq", "n", "hash", "body", "stamp")
    key = "n" if stream else "seq"
    last = 0 if stream else -1
    if stream:
        rows = rows.filter(st=stream)
    while True:
        piece = list(rows.filter(**{f"{key}__gt": last}).order_by(key)[:FETCH])
        yield from piece
        if len(piece) < FETCH:
            return
        last = getattr(piece[-1], key)


def verifications(limit: int = 20) -> list[Verification]:
    """Return the newest finished checks."""
    return list(Verification.objects.order_by("-at", "-id")[:limit])


def last_whole_check() -> Verification | None:
    """Return the newest check of the whole log, or None when there was none."""
    return Verification.objects.filter(scope="log").order_by("-at", "-id").first()


def last_checks(limit: int = 200) -> list[Verification]:
    """Return the newest check of everything that was checked lately: what an older one found is past."""
    newest: dict[str, Verification] = {}
    for check in verifications(limit):
        newest.setdefault(check.scope, check)
    return list(newest.values())
