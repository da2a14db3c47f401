"""The checks of the graph know every kind: time and bounds in loops, what a send requires, how long a step may take."""

from typing import Any

import pytest

from plans import checks
from tests.unit.plans.documents import CALL_ON, DONE, OPENED, asked, follow_up, minimal, plan, problems

MAIL = {"kind": "send_email", "template": "a@1", "on": {"sent": "ask"}}
PAUSE = {"kind": "wait", "seconds": 60, "on": {"completed": "mail"}}
REPLIED = {"op": "event_seen", "event": "replied"}


def visits(step: str, count: int = 3) -> dict[str, Any]:
    return {"op": "visits_ge", "step": step, "count": count}


def task(timeout_s: int = 60, **on: str) -> dict[str, Any]:
    return {"kind": "task", "title": "Look", "timeout_s": timeout_s, "on": on}


def split(*targets: str) -> dict[str, Any]:
    arms = [{"name": f"arm-{index}", "weight": 1, "goto": to} for index, to in enumerate(targets)]
    return {"kind": "split", "arms": arms}


def loop(turn: dict[str, Any], *, bound: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return mail → ask → turn, where `turn` leads back to the mail; ask leaves after three mails."""
    ask = {
        "kind": "branch",
        "cases": [{"name": "enough", "when": visits("mail"), "goto": "done"}],
        "else": {"name": "else", "goto": "turn"},
    }
    return minimal({"mail": MAIL, "ask": bound or ask, "turn": turn, "done": DONE})


def messages(whole: dict[str, Any]) -> list[str]:
    return [message for _, _, message in problems(whole)]


# --- V4, V5 -------------------------------------------------------------------------------------------------------


def test_v4_the_arms_of_a_split_and_the_outcomes_of_a_task_reach_their_targets() -> None:
    assert problems(asked()) == []
    whole = asked()
    whole["steps"]["ask"]["arms"][1]["goto"] = "mail"
    whole["steps"]["check"]["on"]["timeout"] = "done"
    assert [where for where, _, said in problems(whole) if "cannot be reached" in said] == [
        "/steps/call",
        "/steps/remind",
    ]


def test_v5_a_way_without_an_end_is_found_behind_every_kind() -> None:
    whole = asked()
    whole["steps"]["remind"]["on"] = {"sent": "stuck", "blocked": "stuck"}
    whole["steps"] |= {"stuck": split("round", "round"), "round": task(done="again", timeout="again")}
    whole["steps"]["again"] = {"kind": "wait_until", "time": "09:00", "on": {"completed": "more"}}
    whole["steps"]["more"] = {"kind": "record_opt_out", "channels": ["email"], "on": {"recorded": "stuck"}}
    assert [where for where, _, said in problems(whole) if "No end can be reached" in said] == [
        f"/steps/{name}" for name in ("again", "more", "remind", "round", "stuck")
    ]


# --- V10: what counts as time -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "turn",
    [
        {"kind": "wait_until", "time": "09:00", "on": {"completed": "mail"}},
        {"kind": "wait_until", "time": "09:00", "days": [1], "on": {"completed": "mail"}},
        task(86400, again="mail", timeout="done"),
        task(59, no="done", timeout="mail"),
        split("mail", "done"),
        {"kind": "record_opt_out", "channels": ["email"], "on": {"recorded": "mail"}},
    ],
    ids=["wait_until", "wait_until on one day", "a word of a task", "short task", "split", "opt-out"],
)
def test_v10_a_loop_that_can_turn_at_once_is_refused(turn: dict[str, Any]) -> None:
    (said,) = messages(loop(turn))
    assert said.startswith('The loop through "mail", "ask" and "turn" can turn without time passing')
    assert "(a wait_until does not count, nor do the arms of a wait_for_event and a task other than timeout)" in said


@pytest.mark.parametrize("turn", [PAUSE, task(60, no="done", timeout="mail")], ids=["wait", "a task's timeout"])
def test_v10_a_wait_and_the_timeout_of_a_task_are_time(turn: dict[str, Any]) -> None:
    assert problems(loop(turn)) == []


def test_v10_a_task_whose_own_word_leads_the_same_way_as_its_timeout_is_no_time() -> None:
    whole = loop(task(60, again="mail", timeout="mail"))
    assert [said[:8] for said in messages(whole)] == ["The loop"]


# --- V11: what bounds a loop --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "way_out",
    [split("turn", "done"), task(60, stop="done", timeout="turn")],
    ids=["an arm of a split", "a word of a task"],
)
def test_v11_a_way_out_that_is_not_counted_bounds_nothing(way_out: dict[str, Any]) -> None:
    (said,) = messages(loop(PAUSE, bound=way_out))
    assert said.startswith('The loop through "mail", "ask" and "turn" has no bound')
    assert '{"op": "visits_ge", "step": "mail", "count": …}' in said


def test_v11_a_counted_way_out_bounds_a_loop_of_any_kinds() -> None:
    whole = loop(split("pause", "morning"))
    whole["steps"]["pause"] = {**PAUSE, "on": {"completed": "morning"}}
    whole["steps"]["morning"] = {"kind": "wait_until", "time": "09:00", "on": {"completed": "rest"}}
    whole["steps"]["rest"] = task(3600, no="done", timeout="mail")
    assert problems(whole) == []


# --- V9, V13: what a send requires --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("require", "said"),
    [
        ({"op": "true"}, 'What "remind" requires always holds, so it asks nothing; change the condition or remove it.'),
        (
            {"op": "and", "args": [REPLIED, {"op": "not", "arg": REPLIED}]},
            'What "remind" requires can never hold, so nothing is ever sent; change the condition or remove it.',
        ),
    ],
)
def test_v9_a_constant_require_is_refused(require: dict[str, Any], said: str) -> None:
    whole = asked()
    whole["steps"]["remind"]["require"] = require
    assert problems(whole) == [("/steps/remind/require", "remind", said)]


def test_v9_a_constant_require_of_a_call_is_refused_too() -> None:
    whole = asked()
    whole["steps"]["call"]["require"] = {"op": "false"}
    assert [where for where, _, _ in problems(whole)] == ["/steps/call/require"]


@pytest.mark.parametrize(
    ("require", "where"),
    [
        ({"op": "outcome_is", "step": "check", "label": "paid"}, "/step"),
        ({"op": "eq", "ref": "step.check.outcome", "value": "paid", "default": "paid"}, "/ref"),
        ({"op": "not", "arg": {"op": "event_seen", "event": "opened", "of": "remind"}}, "/arg/of"),
        (visits("remind"), "/step"),
    ],
    ids=["outcome of a task", "the same as a fact", "event", "visits"],
)
def test_v13_a_send_requires_something_of_steps_that_can_have_been_before(require: dict[str, Any], where: str) -> None:
    whole = asked()
    whole["steps"]["mail"]["require"] = require
    named = "check" if "check" in str(require) else "remind"
    assert problems(whole) == [
        (
            f"/steps/mail/require{where}",
            "mail",
            f'"{named}" can never come before "mail"; name a step that leads to "mail".',
        )
    ]


@pytest.mark.parametrize(
    "require",
    [
        {"op": "outcome_is", "step": "ask", "label": "mail"},
        {"op": "eq", "ref": "step.check.outcome", "value": "timeout", "default": "paid"},
        {"op": "event_seen", "event": "answered", "of": "call"},
        {"op": "not", "arg": visits("remind")},
    ],
    ids=["outcome of a split", "outcome of a task", "event", "its own visits"],
)
def test_v13_what_was_before_may_be_asked_for(require: dict[str, Any]) -> None:
    whole = asked()
    whole["steps"]["remind"]["require"] = require
    assert problems(whole) == []


def test_v13_what_a_send_brings_itself_is_known_only_on_its_next_visit() -> None:
    whole = asked()
    whole["steps"]["remind"]["require"] = {"op": "event_seen", "event": "opened", "of": "remind"}
    assert [where for where, _, _ in problems(whole)] == ["/steps/remind/require/of"]
    turned = loop(PAUSE)
    turned["steps"]["mail"] = {
        **MAIL,
        "require": {"op": "not", "arg": {"op": "event_seen", "event": "opened", "of": "mail"}},
    }
    assert problems(turned) == []


# --- V15: the longest way -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "seconds"),
    [
        ({"kind": "wait_until", "time": "09:00", "on": {"completed": "done"}}, 25 * 3600),
        (
            {"kind": "wait_until", "time": "09:00", "days": [3, 1, 2, 7, 6, 5, 4], "on": {"completed": "done"}},
            25 * 3600,
        ),
        ({"kind": "wait_until", "time": "09:00", "days": [1], "on": {"completed": "done"}}, 8 * 86400),
        ({"kind": "wait_until", "time": "09:00", "days": [1, 2, 3, 4, 5, 6], "on": {"completed": "done"}}, 8 * 86400),
        (task(7200, ready="done", timeout="done"), 7200),
        (split("done", "done"), 0),
        ({"kind": "record_opt_out", "channels": ["voice"], "on": {"recorded": "done"}}, 0),
    ],
)
def test_v15_each_kind_takes_its_time(step: dict[str, Any], seconds: int) -> None:
    hour = {"kind": "wait", "seconds": 3600, "on": {"completed": "it"}}
    whole = minimal({"hour": hour, "it": step, "done": DONE})
    whole["limits"]["max_duration_s"] = 3600 + seconds
    assert problems(whole) == []
    whole["limits"]["max_duration_s"] -= 1
    assert [where for where, _, _ in problems(whole)] == ["/limits/max_duration_s"]


def test_v15_every_kind_counts_as_a_step() -> None:
    whole = asked()
    whole["limits"]["max_steps"] = 6
    assert problems(whole) == []
    whole["limits"]["max_steps"] = 5
    assert [said[:42] for said in messages(whole)] == ["The longest way through the plan has 6 ste"]


# --- V20: what the log can hold -----------------------------------------------------------------------------------


def long_condition(size: int, values: int = 60) -> dict[str, Any]:
    """Return a condition whose record takes at least this many bytes."""
    return {"op": "in", "ref": "contact.attr.tier", "values": ["x" * (size // values)] * values, "default": ""}


@pytest.mark.parametrize(
    ("path", "most"),
    [("branch", checks.MAX_RECORD), ("exit", checks.MAX_RECORD), ("require", checks.MAX_REQUIRE_RECORD)],
)
def test_v20_the_record_of_conditions_fits_into_an_entry(path: str, most: int) -> None:
    def whole(size: int) -> dict[str, Any]:
        found, when = follow_up(), long_condition(size)
        if path == "branch":
            found["steps"]["opened"]["cases"] = [
                {"name": "one", "when": OPENED, "goto": "done"},
                {"name": "two", "when": when, "goto": "done"},
            ]
        elif path == "exit":
            found["exit_on"][0]["when"] = when
        else:
            found["steps"]["call"]["require"] = when
        return found

    assert problems(whole(most - 1000)) == []
    ((where, _, said),) = problems(whole(most))
    assert where == {"branch": "/steps/opened/cases", "exit": "/exit_on/0/when", "require": "/steps/call/require"}[path]
    assert f"and {most} are allowed; shorten them or spread them over several steps" in said


def test_v20_a_record_longer_than_any_document_is_measured_too() -> None:
    found = follow_up()
    leaf = {"op": "eq", "ref": "contact.attr.tier", "value": "x" * 130, "default": ""}
    found["steps"]["opened"]["cases"] = [
        {"name": f"c{index}", "when": {"op": "or", "args": [leaf] * 63}, "goto": "done"} for index in range(20)
    ]
    said = next(each for each in messages(found) if each.startswith("The record of these conditions takes"))
    assert int(said.split()[6]) > 262_144


# --- the kinds together -------------------------------------------------------------------------------------------


def test_the_plan_of_the_other_kinds_is_a_plan() -> None:
    found = plan(asked())
    assert {step.kind for step in found.steps.values()} == {
        "split", "send_email", "call", "wait_until", "task", "record_opt_out", "end",
    }  # fmt: skip
    assert set(CALL_ON) < set(found.steps["call"].on)
