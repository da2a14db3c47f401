"""How is a draft written for people?"""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from plans import document, graph, written
from plans.designing import history, ways
from tests.unit.plans.generated import valid_plan


@given(st.randoms(use_true_random=False).map(valid_plan))
def test_a_document_written_for_people_is_the_same_document(whole: dict[str, Any]) -> None:
    assert document.canonical(json.loads(written.written(whole))) == document.canonical(whole)


@given(st.randoms(use_true_random=False).map(valid_plan))
def test_a_draft_is_followed_as_the_plan_that_it_becomes(whole: dict[str, Any]) -> None:
    plan = document.inspect_value(whole).plan
    assert plan is not None
    assert ways.flow(whole) == graph.flow_order(plan)


def test_steps_stand_in_the_order_in_which_they_are_followed_and_nothing_is_lost() -> None:
    steps = {"z": {"kind": "dance"}, "done": {"kind": "end", "result": "x"}, "a": 5}
    steps["go"] = {"on": {"completed": "done"}, "seconds": 5, "kind": "wait"}
    text = written.written({"steps": steps, "note": "mine", "entry": "go"})
    found = json.loads(text)
    assert list(found) == ["entry", "note", "steps"]
    assert list(found["steps"]) == ["go", "done", "a", "z"]
    assert list(found["steps"]["go"]) == ["kind", "seconds", "on"]


def test_a_text_that_is_no_object_stays_as_it_is() -> None:
    for text in ("{ not yet", "[1]", "5", ""):
        assert written.laid_out(text) == text


def test_undo_and_redo_take_the_last_change_first() -> None:
    stacks = history.Stacks((), ())
    for revision in (1, 2):
        stacks = stacks.after(revision)
    assert stacks == history.Stacks((2, 1), ())
    stacks = stacks.after(3, undo_of=2).after(4, undo_of=1)
    assert stacks == history.Stacks((), (1, 2))
    assert stacks.after(5, redo_of=1) == history.Stacks((1,), (2,))
    assert stacks.after(5) == history.Stacks((5,), ())


def test_what_can_be_undone_has_an_end() -> None:
    stacks = history.Stacks((), ())
    for revision in range(1, 1000):
        stacks = stacks.after(revision)
    assert (len(stacks.undoable), stacks.undoable[0]) == (history.DEEPEST, 999)
