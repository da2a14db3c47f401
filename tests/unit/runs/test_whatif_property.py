"""A plan against its own past runs is always SAME, and against any other plan nothing breaks: over runs by chance."""

from collections import Counter
from random import Random
from typing import Any

import pytest

from plans import document
from plans.document import Plan
from plans.steps import Call, SendEmail, Task
from runs.engine.script import Act, Answer, Happening, Message, Rehearsal
from runs.engine.values import RunState
from runs.engine.whatif.findings import Class
from runs.engine.whatif.past import Past
from tests.functional.random_plans import random_plan
from tests.unit.runs.driver import POLICY
from tests.unit.runs.rehearsing import HOUR, RESULTS, World, play
from tests.unit.runs.whatifs import compare, past

RECOVERY = [
    {"on": ["smtp_421", "call_refused"], "action": "retry", "max_attempts": 2, "backoff_ticks": [60, 300]},
    {"on": ["smtp_timeout_after_data"], "action": "redispatch", "max_attempts": 2, "backoff_ticks": [60]},
]
COMMANDS = ("retry", "resolve", "skip", "send_again", "redispatch", "hold", "release", "cancel")
DELAYS = (0, 1, 30, 60, HOUR, 9 * HOUR)
CODES = {
    "email": (Answer("not_sent", "smtp_421"), Answer("unknown", "smtp_timeout_after_data")),
    "voice": (Answer("not_sent", "call_refused"), Answer("unknown", "call_timeout_after_request")),
}


class Fickle(World):
    """A world in which gates pause and refuse, and templates lack variables, by chance."""

    def __init__(self, rng: Random, policy: dict[str, Any]) -> None:
        super().__init__(policy)
        self.rng = rng

    def facts(self, channel: str, *, at: int, late_by: int, again: bool) -> Any:
        policy, facts = super().facts(channel, at=at, late_by=late_by, again=again)
        drawn = self.rng.random()
        if drawn < 0.1:
            facts["kill"] = [{"scope": "global", "key": ""}]
        elif drawn < 0.15:
            facts["consent"] = {"status": "revoked", "version": 2, "kind": "express"}
        return policy, facts | {"plan": "p"}

    def message(self, state: RunState, step: SendEmail | Call) -> Message:
        self.error = "attr_voucher" if self.rng.random() < 0.05 else ""
        return super().message(state, step)


def run_by_chance(rng: Random) -> tuple[Plan, Past, Rehearsal]:
    """Return a plan and a run of it: with failures, recoveries, events in any order, and people who interfere."""
    plan = document.parse(random_plan(rng, "p", "outreach"))
    policy = dict(POLICY) | ({"recovery": RECOVERY} if rng.random() < 0.5 else {})
    answers, said = {}, []
    for name, step in plan.steps.items():
        if isinstance(step, Task):
            said.append(Act("complete_task", rng.choice(DELAYS), name, rng.choice(list(step.on))))
        if not isinstance(step, SendEmail | Call):
            continue
        channel = "email" if isinstance(step, SendEmail) else "voice"
        well = [Answer()] * 2 if channel == "email" else [Answer(), Answer("label", label=rng.choice(RESULTS))] * 2
        answers[name] = [rng.choice([*well, *CODES[channel]]) for _ in range(rng.randint(1, 3))]
        events = ("opened", "clicked", "replied", "bounced_hard", "unsubscribed") if channel == "email" else RESULTS
        for _ in range(rng.randint(0, 3)):
            said.append(Happening(rng.choice(events), rng.choice(DELAYS), name, rng.randint(0, 2), rng.random() < 0.1))
        for _ in range(rng.randint(0, 2)):
            said.append(Act(rng.choice(COMMANDS), rng.choice(DELAYS), name, rng.choice(list(step.on))))
    attrs = {"tier": rng.choice(("gold", "basic"))} if rng.random() < 0.7 else {}
    told = play(plan, *said, answers=answers, world=Fickle(rng, policy), **attrs)
    known = told.tick if rng.random() < 0.5 else told.tick + 10**7
    return plan, past(plan, told, known=known, policy=policy), told


def test_a_plan_against_its_own_past_runs_is_always_the_same() -> None:
    met: Counter[str] = Counter()
    for seed in range(200):
        plan, run, told = run_by_chance(Random(seed))
        found = compare(run, plan)
        assert found.verdict == Class.SAME, f"seed {seed}: {found}\n" + "\n".join(told.lines)
        met.update({body["type"] for body in told.bodies})
    rare = {"run.exited", "recovery.applied", "send.redispatched", "run.held", "event.after_end", "step.skipped"}
    assert rare <= met.keys(), "the stories have become too tame to prove anything"


@pytest.mark.parametrize("assuming", [False, True])
def test_against_any_other_plan_every_run_gets_a_finding(assuming: bool) -> None:
    met: Counter[Class] = Counter()
    for seed in range(100):
        rng = Random(seed)
        _, run, _ = run_by_chance(rng)
        other = document.parse(random_plan(rng, "p", "outreach"))
        words = []
        for name, step in other.steps.items():
            if assuming and isinstance(step, SendEmail | Call | Task):
                words.append(f"{name}={rng.choice(list(step.on))}")
                if isinstance(step, SendEmail):
                    words.append(f"{name}.opened={rng.choice(('never', '60'))}")
        found = compare(run, other, *words)
        met[found.verdict] += 1
        assert bool(found.changes) or found.verdict != Class.CHANGED
        assert bool(found.needs) or found.verdict not in (Class.UNDETERMINED, Class.NOT_APPLICABLE)
        assert set(found.used) <= set(words)
    assert {Class.CHANGED, Class.SAME_EFFECTS, Class.UNDETERMINED} <= met.keys()
