"""One story: a world, what happens in it, and a process that may die at every point. The seed decides everything.

A story of real channels follows the database's clock, knows outages and jumps, and its providers tell what happens by
themselves. A story of sandboxes drives its clock. `calm` stories have no crash and drain until idle, so that two
tellings which cut the work differently can be compared byte by byte.
"""

import heapq
import itertools
import json
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from django.db import OperationalError

from audit.log import Fenced
from channels.kinds import Channel, Event
from channels.messages import Message
from policies import hours
from runs import dispatch, inbox, lease, operations, store, tick
from runs.lease import Held
from runs.tick import Engine
from tests.simulator import making, oracle
from tests.simulator.faults import TAKEN_OVER, Crash, Faults
from tests.simulator.providers import DAY, HOUR, Ledger, Provider, body
from tests.simulator.world import Pool, World

# What two tellings of one calm story may do differently, and not a byte of any run changes.
CUTS = ("waves", "groups", "loads", "reads", "slices", "order of sends", "cadence", "clock", "deliveries")


class Story:
    """A world in which things happen."""

    def __init__(
        self, seed: int, world: World, *, calm: bool = False, cut: Sequence[str] = (), strangers: bool = False
    ) -> None:
        """calm: no crashes, no outages. cut: what is done in another way than usual, some of CUTS.

        strangers: nobody has anything in common with anybody: no address, no limit that is met.
        """
        self.seed, self.calm, self.cut = seed, calm, cut
        self.rng = Random(f"story {seed}")
        self.chance = Random(f"cut {seed}")  # for what two tellings of a calm story may do differently
        self.world = world
        self.database = world.database
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.timeline: list[tuple[int, str, int, Callable[[], None]]] = []
        self._order, self._names = itertools.count(), itertools.count(1)
        self.faults = Faults(self.database, self.rng, self.seen)
        self.faults.look = lambda: oracle.at_commit(self)
        self.acting = "a page"
        self.beside: Callable[[Story], None] | None = None  # what somebody does while a wave is on its way
        self.between: Callable[[Story], None] | None = None  # and while the engine reads
        self.spare: list[Engine] = []  # engines that were replaced while they stood still
        self.waves: list[int] = []  # fencing numbers under which waves are on their way, the innermost last
        self.sandbox = seed % 2 == 0
        self.beyond: set[str] = set()  # intents that a replaced engine was sending when it was frozen
        self.stepped_back_s = 0
        self.ledger = Ledger()
        self.dispatched: Counter[str] = Counter()  # committed dispatches by intent
        self.committed_us: dict[str, int] = {}  # and when the latest of each was committed
        self._spy()
        self.made = making.Made(self, strangers=strangers)
        self.providers = {channel: self._provider(channel) for channel in Channel}
        world.adapters(lambda channel: self.providers[Channel(channel)])
        self.made.world()
        self.engine = self._new_engine()

    def name(self, kind: str) -> str:
        """Return a name that nothing else in this story has."""
        return f"{kind}{next(self._names)}"

    # Time

    @property
    def now(self) -> int:
        """What the engine takes for now: lane seconds."""
        return max(self.world.wall, self.world.lane)

    def at(self, second: int, do: Callable[[], None], name: str = "~") -> None:
        """Let something happen when the lane's second has come; in one second by name, then as it was said."""
        heapq.heappush(self.timeline, (second, name, next(self._order), do))

    def next_due(self) -> int | None:
        return min((row["due_at"] for row in self.world.rows("runs_run") if row["due_at"] is not None), default=None)

    def advance(self, to: int, *, awake: bool = True) -> None:
        """Let time pass up to a lane second. awake: the engine works at every instant on the way, else at the end."""
        if self.sandbox:
            self._drive(to)
            return
        looks: dict[int, int] = {}  # when the engine looks at what is due
        looked: set[int] = set()
        while True:
            stops = [to, self.now + 12 * HOUR] if awake else [to]  # an idle engine is no clock that jumps
            if self.timeline:
                stops.append(self.timeline[0][0])
            due = self.next_due() if awake and not self.world.engine_row["halted"] else None
            if due is not None and due not in looked:
                stops.append(looks.setdefault(due, due + self._lag()))
            at = max(min(stops), self.now)
            looked.update(due for due, when in looks.items() if when <= at)
            self._set_wall(at)
            self._happen(at)
            if awake or at >= to:
                self.drain()
            if at >= to:
                return

    def _lag(self) -> int:
        """Return how late the engine looks at something that is due."""
        return self.chance.choice((0, 1, 30, 59)) if "cadence" in self.cut else 0

    def _drive(self, to: int) -> None:
        """Drive the sandbox clock; what happens in the real world meanwhile happens in one second of it."""
        seconds = to - self.now
        if seconds > 0:
            parts = [seconds]
            if "clock" in self.cut and seconds > 1:
                parts = [cut := self.chance.randint(1, seconds - 1), seconds - cut]
            for part in parts:
                operations.advance_clock(actor="cli", seconds=part)
            self._set_wall(self.world.wall + 1)
            if self.calm:
                self.drain()
        self._happen(to)
        self.drain()

    def _set_wall(self, at: int) -> None:
        database = self.database
        offset_s = self.world.engine_row["offset_s"]
        database.now_us = max(database.now_us, (at - offset_s) * 1_000_000 + database.now_us % 1_000_000 % 997)

    def _happen(self, up_to: int) -> None:
        while self.timeline and self.timeline[0][0] <= up_to:
            _, name, _, do = heapq.heappop(self.timeline)
            if self.calm and name == "~":
                self.drain()  # what is due by now sees the world as it was before somebody acted
            do()

    def interesting(self) -> list[int]:
        """Return instants at which something changes by itself: deadlines, midnights, expiries, events to come."""
        found = [row["due_at"] for row in self.world.rows("runs_run") if row["due_at"] is not None]
        found += [row["due"] for row in self.world.rows("channels_reaction") if not row["released"]]
        found += [at for at, _, _, _ in self.timeline]
        for row in self.world.rows("runs_run"):
            state = json.loads(row["state"])
            if state.get("unsure") and row["status"] == "FAILED":
                found += [state["unsure_at"] + ttl - 60 for ttl in self.made.ttls if ttl]
            if state.get("again_until"):
                found += [state["again_until"], state["again_until"] + 1]
            if row["status"] in ("READY", "PAUSED", "WAITING"):
                found.append(row["start_at"] + self.made.max_duration)
                found += [row["due_at"] + late for late in (30, 600) if row["due_at"] is not None]
        found += [hours.day(self.made.policy_zone, self.now).end, *making.edges(self.now)]
        return [at for at in found if at > self.now]

    # The engine

    def drain(self, slices: int = 0) -> None:
        """Let the engine work until nothing is left (or for some slices); after a crash another one goes on."""
        slices = slices or (10_000 if self.calm else self.rng.choice((1, 3, 10_000, 10_000, 10_000)))
        for _ in range(3_000):
            if not slices:
                return
            slices -= 1
            self._cut()
            before, self.acting = self.acting, "the engine"
            try:
                if not self.engine.drain(budget_s=1):
                    return
            except Held:
                self.seen["an engine stands by"] += 1
                self._set_wall(self.now + lease.LEASE_S + 1)
            except Fenced:
                self.seen["a replaced engine was refused"] += 1
            except OperationalError:
                self.seen["the same engine goes on"] += 1
            except Crash:
                self._bury()
            finally:
                self.acting = before
        self.wrong.append("the engine finds no end")

    def _unread(self) -> bool:
        return any(row["place"] is None for row in self.world.rows("runs_inbox"))

    def _bury(self) -> None:
        self.seen["another engine"] += 1
        self.world.connection.forget()
        self.engine = self._new_engine()
        if self.rng.random() < 0.5:
            self._set_wall(self.now + self.rng.choice((1, lease.LEASE_S + 1, 90, 2 * HOUR)))

    def _new_engine(self) -> Engine:
        return Engine(wave_size=32)

    def _cut(self) -> None:
        """Cut the work by chance: how much is loaded, read, sent and done at once."""
        chance, cut = self.chance, self.cut if self.calm else CUTS
        if "loads" in cut:
            tick.LOAD = chance.choice((2, 3, 500))
        if "reads" in cut:
            tick.INPUTS = chance.choice((2, 3, 128))
        if "groups" in cut:
            self.engine.group = chance.choice((1, 2, 7, 500))
        if "waves" in cut:
            self.engine.wave_size = chance.choice((1, 2, 3, 32))
        if "order of sends" in cut:
            Pool.chance = chance
        if "slices" in cut:
            self.clock_step = chance.choice((0.0, 0.0, 0.4, 2.0))

    def freeze(self) -> None:
        """Stand still in the middle of a wave: another engine takes over, or nobody does."""
        self._set_wall(self.now + self.rng.choice((30, 61, 61, HOUR, 2 * HOUR)))
        if self.rng.random() < 0.3:
            self.seen["an engine stood still"] += 1
        else:
            self._replace()

    def _replace(self) -> None:
        """Let another engine take over from the one that works, which does not know it yet."""
        self._set_wall(self.now + lease.LEASE_S + 1)
        frozen, engine = self.engine, self._new_engine()
        self.seen["an engine was replaced in the middle of a wave"] += 1
        self.spare.append(frozen)
        self.engine = engine
        armed, self.faults.armed = self.faults.armed, {}
        self.drain(self.rng.choice((1, 2, 10_000)))
        self.faults.armed = armed

    def thaw(self) -> None:
        """Let engines that were replaced go on, as far as they get: they file what they had found out."""
        while self.spare:
            old = self.spare.pop()
            for _ in range(2):
                try:
                    old.drain()
                    self.engine = old
                except (Held, Fenced, OperationalError):
                    self.seen["a thawed engine is refused"] += 1
                except Crash:
                    self.world.connection.forget()
                    return

    # Where things can go wrong

    def _at_commit(self, commit: Callable[[], None]) -> None:
        """Every commit of everybody goes through here."""
        self.faults.commit(commit, ["a page"] if self.acting == "a page" else self.faults.engine_work())

    def _spy(self) -> None:
        patch, send = self.world.patch, dispatch.send
        self.world.connection.at_commit = self._at_commit
        self.clock_step, self._monotonic = 0.0, 0.0
        patch.setattr(tick, "LOAD", tick.LOAD)
        patch.setattr(tick, "INPUTS", tick.INPUTS)
        if self.calm:
            patch.setattr(tick, "IDLE_STEP_S", 1)  # so that pages find the lane clock at the same second in any cadence
        patch.setattr(Pool, "chance", None)
        patch.setattr(tick, "time", self)

        def sent(wave: Any, committed: Any, pool: Any) -> Any:
            self._beside()
            self.faults.point("before the wave")
            self.waves.append(committed.epoch)
            try:
                answers = send(wave, committed, pool)
            finally:
                self.waves.pop()
            self._beside()
            self.faults.point("after the wave")
            return answers

        patch.setattr(dispatch, "send", sent)
        reactions_due = store.reactions_due

        def read_reactions(before: int, limit: int) -> Any:
            """Between the engine's reads, somebody else's input becomes visible."""
            if self.between is not None and not self.calm:
                act, self.between = self.between, None
                with self.database.elsewhere():
                    act(self)
            return reactions_due(before, limit)

        patch.setattr(store, "reactions_due", read_reactions)

    def monotonic(self) -> float:
        """Stand in for the clock that cuts the work into slices."""
        self._monotonic += self.clock_step
        return self._monotonic

    def _beside(self) -> None:
        """Let somebody act while a wave is committed and has no outcome yet."""
        if self.beside is not None and not self.calm:
            act, self.beside = self.beside, None
            self.acting = "a page"
            try:
                act(self)
            finally:
                self.acting = "the engine"

    # Providers

    def _provider(self, channel: Channel) -> Provider:
        ttl_s = self.made.ttls[0 if channel == Channel.EMAIL else 1]
        made = Provider(channel, str(self.seed), sandbox=self.sandbox, ttl_s=ttl_s, ledger=self.ledger)
        made.identity = self._identity
        made.now_us = self._providers_clock
        made.tell = self._tell
        made.before = self._before_a_send
        made.after = self._after_a_send
        return made

    def _after_a_send(self, message: Message) -> None:
        if self.waves[-1] != self.database["audit_head"].rows[1]["epoch"]:
            self.beyond.add(message.intent)
        self.faults.point("after a send")

    def _providers_clock(self) -> int:
        """A real provider's keys age by its own clock, a sandbox's by the clock that people drive."""
        return int(self.database["audit_head"].rows[1]["clock"]) * 1_000_000 if self.sandbox else self.database.now_us

    def _identity(self, message: Message) -> str:
        """Name a message by what it has in every telling, in whatever order the runs were started."""
        intent = self.database["runs_intent"].rows[message.intent]
        run = self.database["runs_run"].rows[intent["run_id"]]
        return f"{run['plan_key']}/{run['contact_id']}/{intent['step']}/{intent['visit']}/{intent['attempt']}"

    def _before_a_send(self, message: Message) -> None:
        oracle.before_a_send(self, message)
        self.faults.point("before a send")
        if len(self.waves) == 1 and self.faults.met(TAKEN_OVER):
            self._replace()

    def _tell(self, message: Message, delay: int, event: Event, name: str, times: int) -> None:
        """Let a real provider tell an event, at once or later, once or many times."""
        source, row = f"hook:{self.providers[message.channel].name}", body(event, message.intent)

        def tell() -> None:
            self.put(source=source, external_id=name, kind="event", body=row)

        if not delay and not self.calm:
            self.seen["an event before the outcome"] += 1
            tell()
            return
        for at in range(times):
            # A calm story is told by engines that may be a minute late: nothing comes while they sleep.
            later = (max(delay, 61) if self.calm else delay) + (0, 1, HOUR, HOUR)[at]
            self.at(self.world.lane + later, tell, f"{self._identity(message)}/{name}")

    def put(self, **row: Any) -> None:
        """Put an input into the inbox as a page or a webhook does; what is lost on the way is delivered again."""
        before, self.acting = self.acting, "a page"
        try:
            inbox.put(**row)
            if "deliveries" in self.cut:
                inbox.put(**row)
        except (Crash, OperationalError):
            self.world.connection.forget()
            inbox.put(**row)
        finally:
            self.acting = before

    # The end

    def end(self) -> None:
        """Let everything come to its end: nobody holds anything, nothing breaks, and time goes on for weeks."""
        self.faults.armed, self.beside, self.between = {}, None, None
        self.thaw()
        self.database.now_us += self.stepped_back_s * 1_000_000  # a wall that went back has caught up by then
        for _ in range(40):
            self.made.let_go()
            if self.world.engine_row["halted"]:
                operations.confirm_clock(actor="cli")
                self.seen["a jump of the clock was confirmed"] += 1
            self.advance(self.now + 6 * DAY, awake=self.calm)
            self.drain(10_000)
            held = any(row["reason"] == "held" for row in self.world.rows("runs_run"))
            waits = any(not row["released"] for row in self.world.rows("channels_reaction"))
            if self.next_due() is None and not (self.timeline or held or waits or self._unread()):
                break
        self.engine.close()
