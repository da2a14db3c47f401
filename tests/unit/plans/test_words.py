"""Durations, steps and conditions in words."""

from typing import Any

import pytest

from plans import captions, durations
from tests.unit.plans.documents import follow_up, plan


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"), (1, "1 s"), (900, "15 min"), (5400, "1 h 30 min"), (86400, "1 day"), (259200, "3 days"),
        (90061, "1 day 1 h 1 min 1 s"),
    ],
)  # fmt: skip
def test_a_duration_is_exact(seconds: int, said: str) -> None:
    assert durations.text(seconds) == said


def test_a_step_says_what_it_does() -> None:
    assert {name: captions.subtitle(step) for name, step in plan(follow_up()).steps.items()} == {
        "mail": "template welcome@1",
        "pause": "3 days",
        "opened": "opened of mail",
        "reply": "replied, at most 1 day",
        "call": "script script@1",
        "done": "finished (goal)",
        "blocked": "blocked",
    }


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"op": "true"}, "always"),
        ({"op": "false"}, "never"),
        ({"op": "not", "arg": {"op": "event_seen", "event": "opened"}}, "not (opened)"),
        ({"op": "event_count_ge", "event": "opened", "count": 2, "of": "mail"}, "opened of mail at least 2 times"),
        ({"op": "event_within", "event": "opened", "seconds": 3600}, "opened in the last 1 h"),
        ({"op": "outcome_is", "step": "call", "label": "busy"}, "call gave busy"),
        ({"op": "visits_ge", "step": "call", "count": 3}, "call entered 3 times or more"),
        ({"op": "is_set", "ref": "contact.attr.tier"}, "tier is set"),
        ({"op": "in", "ref": "contact.attr.tier", "values": ["gold", "basic"]}, "tier is one of gold, basic"),
        ({"op": "eq", "ref": "contact.attr.vip", "value": True}, "vip = true"),
        ({"op": "ge", "ref": "run.tick", "value": 60}, "seconds since start ≥ 60"),
        ({"op": "ne", "ref": "step.call.outcome", "value": "busy"}, "call outcome ≠ busy"),
        (
            {"op": "and", "args": [{"op": "true"}, {"op": "or", "args": [{"op": "false"}, {"op": "true"}]}]},
            "always and (never or always)",
        ),
    ],
)
def test_a_condition_is_said(condition: dict[str, Any], said: str) -> None:
    assert captions.condition(condition) == said
