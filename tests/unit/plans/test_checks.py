"""Every run of a plan can be followed to an end: V4, V5, V9 to V11, V13, V15, each with its place and its words."""

from typing import Any

import pytest

from tests.unit.plans.documents import CALL_ON, DONE, OPENED, follow_up, minimal, problems

MAIL = {"kind": "send_email", "template": "a@1", "on": {"sent": "ask"}}


def wait(to: str, seconds: int = 60) -> dict[str, Any]:
    return {"kind": "wait", "seconds": seconds, "on": {"completed": to}}


def branch(*cases: tuple[str, dict[str, Any], str], otherwise: str) -> dict[str, Any]:
    arms = [{"name": name, "when": when, "goto": goto} for name, when, goto in cases]
    return {"kind": "branch", "cases": arms, "else": {"name": "else", "goto": otherwise}}


def visits(step: str, count: int = 3) -> dict[str, Any]:
    return {"op": "visits_ge", "step": step, "count": count}


def said(whole: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (pointer, first words) of the problems."""
    return [(where, " ".join(message.split()[:6])) for where, _, message in problems(whole)]


def test_v4_a_step_that_cannot_be_reached_is_named() -> None:
    whole = follow_up()
    whole["steps"]["lonely"] = wait("done")
    assert problems(whole) == [
        (
            "/steps/lonely",
            "lonely",
            '"lonely" cannot be reached from the entry step; lead another step to it or remove it.',
        )
    ]


def test_v4_an_exit_reaches_its_target() -> None:
    whole = follow_up()
    whole["steps"]["thanks"] = wait("done")
    whole["exit_on"][0]["goto"] = "thanks"
    assert problems(whole) == []


def test_v5_a_step_from_which_no_end_is_reached_is_named() -> None:
    whole = minimal({"a": branch(("x", OPENED, "b"), otherwise="done"), "b": wait("c"), "c": wait("b"), "done": DONE})
    whole["steps"]["a"]["cases"][0]["when"] = {"op": "ge", "ref": "run.tick", "value": 9}
    assert [where for where, _, message in problems(whole) if message.startswith("No end can be reached")] == [
        "/steps/b",
        "/steps/c",
    ]


def loop(turn: dict[str, Any], *cases: tuple[str, dict[str, Any], str]) -> dict[str, Any]:
    """Return mail → ask → (cases, else turn) with `turn` leading back to the mail."""
    return minimal({"mail": MAIL, "ask": branch(*cases, otherwise="turn"), "turn": turn, "done": DONE})


ENOUGH = ("enough", visits("mail"), "done")


def test_v10_v11_a_loop_with_a_wait_and_a_bound_is_fine() -> None:
    assert problems(loop(wait("mail"), ENOUGH)) == []


@pytest.mark.parametrize(
    "turn",
    [
        wait("mail", 59),
        {"kind": "wait_for_event", "event": "opened", "timeout_s": 59, "on": {"event": "done", "timeout": "mail"}},
        {"kind": "wait_for_event", "event": "opened", "timeout_s": 600, "on": {"event": "mail", "timeout": "done"}},
    ],
    ids=["short wait", "short timeout", "only the event arm leads back"],
)
def test_v10_a_loop_in_which_no_minute_passes_is_refused(turn: dict[str, Any]) -> None:
    assert said(loop(turn, ENOUGH)) == [("/steps/mail", 'The loop through "mail", "ask" and')]


def test_v10_the_timeout_of_a_wait_for_event_is_a_wait() -> None:
    turn = {"kind": "wait_for_event", "event": "opened", "timeout_s": 60, "on": {"event": "done", "timeout": "mail"}}
    assert problems(loop(turn, ENOUGH)) == []


@pytest.mark.parametrize(
    "cases",
    [
        [("opened", {"op": "event_seen", "event": "opened"}, "done")],
        [("both", {"op": "and", "args": [visits("mail"), {"op": "event_seen", "event": "opened"}]}, "done")],
        [("never", {"op": "not", "arg": visits("mail")}, "done")],
        [("stay", {"op": "event_seen", "event": "opened"}, "turn"), ENOUGH],
        [("other", visits("side"), "done"), ("side", {"op": "event_seen", "event": "opened"}, "side")],
    ],
    ids=["no count", "the count is not enough", "negated", "an earlier arm may stay for ever", "counts another way"],
)
def test_v11_a_loop_without_a_certain_bound_is_refused(cases: list[tuple[str, dict[str, Any], str]]) -> None:
    whole = loop(wait("mail"), *cases)
    if any(goto == "side" for _, _, goto in cases):
        whole["steps"]["side"] = wait("mail")
    found = problems(whole)
    assert [where for where, _, message in found if "has no bound" in message] == ["/steps/mail"]
    assert any('{"op": "visits_ge", "step": "mail", "count": …}' in message for _, _, message in found)


def test_v11_the_count_may_stand_in_an_or_and_after_other_ways_out() -> None:
    either = {"op": "or", "args": [{"op": "event_seen", "event": "clicked"}, visits("turn")]}
    assert (
        problems(loop(wait("mail"), ("opened", {"op": "event_seen", "event": "opened"}, "done"), ("x", either, "done")))
        == []
    )


def nested(inner_count_of: str, outer: tuple[str, dict[str, Any], str] | None) -> dict[str, Any]:
    """Return two loops, one inside the other; the inner one leaves into the outer one."""
    return minimal(
        {
            "call": {"kind": "call", "template": "a@1", "on": dict.fromkeys(CALL_ON, "again")},
            "again": branch(("enough", visits(inner_count_of), "rest"), otherwise="pause"),
            "pause": wait("call"),
            "rest": wait("more"),
            "more": branch(
                *([outer] if outer else [("x", {"op": "event_seen", "event": "answered"}, "done")]), otherwise="call"
            ),
            "done": DONE,
        }
    )


def test_v11_nested_loops_each_need_a_bound() -> None:
    assert problems(nested("pause", ("enough", visits("rest"), "done"))) == []
    assert [(where, "has no bound" in message) for where, _, message in problems(nested("pause", None))] == [
        ("/steps/call", True)
    ]


def test_v9_a_constant_case_is_refused() -> None:
    whole = follow_up()
    whole["steps"]["opened"]["cases"][0]["when"] = {"op": "true"}
    assert said(whole) == [("/steps/opened/cases/0/when", 'The case "yes" always holds, so')]
    whole["steps"]["opened"]["cases"][0]["when"] = {"op": "and", "args": [{"op": "false"}, OPENED]}
    assert said(whole) == [("/steps/opened/cases/0/when", 'The case "yes" can never hold;')]


def test_v9_a_shadowed_case_is_refused() -> None:
    whole = follow_up()
    twice = {"op": "event_count_ge", "event": "opened", "of": "mail", "count": 2}
    whole["steps"]["opened"]["cases"].append({"name": "twice", "when": twice, "goto": "done"})
    assert problems(whole) == [
        (
            "/steps/opened/cases/1/when",
            "opened",
            'The case "twice" is never taken: the earlier case "yes" holds whenever it does. '
            "Put it first or remove it.",
        )
    ]
    whole["steps"]["opened"]["cases"].reverse()
    assert problems(whole) == []


def test_v9_a_constant_exit_is_refused() -> None:
    whole = follow_up()
    whole["exit_on"].append({"when": {"op": "ge", "ref": "run.tick", "value": 0}, "goto": "blocked"})
    assert said(whole) == [("/exit_on/1/when", 'The exit to "blocked" always holds,')]


def test_v13_a_step_is_named_only_where_it_can_have_been_before() -> None:
    whole = follow_up()
    whole["steps"]["opened"]["cases"][0]["when"] = {"op": "outcome_is", "step": "call", "label": "busy"}
    del whole["exit_on"]
    assert problems(whole) == [
        (
            "/steps/opened/cases/0/when/step",
            "opened",
            '"call" can never come before "opened"; name a step that leads to "opened".',
        )
    ]
    whole["exit_on"] = [{"when": {"op": "event_seen", "event": "replied"}, "goto": "opened"}]
    assert problems(whole) == []


def test_v13_holds_for_wait_for_event_and_refs_too() -> None:
    whole = follow_up()
    whole["steps"]["mail-2"] = {"kind": "send_email", "template": "a@1", "on": {"sent": "done"}}
    whole["steps"]["call"]["on"]["busy"] = "mail-2"
    whole["steps"]["reply"]["of"] = "mail-2"
    outcome = {"op": "eq", "ref": "step.mail-2.outcome", "value": "sent", "default": "blocked"}
    whole["steps"]["opened"]["cases"][0]["when"] = outcome
    assert [where for where, _, _ in problems(whole)] == ["/steps/opened/cases/0/when/ref", "/steps/reply/of"]


def test_v13_a_branch_may_count_its_own_visits() -> None:
    assert problems(loop(wait("mail"), ("enough", visits("ask"), "done"))) == []


def test_v15_the_longest_way_fits_into_the_limits() -> None:
    whole = follow_up()
    whole["limits"] = {"max_steps": 5, "max_duration_s": 259200 + 86399}
    assert problems(whole) == [
        ("/limits/max_steps", "", "The longest way through the plan has 6 steps and max_steps is 5; raise it."),
        (
            "/limits/max_duration_s",
            "",
            "The longest way through the plan takes 4 days (345600 s) and max_duration_s is 345599; "
            "raise it or shorten the waits.",
        ),
    ]
    whole["limits"] = {"max_steps": 6, "max_duration_s": 259200 + 86400}
    assert problems(whole) == []
