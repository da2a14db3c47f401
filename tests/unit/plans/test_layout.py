"""The picture of a plan: nothing overlaps, wires lead downwards except loops, and the same plan looks the same."""

import json
import re
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from plans import diagram, layout
from plans.steps import Kind
from tests.unit.plans.documents import DONE, asked, drawable, follow_up, graphs, minimal, plan


def boxes_overlap(one: layout.Node, other: layout.Node) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@given(graphs())
@settings(max_examples=30)
def test_any_plan_is_drawn_without_overlap_and_downwards(whole: dict[str, Any]) -> None:
    found = drawable(whole)
    placed = layout.layout(found)
    nodes = {node.name: node for node in placed.nodes}
    assert nodes.keys() == found.steps.keys()
    assert not [pair for pair in combinations(placed.nodes, 2) if boxes_overlap(*pair)]
    for node in placed.nodes:
        assert 0 <= node.x
        assert node.x + node.width <= placed.width
        assert 0 <= node.y
        assert node.y + node.height <= placed.height
    for edge in placed.edges:
        assert edge.aside or nodes[edge.source].row < nodes[edge.target].row
        assert edge.points[0][1] == nodes[edge.source].y + layout.CARD_HEIGHT
        assert edge.points[-1] == (nodes[edge.target].x + nodes[edge.target].width // 2, nodes[edge.target].y)
        assert all(0 <= x <= placed.width and 0 <= y <= placed.height for x, y in edge.points)
        inner = edge.points[1:-1]
        if not edge.aside:
            assert not [(point, n) for point in inner for n in placed.nodes if inside(point, n)]
    drawn = {(edge.source, label, edge.target) for edge in placed.edges for label in edge.labels}
    assert drawn == {(name, label, to) for name, step in found.steps.items() for label, to in step.on.items()}


def inside(point: layout.Point, node: layout.Node) -> bool:
    return node.x < point[0] < node.x + node.width and node.y < point[1] < node.y + node.height


@given(graphs())
@settings(max_examples=10)
def test_the_order_of_keys_changes_nothing(whole: dict[str, Any]) -> None:
    turned = {**whole, "steps": dict(reversed(list(whole["steps"].items())))}
    assert layout.layout(drawable(whole)) == layout.layout(drawable(json.loads(json.dumps(turned))))


def test_the_entry_stands_on_top_and_ends_below() -> None:
    nodes = {node.name: node for node in layout.layout(plan(follow_up())).nodes}
    assert nodes["mail"].row == 0
    assert nodes["done"].row == max(node.row for node in nodes.values())


def test_labels_that_lead_to_the_same_step_share_a_wire() -> None:
    edges = {(edge.source, edge.target): edge for edge in layout.layout(plan(follow_up())).edges}
    assert edges["call", "done"].labels == ("answered", "no_answer", "busy", "voicemail")
    assert edges["call", "done"].label == "answered · no_answer +2"
    assert edges["pause", "opened"].label == ""


def test_ports_stand_in_the_order_of_their_targets() -> None:
    edges = [edge for edge in layout.layout(plan(follow_up())).edges if edge.source == "opened"]
    ports = [edge.points[0][0] for edge in edges]
    heads = [edge.points[1][0] for edge in edges]
    assert sorted(ports) == ports
    assert sorted(heads) == heads


def test_a_loop_runs_round_the_side() -> None:
    whole = minimal(
        {
            "mail": {"kind": "send_email", "template": "a@1", "on": {"sent": "pause"}},
            "pause": {"kind": "wait", "seconds": 60, "on": {"completed": "mail"}},
        }
    )
    placed = layout.layout(drawable(whole))
    (loop,) = [edge for edge in placed.edges if edge.aside]
    lane = loop.points[2][0]
    assert (loop.source, loop.target) == ("pause", "mail")
    assert all(lane < node.x or lane > node.x + node.width for node in placed.nodes)


@pytest.mark.parametrize(
    "whole", [minimal({"done": DONE}), minimal({"a": {"kind": "wait", "seconds": 1, "on": {"completed": "a"}}})]
)
def test_the_smallest_plans_are_drawn(whole: dict[str, Any]) -> None:
    assert len(layout.layout(drawable(whole)).nodes) == 1


def test_a_large_plan_is_drawn_in_a_moment() -> None:
    steps: dict[str, Any] = {}
    for index in range(120):
        goto = {"sent": f"s{(index * 7 + 1) % 120}", "blocked": f"s{min(index + 2, 119)}"}
        steps[f"s{index}"] = {"kind": "send_email", "template": "a@1", "on": goto}
    found = drawable(minimal(steps))
    began = time.perf_counter()
    layout.layout(found)
    assert time.perf_counter() - began < 1.5


# --- what is drawn ------------------------------------------------------------------------------------------------


def test_a_path_is_marked_on_cards_and_wires() -> None:
    found = plan(follow_up())
    marks = diagram.Marks({"mail": "done", "pause": "current"}, frozenset({("mail", "sent")}))
    drawn = diagram.draw(found, layout.layout(found), marks)
    cards = {card.name: card for card in drawn.cards}
    assert drawn.dim
    assert (cards["mail"].state, cards["mail"].sign, cards["mail"].tag) == ("done", "✓", "start")
    assert cards["pause"].label == "pause, wait, 3 days, the run is here"
    assert (cards["done"].tag, cards["done"].state) == ("exit", "none")
    assert [wire.title for wire in drawn.wires if wire.walked] == ["mail: sent leads to pause"]


def test_every_kind_has_a_card_of_its_own() -> None:
    drawn = [diagram.draw(found, layout.layout(found)) for found in (plan(follow_up()), plan(asked()))]
    cards = {card.kind: card for each in drawn for card in each.cards}
    assert cards.keys() == diagram.ICONS.keys() == set(Kind)
    assert len({card.icon for card in cards.values()}) == len(Kind)
    style = (Path(__file__).parents[3] / "static" / "dee" / "diagram.css").read_text()
    assert [kind for kind in Kind if not re.search(rf"\.dg-{kind}\b[^-]", style)] == []


def test_what_a_send_requires_is_marked_and_said() -> None:
    found = plan(asked())
    cards = {card.name: card for card in diagram.draw(found, layout.layout(found)).cards}
    assert {name: card.guard for name, card in cards.items() if card.guard} == {"remind": "only if"}
    assert cards["remind"].label == (
        "remind, send email, template notice@2, Only if not (replied of mail); asked at the gate"
    )
    assert cards["mail"].label == "mail, send email, template notice@1, Fails when it is more than 1 h late"
    assert cards["check"].label == "check, task, Look whether they paid, A person has 1 day for it"
    assert cards["morning"].label == "morning, wait until, 09:05 Mon, Tue, Fri, local time"


def test_without_marks_nothing_steps_back() -> None:
    found = plan(follow_up())
    drawn = diagram.draw(found, layout.layout(found))
    assert not drawn.dim
    assert {card.state for card in drawn.cards} == {"none"}
    assert drawn.label == "Plan follow-up: 7 steps from mail"


def test_a_long_subtitle_is_cut_and_its_whole_text_kept() -> None:
    whole = follow_up()
    whole["steps"]["opened"]["cases"][0]["when"] = {"op": "or", "args": [
        {"op": "event_seen", "event": event, "of": "mail"} for event in ("opened", "clicked", "auto_reply")
    ]}  # fmt: skip
    found = plan(whole)
    card = next(card for card in diagram.draw(found, layout.layout(found)).cards if card.name == "opened")
    assert card.subtitle.endswith("…")
    assert "opened of mail or clicked of mail or auto_reply of mail" in card.label


def test_wires_are_curves_and_loops_have_round_corners() -> None:
    whole = minimal(
        {
            "ask": {
                "kind": "branch",
                "cases": [{"name": "again", "when": {"op": "true"}, "goto": "pause"}],
                "else": {"name": "no", "goto": "done"},
            },
            "pause": {"kind": "wait", "seconds": 60, "on": {"completed": "ask"}},
            "done": DONE,
        }
    )
    found = drawable(whole)
    wires = {wire.title: wire for wire in diagram.draw(found, layout.layout(found)).wires}
    assert wires["pause: completed leads to ask"].path.count("Q") == 4
    assert "C" in wires["ask: no leads to done"].path
    assert all(wire.head.endswith("z") for wire in wires.values())


def test_a_thicket_is_drawn_with_its_longest_wires_round_the_side() -> None:
    steps: dict[str, Any] = {}
    for index in range(200):
        goto = {"sent": f"s{index + 1}", "blocked": f"s{min(index + 50, 200)}"}
        steps[f"s{index}"] = {"kind": "send_email", "template": "a@1", "on": goto}
    steps["s200"] = DONE
    placed = layout.layout(drawable(minimal(steps)))
    rows = {node.name: node.row for node in placed.nodes}
    beside = [edge for edge in placed.edges if edge.aside]
    assert beside
    assert all(rows[edge.target] - rows[edge.source] > 1 for edge in beside)
    assert len(placed.edges) == 399
