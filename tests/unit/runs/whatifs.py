"""Past runs for what-if, made by rehearsing: a plan, what happened to it, and how it compares with another plan."""

from collections.abc import Mapping
from typing import Any

from plans.document import Plan
from plans.steps import WaitUntil
from runs.engine.script import Answer, Happening, Rehearsal
from runs.engine.whatif import assume, findings
from runs.engine.whatif.findings import Finding
from runs.engine.whatif.past import Past
from runs.engine.whatif.terms import TOLERANCE_S, Terms
from tests.unit.runs import rehearsing
from tests.unit.runs.driver import POLICY, START_AT
from tests.unit.runs.rehearsing import DAY, DONE, HASH

LONG_AFTER = 400 * DAY


def clock(_zone: str, step: WaitUntil, at: int) -> int:
    return at + (step.minute * 60 - at) % DAY


def past(plan: Plan, told: Rehearsal, *, known: int = LONG_AFTER, policy: Mapping[str, Any] = POLICY) -> Past:
    """Return a rehearsal as a past run. known: tick up to which it is known."""
    return Past("run-7", plan, [entry.body for entry in told.entries], {HASH: policy}, START_AT + known)


def compare(run: Past, plan: Plan, *assumed: str, tolerance_s: int = TOLERANCE_S) -> Finding:
    return findings.find(run, Terms(plan, assume.parse(assumed, plan), clock, tolerance_s))


def changes(found: Finding) -> list[tuple[Any, ...]]:
    """Return each change as (what, template, step, tick) and the tick it moved to."""
    return [(c.what, c.deed.what, c.deed.step, c.deed.tick, *(() if c.to is None else (c.to,))) for c in found.changes]


# The plan whose past runs most tests look at, and its parts.

OPENED = {"op": "event_seen", "event": "opened", "of": "mail"}


def branch(when: dict[str, Any], yes: str, no: str) -> dict[str, Any]:
    return {"kind": "branch", "cases": [{"name": "yes", "when": when, "goto": yes}], "else": {"name": "no", "goto": no}}


def wait(seconds: int, then: str) -> dict[str, Any]:
    return {"kind": "wait", "seconds": seconds, "on": {"completed": then}}


def mail(then: str, template: str = "welcome@1", **more: Any) -> dict[str, Any]:
    return {"kind": "send_email", "template": template, "on": {"sent": then}, **more}


def call(then: str = "done", **labels: str) -> dict[str, Any]:
    on = dict.fromkeys(("answered", "no_answer", "busy", "voicemail"), then)
    return {"kind": "call", "template": "script@1", "on": on | labels}


GOLD = {"op": "eq", "ref": "contact.attr.tier", "value": "gold", "default": "none"}
LOST = {"kind": "end", "result": "lost"}
FOLLOW_UP = {
    "mail": mail("rest"),
    "rest": wait(3 * DAY, "check"),
    "check": branch(OPENED, "done", "call-1"),
    "call-1": call(),
    "done": DONE,
}
ANSWERED = {"call-1": Answer("accepted")}
TOLD = (Happening("busy", 20, of="call-1"),)


def follow_up(**steps: Any) -> Any:
    """Return the plan of the past runs with some steps written anew; None takes a step away."""
    return rehearsing.plan({name: step for name, step in (FOLLOW_UP | steps).items() if step is not None})


def of_past(*said: Any, **more: Any) -> Any:
    known = {"known": more.pop("known")} if "known" in more else {}
    return past(rehearsing.plan(FOLLOW_UP), rehearsing.play(rehearsing.plan(FOLLOW_UP), *said, **more), **known)
