"""Stories by chance: people, operators, pages and providers act between drains, in their middle, and between crashes.

One seed is one story. Half of them live in 2033, beyond the database's clock, so that only driving moves the clock and
the same seed tells the same story; the others follow the real clock and know outages. What must never be is looked at
while a message leaves (`_check_before_the_socket`) and, over the whole log, in `invariants`.
"""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

import psycopg
import pytest

from audit.log import Fenced
from channels import registry
from channels.adapters import script
from channels.kinds import CALL_LABELS, Channel
from channels.messages import delivered, labelled
from plans import operations as plan_operations
from policies import publishing
from policies.models import Contact, KillSwitch
from runs import dispatch, inbox, lease, operations, tick
from runs.batch import Batch, InFlight
from runs.models import Inbox, Intent, Run
from runs.tick import Engine
from tests.factories import WHOLE_WEEK, make_contact, make_policy, make_template
from tests.functional.random_plans import DAY, random_plan

FROZEN = 2_000_000_000
CRASHES = (
    "before the commit of T1",
    "after the commit of T1",
    "between commit and send",
    "after some sends",
    "before the commit of T2",
    "after the commit of T2",
    "before the commit of a recovery",
    "after the commit of a recovery",
)
LIMITS = (2, 3, 5, 8, 50)
GATE_ORACLE = """
SELECT c.state = 'active',
  (SELECT status FROM policies_consent WHERE contact_id = c.id AND channel = %(channel)s AND purpose = 'marketing'
   ORDER BY version DESC LIMIT 1) = 'granted',
  NOT EXISTS (SELECT FROM policies_suppression s WHERE s.removed_at IS NULL AND s.address IN (c.email, c.phone)
   AND s.address <> '' AND (s.scope = 'global' OR s.scope = 'channel' AND s.channel = %(channel)s
   OR s.scope = 'plan' AND s.plan_key = %(plan)s AND s.channel IN ('', %(channel)s))),
  NOT EXISTS (SELECT FROM policies_killswitch WHERE engaged AND key IN ('', %(channel)s, %(plan)s)),
  EXISTS (SELECT FROM runs_intent WHERE id = %(intent)s)
FROM policies_contact c WHERE c.id = %(contact)s
"""


# What somebody does in a story, given a contact it may be about.
Act = Callable[["Story", Contact], None]


class Crash(BaseException):
    """The process is gone at this point; whatever was in memory is lost."""


