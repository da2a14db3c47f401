"""The form of each kind of step: its fields, its buttons, and where its problems stand."""

from dataclasses import replace
from typing import Any

import pytest

from plans import document
from plans.captions import ABOUT
from plans.panel.parts import everything
from plans.panel.shown import STILL_MISSING, step_form
from tests.unit.plans.documents import asked, follow_up
from tests.unit.plans.panel_hands import Hands, addresses, at

CASE = {"name": "yes", "when": {"op": "event_seen", "event": "opened"}, "goto": "mail"}


@pytest.fixture(autouse=True, scope="module")
def _addresses() -> Any:
    with addresses():
        yield


def step(body: dict[str, Any]) -> Hands:
    """Return hands at a step of a plan that also has an email and an end."""
    whole = follow_up()
    return at({**whole, "steps": {**whole["steps"], "x": body}}, "x")


def branch(*names: str) -> Hands:
    return step({"kind": "branch", "cases": [{**CASE, "name": name} for name in names], "else": {"name": "no"}})


def names(hands: Hands, key: str = "cases") -> list[str]:
    return [arm["name"] for arm in hands.body[key]]


# --- fields -------------------------------------------------------------------------------------------------------


def test_a_field_that_was_not_posted_stays_as_it_was() -> None:
    hands = step({"kind": "task", "title": "Look", "timeout_s": 60, "on": {"done": "done", "timeout": "done"}})
    page = hands.look()
    page.controls = [control for control in page.controls if control.name == "title"]
    page.fill("title", "Look well")

    assert hands.send(page.post()).body["timeout_s"] == 60
    assert hands.body == {
        "kind": "task", "title": "Look well", "timeout_s": 60, "on": {"done": "done", "timeout": "done"},
    }  # fmt: skip


def test_what_cannot_be_read_is_an_error_and_leaves_the_value_as_it_was() -> None:
    hands = step({"kind": "wait", "seconds": 86_400, "on": {}})

    found = hands.fill("seconds~n", "abc")

    assert found.errors == (("seconds~n", "Write a whole number; for a day and a half, write 36 hours."),)
    assert found.body["seconds"] == 86_400
    page = hands.look()
    assert page.named("seconds~n")[0].held == ["abc"], "what was typed is still there"
    assert "for a day and a half" in page.html


def test_beside_an_error_everything_that_was_typed_is_still_there() -> None:
    """Whoever saves only what is without errors would otherwise lose the rest of the form."""
    hands = step({"kind": "task", "title": "Look", "timeout_s": 60, "on": {"done": "done", "timeout": "done"}})
    before = hands.body
    page = hands.look()
    page.fill("title", "Look well")
    page.fill("on/done", "+end")
    page.fill("timeout_s~n", "soon")

    hands.send(page.post())
    hands.draft["steps"]["x"] = before  # nothing was saved

    page = hands.look()
    assert [page.named(name)[0].held for name in ("title", "on/done", "timeout_s~n")] == [
        ["Look well"], ["+end"], ["soon"],
    ]  # fmt: skip


def test_a_changed_value_needs_no_new_form() -> None:
    hands = step({"kind": "wait", "seconds": 86_400, "on": {}})

    assert hands.fill("seconds~unit", "weeks").structure is False
    assert hands.body["seconds"] == 604_800


def test_days_are_boxes_and_every_day_is_left_out() -> None:
    hands = step({"kind": "wait_until", "time": "09:00", "days": [1, 2], "on": {}})

    hands.set("days", "6", "7")
    assert hands.body["days"] == [6, 7]
    hands.set("days", *"1234567")
    assert "days" not in hands.body
    hands.set("days")
    assert hands.body["days"] == []


def test_an_outcome_leads_to_a_step_or_nowhere() -> None:
    hands = step({"kind": "send_email", "template": "welcome@1", "on": {"sent": "done"}})

    hands.set("on/blocked", "blocked")
    hands.set("on/sent", "")

    assert hands.body["on"] == {"blocked": "blocked"}


def test_a_new_step_is_asked_for_and_the_outcome_stays_as_it_was() -> None:
    hands = step({"kind": "send_email", "template": "welcome@1", "on": {"sent": "done"}})

    found = hands.fill("on/sent", "+wait")

    assert (found.new_targets, found.structure, found.errors) == ((("/on/sent", "wait"),), True, ())
    assert hands.body["on"] == {"sent": "done"}


