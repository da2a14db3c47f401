"""Conditions over facts that nobody knows: three values, and what would have to be known."""

from typing import Any

import pytest

from channels.kinds import EMAIL_EVENTS
from plans import conditions
from plans.steps import Case
from runs.engine.whatif import doubt
from runs.engine.whatif.doubt import Fog

# `mail-2` was never sent in the past run, `mail-1` was.
OPENED = {"op": "event_seen", "event": "opened"}
KNOWN_YES = OPENED | {"of": "mail-1"}
KNOWN_NO = {"op": "event_seen", "event": "clicked", "of": "mail-1"}
UNKNOWN = OPENED | {"of": "mail-2"}
NEED = "event opened of mail-2"
VIP = {"op": "eq", "ref": "contact.attr.vip", "value": True, "default": False}


def snapshot(**events: Any) -> conditions.Snapshot:
    seen = {"opened": {"count": 1, "first": 5, "last": 5}}
    return conditions.Snapshot(
        10, {"tier": "gold"}, {"mail-1": seen, "": seen, **events}, {"mail-1": "sent"}, {"mail-1": 1}
    )


def fog(*assumed: tuple[str, str]) -> Fog:
    return Fog({"mail-2": frozenset(EMAIL_EVENTS)}, set(assumed), frozenset({"tier"}))


def needs(when: dict[str, Any], *assumed: tuple[str, str]) -> list[str]:
    return [str(need) for need in doubt.of_snapshot(when, snapshot(), fog(*assumed))]


def value(when: dict[str, Any]) -> bool | None:
    leaves = iter(conditions.evaluate(when, snapshot())[1])
    return doubt.holds(when, leaves, lambda leaf: fog().leaf(leaf) is not None)


YES, NO, PERHAPS = KNOWN_YES, KNOWN_NO, UNKNOWN


@pytest.mark.parametrize(
    ("op", "args", "expected"),
    [
        ("and", (YES, YES), True),
        ("and", (YES, NO), False),
        ("and", (NO, PERHAPS), False),
        ("and", (PERHAPS, NO), False),
        ("and", (YES, PERHAPS), None),
        ("and", (PERHAPS, PERHAPS), None),
        ("or", (NO, NO), False),
        ("or", (NO, YES), True),
        ("or", (YES, PERHAPS), True),
        ("or", (PERHAPS, YES), True),
        ("or", (NO, PERHAPS), None),
        ("or", (PERHAPS, PERHAPS), None),
    ],
)
def test_and_and_or_have_three_values(op: str, args: tuple[dict[str, Any], ...], expected: bool | None) -> None:
    assert value({"op": op, "args": list(args)}) is expected


@pytest.mark.parametrize(("arg", "expected"), [(YES, False), (NO, True), (PERHAPS, None)])
def test_not_turns_what_is_known_and_leaves_what_is_not(arg: dict[str, Any], expected: bool | None) -> None:
    assert value({"op": "not", "arg": arg}) is expected


def test_nested_conditions_keep_to_their_own_leaves() -> None:
    inner = {"op": "or", "args": [PERHAPS, {"op": "not", "arg": NO}]}

    assert value({"op": "and", "args": [YES, inner, YES]}) is True
    assert value({"op": "and", "args": [inner, {"op": "not", "arg": PERHAPS}]}) is None


def test_an_event_that_was_seen_is_certain_whatever_else_may_have_come() -> None:
    assert needs(OPENED) == []  # of any step: one of them was opened
    assert needs({"op": "event_count_ge", "event": "opened", "count": 1}) == []
    assert needs({"op": "event_count_ge", "event": "opened", "count": 2}) == [NEED]
    assert needs({"op": "event_within", "event": "opened", "seconds": 5}) == []
    assert needs({"op": "event_within", "event": "opened", "seconds": 4}) == [NEED]


def test_an_event_that_was_not_seen_is_uncertain_where_a_message_is_unknown_only() -> None:
    assert needs({"op": "event_seen", "event": "clicked"}) == ["event clicked of mail-2"]
    assert needs(KNOWN_NO) == []
    assert needs(UNKNOWN) == [NEED]


def test_a_mail_that_nobody_sent_can_have_no_result_of_a_call() -> None:
    assert needs({"op": "event_seen", "event": "busy"}) == []


def test_what_somebody_vouches_for_is_known() -> None:
    assert needs(UNKNOWN, ("mail-2", "opened")) == []


def test_an_attribute_that_was_not_frozen_is_a_fact_of_the_start() -> None:
    assert needs(VIP) == ["attribute vip"] and doubt.of_snapshot(VIP, snapshot(), fog())[0].entry
    assert needs({"op": "is_set", "ref": "contact.attr.tier"}) == []


def test_outcomes_visits_and_ticks_are_always_known() -> None:
    assert needs({"op": "outcome_is", "step": "mail-2", "label": "sent"}) == []
    assert needs({"op": "visits_ge", "step": "mail-2", "count": 1}) == []
    assert needs({"op": "ge", "ref": "run.tick", "value": 10}) == []


def test_a_branch_is_uncertain_up_to_the_arm_it_takes() -> None:
    def of(*whens: dict[str, Any], chosen: str) -> list[str]:
        cases = tuple(Case(f"case-{n}", when, "done") for n, when in enumerate(whens))
        leaves = [leaf for when in whens for leaf in conditions.evaluate(when, snapshot())[1]]
        return [str(need) for need in doubt.of_branch(cases, chosen, iter(leaves), fog())]

    assert of(YES, PERHAPS, chosen="case-0") == []  # the second case was never looked at
    assert of(PERHAPS, YES, chosen="case-1") == [NEED]  # the first one might have been taken
    assert of(NO, NO, chosen="else") == []
    assert of(NO, PERHAPS, chosen="else") == [NEED]
