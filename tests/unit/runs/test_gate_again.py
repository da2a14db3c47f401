"""What a second attempt, a second visit and a second run have in common with the first, and what they must not."""

from typing import Any

from runs.engine import machine
from runs.engine.values import Event, RunState, Start
from tests.unit.runs.driver import START_AT, Driver, make_plan

DONE = {"kind": "end", "result": "finished", "goal": True}
LEFT = {"kind": "end", "result": "left"}
MAIL = {"kind": "send_email", "template": "welcome@1", "on": {"sent": "done"}}
RETRY = {"on": ["smtp_421"], "action": "retry", "max_attempts": 3, "backoff_ticks": [60]}
REVOKED = {"consent": {"status": "revoked", "version": 2, "kind": ""}}
SWITCHED_OFF = {"kill": [{"scope": "global", "key": ""}]}
WAIT = {"kind": "wait", "seconds": 60}


def failed() -> Driver:
    run = Driver(make_plan({"mail": MAIL, "done": DONE}))
    run.gate()
    run.outcome("not_sent", code="smtp_421")
    return run


def test_a_retry_is_denied_like_a_first_attempt() -> None:
    run = failed()
    run.command("retry", START_AT + 100)
    assert run.gate(**REVOKED) == "FAILED"
    assert (run.state.reason, run.dispatched) == ("policy_denied:consent", [])


def test_a_retry_by_rule_is_paused_like_a_first_attempt() -> None:
    run = failed()
    run.recover(START_AT, RETRY)
    assert run.gate(**SWITCHED_OFF) == "PAUSED"
    assert (run.state.reason, run.dispatched) == ("kill_switch:kill_switch", [])


def test_what_is_sent_again_says_what_it_may_duplicate() -> None:
    run = Driver(make_plan({"mail": MAIL, "done": DONE}))
    run.gate()
    run.outcome("unknown", code="smtp_timeout_after_data")
    first = run.state.intent
    run.command("send_again", START_AT + 60)
    run.gate()
    assert run.last("send.intended").get("may_duplicate_of") == first


def test_a_late_result_of_the_first_call_says_nothing_about_the_second() -> None:
    labels = dict.fromkeys(("answered", "no_answer", "busy", "voicemail"), "done")
    run = Driver(make_plan({"call": {"kind": "call", "template": "intro@1", "on": labels}, "done": DONE}))
    run.send()
    first = run.state.intent
    run.event("failed", START_AT + 5, step="call")
    run.command("retry", START_AT + 60)
    run.send(at=START_AT + 60)
    late = Event(START_AT + 90, "busy", first, "call", False, "hook:sandbox", "ee" * 16)
    assert run.give(late) == "WAITING"


def test_an_exit_fires_once() -> None:
    steps = {
        "first": WAIT | {"on": {"completed": "done"}},
        "second": WAIT | {"on": {"completed": "done"}},
        "done": DONE,
    }
    exits = [{"when": {"op": "event_seen", "event": "replied"}, "goto": "second"}]
    run = Driver(make_plan(steps, exit_on=exits))
    run.event("replied", START_AT + 1)
    run.event("opened", START_AT + 2)
    assert run.types.count("run.exited") == 1
    assert run.timer() == "COMPLETED"


def test_every_visit_of_a_step_makes_an_intent_of_its_own() -> None:
    often = {"name": "enough", "when": {"op": "visits_ge", "step": "mail", "count": 2}, "goto": "done"}
    steps: dict[str, Any] = {
        "mail": MAIL | {"on": {"sent": "again"}},
        "again": {"kind": "branch", "cases": [often], "else": {"name": "no", "goto": "pause"}},
        "pause": WAIT | {"on": {"completed": "mail"}},
        "done": DONE,
    }
    run = Driver(make_plan(steps))
    run.send()
    run.timer()
    run.send(at=START_AT + 60)
    intents = [entry["data"]["intent"] for entry in run.entries if entry["type"] == "send.intended"]
    assert len(set(intents)) == 2


def test_a_contact_takes_the_same_arm_in_every_run() -> None:
    arms = [{"name": name, "weight": 1, "goto": "done"} for name in "abcdefgh"]
    plan = make_plan({"parted": {"kind": "split", "arms": arms}, "done": DONE})
    taken = set()
    for no in range(1, 9):
        begun = Start(START_AT + no, 1, "c-1", "cc" * 32, {}, "cli")
        taken.add(machine.step(plan, RunState(st=f"run/{no}", start_at=begun.at), begun).state.outcomes["parted"])
    assert len(taken) == 1
