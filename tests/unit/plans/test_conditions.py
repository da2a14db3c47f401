"""A condition holds or not, total and recorded leaf by leaf; and what the check at publish refuses."""

from typing import Any

import pytest
from hypothesis import given, settings

from audit import canon
from plans import conditions
from tests.unit.plans.documents import CONDITIONS, SNAPSHOTS, asked, facts, follow_up, plan, seen

PLAN = plan(follow_up())
OPENED = {"": {"opened": seen(2)}, "mail": {"opened": seen(2)}}
TIER = "contact.attr.tier"
BALANCE = "contact.attr.balance"


def holds(condition: dict[str, Any], **changes: Any) -> bool:
    return conditions.evaluate(condition, facts(**changes))[0]


def record(condition: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    return conditions.evaluate(condition, facts(**changes))[1]


def complaints(condition: Any) -> list[tuple[str, str]]:
    context = conditions.Context(PLAN.attributes, PLAN.steps, "/w", "opened")
    return [(problem.pointer, problem.message) for problem in conditions.check(condition, context)]


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("eq", 5, True), ("eq", 4, False), ("ne", 4, True), ("ne", 5, False),
        ("lt", 6, True), ("lt", 5, False), ("le", 5, True), ("le", 4, False),
        ("gt", 4, True), ("gt", 5, False), ("ge", 5, True), ("ge", 6, False),
    ],
)  # fmt: skip
def test_a_comparison_looks_at_the_contact(op: str, value: int, expected: bool) -> None:
    assert holds({"op": op, "ref": BALANCE, "value": value}, attrs={"balance": 5}) is expected


@pytest.mark.parametrize("op", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_a_comparison_with_something_unset_is_false(op: str) -> None:
    assert not holds({"op": op, "ref": BALANCE, "value": 5})


def test_a_default_stands_for_something_unset() -> None:
    assert holds({"op": "ne", "ref": BALANCE, "value": 5, "default": 0})


def test_a_value_of_another_type_counts_as_unset() -> None:
    assert not holds({"op": "eq", "ref": BALANCE, "value": 1}, attrs={"balance": True})
    assert not holds({"op": "lt", "ref": BALANCE, "value": 1}, attrs={"balance": "0"})
    assert holds({"op": "eq", "ref": BALANCE, "value": 0, "default": 0}, attrs={"balance": "7"})


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"op": "true"}, True),
        ({"op": "false"}, False),
        ({"op": "in", "ref": TIER, "values": ["gold", "basic"]}, True),
        ({"op": "in", "ref": TIER, "values": ["basic"]}, False),
        ({"op": "is_set", "ref": TIER}, True),
        ({"op": "is_set", "ref": BALANCE}, False),
        ({"op": "eq", "ref": "run.tick", "value": 1000}, True),
        ({"op": "eq", "ref": "step.call.outcome", "value": "busy"}, True),
        ({"op": "outcome_is", "step": "call", "label": "busy"}, True),
        ({"op": "outcome_is", "step": "call", "label": "answered"}, False),
        ({"op": "outcome_is", "step": "mail", "label": "sent"}, False),
        ({"op": "visits_ge", "step": "call", "count": 3}, True),
        ({"op": "visits_ge", "step": "call", "count": 4}, False),
        ({"op": "visits_ge", "step": "mail", "count": 1}, False),
        ({"op": "event_seen", "event": "opened"}, True),
        ({"op": "event_seen", "event": "opened", "of": "mail"}, True),
        ({"op": "event_seen", "event": "opened", "of": "call"}, False),
        ({"op": "event_seen", "event": "clicked"}, False),
        ({"op": "event_count_ge", "event": "opened", "count": 2}, True),
        ({"op": "event_count_ge", "event": "opened", "count": 3}, False),
        ({"op": "event_within", "event": "opened", "seconds": 100}, True),
        ({"op": "event_within", "event": "opened", "seconds": 99}, False),
        ({"op": "event_within", "event": "clicked", "seconds": 100}, False),
        ({"op": "not", "arg": {"op": "false"}}, True),
        ({"op": "and", "args": [{"op": "true"}, {"op": "false"}]}, False),
        ({"op": "and", "args": [{"op": "true"}, {"op": "true"}]}, True),
        ({"op": "or", "args": [{"op": "false"}, {"op": "true"}]}, True),
        ({"op": "or", "args": [{"op": "false"}]}, False),
    ],
)
def test_an_operator_means(condition: dict[str, Any], expected: bool) -> None:
    run = {"attrs": {"tier": "gold"}, "events": OPENED, "outcomes": {"call": "busy"}, "visits": {"call": 3}}
    assert holds(condition, **run) is expected


