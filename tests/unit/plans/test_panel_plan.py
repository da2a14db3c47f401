"""The form of the plan itself: what it says beside its steps."""

from typing import Any

import pytest

from plans import document
from plans.conditions import TYPES
from plans.panel.choices import PURPOSES, choices
from plans.panel.parts import everything
from plans.panel.plan_parts import TYPES as TYPE_WORDS
from plans.panel.shown import plan_form
from tests.unit.plans.documents import follow_up
from tests.unit.plans.panel_hands import POLICIES, TEMPLATES, addresses, at

OPENED = {"op": "event_seen", "event": "opened"}


@pytest.fixture(autouse=True, scope="module")
def _addresses() -> Any:
    with addresses():
        yield


def test_title_and_description_may_be_left_out() -> None:
    hands = at(follow_up())

    hands.set("meta/title", "New title")
    hands.set("meta/description", "")

    assert hands.draft["meta"] == {"title": "New title"}


def test_limits_are_a_number_and_a_duration() -> None:
    hands = at({**follow_up(), "limits": None})

    hands.press("replace:limits")
    hands.set("limits/max_steps", "7")
    hands.set("limits/max_duration_s~unit", "hours")

    assert hands.draft["limits"] == {"max_steps": 7, "max_duration_s": 30 * 3600}


def test_missing_limits_are_made_by_filling_them_in() -> None:
    whole = follow_up()
    del whole["limits"], whole["meta"]
    hands = at(whole)

    hands.set("limits/max_steps", "7")
    hands.set("meta/title", "T")

    assert (hands.draft["limits"], hands.draft["meta"]) == ({"max_steps": 7}, {"title": "T"})


def test_entry_purpose_and_policy() -> None:
    hands = at(follow_up())

    hands.set("entry", "pause")
    hands.set("purpose", " collections ")
    hands.set("policy", "notifications")

    assert [hands.draft[key] for key in ("entry", "purpose", "policy")] == ["pause", "collections", "notifications"]


def test_attributes_are_declared_typed_and_removed() -> None:
    hands = at(follow_up())
    page = hands.look()
    page.fill("attributes~new", "score")

    assert hands.send(page.post("add-attribute")).focus == "field-attributes_tnew"
    assert hands.fill("attributes/score", "int").structure is True, "conditions about it need other fields"
    hands.press("remove:attributes/tier")

    assert hands.draft["attributes"] == {"balance": "int", "vip": "bool", "score": "int"}
    assert TYPE_WORDS.keys() == TYPES.keys()


@pytest.mark.parametrize(
    ("word", "sentence"), [("", "Write the word first."), ("Tier", "not allowed"), ("vip", "already one")]
)
def test_an_attribute_needs_a_name_of_its_own(word: str, sentence: str) -> None:
    hands = at(follow_up())
    page = hands.look()
    page.fill("attributes~new", word)

    found = hands.send(page.post("add-attribute"))

    assert [(name, sentence in said) for name, said in found.errors] == [("attributes~new", True)]
    assert hands.draft == follow_up()


def test_exits_are_added_ordered_and_removed() -> None:
    hands = at(follow_up())

    assert hands.press("add-exit").focus == "field-exit__on_-1_-when_tabout"
    hands.set("exit_on/1/goto", "blocked")
    hands.press("up:exit_on/1")
    assert [exit["goto"] for exit in hands.draft["exit_on"]] == ["blocked", "done"]
    hands.press("remove:exit_on/1")
    hands.press("remove:exit_on/0")
    assert hands.draft["exit_on"] == []


def test_an_exit_may_lead_to_a_new_step() -> None:
    assert at(follow_up()).fill("exit_on/0/goto", "+end").new_targets == (("/exit_on/0/goto", "end"),)


@pytest.mark.parametrize(
    ("key", "instead"), [("attributes", {}), ("exit_on", []), ("meta", {})],
)  # fmt: skip
def test_what_cannot_be_shown_as_fields_is_replaced_by_a_button(key: str, instead: Any) -> None:
    hands = at({**follow_up(), key: "junk"})

    hands.press(f"replace:{key}")

    assert hands.draft[key] == instead


def test_a_broken_exit_is_replaced() -> None:
    hands = at({**follow_up(), "exit_on": ["junk"]})

    hands.press("replace:exit_on/0")

    assert hands.draft["exit_on"] == [{"when": OPENED}]


def test_unknown_keys_are_shown_and_kept() -> None:
    hands = at({**follow_up(), "colour": "red"})

    assert "This also has: colour" in hands.html()
    hands.set("meta/title", "T")
    assert hands.draft["colour"] == "red"
    hands.press("remove:colour")
    assert "colour" not in hands.draft


def test_the_steps_are_left_alone() -> None:
    hands = at(follow_up())
    data = hands.look().post()
    data._mutable = True
    data["steps/mail/template"] = "evil@1"

    assert hands.send(data).body["steps"] == follow_up()["steps"]


def test_only_the_plans_own_problems_are_shown_each_beside_its_field() -> None:
    whole = {**follow_up(), "purpose": "Why?", "attributes": {"tier": "float"}, "limits": {"max_steps": 0}}
    whole["steps"]["mail"]["template"] = "junk"
    del whole["entry"]

    form = plan_form(whole, at(whole).choices(), document.inspect_value(whole).problems)

    beside = {part.name for part in everything(form.parts) if part.problems}
    assert beside == {"entry", "purpose", "attributes/tier", "limits/max_steps", "limits/max_duration_s"}
    assert form.problems == ()
    assert form.key == "follow-up"


def test_steps_are_offered_in_the_order_in_which_a_reader_follows_the_plan() -> None:
    whole = follow_up()
    whole["steps"]["aside"] = 3

    offered = choices(whole, TEMPLATES, POLICIES)

    assert offered.steps == ("mail", "pause", "opened", "done", "reply", "call", "blocked", "aside")
    assert offered.labels["opened"] == ("yes", "no")
    assert offered.sends == {"mail": "email", "call": "voice"}
    assert "done" not in offered.labels, "an end has no outcomes"


@pytest.mark.parametrize("junk", [{}, {"steps": []}, {"steps": {"x": []}, "attributes": 1, "purpose": {}}])
def test_choices_are_there_for_any_document(junk: dict[str, Any]) -> None:
    found = choices(junk, {}, ())

    assert (found.purposes, found.attributes, found.policies) == (PURPOSES, {}, ())


def test_a_plans_own_purpose_is_offered() -> None:
    assert choices({"purpose": "collections"}, {}, ()).purposes == (*PURPOSES, "collections")
