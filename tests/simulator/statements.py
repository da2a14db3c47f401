"""What do DEE's own SQL statements do to tables in memory? Plain ones are read; the few others have a twin below.

A statement that is neither raises at once: then it has become plainer or needs its twin here. What the real statements
do on PostgreSQL is tested in `tests/integration` and `tests/functional`.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from tests.simulator.tables import Database, Row

Rows = Sequence[tuple[Any, ...]]
Statement = Callable[[Database, Sequence[Any]], Rows]
Parameters = Sequence[Any]

_COPY = re.compile(r"COPY (\w+) \((.*)\) FROM STDIN \(FORMAT BINARY\)")
_SELECT = re.compile(
    r"SELECT (?P<what>.+?) FROM (?P<table>\w+)(?: WHERE (?P<where>.+?))?(?: ORDER BY (?P<order>[\w, ]+?))?"
    r"(?: LIMIT (?P<limit>%s))?(?: FOR UPDATE)?"
)
_UPDATE = re.compile(r"UPDATE (?P<table>\w+) SET (?P<set>.+?) WHERE (?P<where>.+?)(?: RETURNING (?P<what>.+))?")
_UPDATE_MANY = re.compile(
    r"UPDATE (?P<table>\w+) AS (?P<alias>\w+) SET (?P<set>.+?) FROM unnest\([^)]*\)"
    r" AS \w+ \((?P<names>[^)]*)\) WHERE (?P=alias)\.(?P<key>\w+) = \w+\.\w+"
    r"(?: AND (?P=alias)\.(?P<empty>\w+) IS NULL)?"
)
_UPSERT = re.compile(
    r"INSERT INTO (?P<table>\w+)(?: AS \w+)? \((?P<names>[^)]*)\) SELECT \* FROM unnest\([^)]*\)"
    r" ON CONFLICT \((?P<key>\w+)\) DO UPDATE SET (?P<set>.+)"
)


def copied(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return the table and the columns of a COPY."""
    found = _COPY.fullmatch(sql)
    assert found, f"the simulator does not know {sql}"
    return found[1], _names(found[2])


