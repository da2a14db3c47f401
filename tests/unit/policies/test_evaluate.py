"""How the rules come together: all run, all are recorded, DENY > PAUSE (latest) > ALLOW."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import canon
from policies.rules import document, evaluate
from policies.rules.values import Decision
from tests.unit.policies.facts import AT, POLICY, calling, counter, make_facts, make_policy

ORDER = [
    "kill_switch",
    "plan_state",
    "contact_state",
    "suppression",
    "consent",
    "calling_hours",
    "daily_limit",
    "budget",
]

# One change per rule that makes it refuse, in the fixed order, with what the whole verdict then is.
REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    ("kill_switch", {"kill": [{"scope": "global", "key": ""}]}, "pause"),
    ("plan_state", {"plan_state": "retired"}, "deny"),
    ("contact_state", {"contact_state": "closed"}, "deny"),
    ("suppression", {"suppressions": [{"id": 1, "scope": "global", "reason": "dnc"}]}, "deny"),
    ("consent", {"consent": {"status": "revoked", "version": 2, "kind": ""}}, "deny"),
    ("calling_hours", {"hours": calling([(7, 600)])}, "pause"),
    ("daily_limit", {"counters": [counter("daily_limit", "daily:d:x", limit=1, used=1, amount=1)]}, "pause"),
    ("budget", {"price": None}, "deny"),
]


def test_everything_in_order_allows() -> None:
    verdict = evaluate.evaluate(POLICY, make_facts())
    assert (verdict.decision, verdict.rule, verdict.code, verdict.until) == ("allow", "", "ok", None)


@pytest.mark.parametrize(("rule", "change", "decision"), REFUSALS)
def test_each_rule_alone_decides(rule: str, change: dict[str, Any], decision: str) -> None:
    verdict = evaluate.judge(make_facts(**change))
    assert (verdict.decision, verdict.rule) == (decision, rule)


@given(st.sets(st.integers(0, len(REFUSALS) - 1)))
def test_a_denial_beats_a_pause_and_the_first_denial_names_the_verdict(chosen: set[int]) -> None:
    changes = [REFUSALS[index] for index in sorted(chosen)]
    verdict = evaluate.judge(make_facts(**{k: v for _, change, _ in changes for k, v in change.items()}))
    assert [rule.rule for rule in verdict.rules] == ORDER
    assert {rule.rule for rule in verdict.rules if rule.decision is not Decision.ALLOW} == {r for r, _, _ in changes}
    denials = [rule for rule, _, decision in changes if decision == "deny"]
    pauses = [rule for rule in verdict.rules if rule.decision is Decision.PAUSE]
    if denials:
        assert (verdict.decision, verdict.rule, verdict.until) == ("deny", denials[0], None)
    elif pauses:
        assert (verdict.decision, verdict.until) == ("pause", max(rule.until or 0 for rule in pauses))
    else:
        assert verdict.decision == "allow"


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_the_latest_pause_wins_whatever_its_place(hours_end: int, day_end: int) -> None:
    full = counter("daily_limit", "daily:d:x", limit=0, amount=1, resets_at=AT + day_end)
    facts = make_facts(hours=calling([(7, 600)], opens_at=AT + hours_end), counters=[full])
    verdict = evaluate.judge(facts)
    assert verdict.until == AT + max(hours_end, day_end)
    assert verdict.rule == ("daily_limit" if day_end > hours_end else "calling_hours")


def test_the_record_is_canonical_and_complete() -> None:
    data = evaluate.judge(make_facts(hours=calling([(7, 600)]))).as_data()
    assert canon.decode(canon.encode(data)) == data
    assert data["decision"] == "pause" and data["rule"] == "calling_hours" and data["code"] == "outside_hours"
    assert data["rules"][5] == {
        "rule": "calling_hours",
        "decision": "pause",
        "code": "outside_hours",
        "until": AT + 50,
    }


VOICE: dict[str, Any] = {"channel": "voice", "price": 80000, "hours": calling([(1, 600)])}
VOICE_COUNTERS = [
    counter("daily_limit", "daily:voice-day:2026-11-18", limit=50, amount=1),
    counter("budget", "budget:outreach-month:2026-11", limit=50_000_000, amount=80000),
]


@pytest.mark.parametrize(
    "wrong",
    [
        {"counters": VOICE_COUNTERS[1:]},  # a forgotten limit
        {"counters": [{**VOICE_COUNTERS[0], "limit": 51}, VOICE_COUNTERS[1]]},
        {"counters": [VOICE_COUNTERS[0], {**VOICE_COUNTERS[1], "amount": 0}]},
        {"price": 1},
        {"currency": "USD"},
        {"policy": {"key": "other", "hash": "ab" * 32}},
        {"hours": {**VOICE["hours"], "applies": False}},  # an exemption the policy does not give
        {"hours": {**VOICE["hours"], "windows": []}},
    ],
)
def test_facts_of_another_policy_are_refused(wrong: dict[str, Any]) -> None:
    right = make_facts(**VOICE, counters=VOICE_COUNTERS)
    assert evaluate.evaluate(POLICY, right).decision == "allow"
    with pytest.raises(evaluate.WrongFacts):
        evaluate.evaluate(POLICY, {**right, **wrong})


def test_without_a_policy_the_answer_is_no_and_not_an_error() -> None:
    nothing = make_facts(policy={"key": "gone", "hash": ""}, price=None, currency="", counters=[])
    assert evaluate.evaluate({}, nothing).code == "policy_missing"
    with pytest.raises(evaluate.WrongFacts):
        evaluate.evaluate({}, make_facts())


def test_a_named_purpose_beats_the_wildcard() -> None:
    night = [{"days": [1], "from": "00:00", "to": "01:00"}]
    day = [{"days": [1], "from": "09:00", "to": "10:00"}]
    policy = make_policy(
        calling_hours=[
            {"channels": ["voice"], "purposes": ["*"], "windows": day},
            {"channels": ["voice"], "purposes": ["regulatory"], "windows": night},
        ]
    )
    assert document.windows_for(policy, "voice", "regulatory") == night
    assert document.windows_for(policy, "voice", "marketing") == day
    assert document.windows_for(policy, "email", "marketing") is None
