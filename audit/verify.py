"""Does the stored log hold? Reads every entry once and says what was checked, or the first thing that is wrong.

The verdict is never a bare tick: zero entries checked is "nothing to verify", and without a checkpoint kept outside
this database the best answer is "consistent, not anchored".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from django.db import connection, transaction

from audit import chain
from audit.chain import Break, Row

FETCH = 5_000


class Verdict(IntEnum):
    """The exit codes of `verify_log`."""

    VERIFIED = 0
    CONSISTENT = 10
    BROKEN = 20
    CONTRADICTS = 30
    NOTHING = 40


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found; message is the sentence for people."""

    verdict: Verdict
    scope: str
    checked: int
    streams: int
    first_break: Break | None
    message: str

    def as_data(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        found = self.first_break
        where = {"st": found.st, "n": found.n, "kind": found.kind, "message": found.message} if found else None
        return {
            "verdict": self.verdict.name.lower(),
            "exit_code": int(self.verdict),
            "scope": self.scope,
            "checked": self.checked,
            "streams": self.streams,
            "first_break": where,
            "message": self.message,
        }


def check(stream: str | None = None) -> Report:
    """Verify one stream, or the whole log in the order in which it was written."""
    with transaction.atomic():
        return _check_stream(stream) if stream else _check_log()


def _check_stream(stream: str) -> Report:
    found, checked = chain.first_break(stream, _rows("WHERE st = %s ORDER BY n", [stream]))
    return _report(stream, checked, 1 if checked else 0, found)


def _check_log() -> Report:
    """Check every chain side by side while reading the log once, and that no place in it is missing."""
    heads: dict[str, tuple[int, bytes]] = {}
    checked = 0
    # One statement, so one moment: the log may well grow while it is read, and what comes later is not looked at.
    with connection.cursor() as cursor:
        cursor.execute("SELECT size, (SELECT COALESCE(max(seq) + 1, 0) FROM audit_entry) FROM audit_head WHERE id = 1")
        size, taken = cursor.fetchone()
    for row in _rows("WHERE seq < %s ORDER BY seq", [size]):
        if row.seq != checked:
            lost = Break(row.st, row.n, "missing_place", f"place {checked} of the log is missing; next is {row.seq}")
            return _report("log", checked, len(heads), lost)
        n, head = heads.get(row.st, (0, b""))
        found = chain.row_break(row, row.st, n + 1, head)
        if found:
            return _report("log", checked, len(heads), found)
        heads[row.st] = (row.n, row.hash)
        checked += 1
    if not size == checked == taken:
        found_n = max(checked, taken)
        cut = Break("log", checked, "cut_off", f"the log should have {size} entries, but {found_n} were found")
        return _report("log", checked, len(heads), cut)
    return _report("log", checked, len(heads), None)


def _rows(where: str, parameters: list[Any]) -> Iterator[Row]:
    """Read entries through a server-side cursor; memory stays flat whatever the length of the log."""
    sql = f"SELECT st, n, type, tick, step, prev, hash, body, seq, stamp FROM audit_entry {where}"
    with connection.connection.cursor(name="verify") as cursor:
        cursor.itersize = FETCH
        cursor.execute(sql, parameters)
        for st, n, type, tick, step, prev, hash, body, seq, stamp in cursor:
            yield Row(st, n, type, tick, step, bytes(prev), bytes(hash), body, seq, stamp)


def _report(scope: str, checked: int, streams: int, found: Break | None) -> Report:
    if found:
        place = f"entry {found.n} of {found.st} ({found.kind})"
        message = f"BROKEN at {place}: {found.message}. {checked} entries before it hold."
        return Report(Verdict.BROKEN, scope, checked, streams, found, message)
    if checked == 0:
        return Report(Verdict.NOTHING, scope, 0, 0, None, f"NOTHING TO VERIFY: {scope} has no entries.")
    message = (
        f"CONSISTENT, NOT ANCHORED: {checked} entries in {streams} stream{'s' if streams != 1 else ''} hash, link and "
        "number correctly. "
        "Nobody outside this database has confirmed this history."
    )
    return Report(Verdict.CONSISTENT, scope, checked, streams, None, message)