@lru_cache(maxsize=1024)
def compiled(sql: str) -> Statement:
    """Return a statement as a function of the tables and its parameters. Raises: AssertionError when it has no twin."""
    sql = sql.replace("%b", "%s").replace(' COLLATE "C"', "").replace('"', "")
    for opening, twin in _TWINS.items():
        if sql.startswith(opening):
            return twin
    readers = ((_UPDATE_MANY, _update_many), (_UPDATE, _update), (_UPSERT, _upsert), (_SELECT, _select))
    for pattern, reader in readers:
        if found := pattern.fullmatch(sql):
            return reader(found.groupdict())
    raise AssertionError(f"tests/simulator/statements.py has no twin for: {sql}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().strip('"').partition(".")[2] or name.strip().strip('"') for name in text.split(","))


# --- plain statements ---------------------------------------------------------------------------------------------


def _select(sql: dict[str, str]) -> Statement:
    holds, table = _where(sql["where"]), sql["table"]
    least = re.fullmatch(r"min\((\w+)\)", sql["what"])
    read = _reader(sql["what"]) if not least else None
    order = _names(sql["order"]) if sql["order"] else ()
    limited = bool(sql["limit"])

    def select(database: Database, given: Parameters) -> Rows:
        parameters = list(given)
        limit = parameters.pop() if limited else None
        found = [row for row in database[table].rows.values() if holds(row, parameters)]
        if least:
            return [(min((row[least[1]] for row in found), default=None),)]
        if order:
            found.sort(key=lambda row: [row[name] for name in order])
        return [read(database, row) for row in found[:limit]]

    return select


def _reader(what: str) -> Callable[[Database, Row], tuple[Any, ...]]:
    names = _names(what)
    if "clock_timestamp()" in names:
        return lambda database, row: tuple(row[name] if name in row else database.read_clock() for name in names)
    odd = [name for name in names if not re.fullmatch(r"\w+", name)]
    assert not odd, f"tests/simulator/statements.py has no twin for a statement that reads {odd}"
    return lambda _database, row: tuple([row[name] for name in names])


def _update(sql: dict[str, str]) -> Statement:
    table, names = sql["table"], _names(sql["what"]) if sql["what"] else ()
    sets = [_set(text) for text in sql["set"].split(", ")]
    taken = sum(takes for _, takes, _ in sets)
    holds = _where(sql["where"])

    def update(database: Database, parameters: Parameters) -> Rows:
        rest = list(parameters[taken:])
        changed = []
        for key, row in [(key, row) for key, row in database[table].rows.items() if holds(row, rest)]:
            given = iter(parameters)
            values = {column: change(row, next(given) if takes else None) for column, takes, change in sets}
            changed.append(database[table].change(key, values))
        return [tuple([row[name] for name in names]) for row in changed]

    return update


def _set(text: str) -> tuple[str, bool, Callable[[Row, Any], Any]]:
    """Return (column, whether it takes a parameter, what it becomes) of one part of a SET."""
    column, _, value = text.partition(" = ")
    column = column.strip('"')
    if value == "%s":
        return column, True, lambda _row, given: given
    if value == f"{column} + %s":
        return column, True, lambda row, given: row[column] + given
    if value == f"{column} + 1":
        return column, False, lambda row, _given: row[column] + 1
    literal = _literal(value)
    return column, False, lambda _row, _given: literal


_CHANGE = re.compile(r"(\w+) = (?:(COALESCE|GREATEST)\(\w+\.\1, )?c\.(\w+)\)?")
_KEPT: dict[str, Callable[[Any, Any], Any]] = {
    "": lambda _old, new: new,
    "COALESCE": lambda old, new: new if old is None else old,
    "GREATEST": max,
}


def _update_many(sql: dict[str, str]) -> Statement:
    names, table, empty = _names(sql["names"]), sql["table"], sql["empty"]
    sets = [(part[1], _KEPT[part[2] or ""], names.index(part[3])) for part in _CHANGE.finditer(sql["set"])]
    assert names[0] == sql["key"] and len(sets) == sql["set"].count(" = "), sql

    def update(database: Database, parameters: Parameters) -> Rows:
        done = []
        for values in zip(*parameters, strict=True):
            row = database[table].rows.get(values[0])
            if row is not None and (not empty or row[empty] is None):
                changes = {column: kept(row[column], values[place]) for column, kept, place in sets}
                database[table].change(values[0], changes)
                done.append(())
        return done

    return update


def _upsert(sql: dict[str, str]) -> Statement:
    names, table = _names(sql["names"]), sql["table"]
    assert names[0] == sql["key"]

    def upsert(database: Database, parameters: Parameters) -> Rows:
        for values in zip(*parameters, strict=True):
            row = dict(zip(names, values, strict=True))
            if values[0] in database[table].rows:
                database[table].change(values[0], row)
            else:
                database[table].insert(row)
        return [()] * len(parameters[0])

    return upsert


_TESTS: tuple[tuple[str, Callable[..., Callable[[Row, Any], bool]]], ...] = (
    (r"(\w+) = ANY\(%s\)", lambda name: lambda row, given: row[name] in given),
    (r"(\w+) = %s", lambda name: lambda row, given: row[name] == given),
    (r"(\w+) <= %s", lambda name: lambda row, given: row[name] is not None and row[name] <= given),
    (r"(\w+) < %s", lambda name: lambda row, given: row[name] is not None and row[name] < given),
    (r"(\w+) IS NULL", lambda name: lambda row, _: row[name] is None),
    (r"(\w+) IS NOT NULL", lambda name: lambda row, _: row[name] is not None),
    (r"NOT (\w+)", lambda name: lambda row, _: not row[name]),
    (r"(\w+)", lambda name: lambda row, _: row[name]),
    (r"(\w+) = ('\w*'|\d+)", lambda name, text: _is(name, _literal(text))),
    (r"(\w+) <> ('\w*'|\d+)", lambda name, text: lambda row, _: row[name] != _literal(text)),
)


def _is(name: str, value: Any) -> Callable[[Row, Any], bool]:
    return lambda row, _: row[name] == value


def _where(text: str | None) -> Callable[[Row, Parameters], bool]:
    if text is None:
        return lambda _row, _parameters: True
    tests = []
    place = 0
    for part in text.split(" AND "):
        found = next((make(*match.groups()) for form, make in _TESTS if (match := re.fullmatch(form, part))), None)
        assert found, f"tests/simulator/statements.py has no twin for the condition {part}"
        tests.append((found, place if "%s" in part else None))
        place += "%s" in part
    if len(tests) == 1:
        test, at = tests[0]
        return (lambda row, _: test(row, None)) if at is None else (lambda row, given: test(row, given[at]))
    return lambda row, given: all(test(row, None if at is None else given[at]) for test, at in tests)


def _literal(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return text[1:-1] if text.startswith("'") else int(text)


# --- twins of the others ------------------------------------------------------------------------------------------


def _clock(database: Database, _: Parameters) -> Rows:
    return [(database.read_clock(),)]


def _seconds(database: Database, _: Parameters) -> Rows:
    return [(int(database.read_clock().timestamp()),)]


def _of_runs(database: Database, _: Parameters) -> Rows:
    rows = [row for row in database["audit_entry"].rows.values() if row["st"].startswith("run/")]
    rows.sort(key=lambda row: (row["st"], row["n"]))
    return [(row["st"], row["body"], row["stamp"]) for row in rows]


def _nothing(_database: Database, _: Parameters) -> Rows:
    return []


def _take_lease(database: Database, given: Parameters) -> Rows:
    row, now = database["runs_engine"].rows[1], database.read_clock()
    dead = row["beat_at"] is None or (now - row["beat_at"]).total_seconds() > given[2]
    if row["holder"] not in ("", given[0]) and not dead:
        return []
    database["runs_engine"].change(1, {"holder": given[0], "beat_at": now})
    return [(database["audit_head"].rows[1]["epoch"],)]


def _intents(database: Database, given: Parameters) -> Rows:
    intents, runs = database["runs_intent"].rows, database["runs_run"].rows
    found = [intents[id] for id in given[0] if id in intents]
    return [(i["id"], i["run_id"], i["step"], runs[i["run_id"]]["contact_id"], i["channel"]) for i in found]


def _microseconds(row: Row) -> int:
    at = row["received_at"]
    return int(at.replace(microsecond=0).timestamp()) * 1_000_000 + int(at.microsecond)


def _arrivals(database: Database, given: Parameters) -> Rows:
    offset_s, kinds, limit = given
    rows = [row for row in database["runs_inbox"].rows.values() if row["place"] is None and row["kind"] in kinds]
    rows.sort(key=lambda row: (row["received_at"], row["id"]))
    names = ("id", "source", "external_id", "kind", "body")
    return [
        (
            *[row[name] for name in names],
            _microseconds(row) // 1_000_000 + offset_s if row["due_s"] is None else row["due_s"],
            False,
            False,
            _microseconds(row),
        )
        for row in rows[:limit]
    ]


def _reactions(database: Database, given: Parameters) -> Rows:
    before, limit = given
    inbox = database["runs_inbox"]
    rows = [row for row in database["channels_reaction"].rows.values() if not row["released"] and row["due"] <= before]
    rows.sort(key=lambda row: (row["due"], row["id"]))
    return [
        (
            row["id"],
            row["source"],
            row["external_id"],
            "event",
            row["body"],
            row["due"],
            True,
            inbox.same(("source", "external_id"), (row["source"], row["external_id"])) is not None,
        )
        for row in rows[:limit]
    ]


def _newest_consents(database: Database, given: Parameters) -> Rows:
    newest: dict[tuple[Any, ...], Row] = {}
    for row in database["policies_consent"].rows.values():
        place = (row["contact_id"], row["channel"], row["purpose"])
        if row["contact_id"] in given[0] and (place not in newest or newest[place]["version"] < row["version"]):
            newest[place] = row
    return [(*place, row["status"], row["version"], row["kind"]) for place, row in sorted(newest.items())]


def _active_policies(database: Database, given: Parameters) -> Rows:
    versions = database["policies_policyversion"].rows
    rows = [row for row in database["policies_policy"].rows.values() if row["key"] in given[0]]
    return [(row["key"], versions[row["active_version_id"]]["hash"]) for row in rows if row["active_version_id"]]


def _put(database: Database, row: Row) -> tuple[int, bool]:
    """Add an input or count a further delivery; return (id, whether it is new)."""
    inbox = database["runs_inbox"]
    same = inbox.same(("source", "external_id"), (row["source"], row["external_id"]))
    if same is not None:
        inbox.change(same["id"], {"deliveries": same["deliveries"] + 1})
        return same["id"], False
    return inbox.insert(row)["id"], True


def _put_input(database: Database, given: Parameters) -> Rows:
    source, external_id, kind, body = given
    return [_put(database, {"source": source, "external_id": external_id, "kind": kind, "body": body})]


def _put_inputs(database: Database, given: Parameters) -> Rows:
    source, kind, ids, bodies = given
    rows = [{"source": source, "external_id": id, "kind": kind, "body": b} for id, b in zip(ids, bodies, strict=True)]
    return [(_put(database, row)[1],) for row in rows]


def _add_reactions(database: Database, given: Parameters) -> Rows:
    table = database["channels_reaction"]
    for due, source, external_id, body in zip(*given, strict=True):
        if table.same(("source", "external_id"), (source, external_id)) is None:
            table.insert({"due": due, "source": source, "external_id": external_id, "body": body, "released": False})
    return []


def _kept_message(database: Database, given: Parameters) -> Rows:
    intent, message = database["runs_intent"].rows.get(given[0]), database["channels_outboxmessage"].rows.get(given[0])
    if intent is None or message is None:
        return []
    entry = database["audit_entry"].same(("st", "n"), (f"run/{intent['run_id']}", intent["n"]))
    assert entry is not None
    return [(*[message[name] for name in ("adapter", "to_address", "subject", "body", "salt")], entry["body"])]


def _clocks(database: Database, _: Parameters) -> Rows:
    engine, lane = database["runs_engine"].rows[1], database["audit_head"].rows[1]["clock"]
    wall = int(database.read_clock().timestamp()) + engine["offset_s"]
    due = min((row["due_at"] for row in database["runs_run"].rows.values() if row["due_at"] is not None), default=None)
    return [(lane, wall, engine["target"], engine["offset_s"], engine["halted"], due)]


def _sizes(database: Database, _: Parameters) -> Rows:
    return [(database["audit_head"].rows[1]["size"], max(database["audit_entry"].rows, default=-1) + 1)]


_TWINS: dict[str, Statement] = {
    "SELECT clock_timestamp()": _clock,
    "SET jit = off": _nothing,
    "SET TRANSACTION ISOLATION LEVEL": _nothing,
    "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint": _seconds,
    "SELECT st, body, stamp FROM audit_entry WHERE starts_with(st, 'run/') ORDER BY st, n": _of_runs,
    "UPDATE runs_engine SET holder = %s, beat_at = clock_timestamp() WHERE": _take_lease,
    "SELECT i.id, i.run_id, i.step, r.contact_id, i.channel FROM runs_intent i JOIN runs_run r": _intents,
    "SELECT id, source, external_id, kind, body, COALESCE(due_s, floor(extract(epoch FROM received_at))": _arrivals,
    "SELECT r.id, r.source, r.external_id, 'event', r.body, r.due, true, i.id IS NOT NULL FROM": _reactions,
    "SELECT DISTINCT ON (contact_id, channel, purpose) contact_id, channel, purpose, status": _newest_consents,
    "SELECT p.key, v.hash FROM policies_policy p JOIN policies_policyversion v": _active_policies,
    "INSERT INTO runs_inbox (source, external_id, kind, body, deliveries, verdict, reason) VALUES": _put_input,
    "INSERT INTO runs_inbox (source, external_id, kind, body, deliveries, verdict, reason) SELECT": _put_inputs,
    "INSERT INTO channels_reaction (due, source, external_id, body, released) SELECT *, false FROM": _add_reactions,
    "SELECT m.adapter, m.to_address, m.subject, m.body, m.salt, e.body FROM runs_intent i JOIN": _kept_message,
    "SELECT h.clock, floor(extract(epoch FROM clock_timestamp()))::bigint + e.offset_s, e.target,": _clocks,
    "SELECT size, (SELECT COALESCE(max(seq) + 1, 0) FROM audit_entry) FROM audit_head": _sizes,
}
