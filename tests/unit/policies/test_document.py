"""Reading `dee.policy/1`: strict, all problems at once, one hash per meaning."""

import hashlib
import json
from typing import Any

import pytest

from policies.rules import document
from tests.unit.policies.facts import POLICY, make_policy, parsed


def problems(body: Any) -> dict[str, str]:
    with pytest.raises(document.Invalid) as caught:
        parsed(body)
    return {problem.pointer: problem.message for problem in caught.value.problems}


def test_the_hash_is_over_the_canonical_bytes() -> None:
    policy = parsed(POLICY)
    assert policy.hash == hashlib.sha256(b"dee.policy/1\n" + policy.text.encode()).hexdigest()
    assert json.loads(policy.text) == POLICY
    assert document.parse(policy.text) == policy


def test_layout_and_order_of_keys_do_not_change_the_hash() -> None:
    other = json.dumps(dict(reversed(POLICY.items())), indent=4)
    assert document.parse(other).hash == parsed(POLICY).hash


def test_all_problems_come_at_once_with_their_places() -> None:
    found = problems(
        make_policy(
            key="Out reach",
            zone="New York!",
            currency="eur",
            prices={"email": -1, "fax": 1},
            daily_limits=[{"key": "a", "channel": "fax", "limit": True}],
            extra=1,
        )
    )
    assert set(found) == {
        "/key",
        "/zone",
        "/currency",
        "/prices/email",
        "/prices/fax",
        "/daily_limits/0/channel",
        "/daily_limits/0/limit",
        "/extra",
    }


@pytest.mark.parametrize("name", sorted(POLICY))
def test_every_field_is_needed(name: str) -> None:
    assert problems({k: v for k, v in POLICY.items() if k != name}) == {f"/{name}": "is missing"}


@pytest.mark.parametrize(
    ("window", "pointer"),
    [
        ({"days": [1], "from": "20:00", "to": "09:00"}, ""),
        ({"days": [1], "from": "09:00", "to": "09:00"}, ""),
        ({"days": [0], "from": "09:00", "to": "10:00"}, "/days/0"),
        ({"days": [8], "from": "09:00", "to": "10:00"}, "/days/0"),
        ({"days": [1, 1], "from": "09:00", "to": "10:00"}, "/days/1"),
        ({"days": [], "from": "09:00", "to": "10:00"}, "/days"),
        ({"days": [1], "from": "9:00", "to": "10:00"}, "/from"),
        ({"days": [1], "from": "24:00", "to": "24:00"}, "/from"),
        ({"days": [1], "from": "09:00", "to": "24:01"}, "/to"),
        ({"days": [1], "from": "09:00"}, "/to"),
    ],
)
def test_a_window_is_a_time_span_within_one_day(window: dict[str, Any], pointer: str) -> None:
    hours = [{"channels": ["voice"], "purposes": ["marketing"], "windows": [window]}]
    assert list(problems(make_policy(calling_hours=hours))) == [f"/calling_hours/0/windows/0{pointer}"]


def test_one_send_has_one_set_of_windows() -> None:
    rule = POLICY["calling_hours"][0]
    found = problems(make_policy(calling_hours=[rule, {**rule, "purposes": ["service", "marketing"]}]))
    assert "voice for marketing already has windows in item 0" in found["/calling_hours/1"]


def test_two_limits_of_one_key_would_share_a_counter() -> None:
    found = problems(make_policy(daily_limits=POLICY["daily_limits"] * 2))
    assert set(found) == {"/daily_limits/2/key", "/daily_limits/3/key"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        '{"a":1.5}',
        '{"key":"a","key":"b"}',
        "NaN",
        '"text"',
        "[" * 100,
        '{"schema":"dee.policy/2"}',
    ],
)
def test_what_is_no_policy_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(document.Invalid) as caught:
        document.parse(text)
    assert all(problem.message for problem in caught.value.problems)


def test_a_key_that_names_a_stream_of_its_own_is_reserved() -> None:
    assert "/key" in problems(make_policy(key="suppressions"))


def test_gaps_name_what_a_plan_would_miss() -> None:
    bare = make_policy(prices={}, daily_limits=[], budgets=[], calling_hours=[])
    assert [
        gap.split(" has ")[-1].split(" names ")[-1].split(";")[0] for gap in document.gaps(bare, "voice", "sales")
    ] == [
        "no price for voice",
        "no daily limit for voice",
        "no budget",
        "no calling hours for sales calls",
    ]
    assert document.gaps(POLICY, "voice", "marketing") == []
    assert document.gaps(POLICY, "email", "anything") == []


# --- recovery ---

RETRY = {"on": ["rate_limited"], "action": "retry", "max_attempts": 3, "backoff_ticks": [60, 300, 1800]}
EVIDENCE = {"on": ["smtp_timeout_after_data"], "action": "resolve_on_evidence"}


