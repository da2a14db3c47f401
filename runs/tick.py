"""The engine: admit inputs, walk runs through their plans, send, record. One process at a time, one order.

A drain is a series of transactions. Each takes the outcomes of the last wave, goes on until the next wave is full or
nothing is left before the wall, and commits; only then are that wave's messages sent. Source: DESIGN §3, §4.
"""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db import connection

from audit import log
from audit.log import Writer
from channels import registry
from channels.kinds import Failure
from channels.messages import Outcome
from runs import clock, dispatch, inbox, store
from runs.admit import KINDS, Admission
from runs.batch import Batch, InFlight, Key, arrival_key
from runs.clock import EngineRow
from runs.dispatch import Committed
from runs.engine import values
from runs.lease import Lease
from runs.store import Arrival

logger = logging.getLogger(__name__)

GROUP = 500  # actions a transaction may carry; the number changes no byte of any entry
LOAD = 500  # runs taken into hand at once
INPUTS = 128  # inputs read at once; those not reached are read again
IDLE_STEP_S = 30  # how far an idle lane clock may stay behind the wall

Answers = list[tuple[InFlight, Outcome | str]]


class Engine:
    """This process as the engine. `drain` may be called as often as one likes."""

    def __init__(self, *, wave_size: int | None = None, group: int = GROUP) -> None:
        self.lease = Lease()
        self.wave_size = wave_size or settings.DEE_WAVE
        self.group = group
        self.pool = ThreadPoolExecutor(max_workers=self.wave_size, thread_name_prefix="send")
        self.unrecorded: list[tuple[str, Outcome | str]] = []  # answers that no transaction has taken

    def drain(self, budget_s: float = 1.0) -> bool:
        """Work until idle or until the slice is used up; return whether work is left.

        Raises: lease.Held when another engine is alive; audit.log.Fenced when one has taken over.
        """
        try:
            self._report()
            if self.lease.acquire():
                self._prepare_session()
                self._recover()
            return self._work(budget_s)
        except BaseException:
            # Whatever was in hand may be wrong now: forget it, and look at what was committed.
            self.lease.epoch = None
            raise

    def _work(self, budget_s: float) -> bool:
        # Monotonic time only cuts the work into slices; it decides nothing that is recorded.
        end = time.monotonic() + budget_s
        batch: Batch | None = None
        answers: Answers = []
        closing = False
        while True:
            try:
                batch, idle = self._transact(batch, answers, closing=closing)
            except BaseException:
                self.unrecorded += [(flight.outgoing.dispatch.intent, answer) for flight, answer in answers]
                raise
            answers = self._send(batch)
            if idle or closing:
                return not idle
            closing = time.monotonic() >= end

    def _report(self) -> None:
        """File what this process learnt about messages that another engine closes, or has closed, as unknown."""
        while self.unrecorded:
            intent, answer = self.unrecorded[0]
            inbox.put(
                source=inbox.ENGINE, external_id=f"report/{intent}/{self.lease.holder}", kind="report",
                body={"intent": intent, **_found_out(answer)},
            )  # fmt: skip
            self.unrecorded.pop(0)

    def close(self) -> None:
        """Let the next engine start at once."""
        self.lease.release()
        self.pool.shutdown()

    def _transact(self, batch: Batch | None, answers: Answers, *, closing: bool = False) -> tuple[Batch, bool]:
        """Run one engine transaction; return the batch in hand and whether nothing is left to do.

        closing: the slice is used up, so only record what came back and begin nothing.
        """
        with log.writing(by=f"engine/{self.lease.epoch}", epoch=self.lease.epoch) as writer:
            engine = _read_engine()
            before = replace(engine)
            now_s = int(writer.at.timestamp())
            self._check_gap(writer, engine, now_s)
            wall = clock.read(lane=writer.clock, now_s=now_s, offset_s=engine.offset_s, target=engine.target)
            if batch is None:
                batch = Batch(writer, wall, self.wave_size)
            else:
                batch.begin(writer, wall)
            # What recipients will do is put down before time goes on, or a timer could overtake it.
            store.add_reactions([row for flight, answer in answers for row in _answer(batch, flight, answer)])
            idle = not closing and not self._advance(batch, engine) and not batch.wave
            if idle and not engine.halted:
                idle = self._rest(writer, engine, wall, now_s)
            batch.flush(engine.next_place)
            engine.next_place += len(batch.admitted)
            if engine != before:
                _write_engine(engine)
        return batch, idle

    def _advance(self, batch: Batch, engine: EngineRow) -> bool:
        """Admit what has arrived and do what is due; return whether anything was done."""
        kinds = clock.CONTROLS if engine.halted else (*clock.CONTROLS, *KINDS)
        arrivals = store.arrivals(kinds, offset_s=engine.offset_s, limit=INPUTS)
        # The clock itself is driven by inputs: each is admitted alone, once everything before it is on record.
        at = next((at for at, arrival in enumerate(arrivals) if arrival.kind in clock.CONTROLS), len(arrivals))
        control = arrivals[at] if at < len(arrivals) else None
        if not engine.halted:
            self._admit(batch, engine, arrivals[:at], control)
        if control is None or batch.done:
            return batch.done > 0
        if not batch.changed:
            refused = clock.control(batch.writer, engine, control)
            batch.admitted.append((control, store.Verdict(control.id, "refused" if refused else "applied", refused)))
        return True

    def _admit(self, batch: Batch, engine: EngineRow, arrivals: Sequence[Arrival], control: Arrival | None) -> None:
        """Admit these inputs and the reactions that are due, among the timers, in the order of the clock.

        Nothing behind a control happens before it has its verdict: what was received after it could come first.
        """
        reactions = store.reactions_due(batch.wall.at, INPUTS)
        admission = Admission(batch, [*arrivals, *reactions], engine.next_run)
        if not batch.holds_next():
            rows = store.due(batch.wall.at, LOAD)
            batch.take(rows)
            batch.horizon = _horizon(rows, batch.wall.at)
        for read in (arrivals, reactions):
            if len(read) == INPUTS and batch.horizon is not None:
                batch.horizon = min(batch.horizon, arrival_key(read[-1]))
        if control is not None and batch.horizon is not None:
            batch.horizon = min(batch.horizon, arrival_key(control))
        batch.proceed(self.group)
        engine.next_run = admission.next_run
        batch.drop_arrivals()

    def _rest(self, writer: Writer, engine: EngineRow, wall: clock.Wall, now_s: int) -> bool:
        """Nothing is left before the wall: let the lane clock follow, and end a drive of the sandbox clock.

        Return whether nothing can be left at all: a drive may have ended before what came in meanwhile.
        """
        if engine.target is not None:
            writer.raise_clock(engine.target)
            engine.offset_s = max(engine.offset_s, writer.clock - now_s)
            engine.target = None
            return False
        if wall.at - writer.clock >= IDLE_STEP_S:
            writer.raise_clock(wall.at)
        return True

    def _check_gap(self, writer: Writer, engine: EngineRow, now_s: int) -> None:
        """Halt on a forward jump of the clock; a sandbox clock stood still while nobody ran the engine."""
        gap_s = now_s + engine.offset_s - max(writer.clock, engine.confirmed_s)
        if engine.target is not None or gap_s <= clock.MAX_GAP_S:
            return
        if registry.all_sandbox():
            engine.offset_s = writer.clock - now_s
        elif not engine.halted:
            engine.halted = clock.HALT_GAP
            writer.append("engine", "engine.halted", {"reason": clock.HALT_GAP, "gap_s": gap_s})

    def _send(self, batch: Batch) -> Answers:
        if not batch.wave:
            return []
        wave = list(batch.wave)
        committed = Committed(batch.writer.size_after, batch.writer.epoch, batch.now, batch.writer.at)
        answers = dispatch.send(wave, committed, self.pool)
        return list(zip(wave, answers, strict=True))

    def _recover(self) -> None:
        """Close what an engine before this one left open: nobody knows whether those messages left."""
        epoch = self.lease.epoch
        assert epoch is not None
        with log.writing(by=f"engine/{epoch}", epoch=epoch) as writer:
            engine = _read_engine()
            writer.append("engine", "engine.started", {"epoch": epoch})
            batch = Batch(writer, clock.Wall(writer.clock, driven=False), self.wave_size)
            for row in store.unfinished(epoch, 10_000):
                batch.take([row])
                run = batch.runs[row[0]]
                lost = values.Outcome(writer.clock, run.state.intent, "unknown", str(Failure.OUTCOME_LOST))
                batch.apply(run, lost)
                batch.outcomes.append((run.state.intent, "unknown"))
            batch.flush(engine.next_place)

    def _prepare_session(self) -> None:
        """Pin the plans of the hot statements; see study/performance.md §5d."""
        with connection.cursor() as cursor:
            cursor.execute("SET jit = off")