def test_a_new_step_comes_before_a_button_that_would_move_its_outcome() -> None:
    hands = branch("yes", "maybe")
    page = hands.look()
    page.fill("cases/1/goto", "+end")

    found = hands.send(page.post("up:cases/1"))

    assert found.new_targets == (("/cases/1/goto", "end"),)
    assert found.errors == (("do", "The new step was asked for first; press the button again."),)
    assert names(hands) == ["yes", "maybe"]


def test_a_template_is_one_of_its_channel_with_a_preview() -> None:
    hands = step({"kind": "call", "template": "", "on": {}})

    assert set(hands.look().named("template")[0].options) == {"", "script@1"}
    assert "Preview" not in hands.html()
    assert hands.fill("template", "script@1").structure is True
    assert 'href="/admin/plans/templates/script/1/"' in hands.html()


def test_without_a_template_the_form_says_where_to_write_one() -> None:
    whole = follow_up()
    form = step_form("mail", whole["steps"]["mail"], at(whole, "mail").choices(), ())
    none = step_form("mail", whole["steps"]["mail"], replace(
        at(whole, "mail").choices(), templates={}), ())  # fmt: skip

    assert form.parts[0].help == ""
    assert none.parts[0].help == "There is no template for this channel yet; write one under Templates."


def test_a_send_may_come_too_late_or_never_does() -> None:
    hands = step({"kind": "send_email", "template": "welcome@1", "on": {}})

    hands.set("max_lateness_s~n", "4")
    assert hands.body["max_lateness_s"] == 4 * 86_400
    hands.set("max_lateness_s~n", "")
    assert "max_lateness_s" not in hands.body


def test_an_end_may_be_the_goal() -> None:
    hands = step({"kind": "end", "result": "won"})

    hands.set("goal", "on")
    assert hands.body == {"kind": "end", "result": "won", "goal": True}
    hands.set("goal")
    assert hands.body == {"kind": "end", "result": "won"}


def test_an_event_to_wait_for_is_one_of_the_step_that_it_is_of() -> None:
    hands = step({"kind": "wait_for_event", "event": "replied", "timeout_s": 60, "on": {}})

    assert hands.fill("of", "call").structure is True
    offered = hands.look().named("event")[0]
    assert set(offered.options) == {"replied", "answered", "no_answer", "busy", "voicemail", "failed"}
    assert "replied (not of this step)" in hands.html()
    hands.set("of", "")
    assert "of" not in hands.body


def test_opting_out_is_of_one_channel_or_more() -> None:
    hands = step({"kind": "record_opt_out", "channels": ["voice", "email"], "on": {}})

    hands.set("channels", "voice")
    assert hands.body["channels"] == ["voice"]


def test_a_step_of_no_known_kind_is_given_one() -> None:
    hands = step({"kind": "sms", "seconds": 60})

    assert hands.fill("kind", "wait").structure is True
    assert hands.body == {"kind": "wait", "seconds": 60}


@pytest.mark.parametrize("kind", ABOUT)
def test_each_kind_says_what_it_is_for(kind: str) -> None:
    assert step_form("x", {"kind": kind}, at(follow_up()).choices(), ()).about == ABOUT[kind]


# --- buttons ------------------------------------------------------------------------------------------------------


def test_a_case_is_added_and_the_page_goes_to_it() -> None:
    hands = branch("yes")

    found = hands.press("add-case")

    assert names(hands) == ["yes", "case-1"]
    assert (found.structure, found.errors, found.focus) == (True, (), "field-cases_-1_-name")
    assert found.focus in hands.look().ids
    assert hands.press("add-case").body["cases"][2]["name"] == "case-2"


@pytest.mark.parametrize(
    ("do", "order", "focus"),
    [
        ("up:cases/2", ["a", "c", "b"], "field-do_tup_x3a_cases_-1"),
        ("up:cases/1", ["b", "a", "c"], "field-do_tdown_x3a_cases_-0"),
        ("down:cases/0", ["b", "a", "c"], "field-do_tdown_x3a_cases_-1"),
        ("down:cases/1", ["a", "c", "b"], "field-do_tup_x3a_cases_-2"),
        ("remove:cases/1", ["a", "c"], "field-do_tadd-case"),
    ],
)
def test_cases_are_moved_and_removed(do: str, order: list[str], focus: str) -> None:
    hands = branch("a", "b", "c")

    found = hands.press(do)

    assert names(hands) == order
    assert found.structure is True
    assert found.focus == focus
    assert focus in hands.look().ids


