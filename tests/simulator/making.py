"""What is a story's world made of? Policies, templates, plans and people by chance, made by the real operations."""

import json
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from channels.kinds import CERTAIN, UNKNOWN
from plans import operations as plan_operations
from policies import operations as policy_operations
from policies import publishing
from policies.models import Contact
from runs import inbox, operations
from tests.factories import BLOCKED, DONE, WHOLE_WEEK, make_contact, make_policy, make_template
from tests.unit.plans.generated import ATTRIBUTES, valid_plan

if TYPE_CHECKING:
    from tests.simulator.story import Story

MINUTE, HOUR, DAY = 60, 3600, 86_400
ZONES = ("Europe/Berlin", "America/New_York", "UTC", "Australia/Lord_Howe", "")
LIMITS = (1, 2, 3, 5, 50)
BUDGETS = (1000, 20_000, 100_000, 10**9)
# Where stories begin: ordinary days, ends of months and years, and the nights in which clocks change.
BEGINNINGS = (
    ("UTC", 2026, 6, 30, 22),
    ("UTC", 2027, 12, 31, 12),
    ("America/New_York", 2026, 3, 7, 20),
    ("America/New_York", 2026, 10, 31, 20),
    ("Europe/Berlin", 2027, 3, 27, 23),
    ("Europe/Berlin", 2026, 10, 24, 12),
    ("Australia/Lord_Howe", 2026, 4, 4, 20),
)
NOON = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "09:00", "to": "17:30"}]


def beginning(seed: int) -> int:
    """Return the instant at which a story begins, epoch seconds."""
    rng = Random(f"beginning {seed}")
    zone, *moment = rng.choice(BEGINNINGS)
    there = datetime(*moment, tzinfo=ZoneInfo(zone)) + timedelta(seconds=rng.choice((0, 59, 1800, 3 * HOUR - 1)))  # type: ignore[misc]
    return int(there.timestamp())


def edges(now: int) -> list[int]:
    """Return the instants of a day at which calling hours begin or end somewhere."""
    found = []
    for zone in ZONES[:2]:
        here = datetime.fromtimestamp(now, ZoneInfo(zone))
        for hour, minute in ((9, 0), (17, 30)):
            found.append(int(here.replace(hour=hour, minute=minute, second=0).timestamp()))
    return found


