"""What each kind of step does when a run comes to it, beyond sends, waits and branches."""

import pytest

from runs.engine import walk
from runs.engine.values import OptOut
from tests.unit.runs.driver import START_AT, Driver, make_plan

DONE = {"kind": "end", "result": "finished", "goal": True}
LEFT = {"kind": "end", "result": "left"}
MAIL = {"kind": "send_email", "template": "welcome@1", "on": {"sent": "done"}}
MORNING = {"kind": "wait_until", "time": "09:00", "days": [1, 2, 3, 4, 5], "on": {"completed": "done"}}
TASK = {
    "kind": "task",
    "title": "Look at the invoice",
    "timeout_s": 3600,
    "on": {"fine": "done", "wrong": "left", "timeout": "left"},
}


def test_a_run_waits_until_the_instant_its_contacts_clock_was_resolved_to() -> None:
    run = Driver(make_plan({"morning": MORNING, "done": DONE}))
    assert run.state.status == "READY"
    assert run.resolve_time(START_AT + 5000) == "WAITING"
    assert (run.state.reason, run.state.due) == ("timer", START_AT + 5000)
    assert run.last("time.resolved") == {"zone": "Europe/Berlin", "tzdata": "2026.1", "until": START_AT + 5000}
    assert run.timer() == "COMPLETED"


def test_an_instant_that_is_now_completes_at_once() -> None:
    run = Driver(make_plan({"morning": MORNING, "done": DONE}))
    assert run.resolve_time(START_AT) == "COMPLETED"
    assert "step.waiting" not in run.types


def test_without_a_known_zone_nobody_guesses_and_a_person_decides() -> None:
    run = Driver(make_plan({"morning": MORNING, "done": DONE}))
    assert run.resolve_time(None, zone="") == "FAILED"
    assert run.state.reason == "zone_unknown"
    assert run.command("retry", START_AT + 10) == "READY"
    assert run.resolve_time(START_AT + 10, at=START_AT + 10) == "COMPLETED"


SPLIT = {
    "kind": "split",
    "arms": [{"name": "a", "weight": 1, "goto": "done"}, {"name": "b", "weight": 3, "goto": "left"}],
}


def split_run(contact: str, key: str = "test-plan") -> Driver:
    return Driver(make_plan({"half": SPLIT, "done": DONE, "left": LEFT}, key=key), contact=contact)


def test_a_split_gives_each_arm_its_weights_share_of_the_contacts() -> None:
    arms = [split_run(f"c-{n}").last("split.evaluated")["arm"] for n in range(400)]
    assert 70 <= arms.count("a") <= 130
    assert set(arms) == {"a", "b"}


def test_a_split_takes_the_same_arm_for_a_contact_every_time_and_says_by_which_number() -> None:
    first, second = split_run("c-7"), split_run("c-7")
    assert first.last("split.evaluated") == second.last("split.evaluated")
    found = first.last("split.evaluated")
    assert found["of"] == 4
    assert (found["bucket"] < 1) == (found["arm"] == "a")
    assert first.state.outcomes["half"] == found["arm"]


def test_splits_of_two_plans_are_independent() -> None:
    pairs = [
        tuple(split_run(f"c-{n}", key).last("split.evaluated")["arm"] for key in ("one", "two")) for n in range(200)
    ]
    assert {("a", "b"), ("b", "a")} <= set(pairs)


def test_an_opt_out_that_a_step_records_is_carried_out_and_the_run_goes_on() -> None:
    said_no = {"kind": "record_opt_out", "channels": ["email", "voice"], "on": {"recorded": "left"}}
    run = Driver(make_plan({"said-no": said_no, "left": LEFT}))
    assert run.state.status == "COMPLETED"
    (effect,) = run.effects
    assert effect == OptOut(("email", "voice"), run.last("opt_out.recorded")["id"])
    assert run.state.outcomes["said-no"] == "recorded"


