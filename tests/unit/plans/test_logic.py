"""What follows from a condition alone: sound in every run, checked against evaluation."""

from typing import Any

import pytest
from hypothesis import given, settings

from plans import conditions, logic
from tests.unit.plans.documents import CONDITIONS, SNAPSHOTS

OPENED = {"op": "event_seen", "event": "opened"}
OPENED_MAIL = {"op": "event_seen", "event": "opened", "of": "mail"}
CLICKED = {"op": "event_seen", "event": "clicked"}
TRUE, FALSE = {"op": "true"}, {"op": "false"}


def both(*args: dict[str, Any]) -> dict[str, Any]:
    return {"op": "and", "args": list(args)}


def either(*args: dict[str, Any]) -> dict[str, Any]:
    return {"op": "or", "args": list(args)}


def no(arg: dict[str, Any]) -> dict[str, Any]:
    return {"op": "not", "arg": arg}


def within(seconds: int) -> dict[str, Any]:
    return {"op": "event_within", "event": "opened", "seconds": seconds}


def visits(count: int) -> dict[str, Any]:
    return {"op": "visits_ge", "step": "call", "count": count}


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        (TRUE, True), (FALSE, False), (no(TRUE), False), (OPENED, None), (no(OPENED), None),
        (both(OPENED, FALSE), False), (both(TRUE, TRUE), True), (both(OPENED, TRUE), None),
        (either(OPENED, TRUE), True), (either(FALSE, FALSE), False), (either(OPENED, FALSE), None),
        (both(OPENED, no(OPENED)), False), (either(OPENED, no(OPENED)), True),
        ({"op": "lt", "ref": "run.tick", "value": 0}, False), ({"op": "ge", "ref": "run.tick", "value": 0}, True),
        ({"op": "gt", "ref": "run.tick", "value": 0}, None), ({"op": "eq", "ref": "run.tick", "value": -1}, False),
    ],
)  # fmt: skip
def test_a_constant_condition_is_known(condition: dict[str, Any], value: bool | None) -> None:
    assert logic.constant(condition) is value


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (OPENED, OPENED), (FALSE, OPENED), (OPENED, TRUE), (OPENED_MAIL, OPENED),
        (both(OPENED, CLICKED), OPENED), (OPENED, either(CLICKED, OPENED)),
        (either(OPENED_MAIL, both(OPENED, CLICKED)), OPENED), (no(OPENED), no(OPENED_MAIL)),
        (visits(3), visits(2)), ({"op": "event_count_ge", "event": "opened", "count": 2}, OPENED),
        (within(5), OPENED), (within(5), within(9)),
    ],
)  # fmt: skip
def test_one_condition_implies_another(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert logic.implies(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (OPENED, CLICKED), (OPENED, OPENED_MAIL), (OPENED, both(OPENED, CLICKED)), (either(OPENED, CLICKED), OPENED),
        (no(OPENED_MAIL), no(OPENED)), (visits(2), visits(3)), (OPENED, FALSE), (OPENED, visits(1)),
    ],
)  # fmt: skip
def test_one_condition_does_not_imply_another(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert not logic.implies(first, second)


@given(CONDITIONS, CONDITIONS, SNAPSHOTS)
@settings(max_examples=60)
def test_what_follows_holds_in_every_run(first, second, snapshot) -> None:
    holds = conditions.evaluate(first, snapshot)[0]
    constant = logic.constant(first)
    assert constant is None or constant is holds
    if logic.implies(first, second) and holds:
        assert conditions.evaluate(second, snapshot)[0]
