"""The world of one engine drain: runs in hand, the queue of what is next, and what the present transaction must write.

Everything happens in memory, in the order of the clock; `flush` puts it down in a handful of statements.
Only `runs.tick` makes one, under the lease and, while it writes, under the lock on the log's head.
"""

import heapq
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from audit.log import Writer
from channels import registry
from plans import queries as plan_queries
from plans.document import Plan
from plans.steps import CHANNELS, RecordOptOut, WaitUntil, channels
from policies import hours
from policies.gate import Ask, Ledger
from runs import compose, optouts, people, store
from runs.clock import LATENESS_TOLERANCE_S, Wall
from runs.engine import commanding, machine, transitions
from runs.engine.transitions import Status
from runs.engine.values import Dispatch, Facts, Fault, Input, OptOut, Recover, Resolved, Result, Settle, Timer
from runs.people import Person
from runs.store import Live

logger = logging.getLogger(__name__)

Key = tuple[int, int, int, int, int]


@dataclass(slots=True)
class InFlight:
    """An intent that is committed and waits for its outcome."""

    run: Live
    outgoing: store.Outgoing
    ask: Ask


class Batch:
    """Runs by number, a heap of what to do next, and the rows waiting to be written."""

    def __init__(self, writer: Writer, wall: Wall, wave_size: int) -> None:
        self.runs: dict[int, Live] = {}
        self.heap: list[tuple[Key, int, Callable[[], None] | None]] = []
        self.horizon: Key | None = None  # beyond it more may be due than was loaded
        self.wave_size = wave_size
        self.ledger = Ledger()
        self.plans = plan_queries.Desk()
        self.people: dict[int, Person] = {}
        self._size = writer.size
        self.begin(writer, wall)

    def begin(self, writer: Writer, wall: Wall) -> None:
        """Start the next transaction with the runs still in hand."""
        self.writer = writer
        self.wall = wall
        if writer.size != self._size:
            # Somebody else wrote in between: what the gate knows may have changed, so it is read again.
            self.ledger = Ledger()
            self.plans = plan_queries.Desk()
            self.people = {}
            self.know((run.plan, run.contact_id) for run in self.runs.values())
        self.wave: list[InFlight] = []
        self.turn = 0  # of the wave
        self.in_wave: set[int | str] = set()  # contacts and addresses of the wave
        self.reached: set[int | str] = set()  # those of them whom it may opt out with its outcomes
        self.new: list[Live] = []
        self.changed: dict[int, Live] = {}
        self.admitted: list[tuple[store.Arrival, store.Verdict]] = []
        self.repeated: list[int] = []
        self.outcomes: list[tuple[str, str]] = []
        self.done = 0

    @property
    def now(self) -> int:
        return self.writer.clock

    # Runs in hand

    def take(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Take stored runs into hand; those already there are newer and stay."""
        fresh = [row for row in rows if row[0] not in self.runs]
        for row in fresh:
            run = store.live(row, plan_queries.parsed(row[1]))
            self.runs[run.no] = run
            self.queue(run)
        taken = [self.runs[row[0]] for row in fresh]
        self.know((run.plan, run.contact_id) for run in taken)

    def know(self, pairs: Iterable[tuple[Plan, int]]) -> None:
        """Load what the gate will be asked about contacts on plans, a few statements whatever their number."""
        pairs = list(pairs)
        if pairs:
            self.ledger.prefetch([self._ask(plan, who, channel) for plan, who in pairs for channel in channels(plan)])
            self.people.update(people.by_id({who for _, who in pairs}))

    def add(self, run: Live, result: Result) -> None:
        """Take a run into hand that has no row yet, with what came of its start."""
        self.runs[run.no] = run
        self.new.append(run)
        self._take(run, self.now, result)

    def queue(self, run: Live) -> None:
        """Put a run where its own next action belongs, if it has one."""
        if run.state.due is not None:
            heapq.heappush(self.heap, (run.key(), run.no, None))

    def queue_arrival(self, arrival: store.Arrival, action: Callable[[], None]) -> None:
        """Put an input where it belongs: before every timer of the same second, among inputs as they came."""
        heapq.heappush(self.heap, (arrival_key(arrival), 0, action))

    def drop_arrivals(self) -> None:
        """Forget inputs that were not reached: they have no place yet and are read again."""
        if any(action is not None for _, _, action in self.heap):
            self.heap = [item for item in self.heap if item[2] is None]
            heapq.heapify(self.heap)

    def holds_next(self) -> bool:
        """Return whether the next action before the horizon is in hand."""
        while self.heap and self._moved(*self.heap[0]):
            heapq.heappop(self.heap)
        if not self.heap or self.horizon is None:
            return False
        key, _, arrival = self.heap[0]
        return arrival is None and key <= self.horizon

    def _moved(self, key: Key, no: int, arrival: Callable[[], None] | None) -> bool:
        """Return whether an input moved a run since it was queued here; its new place is in the heap too."""
        return arrival is None and (self.runs[no].state.due is None or self.runs[no].key() != key)

    # Going on

    def proceed(self, most: int) -> None:
        """Do what is next until nothing is left before the wall, the wave is full, or `most` things were done."""
        while self.heap and self.done < most and len(self.wave) < self.wave_size:
            key, no, action = self.heap[0]
            beyond = self.horizon is not None and key > self.horizon
            # While messages are on their way, neither the clock nor the turn moves on: their runs may be next in it.
            if key[0] > self.wall.at or beyond or (self.wave and key[:3] > (self.now, 1, self.turn)):
                return
            if self._moved(key, no, action):
                heapq.heappop(self.heap)
                continue
            if action is None:
                run = self.runs[no]
                if self.wave and self._crosses(run):
                    return
                action = self._action(run)
            heapq.heappop(self.heap)
            self.writer.raise_clock(key[0])
            self.done += 1
            action()

    def _action(self, run: Live) -> Callable[[], None]:
        if run.state.status == Status.WAITING:
            return lambda: self._fire(run)
        if isinstance(run.plan.steps[run.state.step], WaitUntil):
            return lambda: self._resolve(run)
        return lambda: self._send(run)

    def _fire(self, run: Live) -> None:
        self.apply(run, Timer(self.now))

    def _resolve(self, run: Live) -> None:
        """Tell a run when its contact's clock shows the time it waits for."""
        step = run.plan.steps[run.state.step]
        assert isinstance(step, WaitUntil)
        zone = self.ledger.zone(run.contact_id)
        until = hours.next_local(zone, step.minute, step.days, self.now) if zone else None
        self.apply(run, Resolved(self.now, zone, hours.TZDATA_VERSION, until))

    def _send(self, run: Live) -> None:
        """Bring a run to the gate, unless the engine is behind: then first walk through all that came before."""
        if not self.wall.driven and self.wall.at - self.now > LATENESS_TOLERANCE_S:
            run.state.due = self.wall.at
            self.changed[run.no] = run
            self.queue(run)
            return
        step, turn = run.plan.steps[run.state.step], run.state.turn
        ask = self.ask(run, str(CHANNELS[step.kind]))
        try:
            facts, policy = self.ledger.facts(ask, now=self.now), self.ledger.policy(ask.policy_key)
            if ask.again:
                message = compose.kept(run, ask.channel)
            else:
                message = compose.compose(run, ask.channel, self.people[run.contact_id])
        except Exception as error:
            self._fault(run, self.now, error)
            return
        given = Facts(self.now, policy, facts, message.commitment, message.error)
        result = self.apply(run, given)
        for effect in result.effects:
            if isinstance(effect, Dispatch):
                self.ledger.reserve(facts["counters"], now=self.now)
                self.wave.append(InFlight(run, message.outgoing(effect, run.no), ask))
                self.turn = turn
                self.in_wave.update(self._reach(run))
                if _may_opt_out(run.plan):
                    self.reached.update(self._reach(run))

    def _crosses(self, run: Live) -> bool:
        """Return whether a run has to wait for the wave: one of the two may opt out the person whom both contact."""
        reach = self._reach(run)
        return not self.reached.isdisjoint(reach) or (not self.in_wave.isdisjoint(reach) and _may_opt_out(run.plan))

    def _reach(self, run: Live) -> tuple[int | str, ...]:
        """Return whom a run may contact: the person, and the addresses that others may share."""
        person = self.people[run.contact_id]
        return (person.id, *filter(None, (person.email, person.phone)))

    def apply(self, run: Live, given: Input) -> Result:
        """Give a run an input; a fault in the core fails that run and nothing else."""
        try:
            result = machine.step(run.plan, run.state, given)
        except Exception as error:
            return self._fault(run, given.at, error)
        return self._take(run, given.at, result)

    def _fault(self, run: Live, at: int, error: Exception) -> Result:
        logger.exception("engine fault", extra={"run": run.no})
        return self._take(run, at, machine.step(run.plan, run.state, Fault(at, type(error).__name__)))

    def _take(self, run: Live, at: int, result: Result) -> Result:
        """Go on from a result of the core: its state, entries and effects, and the recovery rules where it failed."""
        before, run.state = run.state.status, result.state
        if run.state.status in transitions.FINAL and before not in transitions.FINAL:
            run.ended_at = at
        if run.stored:
            self.changed[run.no] = run
        self.writer.extend(result.entries)
        for effect in result.effects:
            if isinstance(effect, Settle):
                self._settle(effect)
            elif isinstance(effect, OptOut):
                optouts.record(self, run, effect)
            else:
                run.epoch = self.writer.epoch
        self.queue(run)
        if run.state.status == Status.FAILED:
            self._recover(run, at)
        return result

    def _recover(self, run: Live, at: int) -> None:
        """Let the policy in force say what becomes of a failed send, if it says anything."""
        step = run.plan.steps[run.state.step]
        if step.kind not in CHANNELS:
            return
        key = run.plan.policy
        key_ttl_s = registry.key_ttl_s(CHANNELS[step.kind])
        given = Recover(at, self.ledger.policy(key), self.ledger.policy_hash(key), key_ttl_s)
        if commanding.choice(run.state, step, given) is not None:
            self.apply(run, given)

    def _settle(self, effect: Settle) -> None:
        """Post on success, void what certainly did not leave, keep what nobody knows."""
        if effect.how == "post":
            self.ledger.post(effect.reserved, now=self.now)
        elif effect.how == "void":
            self.ledger.void(effect.reserved, now=self.now)

    def ask(self, run: Live, channel: str) -> Ask:
        """Return the question to the gate for a run's next send on a channel."""
        late_by = max(0, self.now - run.state.ready_at) if run.state.ready_at else 0
        return self._ask(run.plan, run.contact_id, channel, late_by, bool(run.state.again_until))

    def _ask(self, plan: Plan, contact_id: int, channel: str, late_by: int = 0, again: bool = False) -> Ask:
        state = self.plans.state(plan.key)
        return Ask(contact_id, channel, plan.purpose, plan.key, state, plan.policy, late_by, again)

    # Writing

    def flush(self, first_place: int) -> None:
        """Put down all rows of this transaction; the writer puts down the entries when the block ends."""
        store.insert(self.new)
        store.update(list(self.changed.values()))
        store.insert_intents([flight.outgoing for flight in self.wave], at=self.now)
        store.record_outcomes(self.outcomes)
        placed = [(place, *row) for place, row in enumerate(self.admitted, first_place)]
        store.place([(place, verdict) for place, arrival, verdict in placed if not arrival.reaction])
        store.place_reactions([row for row in placed if row[1].reaction])
        store.release(self.repeated)
        self.ledger.flush()
        self._size = self.writer.size_after


def arrival_key(arrival: store.Arrival) -> Key:
    """Return the place of an input in the order of actions."""
    return (arrival.at, 0, int(arrival.reaction), arrival.received_us, arrival.id)


def _may_opt_out(plan: Plan) -> bool:
    return any(isinstance(step, RecordOptOut) for step in plan.steps.values())
