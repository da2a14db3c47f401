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
