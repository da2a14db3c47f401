"""The condition builder: any condition is made by fields and buttons, and a change keeps what still fits."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans import conditions, document
from plans.conditions import MAX_DEPTH, MAX_NODES
from plans.panel import condition_changes as changes
from plans.panel import condition_words
from tests.unit.plans.documents import follow_up
from tests.unit.plans.generated import valid_plan
from tests.unit.plans.panel_hands import Hands, addresses, at, make_condition

OPENED = {"op": "event_seen", "event": "opened"}
CLICKED = {"op": "event_seen", "event": "clicked"}
GOLD = {"op": "eq", "ref": "contact.attr.tier", "value": "gold"}
RICH = {"op": "ge", "ref": "contact.attr.balance", "value": 100, "default": 0}
CALLED = {"op": "outcome_is", "step": "call", "label": "busy"}
LATELY = {"op": "event_within", "event": "opened", "seconds": 60}
TWICE = {"op": "event_count_ge", "event": "opened", "count": 2}
NEITHER = {"op": "not", "arg": {"op": "or", "args": [OPENED, CLICKED]}}
TIER_SET = {"op": "is_set", "ref": "contact.attr.tier"}


@pytest.fixture(autouse=True, scope="module")
def _addresses() -> Any:
    with addresses():
        yield


def asking(when: Any) -> Hands:
    """Return hands at the step `mail` of a plan, which requires a condition."""
    hands = at(follow_up(), "mail")
    hands.body["require"] = when
    return hands


def after(when: Any, name: str, *values: str) -> Any:
    """Return what becomes of a condition when one field is changed, which has to ask for a new form."""
    hands = asking(when)
    found = hands.fill(name, *values)
    assert (found.errors, found.structure) == ((), True)
    return hands.body["require"]


def nested(depth: int) -> Any:
    return OPENED if depth == 1 else {"op": "not", "arg": nested(depth - 1)}


# --- making any condition -----------------------------------------------------------------------------------------


@given(st.integers(0, 10**9))
@settings(max_examples=5)
def test_any_condition_is_made_by_fields_and_buttons(seed: int) -> None:
    plan = valid_plan(Random(seed))
    wanted = [exit["when"] for exit in plan.get("exit_on", [])]
    for step in plan["steps"].values():
        wanted += [case["when"] for case in step.get("cases", [])]
        wanted += [step["require"]] if "require" in step else []
    for when in wanted[:2]:
        hands = at({**plan, "exit_on": []})
        hands.press("add-exit")

        make_condition(hands, "exit_on/0/when", when)

        assert document.canonical(hands.draft["exit_on"][0]["when"]) == document.canonical(when)


# --- changing what a condition is about -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "subject", "wanted"),
    [
        (OPENED, "contact.attr.tier", {"op": "eq", "ref": "contact.attr.tier", "value": ""}),
        (OPENED, "contact.attr.balance", {"op": "ge", "ref": "contact.attr.balance", "value": 0}),
        (OPENED, "contact.attr.vip", {"op": "eq", "ref": "contact.attr.vip", "value": True}),
        (OPENED, "run.tick", {"op": "ge", "ref": "run.tick", "value": 86_400}),
        (LATELY, "run.tick", {"op": "ge", "ref": "run.tick", "value": 60}),
        (OPENED, "true", {"op": "true"}),
        (OPENED, "and", {"op": "and", "args": [OPENED]}),
        (OPENED, "or", {"op": "or", "args": [OPENED]}),
        (OPENED, "not", {"op": "not", "arg": OPENED}),
        ({**OPENED, "of": "call"}, "outcome", {"op": "outcome_is", "step": "call", "label": "answered"}),
        (OPENED, "outcome", {"op": "outcome_is", "step": "mail", "label": "sent"}),
        (CALLED, "event", {**OPENED, "of": "call"}),
        ({"op": "visits_ge", "step": "pause", "count": 3}, "event", OPENED),
        (CALLED, "visits", {"op": "visits_ge", "step": "call", "count": 2}),
        (GOLD, "outcome", {"op": "outcome_is", "step": "mail", "label": "sent"}),
        (RICH, "run.tick", {"op": "ge", "ref": "run.tick", "value": 86_400}),
        (TIER_SET, "contact.attr.vip", {"op": "is_set", "ref": "contact.attr.vip"}),
        ({"op": "true"}, "event", OPENED),
    ],
)  # fmt: skip
def test_another_subject_keeps_what_still_fits(before: Any, subject: str, wanted: Any) -> None:
    assert after(before, "require~about", subject) == wanted


def test_another_attribute_of_the_same_type_keeps_operator_values_and_default() -> None:
    hands = asking(RICH)
    hands.draft["attributes"]["debt"] = "int"

    hands.set("require~about", "contact.attr.debt")

    assert hands.body["require"] == {**RICH, "ref": "contact.attr.debt"}


@pytest.mark.parametrize(
    ("before", "kind", "wanted"),
    [
        ({"op": "and", "args": [OPENED, CLICKED]}, "or", {"op": "or", "args": [OPENED, CLICKED]}),
        ({"op": "and", "args": [OPENED, CLICKED]}, "not", NEITHER),
        ({"op": "or", "args": [OPENED, CLICKED]}, "not", NEITHER),
        ({"op": "and", "args": [OPENED]}, "not", {"op": "not", "arg": OPENED}),
        ({"op": "not", "arg": OPENED}, "and", {"op": "and", "args": [OPENED]}),
        (NEITHER, "and", {"op": "and", "args": [OPENED, CLICKED]}),
        ({"op": "not"}, "or", {"op": "or", "args": []}),
    ],
)  # fmt: skip
def test_a_group_becomes_another_with_all_its_parts(before: Any, kind: str, wanted: Any) -> None:
    assert after(before, "require~about", kind) == wanted


def test_a_group_does_not_become_a_single_condition_which_would_lose_its_parts() -> None:
    offered = asking({"op": "and", "args": [OPENED]}).look().named("require~about")[0].options

    assert set(offered) == {"and", "or", "not"}


# --- changing what is asked ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "op", "wanted"),
    [
        ({**OPENED, "of": "mail"}, "event_count_ge", {**TWICE, "of": "mail"}),
        (OPENED, "event_within", {"op": "event_within", "event": "opened", "seconds": 86_400}),
        ({"op": "event_count_ge", "event": "opened", "count": 3}, "event_seen", OPENED),
        (GOLD, "in", {"op": "in", "ref": "contact.attr.tier", "values": ["gold"]}),
        ({**GOLD, "default": "x"}, "ne", {**GOLD, "op": "ne", "default": "x"}),
        (GOLD, "is_set", TIER_SET),
        (TIER_SET, "eq", {**GOLD, "value": ""}),
        ({"op": "in", "ref": "contact.attr.tier", "values": ["a", "b"]}, "eq", {**GOLD, "value": "a"}),
        (CALLED, "in", {"op": "in", "ref": "step.call.outcome", "values": ["busy"]}),
        (CALLED, "is_set", {"op": "is_set", "ref": "step.call.outcome"}),
        ({"op": "ne", "ref": "step.call.outcome", "value": "busy"}, "outcome_is", CALLED),
        ({"op": "is_set", "ref": "step.call.outcome"}, "outcome_is", {**CALLED, "label": "answered"}),
        ({**GOLD, "note": 1}, "is_set", {**TIER_SET, "note": 1}),
    ],
)  # fmt: skip
def test_another_operator_keeps_what_still_fits(before: Any, op: str, wanted: Any) -> None:
    assert after(before, "require/op", op) == wanted


def test_the_operators_are_those_of_the_facts_type() -> None:
    offered = {
        ref: set(asking({"op": "eq", "ref": ref, "value": 1}).look().named("require/op")[0].options)
        for ref in ("contact.attr.tier", "contact.attr.balance", "contact.attr.vip", "run.tick")
    }

    assert offered == {
        "contact.attr.tier": {"eq", "ne", "in", "is_set"},
        "contact.attr.balance": {"eq", "ne", "lt", "le", "gt", "ge", "in", "is_set"},
        "contact.attr.vip": {"eq", "ne", "is_set"},
        "run.tick": {"eq", "ne", "lt", "le", "gt", "ge"},
    }


def test_an_operator_that_does_not_fit_is_shown_and_not_changed() -> None:
    hands = asking({"op": "lt", "ref": "contact.attr.tier", "value": "gold", "default": ""})

    assert hands.look().named("require/op")[0].held == ["lt"]
    hands.set("require/value", "silver")
    assert hands.body["require"]["op"] == "lt"


# --- values -------------------------------------------------------------------------------------------------------


def test_values_have_the_type_of_their_fact() -> None:
    hands = asking({"op": "and", "args": [
        GOLD,
        RICH,
        {"op": "eq", "ref": "contact.attr.vip", "value": True},
        {"op": "ge", "ref": "run.tick", "value": 60},
        CALLED,
    ]})  # fmt: skip

    hands.set("require/args/0/value", " Silver ")
    hands.set("require/args/1/value", "-5")
    hands.set("require/args/2/value", "false")
    hands.set("require/args/3/value~unit", "hours")
    hands.set("require/args/4/label", "voicemail")

    args = hands.body["require"]["args"]
    assert [arg.get("value", arg.get("label")) for arg in args] == [" Silver ", -5, False, 3600, "voicemail"]
    assert hands.fill("require/args/1/value", "many").errors == (
        ("require/args/1/value", "Write a whole number, such as 3."),
    )


def test_a_list_of_values_grows_and_shrinks() -> None:
    hands = asking({"op": "in", "ref": "contact.attr.tier", "values": ["gold"]})

    assert "disabled" in hands.look().buttons["remove:require/values/0"]
    assert hands.press("add:require/values").focus == "field-require_-values_-1"
    hands.set("require/values/1", "platinum")
    hands.press("remove:require/values/0")

    assert hands.body["require"]["values"] == ["platinum"]


def test_what_counts_when_a_fact_is_not_set_can_be_said_and_taken_back() -> None:
    hands = asking(GOLD)

    hands.press("add:require/default")
    hands.set("require/default", "basic")
    assert hands.body["require"] == {**GOLD, "default": "basic"}
    assert "guard:require" not in hands.look().buttons
    hands.press("remove:require/default")
    assert hands.body["require"] == GOLD


def test_a_fact_can_be_asked_for_first() -> None:
    hands = asking(GOLD)

    hands.press("guard:require")

    assert hands.body["require"] == {"op": "and", "args": [TIER_SET, GOLD]}
    assert not any(do.startswith(("guard:", "add:require/args/1/default")) for do in hands.look().buttons)
    assert conditions.check(hands.body["require"], conditions.Context({"tier": "string"}, {}, "")) == []


def test_inside_all_of_the_question_goes_before_the_comparison() -> None:
    hands = asking({"op": "and", "args": [OPENED, GOLD]})

    hands.press("guard:require/args/1")

    assert hands.body["require"] == {"op": "and", "args": [OPENED, TIER_SET, GOLD]}


def test_the_step_of_an_event_decides_which_events_are_offered() -> None:
    hands = asking({**OPENED, "of": "mail"})

    assert hands.fill("require/of", "call").structure is True
    assert hands.body["require"] == {**OPENED, "of": "call"}, "an event that does not fit stays until another is chosen"
    assert "answered" in hands.look().named("require/event")[0].options
    assert "opened (not of this step)" in hands.html()
    hands.set("require/of", "")
    assert hands.body["require"] == OPENED


def test_the_step_of_an_outcome_decides_which_outcomes_are_offered() -> None:
    compared = {"op": "ne", "ref": "step.call.outcome", "value": "busy"}

    assert after(CALLED, "require/step", "mail") == {**CALLED, "step": "mail"}
    assert after(compared, "require/ref~step", "mail") == {**compared, "ref": "step.mail.outcome"}
    hands = asking({**CALLED, "step": "mail"})
    assert set(hands.look().named("require/label")[0].options) == {"sent", "blocked", "busy"}


def test_visits_are_counted_of_any_step() -> None:
    hands = asking({"op": "visits_ge", "step": "pause", "count": 2})

    hands.set("require/step", "done")
    hands.set("require/count", "4")

    assert hands.body["require"] == {"op": "visits_ge", "step": "done", "count": 4}


# --- groups -------------------------------------------------------------------------------------------------------


def test_parts_of_a_group_are_added_moved_and_removed() -> None:
    hands = asking({"op": "and", "args": [OPENED, CLICKED]})

    assert hands.press("add:require/args").focus == "field-require_-args_-2_tabout"
    hands.press("up:require/args/1")
    hands.press("down:require/args/1")
    assert hands.body["require"]["args"] == [CLICKED, OPENED, OPENED]
    hands.press("remove:require/args/2")
    hands.press("remove:require/args/0")
    assert hands.body["require"] == {"op": "and", "args": [OPENED]}
    assert "disabled" in hands.look().buttons["remove:require/args/0"]


@pytest.mark.parametrize(
    ("do", "wanted"),
    [
        ("wrap-and:require", {"op": "and", "args": [OPENED]}),
        ("wrap-or:require", {"op": "or", "args": [OPENED]}),
        ("wrap-not:require", {"op": "not", "arg": OPENED}),
    ],
)
def test_a_condition_is_put_into_a_group_and_taken_out(do: str, wanted: Any) -> None:
    hands = asking(OPENED)

    hands.press(do)
    assert hands.body["require"] == wanted
    hands.press("unwrap:require")
    assert hands.body["require"] == OPENED


def test_only_a_group_of_one_part_can_be_ungrouped() -> None:
    page = asking({"op": "or", "args": [OPENED, CLICKED]}).look()

    assert page.buttons["unwrap:require"]["title"] == "Only a group of one part can be ungrouped."
    assert "disabled" in page.buttons["unwrap:require"]


def test_without_javascript_a_part_and_its_group_change_in_one_post() -> None:
    hands = asking({"op": "and", "args": [OPENED, GOLD]})
    page = hands.look()
    page.fill("require~about", "or")
    page.fill("require/args/0~about", "not")
    page.fill("require/args/1/op", "is_set")

    assert hands.send(page.post()).errors == ()
    assert hands.body["require"] == {"op": "or", "args": [{"op": "not", "arg": OPENED}, TIER_SET]}


# --- limits -------------------------------------------------------------------------------------------------------


def test_the_deepest_condition_cannot_be_wrapped_and_says_why() -> None:
    page = asking(nested(MAX_DEPTH)).look()
    inner = "require" + "/arg" * (MAX_DEPTH - 1)

    for do in (f"wrap-and:{inner}", "wrap-not:require"):
        assert (page.buttons[do]["title"], "disabled" in page.buttons[do]) == (condition_words.TOO_DEEP, True)
    assert page.named(f"{inner}~about")[0].options["and"] is False
    assert "disabled" not in asking(nested(MAX_DEPTH - 1)).look().buttons["wrap-and:require"]


def test_a_choice_that_would_nest_too_deep_is_refused() -> None:
    hands = asking(nested(MAX_DEPTH))
    data = hands.look().post()
    data._mutable = True
    inner = "require" + "/arg" * (MAX_DEPTH - 1) + "~about"
    data[inner] = "and"

    assert hands.send(data).errors == ((inner, condition_words.TOO_DEEP),)
    assert hands.body["require"] == nested(MAX_DEPTH)


def test_a_full_condition_takes_no_more_parts_and_says_why() -> None:
    page = asking({"op": "and", "args": [OPENED] * (MAX_NODES - 1)}).look()

    for do in ("add:require/args", "wrap-not:require/args/0"):
        assert (page.buttons[do]["title"], "disabled" in page.buttons[do]) == (condition_words.TOO_MANY, True)
    assert (
        "disabled" not in asking({"op": "and", "args": [OPENED] * (MAX_NODES - 2)}).look().buttons["add:require/args"]
    )


def test_asking_first_needs_room_for_two_parts() -> None:
    page = asking({"op": "or", "args": [GOLD, *[OPENED] * (MAX_NODES - 3)]}).look()

    assert "disabled" in page.buttons["guard:require/args/0"]
    assert "disabled" not in page.buttons["add:require/args"]


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ({"op": "zap"}, "This is no condition that can be shown as fields."),
        ({"op": "and", "args": {}}, "This is no condition that can be shown as fields."),
        ("opened", "This is no condition that can be shown as fields."),
        (None, "This is no condition that can be shown as fields."),
        ({"op": "or", "args": [OPENED] * 300}, condition_words.TOO_MANY),
    ],
)
def test_what_is_no_condition_is_shown_as_it_is_until_it_is_replaced(when: Any, why: str) -> None:
    hands = asking(when)

    assert why in hands.html()
    assert hands.send(hands.look().post()).body["require"] == when
    assert hands.press("replace:require").focus == "field-require_tabout"
    assert hands.body["require"] == OPENED


def test_what_is_nested_too_deep_is_shown_as_it_is() -> None:
    hands = asking(nested(MAX_DEPTH + 1))
    inner = "require" + "/arg" * MAX_DEPTH

    assert not hands.look().named(f"{inner}~about")
    assert f"replace:{inner}" in hands.look().buttons


def test_a_missing_part_is_added() -> None:
    hands = asking({"op": "not"})

    hands.press("replace:require/arg")

    assert hands.body["require"] == {"op": "not", "arg": OPENED}


# --- words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (OPENED, "opened"),
        ({"op": "and", "args": [GOLD, OPENED]}, "tier = gold and opened"),
        ({"op": "and", "args": []}, "not complete yet"),
        ({"op": "and", "args": [OPENED, {"op": "not"}]}, "not complete yet"),
        ({"op": "event_within", "event": "opened", "seconds": -1}, "not complete yet"),
        ({"op": "event_count_ge", "event": "opened", "count": "x"}, "not complete yet"),
        ({"op": "visits_ge", "step": "", "count": 1}, "not complete yet"),
        ({"op": "in", "ref": "run.tick", "values": 3}, "not complete yet"),
        ("x", "not complete yet"),
    ],
)
def test_a_condition_is_said_in_words_when_it_is_complete(node: Any, said: str) -> None:
    assert condition_words.sentence(node) == said


def test_a_fact_that_is_not_declared_is_shown_as_such() -> None:
    hands = asking({"op": "ge", "ref": "contact.attr.age", "value": 18, "default": 0})

    assert "contact.attr.age (not declared)" in hands.html()
    hands.set("require/value", "21")
    assert hands.body["require"]["value"] == 21


def test_without_outcomes_or_steps_nothing_is_offered_that_needs_them() -> None:
    hands = at({"schema": "dee.plan/1", "steps": {}, "exit_on": [{"when": OPENED}]})

    offered = hands.look().named("exit_on/0/when~about")[0].options
    assert (offered["outcome"], offered["visits"], offered["event"]) == (False, False, True)


def test_every_operator_of_the_language_can_be_asked() -> None:
    listed = {op for ops in changes.OPERATORS.values() for op in ops} | {*changes.GROUPS, *changes.FIXED}

    assert listed == set(conditions.KEYS)
