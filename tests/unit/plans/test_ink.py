"""Is what the canvas writes one well-formed SVG, whatever a draft holds?"""

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from plans import document, layout
from plans.designing import board, ink
from plans.designing.edits import Sheet
from tests.unit.plans.documents import minimal
from tests.unit.plans.generated import valid_plan


def canvas_of(whole: dict[str, Any], chosen: str = "") -> board.Board:
    found = document.inspect_value(whole)
    assert found.plan is not None
    return board.board(found.plan, layout.layout(found.plan), Sheet(whole, {}), found.problems, chosen)


def drawn(canvas: board.Board) -> ElementTree.Element:
    return ElementTree.fromstring(f"<svg>{ink.wires(canvas)}{ink.cards(canvas, '/design/')}</svg>")


@given(st.randoms(use_true_random=False).map(valid_plan))
def test_every_card_and_every_wire_has_a_key_of_its_own(whole: dict[str, Any]) -> None:
    found = drawn(canvas_of(whole))
    for kind in ("a", "g"):
        keys = [part.get("data-key") for part in found.findall(kind)]
        assert None not in keys and len(keys) == len(set(keys))
    assert {part.get("data-step") for part in found.findall("a")} == set(whole["steps"])


def test_what_an_author_wrote_stays_text() -> None:
    word = "\"><script>alert('1')</script>&amp;"
    asked = {"kind": "task", "title": word, "timeout_s": 5, "on": {"timeout": word}}
    ways = [{"name": word, "weight": 1, "goto": "ask"}, {"name": "fine", "weight": 1, "goto": "ask"}]
    canvas = canvas_of(minimal({"ask": asked, "either": {"kind": "split", "arms": ways}}), chosen="ask")
    wires = [replace(item, labels=(word,), wire=replace(item.wire, label=word)) for item in canvas.wires]
    found = drawn(replace(canvas, wires=tuple(wires)))
    assert any(str(text.text).startswith(word[:20]) for text in found.iter("text"))
    ports = [port.get("data-labels") for port in found.iter("circle") if port.get("data-source") == "either"]
    assert sorted(map(str, ports)) == sorted([word, "fine"])
    assert {wire.get("data-labels") for wire in found.findall("g")} == {word}
    assert f"{word} of either leads nowhere yet" in {title.text for title in found.iter("title")}
    assert not [*found.iter("script"), *found.iter("b")]


def test_a_card_with_problems_says_so_to_eye_and_ear() -> None:
    found = drawn(canvas_of(minimal({"pause": {"kind": "wait", "on": {"completed": "pause"}}})))
    card = found.find("a")
    assert card is not None
    assert "has-problems" in str(card.get("class")) and card.find("g[@class='ds-alarm']") is not None
    assert re.search(r", [1-9] problems?$", str(card.get("aria-label")))
