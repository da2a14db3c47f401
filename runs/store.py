"""The hot path's SQL, and the only writer of runs, intents and outgoing messages.

Set-based throughout: COPY for new rows, one UPDATE … FROM unnest for changed ones, whatever their number.
Everything else in DEE uses the ORM. Source: DESIGN §3.4, study/performance.md §5.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import connection

from plans.document import Plan
from runs.engine import transitions
from runs.engine.values import COLUMNS, Dispatch, RunState, pack, unpack
from runs.models import Run

_RUN = (
    "no, plan_version_id, plan_key, contact_id, status, reason, step, visit, due_at,"
    " turn, since, n, head, start_at, state"
)


@dataclass(slots=True, eq=False)
class Live:
    """A run in the engine's hands: its rows and what the core knows of it."""

    no: int
    version_id: int
    plan: Plan
    contact_id: int
    state: RunState
    epoch: int = 0
    ended_at: int | None = None
    stored: bool = True  # False until its row exists

    def key(self) -> tuple[int, int, int, int, int]:
        """Return its place in the order of actions: timers come after events of the same second."""
        state = self.state
        return (state.due or 0, 1, state.turn, state.since, self.no)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A row of the inbox that has no place yet. at: lane second it counts for."""

    id: int
    source: str
    external_id: str
    kind: str
    body: str
    at: int
    reaction: bool = False  # a simulated recipient's; its inbox row is written with its verdict
    repeats: bool = False  # a reaction that the inbox has from elsewhere already
    received_us: int = 0  # the database's clock, which tells inputs of one second apart; 0 for reactions


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the engine decided about an inbox row."""

    id: int
    verdict: str
    reason: str = ""
    run: int | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be kept with its intent, exactly as it will leave."""

    dispatch: Dispatch
    run: int
    adapter: str
    to: str
    subject: str
    body: str
    salt: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as it was kept with its intent, and the entry that committed to it."""

    adapter: str
    to: str
    subject: str
    body: str
    salt: bytes
    entry: str


def kept_message(intent: str) -> Kept | None:
    """Return the message of an intent, or None when it was erased."""
    rows = _fetch(
        "SELECT m.adapter, m.to_address, m.subject, m.body, m.salt, e.body FROM runs_intent i"
        " JOIN channels_outboxmessage m ON m.intent = i.id"
        " JOIN audit_entry e ON e.st = 'run/' || i.run_id AND e.n = i.n WHERE i.id = %s",
        [intent],
    )
    for adapter, to, subject, body, salt, entry in rows:
        return Kept(adapter, to, subject, body, bytes(salt), entry)
    return None


def due(before: int, limit: int) -> list[tuple[Any, ...]]:
    """Return the rows of runs due at or before an instant, in the order of actions, at most limit of them."""
    return _fetch(
        f"SELECT {_RUN} FROM runs_run WHERE due_at <= %s ORDER BY due_at, turn, since, no LIMIT %s", [before, limit]
    )


def by_number(numbers: Sequence[int]) -> list[tuple[Any, ...]]:
    """Return the rows of these runs, locked against nobody: the head of the log is what is locked."""
    return _fetch(f"SELECT {_RUN} FROM runs_run WHERE no = ANY(%s) ORDER BY no", [list(numbers)]) if numbers else []


def unfinished(epoch: int, limit: int) -> list[tuple[Any, ...]]:
    """Return runs whose intent was committed under an older epoch and never got an outcome."""
    return _fetch(
        f"SELECT {_RUN} FROM runs_run WHERE status = 'DISPATCHING' AND epoch < %s ORDER BY no LIMIT %s", [epoch, limit]
    )


def open_runs_of(contact_id: int) -> list[int]:
    """Return the numbers of a contact's runs that have not ended, oldest first."""
    sql = "SELECT no FROM runs_run WHERE contact_id = %s AND status = ANY(%s) ORDER BY no"
    return [no for (no,) in _fetch(sql, [contact_id, list(transitions.OPEN)])]


def stopped_bulks(bulks: Sequence[str]) -> set[str]:
    """Return those of these bulk actions that somebody stopped; whoever does holds the lock of the log's head."""
    sql = "SELECT id::text FROM runs_bulk WHERE id = ANY(%s::text[]::uuid[]) AND cancelled_at IS NOT NULL"
    return {bulk for (bulk,) in _fetch(sql, [list(bulks)])}


