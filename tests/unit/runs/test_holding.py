"""What an operator's hold keeps from happening, and how a released run goes on."""

from typing import Any

import pytest

from runs.engine import walk
from runs.engine.values import Facts, Timer
from tests.unit.runs.driver import POLICY, START_AT, Driver, make_facts, make_plan

DONE = {"kind": "end", "result": "finished", "goal": True}
LATE = {"kind": "end", "result": "late"}
WAIT = {"kind": "wait", "seconds": 100, "on": {"completed": "done"}}
REPLY = {"kind": "wait_for_event", "event": "replied", "timeout_s": 100, "on": {"event": "done", "timeout": "late"}}
MAIL = {"kind": "send_email", "template": "welcome@1", "on": {"sent": "done"}}
CALL = {"kind": "call", "template": "intro@1"} | {
    "on": {"answered": "done", "no_answer": "late", "busy": "late", "voicemail": "late"}
}


def at(step: dict[str, Any], **plan: Any) -> Driver:
    used = {name: end for name, end in (("done", DONE), ("late", LATE)) if name in step["on"].values()}
    return Driver(make_plan({"here": step} | used, **plan))


def test_a_held_run_has_no_timer_and_says_what_it_was_held_from() -> None:
    run = at(WAIT)
    assert run.command("hold", START_AT + 10) == "PAUSED"
    assert (run.state.reason, run.state.due) == ("held", None)
    assert run.last("run.held") == {"on": "timer", "until": 100}
    with pytest.raises(walk.IllegalMove):
        run.give(Timer(START_AT + 100))


def test_released_in_time_it_waits_for_the_same_instant() -> None:
    run = at(WAIT)
    run.command("hold", START_AT + 10)
    assert run.command("release", START_AT + 50) == "WAITING"
    assert run.state.due == START_AT + 100
    run.timer()
    completed = run.entries[-2]
    assert (completed["type"], completed["tick"]) == ("step.completed", 100)
    assert run.entries[completed["cause"] - 1]["type"] == "step.waiting"


def test_released_too_late_its_wait_ends_at_once_because_of_the_release() -> None:
    run = at(WAIT)
    run.command("hold", START_AT + 10)
    assert run.command("release", START_AT + 150) == "COMPLETED"
    completed = run.entries[-2]
    assert (completed["type"], completed["tick"]) == ("step.completed", 150)
    assert run.entries[completed["cause"] - 1]["data"]["command"] == "release"


def test_an_event_of_a_held_run_is_recorded_and_counts_at_the_release() -> None:
    run = at(REPLY)
    run.command("hold", START_AT + 10)
    assert run.event("replied", START_AT + 20) == "PAUSED"
    assert run.command("release", START_AT + 500) == "COMPLETED"
    assert run.state.outcomes["here"] == "event"


def test_a_held_wait_for_an_event_that_never_came_times_out_at_the_release() -> None:
    run = at(REPLY)
    run.command("hold", START_AT + 10)
    run.command("release", START_AT + 500)
    assert run.state.outcomes["here"] == "timeout"


def test_a_result_that_came_for_a_held_call_counts_at_the_release() -> None:
    run = at(CALL)
    run.send()
    run.command("hold", START_AT + 10)
    assert run.event("answered", START_AT + 20, step="here") == "PAUSED"
    assert run.command("release", START_AT + 30) == "COMPLETED"
    assert run.state.outcomes["here"] == "answered"


def test_a_held_call_whose_result_never_came_is_unknown_at_the_release() -> None:
    run = at(CALL)
    run.send()
    run.command("hold", START_AT + 10)
    assert run.command("release", START_AT + 4000) == "FAILED"
    assert run.state.reason == "unknown_outcome:no_result"


def test_a_held_send_passes_the_gate_after_its_release_and_is_not_late() -> None:
    run = at(MAIL)
    run.command("hold", START_AT)
    with pytest.raises(walk.IllegalMove):
        run.give(Facts(START_AT, POLICY, make_facts(START_AT), None))
    assert run.command("release", START_AT + 900) == "READY"
    assert run.state.ready_at == START_AT + 900
    assert run.gate() == "DISPATCHING"


def test_a_run_paused_by_a_policy_asks_the_gate_again_after_its_release() -> None:
    run = at(MAIL)
    run.gate(kill=[{"scope": "global", "key": ""}])
    assert run.state.status == "PAUSED"
    run.command("hold", START_AT + 5)
    assert run.command("release", START_AT + 10) == "READY"


def test_no_exit_is_taken_while_a_run_is_held_but_at_its_release() -> None:
    exits = [{"when": {"op": "event_seen", "event": "replied"}, "goto": "done"}]
    run = at(WAIT, exit_on=exits)
    run.command("hold", START_AT + 10)
    assert run.event("replied", START_AT + 20) == "PAUSED"
    assert run.command("release", START_AT + 30) == "COMPLETED"
    assert "run.exited" in run.types


def test_an_opt_out_ends_a_held_run_at_once() -> None:
    run = at(WAIT)
    run.command("hold", START_AT + 10)
    assert run.event("unsubscribed", START_AT + 20, stops=True) == "STOPPED"


def test_a_held_run_can_be_cancelled() -> None:
    run = at(WAIT)
    run.command("hold", START_AT + 10)
    assert run.command("cancel", START_AT + 20) == "STOPPED"


@pytest.mark.parametrize("command", ["hold", "release"])
def test_only_a_run_that_is_held_is_released_and_only_one_that_is_not_is_held(command: str) -> None:
    run = at(WAIT)
    if command == "hold":
        run.command("hold", START_AT)
    with pytest.raises(walk.IllegalMove):
        run.command(command, START_AT + 1)
