"""The policies that ship with the sample plans."""

from pathlib import Path

import pytest

from policies import hours
from policies.rules import document

SAMPLES = sorted((Path(__file__).parents[3] / "policies" / "samples").glob("*.json"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_a_valid_policy_of_its_own_name(path: Path) -> None:
    policy = document.parse(path.read_text())
    assert policy.key == path.stem
    assert hours.is_zone(policy.body["zone"])


def test_no_two_samples_share_a_counter() -> None:
    bodies = [document.parse(path.read_text()).body for path in SAMPLES]
    keys = [item["key"] for body in bodies for item in (*body["daily_limits"], *body["budgets"])]
    assert len(keys) == len(set(keys)) > 0


@pytest.mark.parametrize(
    ("policy", "channel", "purpose"),
    [
        ("outreach", "email", "marketing"),
        ("outreach", "voice", "marketing"),
        ("notifications", "email", "transactional"),
        ("notifications", "voice", "transactional"),
        ("lab", "voice", "marketing"),
    ],
)
def test_the_sample_plans_find_what_they_need(policy: str, channel: str, purpose: str) -> None:
    [path] = [path for path in SAMPLES if path.stem == policy]
    assert document.gaps(document.parse(path.read_text()).body, channel, purpose) == []


def test_the_samples_show_every_way_to_recover_and_one_that_leaves_failures_to_people() -> None:
    rules = {path.stem: document.parse(path.read_text()).body.get("recovery", []) for path in SAMPLES}
    assert {rule["action"] for of in rules.values() for rule in of} == set(document.ACTIONS)
    assert rules["lab"] == []