class Made:
    """What there is in a story. ttls: for how long the adapters of mail and calls know a key, 0 for not at all."""

    def __init__(self, story: "Story", *, strangers: bool) -> None:
        self.story = story
        self.rng = story.rng
        self.ttls = (self.rng.choice((0, DAY, DAY, 2 * HOUR)), self.rng.choice((0, 0, DAY)))
        self.policy_zone = "UTC"
        self.max_duration = 30 * DAY
        self.plans: list[str] = []
        self.refs: list[str] = []
        self.versions = 0
        self.strict = self.rng.random() < 0.6 and not strangers  # limits, windows and budgets that are met
        self.strangers = strangers

    def world(self) -> None:
        """Make a world."""
        self.publish_policy()
        make_template()
        make_template("tier", body="{{ first_name }}: {{ attr_tier }}")
        make_template("script", "voice", "Hello {{ first_name }}.")
        for n in range(self.rng.randint(1, 3)):
            self.plans.append(f"plan-{n}")
            self.install(self.plans[-1])
        for n in range(self.rng.randint(3, 7)):
            self.refs.append(self._contact(n))

    def publish_policy(self) -> None:
        rng, strict = self.rng, self.strict
        self.policy_zone = rng.choice(("UTC", "Europe/Berlin", "America/New_York"))
        windows = rng.choice((WHOLE_WEEK, NOON)) if strict else WHOLE_WEEK
        make_policy(
            zone=self.policy_zone,
            daily_limits=[
                {"key": "mails", "channel": "email", "limit": rng.choice(LIMITS) if strict else 10_000},
                {"key": "calls", "channel": "voice", "limit": rng.choice(LIMITS) if strict else 10_000},
            ],
            budgets=[{"key": "money", "limit": rng.choice(BUDGETS) if strict else 10**12, "period": "lifetime"}],
            calling_hours=[{"channels": ["voice"], "purposes": ["marketing"], "windows": windows}],
            recovery=self._recovery(),
        )

    def _recovery(self) -> list[dict[str, Any]]:
        """Return rules for what has failed: any codes, any channels, in any order."""
        rng = self.rng
        rules: list[dict[str, Any]] = []
        for _ in range(rng.choice((0, 1, 2, 3))):
            action = rng.choice(("retry", "redispatch", "resolve_on_evidence"))
            codes = [str(code) for code in (CERTAIN if action == "retry" else UNKNOWN)]
            on = rng.sample(codes, rng.randint(1, len(codes)))
            if action == "resolve_on_evidence":
                on = [*on, "no_result"] if rng.random() < 0.7 else on
                rules.append({"on": on, "action": action})
            else:
                waits = [rng.choice((1, 60, 300, 2 * HOUR)) for _ in range(rng.randint(1, 3))]
                rules.append({"on": on, "action": action, "max_attempts": rng.randint(1, 3), "backoff_ticks": waits})
            if rng.random() < 0.3:
                rules[-1]["channels"] = [rng.choice(("email", "voice"))]
        return rules

    def install(self, key: str) -> None:
        """Publish a plan, or its next version, and activate it."""
        self.versions += 1
        rng = self.rng
        plan = self._generated(key) if rng.random() < 0.6 else self._made_for_trouble(key)
        self.max_duration = plan["limits"]["max_duration_s"]
        plan_operations.install_plan(actor="cli", text=json.dumps(plan))

    def _generated(self, key: str) -> dict[str, Any]:
        while True:
            plan = valid_plan(self.rng, key=key, policy="open")
            if any(step["kind"] in ("send_email", "call") for step in plan["steps"].values()):
                return plan

    def _made_for_trouble(self, key: str) -> dict[str, Any]:
        """Return a short plan in which much can go wrong: sends, an event awaited, a task, a split, a late send."""
        rng = self.rng
        blocked = rng.choice(({}, {"blocked": "blocked"}))
        late = rng.choice(({}, {"max_lateness_s": rng.choice((30, 600))}))
        opted = [{"op": "event_seen", "event": "replied", "of": "mail"}]
        require = rng.choice(({}, {"require": {"op": "not", "arg": opted[0]}}))
        answers = {label: "done" for label in ("no_answer", "busy", "voicemail")}
        steps: dict[str, Any] = {
            "mail": {"kind": "send_email", "template": "hello@1", "on": {"sent": "heard", **blocked}, **late},
            "heard": {
                "kind": "wait_for_event",
                "event": rng.choice(("opened", "replied", "delivered")),
                "timeout_s": rng.choice((30, HOUR, 9 * HOUR)),
                "on": {"event": "look", "timeout": "arms"},
            },
            "arms": {
                "kind": "split",
                "arms": [{"name": "a", "weight": 1, "goto": "again"}, {"name": "b", "weight": 1, "goto": "ring"}],
            },
            "again": {"kind": "send_email", "template": "tier@1", "on": {"sent": "look"}, **require, **late},
            "ring": {
                "kind": "call",
                "template": "script@1",
                "on": {"answered": "look", **answers, **rng.choice(({}, {"blocked": "out"}))},
                **late,
            },
            "look": {
                "kind": "task",
                "title": "Look",
                "timeout_s": rng.choice((60, HOUR, DAY)),
                "on": {"good": "done", "bad": "out", "timeout": "blocked"},
            },
            "out": {"kind": "record_opt_out", "channels": ["email", "voice"], "on": {"recorded": "blocked"}},
            "done": DONE,
            "blocked": BLOCKED,
        }
        return {
            "schema": "dee.plan/1",
            "key": key,
            "entry": "mail",
            "purpose": "marketing",
            "policy": "open",
            "attributes": dict(ATTRIBUTES),
            "limits": {"max_steps": 20, "max_duration_s": rng.choice((2, 30)) * DAY},
            "steps": steps,
        }

    def _contact(self, n: int) -> str:
        rng = self.rng
        attributes: dict[str, Any] = {"score": rng.randint(-9, 9), "vip": rng.random() < 0.5}
        if n % 3:
            attributes["tier"] = rng.choice(("gold", "silver", "Größe 1"))
        zone = rng.choice(ZONES)
        make_contact(
            f"c-{n}",
            consents=rng.choices((("email", "voice"), ("email",), ()), (8, 2, 1))[0],
            first_name=f"Zebulon{n}",
            last_name=f"Quince{n}",
            email=f"quince.{n}@example.org" if n % 5 or self.strangers else "quince.shared@example.org",
            phone=f"+1212555019{n % 10}" if rng.random() < (0.9 if zone else 0.5) else "",
            zone=zone,
            attributes=attributes,
        )
        return f"c-{n}"

    def contact(self) -> Contact:
        return Contact.objects.get(ref=self.rng.choice(self.refs))

    def let_go(self) -> None:
        """Take away what could hold a run for ever: kill switches, and operators who hold it."""
        for row in list(self.story.world.rows("policies_killswitch")):
            if row["engaged"]:
                publishing.release_kill_switch(actor="cli", scope=row["scope"], key=row["key"], reason="over")
        for row in list(self.story.world.rows("runs_run")):
            if row["reason"] == "held":
                body = {"command": "release", "run": row["no"], "expected_n": row["n"], "actor": "cli", "note": None}
                inbox.put(source="command", external_id=f"go-{row['no']}-{row['n']}", kind="command", body=body)

    def lift_some(self) -> None:
        for row in list(self.story.world.rows("policies_suppression"))[:1]:
            if row["removed_at"] is None:
                policy_operations.remove_suppression(
                    actor="user:3", suppression_id=row["id"], reason="settled", approver=True
                )


__all__ = ["Made", "beginning", "operations"]