def runs_of_intents(intents: Sequence[str]) -> dict[str, tuple[int, str, int, str]]:
    """Return {intent: (run number, step, contact id, channel)} for those intents that exist."""
    rows = _fetch(
        "SELECT i.id, i.run_id, i.step, r.contact_id, i.channel FROM runs_intent i JOIN runs_run r ON r.no = i.run_id"
        " WHERE i.id = ANY(%s)",
        [list(intents)],
    )
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in rows}


def live(row: tuple[Any, ...], plan: Plan) -> Live:
    """Return a run row as the engine's object."""
    no, version_id, _key, contact_id, status, reason, step, visit, due_at, turn, since, n, head, start_at, rest = row
    state = unpack(
        rest,
        st=f"run/{no}",
        start_at=start_at,
        n=n,
        head=bytes(head),
        status=status,
        reason=reason,
        step=step,
        visit=visit,
        due=due_at,
        turn=turn,
        since=since,
    )
    return Live(no, version_id, plan, contact_id, state)


def state_of(run: Run) -> RunState:
    """Return what the core knows of a run, from its row as the pages read it."""
    columns = {"st": run.stream, "due": run.due_at, "head": bytes(run.head)}
    columns |= {name: getattr(run, name) for name in COLUMNS if name not in columns}
    return unpack(run.state, **columns)


def insert(runs: Sequence[Live]) -> None:
    """Add the rows of new runs."""
    if not runs:
        return
    types = "int8 int8 text int8 text text text int8 int8 int4 int8 int8 bytea int8 text int8 int8".split()
    _copy(f"runs_run ({_RUN}, epoch, ended_at)", types, (_columns(run) for run in runs))
    for run in runs:
        run.stored = True


def _columns(run: Live) -> tuple[Any, ...]:
    s = run.state
    place = (s.status, s.reason, s.step, s.visit, s.due, s.turn, s.since, s.n, s.head, s.start_at, pack(s))
    return (run.no, run.version_id, run.plan.key, run.contact_id, *place, run.epoch, run.ended_at)


def update(runs: Sequence[Live]) -> None:
    """Write back changed runs in one statement."""
    if not runs:
        return
    names = "status reason step visit due_at turn since n head state epoch ended_at".split()
    casts = "text text text int8 int8 int4 int8 int8 bytea text int8 int8".split()
    columns = list(zip(*(_changes(run) for run in runs), strict=True))
    parameters = ", ".join(f"%s::{cast}[]" for cast in ("int8", *casts))
    # A run in hand knows its end and its epoch only when it has just ended or sent; earlier ones stay.
    kept = {"ended_at": "COALESCE(r.ended_at, c.ended_at)", "epoch": "GREATEST(r.epoch, c.epoch)"}
    given = {name: f"c.{name}" for name in names} | kept
    found = _execute(
        f"UPDATE runs_run AS r SET {', '.join(f'{name} = {value}' for name, value in given.items())}"
        f" FROM unnest({parameters}) AS c (no, {', '.join(names)}) WHERE r.no = c.no",
        [list(column) for column in columns],
    )
    if found != len(runs):
        raise AssertionError(f"{len(runs)} runs changed, but {found} rows were found")


def _changes(run: Live) -> tuple[Any, ...]:
    s = run.state
    place = (s.status, s.reason, s.step, s.visit, s.due, s.turn, s.since, s.n, s.head, pack(s))
    return (run.no, *place, run.epoch, run.ended_at)


def insert_intents(outgoing: Sequence[Outgoing], *, at: int) -> None:
    """Add intents and the messages that belong to them, before anything is sent. at: lane clock.

    What is dispatched again has both already.
    """
    outgoing = [each for each in outgoing if not each.dispatch.again]
    if not outgoing:
        return
    _copy(
        "runs_intent (id, run_id, step, visit, attempt, channel, n)",
        ["text", "int8", "text", "int8", "int4", "text", "int8"],
        ((d.intent, o.run, d.step, d.visit, d.attempt, d.channel, d.n) for o, d in ((o, o.dispatch) for o in outgoing)),
    )
    committed = datetime.fromtimestamp(at, UTC)
    _copy(
        "channels_outboxmessage (intent, run, channel, adapter, to_address, subject, body, salt, created_at, outcome)",
        ["text", "text", "text", "text", "text", "text", "text", "bytea", "timestamptz", "text"],
        (
            (
                o.dispatch.intent,
                f"run/{o.run}",
                o.dispatch.channel,
                o.adapter,
                o.to,
                o.subject,
                o.body,
                o.salt,
                committed,
                "",
            )
            for o in outgoing
        ),
    )


