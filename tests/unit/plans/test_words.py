"""Durations, steps and conditions in words."""

from typing import Any

import pytest

from plans import captions, durations
from plans.steps import Kind
from tests.unit.plans.documents import DONE, asked, follow_up, minimal, plan


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


def test_a_step_of_the_other_kinds_says_what_it_does() -> None:
    found = plan(asked()).steps
    assert {name: captions.subtitle(found[name]) for name in ("ask", "morning", "check", "no-more")} == {
        "ask": "3 : 1",
        "morning": "09:05 Mon, Tue, Fri, local time",
        "check": "Look whether they paid",
        "no-more": "no more email and voice",
    }
    assert captions.KINDS.keys() == set(Kind)
    assert [captions.share(found["ask"], label) for label in ("mail", "voice")] == ["3 of 4", "1 of 4"]
    assert captions.share(found["check"], "paid") == ""


def test_a_split_into_many_is_not_counted_out() -> None:
    arms = [{"name": f"arm-{index}", "weight": 1, "goto": "done"} for index in range(5)]
    found = plan(minimal({"ask": {"kind": "split", "arms": arms}, "done": DONE})).steps["ask"]
    assert captions.subtitle(found) == "5 arms"


def test_what_else_counts_for_a_step_is_said_in_sentences() -> None:
    found = plan(asked()).steps
    assert {name: captions.notes(step) for name, step in found.items() if captions.notes(step)} == {
        "mail": ["Fails when it is more than 1 h late."],
        "remind": ["Only if not (replied of mail); asked at the gate."],
        "check": ["A person has 1 day for it."],
    }


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ((1, 2, 3, 4, 5, 6, 7), "any day"), ((1, 2, 3, 4, 5), "Mon to Fri"), ((6, 7), "Sat, Sun"), ((3,), "Wed"),
        ((1, 3, 5), "Mon, Wed, Fri"), ((1, 2, 3, 5, 7), "Mon to Wed, Fri, Sun"),
    ],
)  # fmt: skip
def test_days_are_said_as_people_say_them(chosen: tuple[int, ...], said: str) -> None:
    assert captions.days(chosen) == said


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