@pytest.mark.parametrize(
    ("do", "sentence"),
    [
        ("up:cases/0", "This is the first already."),
        ("down:cases/0", "This is the last already."),
        ("remove:cases/0", "A branch has at least one case."),
        ("remove:kind", "That button belongs to a form that has changed since; look at it again."),
    ],
)
def test_a_button_that_is_not_offered_does_nothing_and_says_why(do: str, sentence: str) -> None:
    hands = branch("yes")
    before = document.canonical(hands.draft)
    data = hands.look().post()
    data._mutable = True
    data["do"] = do

    found = hands.send(data)

    assert found.errors == (("do", sentence),)
    assert document.canonical(hands.draft) == before
    assert sentence in hands.html()


def test_what_was_typed_is_kept_when_a_button_is_pressed() -> None:
    hands = branch("a", "b")
    page = hands.look()
    page.fill("cases/1/name", "later")

    hands.send(page.post("up:cases/1"))

    assert names(hands) == ["later", "a"]


def test_a_branch_has_at_most_twenty_cases() -> None:
    assert "disabled" in branch(*map(str, range(20))).look().buttons["add-case"]


def test_arms_are_added_weighed_and_removed() -> None:
    hands = step({"kind": "split", "arms": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}]})

    hands.press("add-arm")
    hands.set("arms/2/weight", "2")
    assert hands.body["arms"][2] == {"name": "arm-1", "weight": 2}
    assert ("25 % of the contacts" in hands.html(), "50 % of the contacts" in hands.html()) == (True, True)
    hands.press("up:arms/2")
    hands.press("remove:arms/0")
    assert names(hands, "arms") == ["arm-1", "b"]
    assert "disabled" in hands.look().buttons["remove:arms/0"]


def test_shares_are_not_shown_while_a_weight_is_missing() -> None:
    assert "of the contacts" not in step({"kind": "split", "arms": [{"weight": 1}, {}]}).html()


def test_a_task_has_words_of_its_author_as_outcomes() -> None:
    hands = step({"kind": "task", "title": "Call", "timeout_s": 60, "on": {"done": "done"}})
    page = hands.look()
    page.fill("on~new", "promised")

    assert hands.send(page.post("add-outcome")).structure is True
    assert hands.body["on"] == {"done": "done", "promised": ""}
    assert hands.fill("on/done~word", "paid").structure is True
    hands.set("on/timeout", "done")
    assert hands.body["on"] == {"paid": "done", "promised": "", "timeout": "done"}
    hands.press("remove:on/promised")
    assert hands.body["on"] == {"paid": "done", "timeout": "done"}
    assert "disabled" in hands.look().buttons["remove:on/paid"]


def test_a_tasks_own_outcome_that_leads_nowhere_keeps_its_word() -> None:
    hands = step({"kind": "task", "title": "Call", "timeout_s": 60, "on": {"done": "done", "timeout": "done"}})

    hands.set("on/done", "")
    hands.set("on/timeout", "")

    assert hands.body["on"] == {"done": ""}


@pytest.mark.parametrize(
    ("word", "field", "sentence"),
    [
        ("", "on~new", "Write the word first."),
        ("Yes!", "on~new", "is not allowed here"),
        ("timeout", "on~new", "There is already one named"),
    ],
)
def test_an_outcome_needs_a_word_of_its_own(word: str, field: str, sentence: str) -> None:
    hands = step({"kind": "task", "title": "Call", "timeout_s": 60, "on": {"done": ""}})
    page = hands.look()
    page.fill("on~new", word)

    found = hands.send(page.post("add-outcome"))

    assert [(name, sentence in said) for name, said in found.errors] == [(field, True)]
    assert hands.body["on"] == {"done": ""}
    assert sentence in hands.html()


