"""When an outcome gets another name, does everything that speaks of it go along?"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans import document
from plans.designing import edits, labels, ways
from plans.designing.edits import Sheet
from tests.unit.plans.documents import minimal
from tests.unit.plans.generated import valid_plan

DONE = {"kind": "end", "result": "finished"}
FORK: dict[str, Any] = {
    "kind": "branch",
    "cases": [{"name": "yes", "when": {"op": "event_seen", "event": "opened"}, "goto": "later"}],
    "else": {"name": "no", "goto": "later"},
}


def arm_renamed(body: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """Return a step one outcome of which has another name, as the form would send it."""
    if body["kind"] == "task":
        return {**body, "on": {new if label == old else label: to for label, to in body["on"].items()}}

    def arm(each: dict[str, Any]) -> dict[str, Any]:
        return {**each, "name": new} if each["name"] == old else each

    if body["kind"] == "split":
        return {**body, "arms": [arm(each) for each in body["arms"]]}
    return {**body, "cases": [arm(each) for each in body["cases"]], "else": arm(body["else"])}


@given(st.randoms(use_true_random=False).map(valid_plan), st.data())
def test_a_valid_plan_stays_valid_when_an_outcome_is_renamed(whole: dict[str, Any], data: st.DataObject) -> None:
    own = [name for name, body in whole["steps"].items() if body["kind"] in ("branch", "split", "task")]
    if not own:
        return
    step = data.draw(st.sampled_from(own))
    body = whole["steps"][step]
    label = data.draw(st.sampled_from([label for label in ways.outcomes(body) if label != "timeout"]))
    done = edits.put(Sheet(whole, {}), step, arm_renamed(body, label, "another-name"))
    assert document.inspect_value(dict(done.sheet.document)).problems == ()


def asking(when: dict[str, Any]) -> Sheet:
    """A draft in which a second branch, a send and an exit ask what came of the first branch."""
    second = {**FORK, "cases": [{**FORK["cases"][0], "when": when}]}
    mail = {"kind": "send_email", "template": "a@1", "require": when, "on": {"sent": "done"}}
    steps = {"fork": FORK, "later": second, "mail": mail, "done": DONE}
    return Sheet({**minimal(steps), "exit_on": [{"when": when, "goto": "done"}]}, {})


@pytest.mark.parametrize(
    ("when", "now"),
    [
        ({"op": "outcome_is", "step": "fork", "label": "yes"}, {"op": "outcome_is", "step": "fork", "label": "read"}),
        (
            {"op": "eq", "ref": "step.fork.outcome", "value": "yes", "default": "yes"},
            {"op": "eq", "ref": "step.fork.outcome", "value": "read", "default": "read"},
        ),
        (
            {"op": "not", "arg": {"op": "in", "ref": "step.fork.outcome", "values": ["no", "yes"]}},
            {"op": "not", "arg": {"op": "in", "ref": "step.fork.outcome", "values": ["no", "read"]}},
        ),
        (
            {"op": "or", "args": [{"op": "true"}, {"op": "outcome_is", "step": "fork", "label": "yes"}]},
            {"op": "or", "args": [{"op": "true"}, {"op": "outcome_is", "step": "fork", "label": "read"}]},
        ),
    ],
)
def test_every_way_to_name_an_outcome_follows(when: dict[str, Any], now: dict[str, Any]) -> None:
    done = edits.put(asking(when), "fork", arm_renamed(FORK, "yes", "read"))
    steps = done.sheet.steps
    assert steps["later"]["cases"][0]["when"] == now
    assert steps["mail"]["require"] == now
    assert done.sheet.document["exit_on"][0]["when"] == now
    assert steps["fork"]["cases"][0]["name"] == "read"
    assert done.said == "Changed fork. 3 conditions follow the new name."


@pytest.mark.parametrize(
    "when",
    [
        {"op": "outcome_is", "step": "later", "label": "yes"},
        {"op": "eq", "ref": "step.later.outcome", "value": "yes"},
        {"op": "eq", "ref": "contact.attr.answer", "value": "yes"},
    ],
)
def test_what_speaks_of_something_else_stays(when: dict[str, Any]) -> None:
    done = edits.put(asking(when), "fork", arm_renamed(FORK, "yes", "read"))
    assert done.sheet.steps["mail"]["require"] == when
    assert done.said == "Changed fork."


@pytest.mark.parametrize(
    "after",
    [
        {**FORK, "else": {"name": "yes"}},  # a name that is taken
        {**FORK, "cases": [*FORK["cases"], {"name": "third"}]},  # another arm, and not another name
        {**FORK, "cases": [{"name": "no"}], "else": {"name": "yes"}},  # two that changed places
        {**FORK, "cases": [{"when": {}}]},  # a name that was taken away
        {"kind": "wait", "seconds": 5},
        {"kind": "split", "arms": [{"name": "a"}, {"name": "b"}]},
        {**FORK, "cases": "none", "else": 5},
    ],
)
def test_what_is_no_rename_is_taken_for_none(after: dict[str, Any]) -> None:
    assert labels.renamed(FORK, after) == {}


def test_of_a_task_one_outcome_at_a_time_is_renamed() -> None:
    task = {"kind": "task", "on": {"done": "a", "not-done": "b", "timeout": "c"}}
    assert labels.renamed(task, {**task, "on": {"won": "a", "not-done": "b", "timeout": "c"}}) == {"done": "won"}
    assert labels.renamed(task, {**task, "on": {"won": "a", "lost": "b", "timeout": "c"}}) == {}
    assert labels.renamed(task, {**task, "on": {"done": "a", "timeout": "c"}}) == {}


@pytest.mark.parametrize(
    "junk", [{}, {"steps": 5, "exit_on": 5}, {"steps": {"a": 5, "b": {"cases": [5], "require": 5}}}]
)
def test_any_document_is_gone_through(junk: dict[str, Any]) -> None:
    assert labels.followed(junk, "fork", {"yes": "read"}) == (junk, 0)
    unlike = {"exit_on": [{"when": {"step": "fork", "label": ["yes"], "args": [5], "arg": None}}]}
    assert labels.followed(unlike, "fork", {"yes": "read"}) == (unlike, 0)