def rule(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**RETRY, **changes}.items() if value is not None}


def recovery_problems(*rules: Any) -> dict[str, str]:
    return problems(make_policy(recovery=list(rules)))


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [RETRY],
        [rule(channels=["voice"], max_attempts=10, backoff_ticks=[604_800]), EVIDENCE],
        [rule(on=["smtp_timeout_after_data", "outcome_lost"], action="redispatch", channels=["email", "voice"])],
        [{**EVIDENCE, "on": ["no_result", "call_timeout_after_request"]}],
        [RETRY] * 32,
    ],
)
def test_recovery_rules_are_a_part_that_may_be_left_out(rules: list[dict[str, Any]]) -> None:
    policy = parsed(make_policy(recovery=rules))
    assert json.loads(policy.text)["recovery"] == rules
    assert policy.hash != parsed(POLICY).hash


def test_documents_without_recovery_keep_their_hash() -> None:
    assert parsed(POLICY).hash == "17efbf6629d47e3b7abd3b0c5b2297acc4083dae31e19f9e7d563aeee9b4a18d"


@pytest.mark.parametrize("code", ["smtp_timeout_after_data", "outcome_lost", "no_result"])
def test_a_retry_of_what_may_have_left_is_refused_with_its_reason(code: str) -> None:
    found = recovery_problems(rule(on=["smtp_421", code]))
    assert list(found) == ["/recovery/0/on/1"]
    assert found["/recovery/0/on/1"].startswith(
        f"with {code} nobody knows whether the message left, so a retry could send it twice; use resolve_on_evidence"
    )


@pytest.mark.parametrize(
    ("changes", "pointer", "words"),
    [
        ({"on": []}, "/on", "is empty"),
        ({"on": None}, "/on", "is missing"),
        ({"on": ["smtp_421", "smtp_421"]}, "/on/1", "stands twice"),
        ({"on": ["engine_fault"]}, "/on/0", "write a failure code"),
        ({"on": [{}]}, "/on/0", "write a failure code"),
        ({"on": "smtp_421"}, "/on", "write a list"),
        ({"on": ["rate_limited"], "action": "redispatch"}, "/on/0", "certainly did not leave; use retry"),
        ({"on": ["no_result"], "action": "redispatch"}, "/on/0", "nothing is sent again; use resolve_on_evidence"),
        ({"channels": []}, "/channels", "is empty"),
        ({"channels": ["fax"]}, "/channels/0", "write one of email, voice"),
        ({"channels": ["email", "email"]}, "/channels/1", "stands twice"),
        ({"action": "resend"}, "/action", "write one of retry, redispatch, resolve_on_evidence"),
        ({"action": None}, "/action", "is missing"),
        ({"max_attempts": None}, "/max_attempts", "is missing"),
        ({"max_attempts": 0}, "/max_attempts", "from 1 to 10"),
        ({"max_attempts": 11}, "/max_attempts", "from 1 to 10"),
        ({"max_attempts": True}, "/max_attempts", "from 1 to 10"),
        ({"backoff_ticks": None}, "/backoff_ticks", "is missing"),
        ({"backoff_ticks": []}, "/backoff_ticks", "is empty"),
        ({"backoff_ticks": [1] * 11}, "/backoff_ticks", "at most 10"),
        ({"backoff_ticks": [60, 0]}, "/backoff_ticks/1", "from 1 to 604800"),
        ({"backoff_ticks": [604_801]}, "/backoff_ticks/0", "from 1 to 604800"),
        ({"backoff": [60]}, "/backoff", "is not known here"),
    ],
)
def test_a_recovery_rule_says_what_is_wrong_with_it(changes: dict[str, Any], pointer: str, words: str) -> None:
    found = recovery_problems(EVIDENCE, rule(**changes))
    assert list(found) == [f"/recovery/1{pointer}"]
    assert words in found[f"/recovery/1{pointer}"]


def test_evidence_is_waited_for_and_never_tried() -> None:
    found = recovery_problems({**RETRY, **EVIDENCE}, {**EVIDENCE, "on": ["smtp_421"]})
    assert list(found) == ["/recovery/0/max_attempts", "/recovery/0/backoff_ticks", "/recovery/1/on/0"]
    assert "resolve_on_evidence tries nothing again" in found["/recovery/0/max_attempts"]


def test_every_problem_of_every_recovery_rule_comes_at_once() -> None:
    found = recovery_problems("retry", rule(on=["x"], max_attempts=0), rule(action="wait", backoff_ticks=[0]))
    assert set(found) == {
        "/recovery/0",
        "/recovery/1/on/0",
        "/recovery/1/max_attempts",
        "/recovery/2/action",
        "/recovery/2/backoff_ticks/0",
    }
    assert list(problems(make_policy(recovery={}))) == ["/recovery"]
    assert "at most 32" in problems(make_policy(recovery=[RETRY] * 33))["/recovery"]