def test_a_requirement_is_added_and_removed() -> None:
    hands = step({"kind": "send_email", "template": "welcome@1", "on": {}})

    assert hands.press("add:require").focus == "field-require_tabout"
    assert hands.body["require"] == {"op": "event_seen", "event": "opened"}
    assert hands.press("remove:require").focus == "field-do_tadd_x3a_require"
    assert "require" not in hands.body


# --- what no form knows -------------------------------------------------------------------------------------------


def test_unknown_keys_are_shown_kept_and_removed_only_by_their_button() -> None:
    hands = step({"kind": "wait", "seconds": 60, "note": {"by": "me"}, "on": {"completed": "done", "later": "mail"}})

    assert "This also has: note" in hands.html()
    hands.set("seconds~n", "2")
    assert hands.body["note"] == {"by": "me"}
    hands.press("remove:note")
    hands.press("remove:on/later")
    assert hands.body == {"kind": "wait", "seconds": 120, "on": {"completed": "done"}}


@pytest.mark.parametrize(
    ("body", "do", "after"),
    [
        ({"kind": "wait", "on": [1]}, "replace:on", {"kind": "wait", "on": {}}),
        ({"kind": "task", "on": 1}, "replace:on", {"kind": "task", "on": {"done": ""}}),
        ({"kind": "branch", "cases": "x", "else": {}}, "replace:cases", {"kind": "branch", "cases": [], "else": {}}),
        ({"kind": "branch", "else": 1}, "replace:else", {"kind": "branch", "else": {"name": "else"}}),
        ({"kind": "split", "arms": {}}, "replace:arms", {"kind": "split", "arms": []}),
        ({"kind": "split", "arms": [1]}, "replace:arms/0", {"kind": "split", "arms": [{"name": "arm-1", "weight": 1}]}),
        ({"kind": "wait_until", "days": 3}, "replace:days", {"kind": "wait_until", "days": [1, 2, 3, 4, 5]}),
        ({"kind": "record_opt_out", "channels": 3}, "replace:channels", {"kind": "record_opt_out", "channels": []}),
        (
            {"kind": "branch", "cases": ["x"]},
            "replace:cases/0",
            {"kind": "branch", "cases": [{"name": "case-1", "when": {"op": "event_seen", "event": "opened"}}]},
        ),
    ],
)
def test_what_cannot_be_shown_as_fields_is_shown_as_it_is_and_replaced_by_a_button(
    body: dict[str, Any], do: str, after: dict[str, Any]
) -> None:
    hands = step(body)

    assert hands.press(do).errors == ()
    assert hands.body == after


# --- problems -----------------------------------------------------------------------------------------------------


def test_each_problem_stands_beside_its_field() -> None:
    hands = step({
        "kind": "branch",
        "cases": [{"name": "Yes!", "when": {"op": "outcome_is", "step": "mail", "label": "busy"}, "goto": "gone"}],
        "else": {"name": "no"},
    })  # fmt: skip
    problems = document.inspect_value(hands.draft).problems

    form = step_form("x", hands.body, hands.choices(), problems)

    beside = {part.name: part.problems for part in everything(form.parts) if part.problems}
    assert beside.keys() == {"cases/0/name", "cases/0/when/label", "cases/0/goto", "else/goto"}
    assert beside["else/goto"] == (STILL_MISSING,)
    assert form.problems == ('"x" cannot be reached from the entry step; lead another step to it or remove it.',)


@pytest.mark.parametrize("whole", [follow_up(), asked()], ids=lambda whole: whole["key"])
def test_a_step_that_says_nothing_yet_shows_what_is_missing_beside_each_field(whole: dict[str, Any]) -> None:
    for name, body in whole["steps"].items():
        draft = {**whole, "steps": {**whole["steps"], name: {"kind": body["kind"]}}}
        problems = [p for p in document.inspect_value(draft).problems if p.message.startswith('The key "')]

        form = step_form(name, draft["steps"][name], at(draft, name).choices(), problems)

        assert form.problems == (), "the checks word this in another way now, or a field is missing"


def test_problems_of_other_steps_are_not_shown() -> None:
    hands = step({"kind": "wait"})
    hands.draft["steps"]["xy"] = {"kind": "wait"}

    form = step_form("x", hands.body, hands.choices(), document.inspect_value(hands.draft).problems)

    said = [*form.problems, *(each for part in everything(form.parts) for each in part.problems)]
    assert said != []
    assert not any('"xy"' in each for each in said)
