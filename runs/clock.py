"""What time is it for the engine? The database's clock is the only clock read; a sandbox clock may be driven by hand.

The lane clock (kept in the head of the log) is what runs see. The wall is how far the engine may go.
"""

from dataclasses import dataclass

from django.db import connection

from audit.log import Writer
from channels import registry
from runs import inbox, store
from runs.store import Arrival

MAX_GAP_S = 24 * 3600
LATENESS_TOLERANCE_S = 60
HALT_GAP = "clock_gap"
MAX_DRIVE_S = 366 * 24 * 3600
CONTROLS = ("clock.advance", "clock.confirm")


@dataclass(slots=True)
class EngineRow:
    """The one row of the engine, as read under the lock; written back when the transaction ends."""

    halted: str
    offset_s: int
    target: int | None
    confirmed_s: int
    next_run: int
    next_place: int


@dataclass(frozen=True, slots=True)
class ClockState:
    """Where the clocks stand, all in whole seconds since the epoch, UTC."""

    lane: int
    wall: int
    target: int | None  # where a driven sandbox clock is heading, None when it follows the database's clock
    offset_s: int
    halted: str
    sandbox: bool
    next_due: int | None

    @property
    def lag_s(self) -> int:
        """Seconds by which something that is due waits for the engine."""
        return max(0, self.wall - self.next_due) if self.next_due is not None else 0


def state() -> ClockState:
    """Return the clocks as the pages show them; takes no lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT h.clock, floor(extract(epoch FROM clock_timestamp()))::bigint + e.offset_s, e.target, e.offset_s,"
            " e.halted, (SELECT min(due_at) FROM runs_run WHERE due_at IS NOT NULL)"
            " FROM audit_head h, runs_engine e WHERE h.id = 1 AND e.id = 1"
        )
        lane, wall, target, offset_s, halted, next_due = cursor.fetchone()
    return ClockState(lane, wall, target, offset_s, halted, registry.all_sandbox(), next_due)


@dataclass(slots=True)
class Wall:
    """The wall of one engine transaction."""

    at: int  # how far the engine may go
    driven: bool  # a sandbox clock on its way to a target: nothing is late, every instant is met


def read(*, lane: int, now_s: int, offset_s: int, target: int | None) -> Wall:
    """Return the wall for a transaction that began at now_s on the database's clock."""
    if target is not None:
        return Wall(max(target, lane), driven=True)
    return Wall(now_s + offset_s, driven=False)


def control(writer: Writer, engine: EngineRow, arrival: Arrival) -> str:
    """Admit an input that moves the clock itself; return why it is refused, or the empty string."""
    body = inbox.read(arrival.body)
    actor = str(body.get("actor", arrival.source))
    if arrival.kind == "clock.confirm":
        return _confirm(writer, engine, actor)
    if not registry.all_sandbox():
        return "The clock can be driven only while every channel is a sandbox; real people would be contacted."
    # An idle lane clock lags behind; who asks means the second in which they asked.
    start = engine.target if engine.target is not None else max(writer.clock, arrival.at)
    if body.get("to_next"):
        upcoming = [at for at in (store.next_due(), store.next_reaction()) if at is not None]
        if not upcoming:
            return "Nothing is waiting for the clock: no timer, no pause, no reaction."
        to = max(start, min(upcoming))
    else:
        seconds = body.get("seconds")
        if type(seconds) is not int or not 1 <= seconds <= MAX_DRIVE_S:
            return f"The clock moves by 1 to {MAX_DRIVE_S} seconds at a time."
        to = start + seconds
    engine.target = to
    # Whatever is received after this input counts from the end of the drive on, however often the engine is polled.
    engine.offset_s = max(engine.offset_s, to - arrival.received_us // 1_000_000)
    writer.append("engine", "clock.advanced", {"from": start, "to": to, "actor": actor})
    return ""


def _confirm(writer: Writer, engine: EngineRow, actor: str) -> str:
    if engine.halted != HALT_GAP:
        return "The engine is not halted by a jump of the clock."
    engine.halted = ""
    # The lane clock stays: the engine now walks through every instant of the gap, in order.
    engine.confirmed_s = int(writer.at.timestamp()) + engine.offset_s
    writer.append("engine", "engine.resumed", {"reason": HALT_GAP, "to": engine.confirmed_s, "actor": actor})
    return ""
