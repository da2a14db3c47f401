"""A run driven by hand, without a database: the core alone, with facts that allow unless the test says otherwise."""

import json
from typing import Any

from plans import document
from plans.document import Plan
from policies.rules.recovery import Choice
from runs.engine import commanding, machine
from runs.engine.values import (
    Command,
    Dispatch,
    Effect,
    Event,
    Facts,
    Input,
    Outcome,
    Recover,
    Report,
    Resolved,
    RunState,
    Settle,
    Start,
    Timer,
    pack,
    unpack,
)

START_AT = 1_800_000_000

WHOLE_WEEK = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "24:00"}]
POLICY = {
    "schema": "dee.policy/1",
    "key": "outreach",
    "zone": "UTC",
    "currency": "EUR",
    "prices": {"email": 1000, "voice": 80_000},
    "daily_limits": [{"key": "email-day", "channel": "email", "limit": 200}],
    "budgets": [],
    "calling_hours": [{"channels": ["voice"], "purposes": ["marketing"], "windows": WHOLE_WEEK}],
}


def make_plan(steps: dict[str, Any], **changes: Any) -> Plan:
    """Return a plan of these steps; the first one is the entry."""
    body = {
        "schema": "dee.plan/1",
        "key": "test-plan",
        "entry": next(iter(steps)),
        "purpose": "marketing",
        "policy": "outreach",
        "attributes": {"tier": "string"},
        "limits": {"max_steps": 50, "max_duration_s": 2_592_000},
        "steps": steps,
    }
    return document.parse(json.dumps(body | changes))


def make_facts(at: int, channel: str = "email", **changes: Any) -> dict[str, Any]:
    """Return facts that allow."""
    counters = []
    if channel == "email":
        counters.append(
            {
                "key": "daily:email-day:2027-01-15",
                "rule": "daily_limit",
                "limit": 200,
                "used": 0,
                "amount": 1,
                "resets_at": at + 3600,
            }
        )
    facts = {
        "at": at,
        "channel": channel,
        "purpose": "marketing",
        "plan": "test-plan",
        "policy": {"key": "outreach", "hash": "00" * 32},
        "kill": [],
        "plan_state": "active",
        "contact_state": "active",
        "address": True,
        "suppressions": [],
        "consent": {"status": "granted", "version": 1, "kind": "express"},
        "hours": {"applies": False, "windows": WHOLE_WEEK if channel == "voice" else [], "zones": [], "opens_at": None},
        "tzdata": "2026.1",
        "counters": counters,
        "price": POLICY["prices"][channel],  # type: ignore[index]
        "currency": "EUR",
        "late_by": 0,
    }
    return facts | changes


class Driver:
    """One run of a plan; every method gives it one input and returns the run's status."""

    def __init__(self, plan: Plan, *, contact: str = "c-1", **attrs: Any) -> None:
        self.plan = plan
        self.state = RunState(st="run/1", start_at=START_AT)
        self.entries: list[dict[str, Any]] = []
        self.hashes: list[str] = []
        self.effects: list[Effect] = []
        self.give(Start(START_AT, 1, contact, "cc" * 32, attrs, "cli"))

    def give(self, given: Input) -> str:
        """Apply an input, through the stored form of the state, as the shell does."""
        state = self.state
        columns = ("st", "start_at", "n", "head", "status", "reason", "step", "visit", "due", "turn", "since")
        stored = unpack(pack(state), **{name: getattr(state, name) for name in columns})
        assert stored == state
        result = machine.step(self.plan, stored, given)
        self.state = result.state
        self.entries += [json.loads(entry.body) for entry in result.entries]
        self.hashes += [entry.hash.hex() for entry in result.entries]
        self.effects = list(result.effects)
        return self.state.status

    @property
    def now(self) -> int:
        return self.state.due or START_AT

    def gate(self, at: int | None = None, error: str = "", **changes: Any) -> str:
        at = self.now if at is None else at
        channel = "voice" if self.plan.steps[self.state.step].kind == "call" else "email"
        if self.state.again_until:
            changes = {"counters": [], "again": True} | changes
        payload = {"c": "dd" * 32, "kind": "message", "ref": "x"}
        return self.give(Facts(at, POLICY, make_facts(at, channel, **changes), payload, error))

    def outcome(self, kind: str = "accepted", at: int = START_AT, code: str = "", label: str = "") -> str:
        return self.give(Outcome(at, self.state.intent, kind, code, label))

    def send(self, at: int | None = None, **outcome: Any) -> str:
        at = self.now if at is None else at
        self.gate(at)
        return self.outcome(at=at, **outcome)

    def timer(self) -> str:
        return self.give(Timer(self.now))

    def event(self, event: str, at: int, *, step: str = "", machine_made: bool = False, stops: bool = False) -> str:
        return self.give(Event(at, event, self.state.intent, step, machine_made, "hook:sandbox", "ee" * 16, stops))

    def command(self, command: str, at: int, label: str = "", key_ttl_s: int = 0) -> str:
        return self.give(Command(at, command, "c0ffee", "user:1", None, label, key_ttl_s))

    def resolve_time(self, until: int | None, zone: str = "Europe/Berlin", at: int | None = None) -> str:
        return self.give(Resolved(self.now if at is None else at, zone, "2026.1", until))

    def report(self, at: int, kind: str, code: str = "", label: str = "") -> str:
        return self.give(Report(at, self.state.intent, self.state.step, kind, code, label))

    def recover(self, at: int, *rules: dict[str, Any], key_ttl_s: int = 0) -> str:
        return self.give(Recover(at, POLICY | {"recovery": list(rules)}, "aa" * 32, key_ttl_s))

    def choice(self, at: int, *rules: dict[str, Any], key_ttl_s: int = 0) -> Choice | None:
        """Return the recovery rule that would apply."""
        given = Recover(at, POLICY | {"recovery": list(rules)}, "aa" * 32, key_ttl_s)
        return commanding.choice(self.state, self.plan.steps[self.state.step], given)

    @property
    def types(self) -> list[str]:
        return [entry["type"] for entry in self.entries]

    def last(self, type: str) -> dict[str, Any]:
        """Return the data of the latest entry of a type."""
        return next(entry["data"] for entry in reversed(self.entries) if entry["type"] == type)

    @property
    def dispatched(self) -> list[Dispatch]:
        return [effect for effect in self.effects if isinstance(effect, Dispatch)]

    @property
    def settled(self) -> list[str]:
        return [effect.how for effect in self.effects if isinstance(effect, Settle)]
