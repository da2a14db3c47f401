"""What does the designer draw, and what can be taken hold of?"""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from plans import document, layout
from plans.designing import board, edits
from plans.designing.edits import Sheet
from tests.unit.plans.documents import minimal
from tests.unit.plans.generated import valid_plan

DONE = {"kind": "end", "result": "finished", "goal": True}
CALL = {"kind": "call", "template": "s@1", "on": {"answered": "done", "busy": "done", "no_answer": "later"}}


def drawn(whole: dict[str, Any], places: edits.Places | None = None, chosen: str = "") -> board.Board:
    found = document.inspect_value(whole)
    assert found.plan is not None
    return board.board(found.plan, layout.layout(found.plan), Sheet(whole, places or {}), found.problems, chosen)


def card(found: board.Board, name: str) -> board.BoardCard:
    return next(item for item in found.cards if item.card.name == name)


@given(st.randoms(use_true_random=False).map(valid_plan))
def test_every_outcome_of_every_step_has_exactly_one_port(whole: dict[str, Any]) -> None:
    found = drawn(whole)
    plan = document.inspect_value(whole).plan
    assert plan is not None
    for item in found.cards:
        labels = [label for port in item.ports for label in port.labels]
        assert sorted(labels) == sorted(plan.steps[item.card.name].on)
        assert all(item.card.x <= port.x <= item.card.x + item.card.width for port in item.ports)
        assert {port.y for port in item.ports} <= {item.card.y + item.card.height}


def test_outcomes_that_lead_nowhere_yet_have_ports_too() -> None:
    ports = card(drawn(minimal({"call": CALL, "done": DONE, "later": DONE})), "call").ports
    assert [(port.labels, port.target) for port in ports] == [
        (("answered", "busy"), "done"),
        (("no_answer",), "later"),
        (("voicemail",), ""),
    ]
    assert ports[-1].label == "voicemail of call leads nowhere yet"


def test_a_card_put_by_hand_stands_there_and_its_wires_follow() -> None:
    whole = minimal({"call": CALL, "done": DONE, "later": DONE})
    found = drawn(whole, {"done": (600, 900)})
    assert (card(found, "done").card.x, card(found, "done").card.y) == (600, 900)
    wire = next(item for item in found.wires if item.labels == ("answered", "busy"))
    assert wire.wire.path.endswith(f"{600 + card(found, 'done').card.width // 2 - wire.x} {900 - wire.y}")
    assert card(found, "later") == card(drawn(whole), "later")


def test_a_wire_to_a_card_above_runs_round_the_side() -> None:
    whole = minimal({"call": CALL, "done": DONE, "later": DONE})
    found = drawn(whole, {"done": (0, -500)})
    wire = next(item for item in found.wires if item.labels == ("answered", "busy")).wire
    assert wire.aside


@given(st.randoms(use_true_random=False).map(valid_plan), st.integers(-900, 2000), st.integers(-900, 2000))
def test_everything_is_inside_the_view_box(whole: dict[str, Any], x: int, y: int) -> None:
    found = drawn(whole, {next(iter(whole["steps"])): (x, y)})
    for item in found.cards:
        assert found.left < item.card.x and item.card.x + item.card.width < found.left + found.width
        assert found.top < item.card.y and item.card.y + item.card.height < found.top + found.height


def test_a_place_of_a_step_that_is_gone_means_nothing() -> None:
    whole = minimal({"call": CALL, "done": DONE, "later": DONE})
    assert drawn(whole, {"gone": (1, 1)}) == drawn(whole)


def test_a_card_says_how_many_problems_its_step_has_and_whether_it_is_chosen() -> None:
    found = drawn(minimal({"call": CALL, "done": DONE, "later": DONE}), chosen="call")
    assert (card(found, "call").problems, card(found, "call").chosen) == (1, True)
    assert (card(found, "done").problems, card(found, "done").chosen) == (0, False)


def test_steps_that_cannot_be_read_are_named() -> None:
    assert drawn(minimal({"call": CALL, "done": DONE, "later": DONE, "odd": {"kind": "dance"}})).unread == ("odd",)
