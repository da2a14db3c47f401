"""What the core does where two things meet: a late result and a new call, a reply and a failure, a hold and a bound."""

from typing import Any

from runs.engine.values import Fault
from tests.unit.runs.driver import START_AT, Driver, make_plan

DONE = {"kind": "end", "result": "finished", "goal": True}
MAIL: dict[str, Any] = {"kind": "send_email", "template": "welcome@1"}
WAIT = {"pause": {"kind": "wait", "seconds": 100, "on": {"completed": "done"}}, "done": DONE}
CALL = {
    "kind": "call",
    "template": "script@1",
    "on": dict.fromkeys(("answered", "no_answer", "busy", "voicemail"), "done"),
}


def test_a_late_result_of_the_first_call_is_not_the_result_of_the_second() -> None:
    run = Driver(make_plan({"call-1": CALL, "done": DONE}))
    run.send()
    run.event("failed", START_AT + 5, step="call-1")
    run.event("busy", START_AT + 6, step="call-1")
    run.command("retry", START_AT + 60)
    assert run.send(at=START_AT + 60) == "WAITING"
    assert run.event("answered", START_AT + 90, step="call-1") == "COMPLETED"
    assert run.last("step.completed")["label"] == "answered"


def test_a_fault_while_a_call_awaits_its_result_offers_no_retry() -> None:
    run = Driver(make_plan({"call-1": CALL, "done": DONE}))
    run.send()
    run.give(Fault(START_AT + 5, "NotCanonical"))
    assert run.state.reason == "unknown_outcome:engine_fault"


def test_a_reply_seen_while_the_run_had_failed_counts_once_it_is_resolved() -> None:
    exits = [{"when": {"op": "event_seen", "event": "replied"}, "goto": "done"}]
    steps = {
        "mail": MAIL | {"on": {"sent": "pause"}},
        **WAIT,
    }
    run = Driver(make_plan(steps, exit_on=exits))
    run.send(kind="unknown", code="smtp_timeout_after_data")
    assert run.event("replied", START_AT + 9, step="mail") == "FAILED"
    assert run.command("resolve", START_AT + 50, label="sent") == "COMPLETED"
    assert run.types[-2:] == ["run.exited", "run.completed"]


def test_a_run_held_again_and_again_ends_within_its_bounds() -> None:
    limits = {"max_steps": 5, "max_duration_s": 86_400}
    run = Driver(make_plan({"mail": MAIL | {"on": {"sent": "done"}}, "done": DONE}, limits=limits))
    engaged = {"kill": [{"scope": "global", "key": ""}]}
    assert run.gate(**engaged) == "PAUSED"
    assert run.gate(at=START_AT + 86_400, **engaged) == "PAUSED"
    assert run.gate(at=START_AT + 86_401, **engaged) == "FAILED"
    assert run.state.reason == "duration_limit"


def test_what_a_run_remembers_is_stored_in_one_order() -> None:
    run = Driver(make_plan({"mail": MAIL | {"on": {"sent": "pause"}}, **WAIT}))
    run.send()
    run.event("opened", START_AT + 5, step="mail")
    assert list(run.state.events) == ["mail", ""]
