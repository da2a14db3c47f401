"""Splits, tasks, local times, opt-outs and what a send requires: read strictly, each fault with its place."""

import json
from typing import Any

import pytest

from plans import document, steps
from tests.unit.plans.documents import REPLIED, asked, changed, plan, problems


def test_the_kinds_beyond_messages_and_waits_are_read() -> None:
    found = plan(asked()).steps
    assert found["ask"] == steps.Split(
        "ask", {"mail": "mail", "voice": "call"}, (steps.Arm("mail", 3, "mail"), steps.Arm("voice", 1, "call"))
    )
    assert found["morning"] == steps.WaitUntil("morning", {"completed": "check"}, 545, (1, 2, 5))
    assert found["check"] == steps.Task(
        "check",
        {"paid": "no-more", "promised": "done", "timeout": "remind"},
        "Look whether they paid",
        "Open the account.\nLook.",
        86400,
    )
    assert found["no-more"] == steps.RecordOptOut("no-more", {"recorded": "done"}, ("email", "voice"))
    assert found["mail"] == steps.SendEmail("mail", {"sent": "morning"}, "notice@1", None, 3600)
    assert found["remind"] == steps.SendEmail(
        "remind", {"sent": "done", "blocked": "done"}, "notice@2", {"op": "not", "arg": REPLIED}, None
    )


def test_what_may_be_left_out_may_be_left_out() -> None:
    whole = asked()
    del whole["steps"]["morning"]["days"], whole["steps"]["check"]["instructions"], whole["steps"]["remind"]["require"]
    found = plan(whole).steps
    assert (found["morning"].days, found["check"].instructions) == ((1, 2, 3, 4, 5, 6, 7), "")
    assert (found["remind"].require, found["remind"].max_lateness_s) == (None, None)


def test_the_order_of_outcomes_does_not_depend_on_the_text() -> None:
    laid_out, canonical = json.dumps(asked()), document.canonical(asked())
    first, second = document.parse(laid_out), document.parse(canonical)
    assert [list(step.on.items()) for step in first.steps.values()] == [
        list(step.on.items()) for step in second.steps.values()
    ]
    assert list(first.steps["check"].on) == ["paid", "promised", "timeout"]
    assert list(first.steps["ask"].on) == ["mail", "voice"]


# --- one thing wrong, one problem ---------------------------------------------------------------------------------

ONE_FAULT_MORE = [
    ("morning/time", "9:00", "", '"9:00" is no time of day; write hours and minutes from 00:00 to 23:59'),
    ("morning/time", "24:00", "", '"24:00" is no time of day'),
    ("morning/time", 900, "", "900 is no time of day"),
    ("morning/time", None, "..", 'The key "time" is missing'),
    ("morning/days", [], "", "This list is empty; it has at least one entry."),
    ("morning/days", "Mon", "", "This must be a list."),
    ("morning/days", [1, 8], "/1", "8 is not allowed here; use 1, 2, 3, 4, 5, 6, 7."),
    ("morning/days", [True], "/0", "true is not allowed here"),
    ("morning/days", [5, 1, 5], "/2", "5 stands here twice; remove one."),
    ("morning/days", [1] * 8, "", "There are 8 entries here; 7 are allowed."),
    ("morning/zone", "UTC", "", 'Remove the unknown key "zone"'),
    ("morning/on/timeout", "done", "", "a wait_until step has only completed"),
    ("ask/arms", {}, "", "This must be a list."),
    ("ask/arms/1", None, "..", "A split has at least 2 arms; add one, or lead straight to the next step."),
    ("ask/arms/1/name", "mail", "", 'Two arms of this split are named "mail"; rename one.'),
    ("ask/arms/1/name", "By voice", "", "is not allowed here; use lower-case"),
    ("ask/arms/1/weight", 0, "", "0 is not allowed here; use a whole number from 1 to 10000."),
    ("ask/arms/1/weight", 10_001, "", "use a whole number from 1 to 10000."),
    ("ask/arms/1/weight", None, "..", 'The key "weight" is missing; add it.'),
    ("ask/arms/1/goto", "cal", "", 'did you mean "call"?'),
    ("ask/arms/1/when", {"op": "true"}, "", 'Remove the unknown key "when"'),
    ("ask/on", {"mail": "mail"}, "", 'Remove the unknown key "on"'),
    ("no-more/channels", [], "", "This list is empty"),
    ("no-more/channels", ["sms"], "/0", '"sms" is not allowed here; use email, voice.'),
    ("no-more/channels", ["email", "email"], "/1", '"email" stands here twice; remove one.'),
    ("no-more/channels", "email", "", "This must be a list."),
    ("no-more/channels", None, "..", 'The key "channels" is missing'),
    ("no-more/on", {}, "", 'The outcome "recorded" leads nowhere'),
    ("check/title", "", "", "The title is empty; say what the person has to do."),
    ("check/title", " ", "", "The title is empty"),
    ("check/title", "x" * 201, "", "This text has 201 characters; 200 are allowed."),
    ("check/title", "two\nlines", "", "control character U+000A"),
    ("check/title", None, "..", 'The key "title" is missing'),
    ("check/instructions", "x" * 2001, "", "This text has 2001 characters; 2000 are allowed."),
    ("check/instructions", "bell\u0007", "", "control character U+0007"),
    ("check/instructions", ["Open"], "", "This must be a text."),
    ("check/timeout_s", None, "..", 'The key "timeout_s" is missing'),
    ("check/timeout_s", 0, "", "use a whole number from 1 to 158112000"),
    ("check/on", [], "", "maps each outcome: words of your own, and timeout"),
    ("check/on", {"timeout": "remind"}, "", 'A task has at least one outcome of its own, such as "done"; add one.'),
    ("check/on/timeout", None, "..", 'The outcome "timeout" leads nowhere; map every outcome to a step.'),
    ("check/on/promised", "doen", "", 'did you mean "done"?'),
    ("check/on", {f"w{n}": "no-more" for n in range(11)} | {"timeout": "remind"}, "", "11 outcomes beside timeout; 10"),
    ("check/on", {"x" * 41: "no-more", "timeout": "remind"}, "/" + "x" * 41, "digits, hyphens and underscores"),
    ("remind/require", {"op": "replied"}, "/op", '"replied" is not an operator'),
    ("remind/require", {"op": "visits_ge", "step": "ask-2", "count": 1}, "/step", 'no step named "ask-2"'),
    ("mail/max_lateness_s", 0, "", "use a whole number from 1 to 158112000"),
    ("mail/max_lateness_s", True, "", "true is not allowed here"),
    ("mail/requires", {"op": "true"}, "", 'did you mean "require"?'),
    ("morning/max_lateness_s", 60, "", 'Remove the unknown key "max_lateness_s"'),
]


@pytest.mark.parametrize(("path", "value", "pointer", "said"), ONE_FAULT_MORE, ids=lambda value: str(value)[:30])
def test_a_fault_in_the_other_kinds_is_named_too(path: str, value: Any, pointer: str, said: str) -> None:
    found = [problem for problem in problems(changed(f"steps/{path}", value, asked())) if said in problem[2]]
    place = path.rpartition("/")[0] if pointer == ".." else path + pointer
    assert [(where, step) for where, step, _ in found] == [(f"/steps/{place}", path.partition("/")[0])]
