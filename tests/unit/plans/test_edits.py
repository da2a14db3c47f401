"""What does each edit of the designer make of a draft?"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans import document
from plans.designing import edits, history, ways
from plans.designing.edits import Impossible, Sheet
from tests.unit.plans.generated import valid_plan

MAIL = {"kind": "send_email", "template": "hello@1", "on": {"sent": "pause"}}
PAUSE = {"kind": "wait", "seconds": 60, "on": {"completed": "ask"}}
ASK = {
    "kind": "branch",
    "cases": [{"name": "yes", "when": {"op": "event_seen", "event": "opened", "of": "mail"}, "goto": "done"}],
    "else": {"name": "no", "goto": "done"},
}
DONE = {"kind": "end", "result": "finished", "goal": True}


def sheet(**steps: Any) -> Sheet:
    known = steps or {"mail": MAIL, "pause": PAUSE, "ask": ASK, "done": DONE}
    return Sheet({"key": "trial", "entry": next(iter(known)), "steps": known}, {})


def leads(found: Sheet) -> dict[str, dict[str, str]]:
    return {name: ways.outcomes(body) for name, body in found.steps.items()}


# --- adding ---


@pytest.mark.parametrize("kind", list(edits.NEW))
def test_a_new_step_of_every_kind_can_be_drawn_and_has_all_its_outcomes(kind: str) -> None:
    done = edits.add(sheet(), kind)
    body = done.sheet.steps[done.step]
    plan = document.inspect_value(dict(done.sheet.document)).plan
    assert plan is not None and plan.steps[done.step].kind == kind
    assert all(target == "" for target in ways.outcomes(body).values())
    assert bool(ways.outcomes(body)) == (kind != "end")


def test_a_step_is_added_before_what_the_outcome_led_to() -> None:
    done = edits.add(sheet(), "wait", "mail", "sent")
    assert leads(done.sheet)["mail"]["sent"] == "wait"
    assert leads(done.sheet)["wait"] == {"completed": "pause"}
    assert done.said == "Added wait, to which sent of mail leads."


def test_without_a_label_the_first_outcome_that_leads_nowhere_is_taken() -> None:
    start = sheet(ask={"kind": "branch", "cases": [{"name": "yes", "goto": "done"}], "else": {"name": "no"}}, done=DONE)
    assert leads(edits.add(start, "end", "ask").sheet)["ask"] == {"yes": "done", "no": "end"}


def test_behind_a_step_with_several_ways_that_all_lead_somewhere_nothing_is_connected() -> None:
    done = edits.add(sheet(), "wait", "ask")
    assert leads(done.sheet)["ask"] == {"yes": "done", "no": "done"}
    assert done.said == "Added wait."


def test_a_hint_where_to_stand_counts_only_for_a_step_to_which_nothing_leads() -> None:
    alone = edits.add(sheet(), "wait", "ask", at=(8, 8), if_alone=True)
    led = edits.add(sheet(), "wait", "mail", "sent", at=(8, 8), if_alone=True)
    assert (alone.sheet.places, led.sheet.places) == ({"wait": (8, 8)}, {})
    assert edits.add(sheet(), "wait", "mail", "sent", at=(8, 8)).sheet.places == {"wait": (8, 8)}


def test_the_first_step_is_where_runs_start() -> None:
    done = edits.add(Sheet({"key": "trial", "entry": "", "steps": {}}, {}), "send_email")
    assert done.sheet.document["entry"] == "email"


def test_names_are_free_ones() -> None:
    one = edits.add(sheet(), "wait").sheet
    two = edits.add(one, "wait")
    assert two.step == "wait-2"


def test_a_plan_has_an_end() -> None:
    full = sheet(**{f"s{n}": DONE for n in range(document.MAX_PLAN_STEPS)})
    with pytest.raises(Impossible, match="at most 500 steps"):
        edits.add(full, "wait")


# --- removing ---


def test_what_led_to_a_removed_step_leads_where_it_led() -> None:
    done = edits.remove(sheet(), "pause")
    assert leads(done.sheet)["mail"]["sent"] == "ask"
    assert done.step == "ask"


def test_what_led_to_a_step_with_several_ways_leads_nowhere() -> None:
    start = sheet(**{**sheet().steps, "ask": {**ASK, "else": {"name": "no", "goto": "mail"}}})
    done = edits.remove(start, "ask")
    assert leads(done.sheet)["pause"] == {"completed": ""}


def test_runs_start_behind_a_removed_first_step() -> None:
    assert edits.remove(sheet(), "mail").sheet.document["entry"] == "pause"


def test_an_exit_to_a_removed_end_leads_nowhere_and_keeps_its_condition() -> None:
    start = Sheet({**sheet().document, "exit_on": [{"when": {"op": "true"}, "goto": "done"}]}, {"done": (1, 2)})
    done = edits.remove(start, "done")
    assert done.sheet.document["exit_on"] == [{"when": {"op": "true"}}]
    assert done.sheet.places == {}


# --- renaming ---


def test_a_new_name_is_used_wherever_the_plan_names_the_step() -> None:
    when = {"op": "eq", "ref": "step.mail.outcome", "value": "sent", "default": "sent"}
    start = Sheet(
        {
            "entry": "mail",
            "exit_on": [{"when": {"op": "not", "arg": when}, "goto": "mail"}],
            "steps": {
                "mail": {**MAIL, "require": {"op": "visits_ge", "step": "mail", "count": 1}},
                "ask": {**ASK, "else": {"name": "no", "goto": "mail"}},
                "reply": {"kind": "wait_for_event", "event": "replied", "of": "mail", "timeout_s": 5, "on": {}},
            },
        },
        {"mail": (8, 8)},
    )
    done = edits.rename(start, "mail", "hello")
    text = json.dumps(done.sheet.document)
    assert "mail" not in text.replace("send_email", "")
    assert text.count("hello") == json.dumps(start.document).replace("send_email", "").count("mail") + 1  # hello@1
    assert done.sheet.places == {"hello": (8, 8)}


@given(st.randoms(use_true_random=False).map(valid_plan), st.data())
def test_renaming_there_and_back_leaves_the_very_same_document(whole: dict[str, Any], data: st.DataObject) -> None:
    start = Sheet(whole, {})
    step = data.draw(st.sampled_from(sorted(whole["steps"])))
    there = edits.rename(start, step, "quite-another-name").sheet
    assert len(document.inspect_value(dict(there.document)).problems) == len(document.inspect_value(whole).problems)
    assert edits.rename(there, "quite-another-name", step).sheet.document == whole


@pytest.mark.parametrize(("to", "why"), [("Wait 3", "cannot be the name"), ("", "cannot"), ("done", "already a step")])
def test_a_name_that_cannot_be_is_refused(to: str, why: str) -> None:
    with pytest.raises(Impossible, match=why):
        edits.rename(sheet(), "mail", to)


# --- connecting ---


def test_outcomes_are_connected_one_or_several_at_once() -> None:
    call = {"kind": "call", "template": "s@1", "on": {"answered": "done", "no_answer": "done"}}
    start = sheet(call=call, done=DONE, later=DONE)
    done = edits.connect(start, "call", ("no_answer", "busy"), "later")
    assert leads(done.sheet)["call"] == {"answered": "done", "no_answer": "later", "busy": "later", "voicemail": ""}
    assert done.said == "no_answer and busy of call now lead to later."


def test_blocked_may_be_mapped_and_unmapped() -> None:
    mapped = edits.connect(sheet(), "mail", ("blocked",), "done").sheet
    assert leads(mapped)["mail"] == {"sent": "pause", "blocked": "done"}
    assert edits.connect(mapped, "mail", ("blocked",), "").sheet.steps["mail"] == MAIL


def test_a_tasks_own_outcome_stays_when_it_leads_nowhere() -> None:
    task = {"kind": "task", "title": "Call", "timeout_s": 60, "on": {"done": "done", "timeout": "done"}}
    found = edits.connect(sheet(task=task, done=DONE), "task", ("done",), "").sheet
    assert leads(found)["task"] == {"done": "", "timeout": "done"}


@pytest.mark.parametrize(
    ("step", "labels", "to", "why"),
    [
        ("mail", ("opened",), "done", "is not an outcome"),
        ("done", ("sent",), "mail", "ends the run"),
        ("mail", ("sent",), "nobody", "no step"),
        ("nobody", ("sent",), "done", "no step"),
        ("mail", (), "done", "which outcome"),
    ],
)
def test_what_means_nothing_is_refused_with_a_sentence(step: str, labels: tuple[str, ...], to: str, why: str) -> None:
    with pytest.raises(Impossible, match=why):
        edits.connect(sheet(), step, labels, to)


# --- copies ---


def test_a_duplicate_says_the_same_and_leads_to_the_same_places() -> None:
    done = edits.duplicate(sheet(), "pause")
    assert (done.step, done.sheet.steps["pause-2"]) == ("pause-2", PAUSE)


def test_steps_are_pasted_into_another_plan_under_free_names() -> None:
    text = json.dumps({"schema": "dee.steps/1", "steps": {"pause": PAUSE, "ask": ASK}})
    done = edits.paste(sheet(pause=PAUSE, done=DONE), text)
    assert leads(done.sheet)["pause-2"] == {"completed": "ask"}
    assert leads(done.sheet)["ask"] == {"yes": "done", "no": "done"}


def test_what_a_pasted_step_led_to_elsewhere_leads_nowhere() -> None:
    done = edits.paste(sheet(done=DONE), json.dumps(edits.copied(sheet(), "mail")))
    assert leads(done.sheet)["mail"] == {"sent": ""}


@pytest.mark.parametrize("text", ["", "hello", "[]", "{}", '{"schema": "dee.steps/1", "steps": {"a": 1}}'])
def test_a_clipboard_without_steps_is_refused(text: str) -> None:
    with pytest.raises(Impossible, match="clipboard holds no step"):
        edits.paste(sheet(), text)


# --- places ---


def test_a_card_stays_where_it_was_put_until_tidy() -> None:
    moved = edits.move(sheet(), "mail", (40, -8)).sheet
    assert moved.places == {"mail": (40, -8)}
    assert edits.tidy(moved).sheet.places == {}
    with pytest.raises(Impossible, match="too far"):
        edits.move(sheet(), "mail", (10**9, 0))


# --- whatever stands in the draft ---

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "on", "cases", "else", "arms", "name", "goto", "of", "x"]), inner)
    ),
    max_leaves=10,
)


def _edited(verb: str, found: Sheet, step: str, other: str) -> edits.Edited:
    match verb:
        case "add":
            return edits.add(found, "wait", step)
        case "rename":
            return edits.rename(found, step, other)
        case "connect":
            return edits.connect(found, step, ("sent",), other)
    return edits.remove(found, step) if verb == "remove" else edits.duplicate(found, step)


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), JUNK, max_size=3), st.data())
def test_no_edit_breaks_on_an_unfinished_draft(steps: dict[str, Any], data: st.DataObject) -> None:
    names = st.sampled_from(["a", "b", "c", "d"])
    found = Sheet({"steps": steps, "entry": "a", "exit_on": data.draw(JUNK)}, {})
    for _ in range(4):
        verb = data.draw(st.sampled_from(["add", "remove", "rename", "connect", "duplicate"]))
        step, other = data.draw(names), data.draw(names)
        try:
            done = _edited(verb, found, step, other)
        except Impossible:
            continue
        before, after = ({"document": each.document, "places": dict(each.places)} for each in (found, done.sheet))
        assert history.undone(history.difference(before, after), after) == before
        found = done.sheet