def test_every_leaf_is_recorded_with_what_it_saw_even_when_the_result_is_certain() -> None:
    condition = {
        "op": "or",
        "args": [
            {"op": "event_seen", "event": "opened", "of": "mail"},
            {"op": "not", "arg": {"op": "eq", "ref": TIER, "value": "gold", "default": ""}},
            {"op": "event_within", "event": "opened", "seconds": 7},
            {"op": "outcome_is", "step": "call", "label": "busy"},
        ],
    }
    assert record(condition, events=OPENED) == [
        {"op": "event_seen", "event": "opened", "of": "mail", "value": 2, "result": True},
        {"op": "eq", "ref": TIER, "expected": "gold", "default": "", "value": None, "result": False},
        {"op": "event_within", "event": "opened", "seconds": 7, "value": 900, "result": False},
        {"op": "outcome_is", "step": "call", "label": "busy", "value": None, "result": False},
    ]


@given(CONDITIONS, SNAPSHOTS)
@settings(max_examples=30)
def test_a_checked_condition_never_raises_and_its_record_is_canonical(condition, snapshot) -> None:
    assert complaints(condition) == []
    result, leaves = conditions.evaluate(condition, snapshot)
    assert isinstance(result, bool)
    canon.encode(leaves)


@pytest.mark.parametrize(
    ("condition", "pointer", "said"),
    [
        ("opened", "/w", "A condition is an object with an \"op\""),
        ({"op": 3}, "/w", "A condition is an object with an \"op\""),
        ({"op": "matches"}, "/w/op", '"matches" is not an operator'),
        ({"op": "event_seen"}, "/w", 'also needs "event"'),
        ({"op": "true", "x": 1}, "/w/x", 'Remove the unknown key "x"'),
        ({"op": "and", "args": []}, "/w/args", "at least one condition"),
        ({"op": "not", "arg": {"op": "or", "args": [{"op": "no"}]}}, "/w/arg/args/0/op", '"no" is not an operator'),
        ({"op": "event_seen", "event": "read"}, "/w/event", '"read" is not an event; use one of delivered'),
        ({"op": "event_seen", "event": "opened", "of": "nowhere"}, "/w/of", 'no step named "nowhere"'),
        ({"op": "event_seen", "event": "opened", "of": "pause"}, "/w/of", "is a wait step and brings no events"),
        ({"op": "event_seen", "event": "opened", "of": "call"}, "/w/of", 'A call step brings no event "opened"'),
        ({"op": "event_count_ge", "event": "opened", "count": 0}, "/w/count", "1 or more"),
        ({"op": "event_within", "event": "opened", "seconds": True}, "/w/seconds", "1 or more"),
        ({"op": "outcome_is", "step": "call", "label": "sent"}, "/w/label", "it has answered, no_answer, busy"),
        ({"op": "outcome_is", "step": "opened", "label": "maybe"}, "/w/label", "it has yes, no"),
        ({"op": "outcome_is", "step": "done", "label": "x"}, "/w/label", "none, it ends the run"),
        ({"op": "visits_ge", "step": "nowhere", "count": 1}, "/w/step", 'no step named "nowhere"'),
        ({"op": "eq", "ref": "contact.attr.color", "value": "x"}, "/w/ref", '"color" is not declared'),
        ({"op": "eq", "ref": "contact.email", "value": "x"}, "/w/ref", "is no fact"),
        ({"op": "eq", "ref": "step.nowhere.outcome", "value": "x"}, "/w/ref", 'no step named "nowhere"'),
        ({"op": "eq", "ref": TIER, "value": 3, "default": ""}, "/w/value", "is a text; compare it with a text"),
        ({"op": "eq", "ref": "run.tick", "value": True}, "/w/value", "is a whole number; compare it"),
        ({"op": "eq", "ref": BALANCE, "value": 3, "default": "0"}, "/w/default", "is a whole number; compare it"),
        ({"op": "lt", "ref": TIER, "value": "x", "default": ""}, "/w/op", '"lt" compares numbers'),
        ({"op": "in", "ref": TIER, "values": [], "default": ""}, "/w/values", "a list of 1 to 64 values"),
        ({"op": "in", "ref": TIER, "values": ["x"] * 65, "default": ""}, "/w/values", "a list of 1 to 64 values"),
        ({"op": "in", "ref": TIER, "values": ["x", 7], "default": ""}, "/w/values/1", "is a text; compare it"),
        ({"op": "event_seen", "event": "opened", "of": None}, "/w/of", "null is no step; leave the key out"),
        ({"op": "eq", "ref": "step.call.outcome", "value": "sent", "default": "busy"}, "/w/value", "not an outcome"),
        ({"op": "eq", "ref": TIER, "value": "gold"}, "/w", "contact.attr.tier may be unset; add a \"default\""),
    ],
)  # fmt: skip
def test_the_check_says_where_and_what_to_do(condition: Any, pointer: str, said: str) -> None:
    found = complaints(condition)
    assert [where for where, _ in found] == [pointer]
    assert said in found[0][1]


