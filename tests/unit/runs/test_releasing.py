"""What comes first when a held run is released, and what evidence opens and does not open."""

from typing import Any

import pytest

from runs.engine import walk
from tests.unit.runs.driver import START_AT, Driver, make_plan

DONE = {"kind": "end", "result": "finished", "goal": True}
LEFT = {"kind": "end", "result": "left"}
MAIL = {"kind": "send_email", "template": "welcome@1", "on": {"sent": "done"}}
WAIT = {"kind": "wait", "seconds": 100, "on": {"completed": "done"}}
RETRY: dict[str, Any] = {"on": ["smtp_timeout_after_data"], "action": "retry", "max_attempts": 3, "backoff_ticks": [60]}
AGAIN = RETRY | {"action": "redispatch", "max_attempts": 1}
REPLIED = [{"when": {"op": "event_seen", "event": "replied"}, "goto": "left"}]


def test_an_exit_that_became_due_comes_before_a_wait_that_ended_meanwhile() -> None:
    run = Driver(make_plan({"here": WAIT, "done": DONE, "left": LEFT}, exit_on=REPLIED))
    run.command("hold", START_AT + 10)
    run.event("replied", START_AT + 20)
    assert run.command("release", START_AT + 150) == "COMPLETED"
    assert (run.state.reason, "here" in run.state.outcomes) == ("left", False)


def test_a_wait_that_ends_in_the_second_of_the_release_ends_because_of_it() -> None:
    run = Driver(make_plan({"here": WAIT, "done": DONE}))
    run.command("hold", START_AT + 10)
    assert run.command("release", START_AT + 100) == "COMPLETED"
    (completed,) = (entry for entry in run.entries if entry["type"] == "step.completed")
    assert run.entries[completed["cause"] - 1]["data"]["command"] == "release"


def test_evidence_that_a_message_left_allows_no_retry() -> None:
    run = Driver(make_plan({"mail": MAIL, "done": DONE}))
    run.gate()
    run.outcome("unknown", code="smtp_timeout_after_data")
    run.event("delivered", START_AT + 5, step="mail")
    with pytest.raises(walk.IllegalMove, match="twice"):
        run.command("retry", START_AT + 10)


def test_a_rule_never_retries_what_may_have_left_although_its_adapter_knows_the_key() -> None:
    run = Driver(make_plan({"mail": MAIL, "done": DONE}))
    run.gate()
    run.outcome("unknown", code="smtp_timeout_after_data")
    assert run.choice(START_AT, RETRY, key_ttl_s=86_400) is None


def test_a_rule_dispatches_nothing_again_that_is_known_not_to_have_left() -> None:
    run = Driver(make_plan({"mail": MAIL, "done": DONE}))
    run.gate()
    run.outcome("unknown", code="smtp_timeout_after_data")
    assert run.choice(START_AT, AGAIN, key_ttl_s=86_400) is not None
    run.report(START_AT + 30, "not_sent", "smtp_421")
    assert run.choice(START_AT + 30, AGAIN, key_ttl_s=86_400) is None