def _answer(batch: Batch, flight: InFlight, answer: Outcome | str) -> list[tuple[int, str, str, str]]:
    """Record what came back for one intent; return the reactions of its simulated recipient."""
    intent = flight.outgoing.dispatch.intent
    run = batch.runs[flight.run.no]
    if isinstance(answer, str):
        batch.apply(run, values.Voided(batch.now, intent, answer))
        batch.outcomes.append((intent, "voided"))
        return []
    outcome = values.Outcome(batch.now, intent, str(answer.kind), str(answer.code), answer.label)
    batch.apply(run, outcome)
    batch.outcomes.append((intent, str(answer.kind)))
    return dispatch.reactions(flight, now=batch.now)


def _found_out(answer: Outcome | str) -> dict[str, str]:
    """Return an answer as a report; what a last look held back did not leave."""
    if isinstance(answer, str):
        return {"kind": "not_sent", "code": "voided", "label": ""}
    return {"kind": str(answer.kind), "code": str(answer.code), "label": answer.label}


def _horizon(rows: Sequence[tuple[Any, ...]], wall: int) -> Key:
    """Return up to where every run that is due has been taken into hand."""
    if len(rows) < LOAD:
        return (wall, 2, 0, 0, 0)
    row = rows[-1]
    return (row[8], 1, row[9], row[10], row[0])


def _read_engine() -> EngineRow:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT halted, offset_s, target, confirmed_s, next_run, next_place FROM runs_engine WHERE id = 1"
        )
        return EngineRow(*cursor.fetchone())


def _write_engine(engine: EngineRow) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE runs_engine SET halted = %s, offset_s = %s, target = %s, confirmed_s = %s, next_run = %s,"
            " next_place = %s WHERE id = 1",
            [
                engine.halted,
                engine.offset_s,
                engine.target,
                engine.confirmed_s,
                engine.next_run,
                engine.next_place,
            ],
        )
