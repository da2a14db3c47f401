"""A run told again from its entries: what agrees, what does not, and what the report says about why."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from audit import canon
from channels.kinds import Event as EventKind
from runs.admit import OPT_OUTS
from runs.engine import divergence, recorded, trace, values
from runs.engine.divergence import Cause, Divergence
from runs.engine.replay import Diverged, Report, Why, replay, retell
from runs.engine.values import Result
from tests.golden.stories import DONE, MAIL, STORIES
from tests.golden.telling import Telling
from tests.unit.runs import bundles
from tests.unit.runs.bundles import Body, first, without

Change = Callable[[list[Body]], Any]


def policies_of(told: Telling) -> dict[str, Any]:
    return {hash: json.loads(text) for hash, text in told.policies.items()}


def told_again(told: Telling, change: Change | None = None) -> tuple[Report, list[str]]:
    """Replay a told run, after somebody changed its entries and linked them anew."""
    texts = list(told.texts)
    if change:
        bodies = [json.loads(text) for text in texts]
        changed = change(bodies)
        texts = bundles.relinked(bodies if changed is None else changed)
    return replay(told.plan, policies_of(told), texts), texts


def explained(told: Telling, change: Change, **options: Any) -> Divergence:
    report, texts = told_again(told, change)
    assert report.difference is not None, "it replays all the same"
    return divergence.explain(report.difference, texts, **options)


def facts_of(bodies: list[Body]) -> Any:
    return first(bodies, "gate.decided")["data"]["facts"]


@pytest.mark.parametrize("name", STORIES)
def test_a_told_run_replays_to_the_state_it_has(name: str) -> None:
    told = STORIES[name]()

    report, texts = told_again(told)

    assert report.identical
    assert report.state == told.state
    assert report.entries == len(texts)
    assert report.inputs == len(list(retell(told.plan, policies_of(told), texts)))


def test_the_report_names_the_entry_both_values_the_last_equal_entries_and_the_input() -> None:
    told = STORIES["overview"]()

    def other_arm(bodies: list[Body]) -> None:
        first(bodies, "branch.evaluated")["data"]["case"] = "yes"

    found = explained(told, other_arm)

    n = next(n for n, text in enumerate(told.texts, 1) if "branch.evaluated" in text)
    assert (found.n, found.tick, found.step) == (n, 259_200, "check-open")
    assert [field.as_data() for field in found.fields] == [
        {"path": "/data/case", "recorded": "yes", "replayed": "no"},
    ]
    assert found.last_equal == tuple(divergence.line(text) for text in told.texts[n - 4 : n - 1])
    assert found.first_shown == n - 3
    waited = next(n for n, text in enumerate(told.texts, 1) if "step.waiting" in text)
    assert found.input == f"the timer that entry {waited} set"


def test_a_telling_of_nothing_is_not_identical() -> None:
    told = STORIES["cancelled"]()

    report = replay(told.plan, {}, [])

    assert not report.identical and report.difference is not None


def test_it_stops_at_the_first_difference_and_keeps_the_state_before_it() -> None:
    told = STORIES["overview"]()
    texts = [*told.texts[:5], "nonsense", *told.texts[6:]]

    applied = []
    with pytest.raises(Diverged) as parted:
        applied.extend(retell(told.plan, policies_of(told), texts))
    report = replay(told.plan, policies_of(told), texts)

    assert parted.value.found.n == 6 and parted.value.found.recorded == "nonsense"
    assert report.entries == 5 and report.state is not None and report.state.n == 5


# Causes, the most specific first


def set_late_by(value: Any) -> Change:
    return lambda bodies: facts_of(bodies).update(late_by=value)


@pytest.mark.parametrize("value", ["0", None, True, [], {}, {"a": 1}])
def test_log_tampered_is_an_entry_that_no_engine_writes(value: Any) -> None:
    found = explained(STORIES["overview"](), set_late_by(value))

    assert found.cause is Cause.LOG_TAMPERED
    assert "/data/facts/late_by" in found.why


def test_run_truncated_is_a_record_that_ends_in_the_middle_of_what_an_input_led_to() -> None:
    told = STORIES["overview"]()

    found = explained(told, lambda bodies: bodies[:2])

    assert found.cause is Cause.RUN_REPLACED_OR_TRUNCATED
    assert [field.as_data() for field in found.fields] == [
        {"path": "/type", "replayed": "send.intended"},
        {"path": "/step", "replayed": "welcome-email"},
        {"path": "/cause", "replayed": 2},
    ]
    assert found.n == 3 and found.input == "entry 2: gate.decided"


def test_a_record_cut_between_two_inputs_is_a_shorter_run() -> None:
    told = STORIES["overview"]()

    report, _ = told_again(told, lambda bodies: bodies[:5])

    assert report.identical and report.entries == 5


def test_plan_changed_is_another_plan_than_the_run_names() -> None:
    told, other = STORIES["overview"](), STORIES["faults"]()

    report = replay(other.plan, policies_of(told), told.texts)

    assert report.difference is not None
    found = divergence.explain(report.difference, told.texts)
    assert found.cause is Cause.PLAN_CHANGED and found.n == 1


def test_engine_changed_is_another_sem_in_the_record() -> None:
    told = STORIES["overview"]()
    body = json.loads(told.texts[0])
    body["data"]["sem"] = 2

    report = replay(told.plan, policies_of(told), [canon.encode(body), *told.texts[1:]])

    assert report.difference is not None
    assert divergence.explain(report.difference, told.texts).cause is Cause.ENGINE_CHANGED


def change_branch(bodies: list[Body]) -> None:
    first(bodies, "branch.evaluated")["data"]["case"] = "yes"


def change_goal(bodies: list[Body]) -> None:
    first(bodies, "run.completed")["data"]["goal"] = False


@pytest.mark.parametrize(
    ("change", "other_core", "cause"),
    [
        (change_branch, True, Cause.ENGINE_CHANGED),
        (change_branch, False, Cause.NONDETERMINISM_BUG),
        (change_goal, True, Cause.NONDETERMINISM_BUG),  # no decision of the gate, a condition or a timer
        (change_goal, False, Cause.NONDETERMINISM_BUG),
    ],
)
def test_engine_changed_takes_another_core_and_a_decision(change: Change, other_core: bool, cause: Cause) -> None:
    assert explained(STORIES["overview"](), change, other_core=other_core).cause is cause


def remove(type: str) -> Change:
    return lambda bodies: without(bodies, first(bodies, type)["n"])


def other_intent(bodies: list[Body]) -> None:
    first(bodies, "send.outcome")["data"]["intent"] = "0" * 32


def absent_cause(bodies: list[Body]) -> None:
    first(bodies, "step.completed")["cause"] = 99


def earlier_clock(bodies: list[Body]) -> None:
    bodies[-1]["tick"] = 0


def asked_too_early(bodies: list[Body]) -> None:
    gates = [body for body in bodies if body["type"] == "gate.decided"]
    gates[1]["tick"] -= 1
    gates[1]["data"]["facts"]["at"] -= 1


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("waiting-for-events", remove("event.received"), Why.EXTRA),
        ("overview", remove("gate.decided"), Why.EXTRA),
        ("refused-and-resolved", remove("command.accepted"), Why.REFUSED),
        ("refused-and-resolved", remove("send.outcome"), Why.EXTRA),
        ("overview", remove("run.started"), Why.EXTRA),
        ("overview", other_intent, Why.REFUSED),
        ("overview", absent_cause, Why.EXTRA),
        ("overview", earlier_clock, Why.REFUSED),
        ("held-by-policies", asked_too_early, Why.REFUSED),
    ],
)
def test_input_missing_is_an_entry_that_nothing_led_to(name: str, change: Change, why: Why) -> None:
    told = STORIES[name]()

    report, texts = told_again(told, change)

    assert report.difference is not None and report.difference.why is why
    assert divergence.explain(report.difference, texts).cause is Cause.INPUT_MISSING


def test_input_missing_is_a_policy_that_is_not_at_hand() -> None:
    told = STORIES["overview"]()

    report = replay(told.plan, {}, told.texts)

    assert report.difference is not None and report.difference.why is Why.POLICY
    found = divergence.explain(report.difference, told.texts)
    assert found.cause is Cause.INPUT_MISSING and next(iter(told.policies)) in found.why


def test_a_timer_that_should_have_come_first_is_missed() -> None:
    told = STORIES["waiting-for-events"]()

    def reply_came_too_late(bodies: list[Body]) -> list[Body]:
        at = next(n for n, body in enumerate(bodies) if body["type"] == "event.received")
        late = bodies[at] | {"tick": 90_000}
        return [*bodies[:at], late]

    found = explained(told, reply_came_too_late)

    assert found.cause is Cause.INPUT_MISSING
    assert found.fields[0].as_data() == {"path": "/type", "recorded": "event.received", "replayed": "step.completed"}


@pytest.mark.parametrize("shift", [-100, 100])
def test_a_timer_fires_at_its_very_second(shift: int) -> None:
    def other_time(bodies: list[Body]) -> None:
        at = next(n for n, body in enumerate(bodies) if body["type"] == "step.completed")
        for body in bodies[at:]:
            body["tick"] += shift

    found = explained(STORIES["overview"](), other_time)

    assert [field.as_data() for field in found.fields] == [
        {"path": "/tick", "recorded": 259_200 + shift, "replayed": 259_200},
    ]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda facts: facts["consent"].update(status="revoked"), "consent"),
        (lambda facts: facts["suppressions"].append({"id": 1, "scope": "global", "reason": "dnc"}), "suppression"),
        (lambda facts: facts.update(late_by=61), "late_by"),
        (lambda facts: facts.update(at=facts["at"] + 1), "at"),
        (lambda facts: facts.update(channel="voice"), "channel"),
        (lambda facts: facts.update(plan="another"), "plan"),
        (lambda facts: facts["policy"].update(key="another"), "policy/key"),
        (lambda facts: facts["counters"][0].update(used=200), "daily_limit"),
        (lambda facts: facts["counters"][0].update(limit=201), ""),  # not what the policy says
        (lambda facts: facts.update(price=1), ""),
    ],
)
def test_facts_differ_names_the_facts(change: Callable[[Any], None], named: str) -> None:
    found = explained(STORIES["overview"](), lambda bodies: change(facts_of(bodies)))

    assert found.cause is Cause.FACTS_DIFFER
    assert found.n == 2 and named in found.detail


def test_nondeterminism_is_what_is_left() -> None:
    found = explained(STORIES["overview"](), change_goal)

    assert found.cause is Cause.NONDETERMINISM_BUG
    assert [field.path for field in found.fields] == ["/data/goal"]


def test_an_error_of_the_core_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("runs.engine.walk.Walk.exit_if_due", broken)
    told_before = STORIES["cancelled"]

    with pytest.raises(ZeroDivisionError):
        told_before()
    monkeypatch.undo()
    told = told_before()
    monkeypatch.setattr("runs.engine.walk.Walk.exit_if_due", broken)
    report = replay(told.plan, policies_of(told), told.texts)

    assert report.difference is not None and report.difference.why is Why.FAULT
    found = divergence.explain(report.difference, told.texts)
    assert found.cause is Cause.NONDETERMINISM_BUG and "ZeroDivisionError" in found.why


def test_an_input_that_leads_to_nothing_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    told = STORIES["cancelled"]()
    monkeypatch.setattr("runs.engine.machine.step", lambda plan, state, given: Result(state, (), ()))

    report = replay(told.plan, policies_of(told), told.texts)

    assert report.difference is not None and report.difference.why is Why.REFUSED


def test_a_run_decided_without_any_policy_replays() -> None:
    told = Telling({"mail": MAIL, "done": DONE})
    facts = told.facts(told.now) | {"policy": {"key": "outreach", "hash": ""}, "price": None, "counters": []}
    told.give(values.Facts(told.now, {}, facts | {"currency": ""}, None))

    report, _ = told_again(told)

    assert report.identical and told.state.reason == "policy_denied:budget"


def test_a_truth_value_is_no_number() -> None:
    assert [field.path for field in divergence.differing({"a": 1, "b": [0]}, {"a": True, "b": [False]})] == [
        "/a",
        "/b/0",
    ]


# What the parts agree on


def test_a_run_is_started_once_and_first() -> None:
    told = STORIES["overview"]()

    def started_twice(bodies: list[Body]) -> list[Body]:
        return [bodies[0], bodies[0], *bodies[1:]]

    assert explained(told, started_twice).cause is Cause.INPUT_MISSING


def test_the_opt_outs_are_those_of_the_shell() -> None:
    assert {EventKind(event) for event in recorded.OPT_OUTS} == set(OPT_OUTS)


def test_every_entry_type_has_its_trace_line() -> None:
    assert trace._WORDS.keys() == recorded.INPUTS | recorded.OUTPUTS