@pytest.mark.parametrize(
    "condition",
    [
        {"op": "and", "args": [{"op": "is_set", "ref": TIER}, {"op": "eq", "ref": TIER, "value": "gold"}]},
        {
            "op": "or",
            "args": [{"op": "not", "arg": {"op": "is_set", "ref": TIER}}, {"op": "eq", "ref": TIER, "value": "gold"}],
        },
        {"op": "ge", "ref": "run.tick", "value": 60},
    ],
)
def test_a_comparison_is_safe_beside_is_set(condition: dict[str, Any]) -> None:
    assert complaints(condition) == []


ASKED = plan(asked())


@pytest.mark.parametrize(
    ("step", "labels"),
    [
        ("ask", ("mail", "voice")),
        ("check", ("paid", "promised", "timeout")),
        ("morning", ("completed",)),
        ("no-more", ("recorded",)),
        ("remind", ("sent", "blocked")),
    ],
)
def test_a_condition_knows_the_outcomes_of_each_kind(step: str, labels: tuple[str, ...]) -> None:
    assert conditions.labels(ASKED.steps[step]) == labels
    context = conditions.Context(ASKED.attributes, ASKED.steps, "/w", "remind")
    for label in labels:
        leaf = {"op": "outcome_is", "step": step, "label": label}
        compared = {"op": "eq", "ref": f"step.{step}.outcome", "value": label, "default": label}
        assert conditions.check(leaf, context) == conditions.check(compared, context) == []
    (found,) = conditions.check({"op": "outcome_is", "step": step, "label": "other"}, context)
    assert (found.pointer, found.message) == (
        "/w/label",
        f'"other" is not an outcome of "{step}"; it has {", ".join(labels)}.',
    )


def test_depth_and_size_have_a_limit() -> None:
    deep: dict[str, Any] = {"op": "true"}
    for _ in range(conditions.MAX_DEPTH - 1):
        deep = {"op": "not", "arg": deep}
    assert complaints(deep) == []
    assert "nested deeper than 8 levels" in complaints({"op": "not", "arg": deep})[0][1]
    wide = {"op": "or", "args": [{"op": "event_seen", "event": "opened"}] * (conditions.MAX_NODES - 1)}
    assert complaints(wide) == []
    wide["args"].append({"op": "true"})
    assert "has 65 parts; 64 are allowed" in complaints(wide)[0][1]