class Story:
    """A world, and what happens in it."""

    def __init__(
        self, seed: int, owner: psycopg.Connection, patch: pytest.MonkeyPatch, *, cut: str = "", calm: bool = False
    ) -> None:
        """cut: chooses how the work is cut, "" as in production. calm: no crashes, and every drain works until idle."""
        self.rng = Random(seed)
        self.chance = Random(f"{seed}/{cut}")  # for what may differ between two tellings of a calm story
        self.cut, self.calm = cut, calm
        self.live = seed % 2 == 1 and not calm
        self.began = datetime.now(UTC)
        self.owner = owner
        self.patch = patch
        self.seen: Counter[str] = Counter()
        self.sent: list[str] = []  # intents, as the adapters were given them
        self.wrong: list[str] = []
        self.armed: tuple[str, int] | None = None
        self.lock = threading.Lock()
        self.recovering = False
        patch.setattr(lease, "LEASE_S", 0)
        self._spy_on_commits(patch)
        self._spy_on_sends(patch)
        self._make_world()
        self.engine = Engine(wave_size=32)

    def tell(self, acts: Mapping[Act, int], between: Sequence[Act]) -> None:
        """Let things happen, then let everything come to its end. acts: {act: how often}; between: commit and send."""
        self.between = between
        for _ in range(self.rng.randint(12, 20)):
            for _ in range(self.rng.randint(1, 4)):
                self.rng.choices(list(acts), list(acts.values()))[0](self, self.contact())
            self.drain(1000 if self.calm else self.rng.choice((1, 2, 5, 1000)))
        self.armed = None
        self.release_switches()
        self.drain(1000)
        self.release_held()
        operations.advance_clock(seconds=30 * DAY, actor="cli")
        self.drain(1000)
        self.engine.close()

    # The engine, whole and in pieces

    def drain(self, slices: int) -> None:
        """Work for some slices, cut by chance; after a crash another engine goes on."""
        chance = self.chance
        if self.calm:  # or a second that passes between two of its acts would tell another story
            self.owner.execute("UPDATE runs_inbox SET received_at = %s WHERE place IS NULL", [self.began])
        if self.cut:
            self.patch.setattr(tick, "LOAD", chance.choice((2, 3, 500)))
            self.patch.setattr(tick, "INPUTS", chance.choice((2, 3, 128)))
            self.engine.group = chance.choice((1, 2, 7, 500))
            self.engine.wave_size = chance.choice((1, 2, 3, 32))
        end = time.monotonic() + 30
        while slices:
            assert time.monotonic() < end, "the engine finds no end"
            try:
                more = self.engine.drain(budget_s=chance.choice((0, 0.01, 1)) if self.cut else 1)
            except Fenced:
                self.seen["a replaced engine was refused"] += 1
                continue
            except Crash:
                self._bury(chance.random() < 0.7)
                continue
            slices -= 1
            if not more and not Inbox.objects.filter(place=None).exists():
                return
            if not more:
                time.sleep(0.05)  # a row of the second that has just begun

    def _bury(self, dead: bool) -> None:
        """Go on after a crash: as another process, or as the same one whose task failed."""
        self.seen["another engine" if dead else "the same engine goes on"] += 1
        self.engine.pool.shutdown()  # a real death would stop the sends in mid-air; here they still leave
        fresh = Engine(wave_size=32)
        if dead:
            self.engine = fresh
        else:
            self.engine.pool = fresh.pool

    def _point(self, label: str) -> None:
        with self.lock:
            if self.armed is None or self.armed[0] != label:
                return
            self.armed = (label, self.armed[1] - 1) if self.armed[1] else None
            if self.armed is not None:
                return
            self.seen[f"crash {label}"] += 1
            if self.chance.random() < 0.4:
                self.armed = (self.chance.choice(CRASHES[6:]), 0)  # and again while it recovers
        raise Crash(label)

    def _spy_on_commits(self, patch: pytest.MonkeyPatch) -> None:
        """Listen before and after every commit, where a process can die; and let a story of 2033 stay there."""
        story, flush, rest = self, Batch.flush, Engine._rest
        transact, recover = Engine._transact, Engine._recover

        def spied_flush(batch: Batch, first_place: int) -> None:
            flush(batch, first_place)
            if batch.wave:
                story._point(CRASHES[0])
            if batch.outcomes:
                story._point(CRASHES[4] if not story.recovering else CRASHES[6])

        def spied_transact(engine: Engine, *given: Any, **named: Any) -> Any:
            batch, idle = transact(engine, *given, **named)
            if batch.wave:
                story._point(CRASHES[1])
            if batch.outcomes:
                story._point(CRASHES[5])
            return batch, idle

        def spied_recover(engine: Engine) -> None:
            story.recovering = True
            try:
                recover(engine)
                story._point(CRASHES[7])
            finally:
                story.recovering = False

        def stopped_rest(engine: Engine, writer: Any, row: Any, *given: Any) -> bool:
            idle = rest(engine, writer, row, *given)
            row.offset_s = row.offset_s if story.live else 0
            return idle

        patch.setattr(Batch, "flush", spied_flush)
        patch.setattr(Engine, "_transact", spied_transact)
        patch.setattr(Engine, "_recover", spied_recover)
        patch.setattr(Engine, "_rest", stopped_rest)

    def _spy_on_sends(self, patch: pytest.MonkeyPatch) -> None:
        """Listen beside every socket."""
        story, send, send_one = self, dispatch.send, dispatch._send_one

        def spied_send(wave: Sequence[InFlight], *given: Any) -> Any:
            story._act_beside(wave)
            story._point(CRASHES[2])
            story._freeze_and_thaw()
            answers = send(wave, *given)
            story._act_beside(wave)
            story._freeze_and_thaw()
            return answers

        def spied_send_one(flight: InFlight, rule: str | None) -> Any:
            if rule is None:
                story._check_before_the_socket(flight)
            answer = send_one(flight, rule)
            story._point(CRASHES[3])
            return answer

        patch.setattr(dispatch, "send", spied_send)
        patch.setattr(dispatch, "_send_one", spied_send_one)
        for channel in ("email", "voice"):
            adapter = registry.adapter_for(channel)
            patch.setattr(adapter, "send", self._counting(adapter.send))

    def _counting(self, send: Callable[..., Any]) -> Callable[..., Any]:
        def counted(message: Any, key: str) -> Any:
            with self.lock:
                self.sent.append(message.intent)
            fate = int(message.intent[:2], 16)  # some adapters know more than the sandbox, and one is broken
            if fate < 8:
                raise RuntimeError("an adapter that breaks its contract")
            if fate < 40 and message.channel == Channel.EMAIL:
                return delivered()
            if fate < 100 and message.channel == Channel.VOICE:
                return labelled(CALL_LABELS[fate % 4])
            return send(message, key)

        return counted

    def _check_before_the_socket(self, flight: InFlight) -> None:
        """Ask the tables themselves, by a query of its own, whether this message may leave now."""
        asked = {"channel": flight.ask.channel, "plan": flight.ask.plan_key, "contact": flight.ask.contact_id}
        intent = flight.outgoing.dispatch.intent
        with self.lock:
            found = self.owner.execute(GATE_ORACLE, asked | {"intent": intent}).fetchone()
            if found != (True, True, True, True, True):
                self.wrong.append(f"{intent} of run/{flight.run.no} left while {found}")

    def _act_beside(self, wave: Sequence[InFlight]) -> None:
        """Let somebody act while a wave is committed and has no outcome yet."""
        if self.calm or self.rng.random() > 0.15:
            return
        contact = Contact.objects.get(pk=self.rng.choice(list(wave)).ask.contact_id)
        self.rng.choice(self.between)(self, contact)

    def _freeze_and_thaw(self) -> None:
        """Let another engine take over while this one stands still in the middle of a wave."""
        if self.calm or self.recovering or self.rng.random() > 0.03:
            return
        self.seen["an engine was replaced in the middle of a wave"] += 1
        other = Engine(wave_size=2)
        try:
            other.drain()
        finally:
            other.close()

    # The world

    def _make_world(self) -> None:
        rng = self.rng
        self.owner.execute("UPDATE audit_head SET clock = %s", [FROZEN if not self.live else int(time.time())])
        self.publish_policy()
        make_template()
        make_template("tier", body="{{ first_name }}: {{ attr_tier }}")
        make_template("script", "voice", "Hello {{ first_name }}.")
        self.plans = [f"plan-{n}" for n in range(rng.randint(1, 3))]
        for key in self.plans:
            plan_operations.install_plan(actor="cli", text=random_plan(rng, key, "open"))
        self.refs = [self._make_contact(n) for n in range(rng.randint(4, 12))]

    def publish_policy(self) -> None:
        rng = self.rng
        whole, narrow = WHOLE_WEEK, [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "08:00", "to": "18:30"}]
        recovery = [
            {"on": ["smtp_temporary_refused"], "action": "retry", "max_attempts": 2, "backoff_ticks": [60, 600]},
            {"on": ["outcome_lost"], "action": "redispatch", "max_attempts": 1, "backoff_ticks": [30]},
            {"on": ["smtp_timeout_after_data", "outcome_lost"], "action": "resolve_on_evidence"},
        ]
        hours = [{"channels": ["voice"], "purposes": ["marketing"], "windows": rng.choice((whole, narrow))}]
        make_policy(
            zone=rng.choice(("UTC", "Europe/Berlin", "America/New_York")),
            daily_limits=[
                {"key": "mails", "channel": "email", "limit": rng.choice(LIMITS)},
                {"key": "calls", "channel": "voice", "limit": rng.choice(LIMITS)},
            ],
            budgets=[{"key": "money", "limit": rng.choice((20_000, 200_000, 10**9)), "period": "lifetime"}],
            calling_hours=hours,
            recovery=rng.sample(recovery, rng.randint(0, 3)),
        )

    def _make_contact(self, n: int) -> str:
        rng = self.rng
        tag = rng.choice([*script.MAIL, "opens", "replies", "unsubscribes"])
        attributes = {"score": rng.randint(0, 9)} | ({"tier": rng.choice(("gold", "basic"))} if n % 4 else {})
        channels = rng.choices((("email", "voice"), ("email",), ()), (8, 2, 1))[0]
        make_contact(
            f"c-{n}",
            consents=channels,
            first_name=f"Zebulon{n}",
            last_name=f"Quince{n}",
            email=f"quince.{n}+{tag}@example.org" if n % 5 else "quince.shared+opens@example.org",
            phone=f"+1212555{rng.choice(list(script.CALLS))}" if rng.random() < 0.9 else "",
            zone=rng.choice(("America/New_York", "Europe/Berlin", "")),
            attributes=attributes,
        )
        return f"c-{n}"

    def release_switches(self) -> None:
        for switch in KillSwitch.objects.filter(engaged=True):
            publishing.release_kill_switch(actor="cli", scope=switch.scope, key=switch.key, reason="over")

    def release_held(self) -> None:
        """Let go of what operators hold: a held run has no end of its own."""
        for run in Run.objects.filter(status="PAUSED", reason="held").order_by("no"):
            given = {"command": "release", "run": run.no, "expected_n": run.n, "actor": "user:1", "note": None}
            name = str(uuid.UUID(int=self.rng.getrandbits(128)))
            inbox.put(source="command", external_id=name, kind="command", body=given)

    def contact(self) -> Contact:
        return Contact.objects.get(ref=self.rng.choice(self.refs))

    def intent(self) -> str | None:
        found = list(Intent.objects.order_by("id").values_list("id", flat=True))
        return self.rng.choice(found) if found else None