def test_a_task_waits_for_a_person_who_says_with_which_outcome() -> None:
    run = Driver(make_plan({"look": TASK, "done": DONE, "left": LEFT}))
    assert (run.state.status, run.state.reason) == ("WAITING", "task")
    assert run.command("complete_task", START_AT + 60, label="fine") == "COMPLETED"
    assert run.state.reason == "finished"


def test_a_task_that_nobody_did_in_time_takes_its_timeout() -> None:
    run = Driver(make_plan({"look": TASK, "done": DONE, "left": LEFT}))
    assert run.timer() == "COMPLETED"
    assert run.state.outcomes["look"] == "timeout"


@pytest.mark.parametrize("label", ["timeout", "sent", ""])
def test_a_task_is_done_only_with_an_outcome_of_its_own(label: str) -> None:
    run = Driver(make_plan({"look": TASK, "done": DONE, "left": LEFT}))
    with pytest.raises(walk.IllegalMove, match="not an outcome"):
        run.command("complete_task", START_AT + 60, label=label)


def test_only_a_run_at_a_task_takes_its_completion() -> None:
    run = Driver(make_plan({"wait": {"kind": "wait", "seconds": 60, "on": {"completed": "done"}}, "done": DONE}))
    with pytest.raises(walk.IllegalMove, match="does not wait for a person"):
        run.command("complete_task", START_AT + 1, label="completed")


NO_REPLY = {"op": "not", "arg": {"op": "event_seen", "event": "replied"}}
TWO_MAILS = {
    "mail": {"kind": "send_email", "template": "welcome@1", "on": {"sent": "pause"}},
    "pause": {"kind": "wait", "seconds": 100, "on": {"completed": "second"}},
    "second": MAIL | {"require": NO_REPLY},
    "done": DONE,
}


def test_what_a_send_requires_is_asked_at_the_gate_with_the_newest_facts() -> None:
    run = Driver(make_plan(TWO_MAILS))
    run.send()
    run.timer()
    run.event("replied", START_AT + 100, step="mail")
    assert run.gate() == "FAILED"
    assert run.state.reason == "policy_denied:require"
    decided = run.last("gate.decided")
    assert (decided["verdict"], decided["rule"], decided["code"]) == ("deny", "require", "require_false")
    assert decided["require"] == [{"op": "event_seen", "event": "replied", "value": 1, "result": True}]


def test_a_requirement_that_holds_lets_the_send_through_and_is_recorded() -> None:
    run = Driver(make_plan(TWO_MAILS))
    run.send()
    run.timer()
    assert run.gate() == "DISPATCHING"
    assert run.last("gate.decided")["require"][0]["result"] is False


def test_a_requirement_that_fails_takes_the_blocked_arm() -> None:
    blocked = TWO_MAILS["second"] | {"on": {"sent": "done", "blocked": "left"}}  # type: ignore[operator]
    run = Driver(make_plan(TWO_MAILS | {"second": blocked, "left": LEFT}))
    run.send()
    run.timer()
    run.event("replied", START_AT + 100, step="mail")
    assert run.gate() == "COMPLETED"
    assert run.state.reason == "left"


def test_a_policys_own_denial_is_named_before_a_requirement() -> None:
    run = Driver(make_plan(TWO_MAILS))
    run.send()
    run.timer()
    run.event("replied", START_AT + 100, step="mail")
    run.gate(consent={"status": "unknown", "version": 0, "kind": ""})
    assert run.state.reason == "policy_denied:consent"


def test_a_gate_without_a_requirement_records_none() -> None:
    run = Driver(make_plan({"mail": MAIL, "done": DONE}))
    run.gate()
    assert "require" not in run.last("gate.decided")


@pytest.mark.parametrize(("late_by", "status"), [(600, "DISPATCHING"), (601, "FAILED")])
def test_a_send_later_than_it_may_be_fails_as_stale(late_by: int, status: str) -> None:
    run = Driver(make_plan({"mail": MAIL | {"max_lateness_s": 600}, "done": DONE}))
    assert run.gate(at=START_AT + late_by, late_by=late_by) == status
    assert run.state.reason == ("step_failed:stale" if status == "FAILED" else "")