def record_outcomes(outcomes: Sequence[tuple[str, str]]) -> None:
    """Note on the kept messages what became of them, as (intent, outcome kind)."""
    if not outcomes:
        return
    _execute(
        "UPDATE channels_outboxmessage AS m SET outcome = c.outcome"
        " FROM unnest(%s::text[], %s::text[]) AS c (intent, outcome) WHERE m.intent = c.intent",
        [list(column) for column in zip(*outcomes, strict=True)],
    )


def arrivals(kinds: Sequence[str], *, offset_s: int, limit: int) -> list[Arrival]:
    """Return inbox rows of these kinds without a place, in the order in which they were received."""
    rows = _fetch(
        "SELECT id, source, external_id, kind, body,"
        " COALESCE(due_s, floor(extract(epoch FROM received_at))::bigint + %s),"
        " false, false, (extract(epoch FROM received_at) * 1000000)::bigint"
        " FROM runs_inbox WHERE place IS NULL AND kind = ANY(%s) ORDER BY received_at, id LIMIT %s",
        [offset_s, list(kinds), limit],
    )
    return [Arrival(*row) for row in rows]


def place(verdicts: Sequence[tuple[int, Verdict]]) -> None:
    """Give inbox rows their verdicts, each with its place in the order in which they were admitted."""
    if not verdicts:
        return
    rows = [(v.id, place, v.verdict, v.reason, v.run) for place, v in verdicts]
    _execute(
        "UPDATE runs_inbox AS i SET place = c.place, verdict = c.verdict, reason = c.reason, run_id = c.run"
        " FROM unnest(%s::int8[], %s::int8[], %s::text[], %s::text[], %s::int8[])"
        " AS c (id, place, verdict, reason, run) WHERE i.id = c.id AND i.place IS NULL",
        [list(column) for column in zip(*rows, strict=True)],
    )


def reactions_due(before: int, limit: int) -> list[Arrival]:
    """Return what the sandbox's recipients do up to an instant, as arrivals dated by the lane second."""
    rows = _fetch(
        "SELECT r.id, r.source, r.external_id, 'event', r.body, r.due, true, i.id IS NOT NULL"
        " FROM channels_reaction r LEFT JOIN runs_inbox i ON (i.source, i.external_id) = (r.source, r.external_id)"
        " WHERE NOT r.released AND r.due <= %s ORDER BY r.due, r.id LIMIT %s",
        [before, limit],
    )
    return [Arrival(*row) for row in rows]


def place_reactions(admitted: Sequence[tuple[int, Arrival, Verdict]]) -> None:
    """Write the inbox rows of admitted reactions, as (place, reaction, verdict), and mark them released."""
    if not admitted:
        return
    types = "text text text text int8 int4 int8 text text int8 timestamptz".split()
    at = _fetch("SELECT clock_timestamp()", [])[0][0]
    _copy(
        "runs_inbox (source, external_id, kind, body, due_s, deliveries, place, verdict, reason, run_id, received_at)",
        types,
        (
            (a.source, a.external_id, a.kind, a.body, a.at, 1, place, v.verdict, v.reason, v.run, at)
            for place, a, v in admitted
        ),
    )
    release([a.id for _, a, _ in admitted])


def release(reactions: Sequence[int]) -> None:
    """Mark reactions as done with."""
    if reactions:
        _execute("UPDATE channels_reaction SET released = true WHERE id = ANY(%s)", [list(reactions)])


def next_due() -> int | None:
    """Return the lane second of the earliest timer or pause, or None."""
    found: int | None = _fetch("SELECT min(due_at) FROM runs_run WHERE due_at IS NOT NULL", [])[0][0]
    return found


def next_reaction() -> int | None:
    """Return the lane second of the sandbox's next reaction, or None."""
    found: int | None = _fetch("SELECT min(due) FROM channels_reaction WHERE NOT released", [])[0][0]
    return found


def add_reactions(rows: Iterable[tuple[int, str, str, str]]) -> None:
    """Add reactions of simulated recipients, as (due, source, external_id, body); those known already stay."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    if columns:
        _execute(
            "INSERT INTO channels_reaction (due, source, external_id, body, released)"
            " SELECT *, false FROM unnest(%s::int8[], %s::text[], %s::text[], %s::text[])"
            " ON CONFLICT (source, external_id) DO NOTHING",
            columns,
        )


def _copy(target: str, types: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def _fetch(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _execute(sql: str, parameters: Sequence[Any]) -> int:
    """Run a statement with arrays bound in binary form, which Django's cursor would quote as text; return its rows."""
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql.replace("%s", "%b"), parameters)
        return cursor.rowcount
