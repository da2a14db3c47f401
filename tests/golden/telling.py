"""A run told to the core by hand, with everything a replay needs kept as text: plan, policies, entries."""

import hashlib
import json
from typing import Any

from audit import canon, chain
from channels.messages import message_commitment
from plans import document
from policies.rules import document as policy_document
from runs.engine import machine, values
from runs.engine.values import RunState

START_AT = 1_800_000_000
ALWAYS = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "24:00"}]
POLICY = {
    "schema": "dee.policy/1",
    "key": "outreach",
    "zone": "UTC",
    "currency": "EUR",
    "prices": {"email": 1000, "voice": 80_000},
    "daily_limits": [{"key": "email-day", "channel": "email", "limit": 200}],
    "budgets": [{"key": "month", "limit": 5_000_000, "period": "month"}],
    "calling_hours": [{"channels": ["voice"], "purposes": ["marketing"], "windows": ALWAYS}],
}
SALT = bytes(range(32))
REASON = "The server is back."
BERLIN = {"name": "Europe/Berlin", "offset_s": 3600, "weekday": 5, "minute": 540}


class Telling:
    """One run of a plan. Every method gives it one input; `state` is where it stands."""

    def __init__(
        self, steps: dict[str, Any], *, no: int = 1, policy: dict[str, Any] | None = None, **plan: Any
    ) -> None:
        attrs = plan.pop("attrs", {})
        body = {
            "schema": "dee.plan/1",
            "key": "golden",
            "entry": next(iter(steps)),
            "purpose": "marketing",
            "policy": "outreach",
            "attributes": {"score": "int", "tier": "string"},
            "limits": {"max_steps": 50, "max_duration_s": 2_592_000},
            "steps": steps,
        } | plan
        self.plan = document.parse(json.dumps(body))
        self.policy: dict[str, Any] = {}
        self.policies: dict[str, str] = {}
        self.texts: list[str] = []
        self.publish(POLICY | (policy or {}))
        self.state = RunState(st=f"run/{no}", start_at=START_AT)
        self.give(values.Start(START_AT, 1, "c-1", "cc" * 32, attrs, "cli"))

    def publish(self, body: dict[str, Any]) -> None:
        """Put another version of the policy in force."""
        self.policy = policy_document.parse(canon.encode(body, canon.DOCUMENT)).body  # type: ignore[assignment]

    def give(self, given: values.Input) -> str:
        result = machine.step(self.plan, self.state, given)
        self.state = result.state
        self.texts += [entry.body for entry in result.entries]
        return self.state.status

    @property
    def now(self) -> int:
        """The instant of the run's own next action, or of its last entry when that is later."""
        return max(self.state.due or 0, START_AT + json.loads(self.texts[-1])["tick"])

    # Inputs

    def gate(self, *, later: int = 0, error: str = "", **changes: Any) -> str:
        at = self.now + later
        if self.state.again_until:
            changes = {"counters": [], "again": True} | changes
        payload = {"c": message(self.state.step), "kind": "message", "ref": values.intent_id(self.state)}
        return self.give(values.Facts(at, self.policy, self.facts(at, **changes), payload, error))

    def facts(self, at: int, **changes: Any) -> dict[str, Any]:
        """Return facts that allow, measured under the policy in force."""
        channel = "voice" if self.plan.steps[self.state.step].kind == "call" else "email"
        windows = policy_document.windows_for(self.policy, channel, "marketing") or []
        counters = [
            {
                "key": f"{'daily' if amount.period == 'day' else 'budget'}:{amount.key}:2027-01",
                "rule": amount.rule,
                "limit": amount.limit,
                "used": 0,
                "amount": amount.units,
                "resets_at": at + 3600 if amount.period == "day" else None,
            }
            for amount in policy_document.amounts_for(self.policy, channel)
        ]
        narrow = channel == "voice" and windows != ALWAYS
        opens = START_AT + 7200
        return {
            "at": at,
            "channel": channel,
            "purpose": "marketing",
            "plan": self.plan.key,
            "policy": {"key": self.plan.policy, "hash": self.named()},
            "kill": [],
            "plan_state": "active",
            "contact_state": "active",
            "address": True,
            "suppressions": [],
            "consent": {"status": "granted", "version": 1, "kind": "express"},
            "hours": {
                "applies": narrow,
                "windows": windows,
                "zones": [BERLIN] if narrow else [],
                "opens_at": opens if narrow else None,
            },
            "tzdata": "2026.2",
            "counters": counters,
            "price": self.policy["prices"][channel],
            "currency": "EUR",
            "late_by": max(0, at - self.state.ready_at),
        } | changes

    def named(self) -> str:
        """Return the hash of the policy in force, which the bundle has to hold from now on."""
        text = canon.encode(self.policy, canon.DOCUMENT)
        hash = policy_document.document_hash(text)
        self.policies[hash] = text
        return hash

    def outcome(self, kind: str = "accepted", code: str = "", label: str = "", *, later: int = 0) -> str:
        return self.give(values.Outcome(self.now + later, self.state.intent, kind, code, label))

    def send(self, **outcome: Any) -> str:
        self.gate()
        return self.outcome(**outcome)

    def void(self, rule: str) -> str:
        return self.give(values.Voided(self.now, self.state.intent, rule))

    def resolve_time(self, until: int | None, zone: str = "Europe/Berlin") -> str:
        return self.give(values.Resolved(self.now, zone, "2026.2", until))

    def recover(self, key_ttl_s: int = 0) -> str:
        return self.give(values.Recover(self.now, self.policy, self.named(), key_ttl_s))

    def report(self, kind: str, code: str = "", label: str = "", *, intent: str = "") -> str:
        """Let a replaced engine say what it had found out about an intent, the open one unless another is named."""
        id = intent or self.state.intent
        return self.give(values.Report(self.now, id, self.state.step, kind, code, label))

    def timer(self) -> str:
        return self.give(values.Timer(self.now))

    def event(self, event: str, after: int = 0, *, step: str | None = None, machine_made: bool = False) -> str:
        """Let an event come some seconds after the last entry."""
        at = START_AT + json.loads(self.texts[-1])["tick"] + after
        place = self.state.step if step is None else step
        id = hashlib.sha256(f"{event} {len(self.texts)}".encode()).hexdigest()[:32]
        stops = event in ("unsubscribed", "complained")
        return self.give(values.Event(at, event, self.state.intent, place, machine_made, "hook:sandbox", id, stops))

    def command(self, command: str, after: int = 60, *, label: str = "", key_ttl_s: int = 0) -> str:
        at = START_AT + json.loads(self.texts[-1])["tick"] + after
        note = {"c": chain.commitment(SALT, "note", REASON), "kind": "note", "ref": len(self.texts)}
        extra = {"key_ttl_s": key_ttl_s} if key_ttl_s else {}
        return self.give(values.Command(at, command, f"command-{len(self.texts)}", "user:1", note, label, **extra))

    def fault(self, type: str = "ZeroDivisionError") -> str:
        return self.give(values.Fault(self.now, type))


def message(step: str) -> str:
    """Return the commitment to a step's message."""
    return message_commitment(SALT, **written(step))


def written(step: str) -> dict[str, str]:
    """Return the message of a step."""
    return {"channel": "email", "to": "ann@example.org", "subject": "Hello", "body": f"At {step}."}
