"""A world for rehearsals without a database: facts that allow unless a test says otherwise, messages, a clock."""

from collections.abc import Mapping
from typing import Any

from plans.document import Plan
from plans.steps import Call, SendEmail, WaitUntil
from runs.engine import rehearsal
from runs.engine.script import Act, Answer, Happening, Message, Rehearsal, Script
from runs.engine.values import Recover, Resolved, RunState, Settle
from tests.unit.runs.driver import POLICY, START_AT, make_facts, make_plan

HOUR, DAY = 3600, 86_400
HASH = "00" * 32
DONE = {"kind": "end", "result": "finished", "goal": True}
MAIL: dict[str, Any] = {"kind": "send_email", "template": "welcome@1", "on": {"sent": "done"}}
RESULTS = ("answered", "no_answer", "busy", "voicemail")


class World:
    """Answers what the core asks. changes: facts that differ, {channel: {fact: value}}."""

    def __init__(self, policy: Mapping[str, Any] = POLICY, *, error: str = "", **changes: Any) -> None:
        self.policy, self.error, self.changes = policy, error, changes
        self.barred: list[tuple[str, str]] = []
        self.reserved: list[int] = []
        self.settled: list[str] = []

    def facts(self, channel: str, *, at: int, late_by: int, again: bool) -> tuple[Mapping[str, Any], dict[str, Any]]:
        facts = make_facts(at, channel, late_by=late_by, **self.changes.get(channel, {}))
        if channel in {barred for barred, _ in self.barred}:
            facts["suppressions"] = [{"id": 0, "scope": "channel", "reason": "manual"}]
        return self.policy, facts | ({"again": True, "counters": []} if again else {})

    def message(self, state: RunState, step: SendEmail | Call) -> Message:
        payload = {"c": "dd" * 32, "kind": "message", "ref": f"{step.name}/{state.visit}"}
        return Message("ann@example.org", "Hello", f"by {step.template}", payload, self.error)

    def resolved(self, step: WaitUntil, *, at: int) -> Resolved:
        return Resolved(at, "UTC", "2026.1", at + (step.minute * 60 - at) % DAY)

    def recover(self, channel: str, *, at: int) -> Recover:
        return Recover(at, self.policy, HASH, DAY)

    def reserve(self, facts: Mapping[str, Any], *, at: int) -> None:
        self.reserved.append(at)

    def settle(self, effect: Settle, *, at: int) -> None:
        self.settled.append(effect.how)

    def bar(self, channel: str, reason: str) -> None:
        self.barred.append((channel, reason))


def plan(steps: dict[str, Any], **changes: Any) -> Plan:
    """Return a plan of these steps; a call without ways goes to the step `done`."""
    whole = {}
    for name, step in steps.items():
        if step["kind"] == "call":
            step = step | {"on": dict.fromkeys(RESULTS, "done") | step.get("on", {})}
        whole[name] = step
    return make_plan(whole, **changes)


def play(
    plan: Plan,
    *said: Happening | Act,
    answers: Mapping[str, Any] | None = None,
    world: World | None = None,
    **attrs: Any,
) -> Rehearsal:
    """Rehearse a plan. said: what happens. answers: of each step, one or several."""
    listed = {step: [given] if isinstance(given, Answer) else given for step, given in (answers or {}).items()}
    script = Script(
        START_AT,
        "c-1",
        "cc" * 32,
        attrs,
        version=1,
        answers=listed,
        happenings=[each for each in said if isinstance(each, Happening)],
        acts=[each for each in said if isinstance(each, Act)],
    )
    return rehearsal.rehearse(plan, script, world or World())


def types(told: Rehearsal) -> list[str]:
    return [body["type"] for body in told.bodies]
