"""What a run does with each input: the specification of the core."""

import itertools

import pytest

from runs.engine import machine, transitions, walk
from runs.engine.values import Event, Fault, Voided
from tests.unit.runs.driver import START_AT, Driver, make_plan

DONE = {"kind": "end", "result": "finished", "goal": True}
MAIL = {"kind": "send_email", "template": "welcome@1", "on": {"sent": "done"}}
CALL = {
    "kind": "call",
    "template": "intro@1",
    "on": {"answered": "done", "no_answer": "done", "busy": "done", "voicemail": "done", "blocked": "refused"},
}
REFUSED = {"kind": "end", "result": "blocked"}

OVERVIEW = {
    "welcome-email": {"kind": "send_email", "template": "welcome@1", "on": {"sent": "wait-3-days"}},
    "wait-3-days": {"kind": "wait", "seconds": 259200, "on": {"completed": "check-open"}},
    "check-open": {
        "kind": "branch",
        "cases": [
            {"name": "yes", "when": {"op": "event_seen", "event": "opened", "of": "welcome-email"}, "goto": "done"}
        ],
        "else": {"name": "no", "goto": "call-1"},
    },
    "call-1": CALL,
    "done": DONE,
    "refused": REFUSED,
}


def mail_run(**changes: object) -> Driver:
    return Driver(make_plan({"mail": MAIL | changes, "done": DONE}))


def test_the_overviews_plan_runs_as_its_trace_says() -> None:
    run = Driver(make_plan(OVERVIEW))
    assert run.send() == "WAITING"
    assert run.state.due == START_AT + 259200
    assert run.timer() == "READY"
    assert run.last("branch.evaluated")["case"] == "no"
    assert run.send() == "WAITING"
    assert run.event("answered", START_AT + 259300, step="call-1") == "COMPLETED"
    ticks = [(entry["tick"], entry["type"]) for entry in run.entries]
    assert ticks == [
        (0, "run.started"),
        (0, "gate.decided"),
        (0, "send.intended"),
        (0, "send.outcome"),
        (0, "step.waiting"),
        (259200, "step.completed"),
        (259200, "branch.evaluated"),
        (259200, "gate.decided"),
        (259200, "send.intended"),
        (259200, "send.outcome"),
        (259200, "step.waiting"),
        (259300, "event.received"),
        (259300, "step.completed"),
        (259300, "run.completed"),
    ]


def test_the_same_inputs_give_the_same_hashes() -> None:
    runs = [Driver(make_plan(OVERVIEW)) for _ in range(2)]
    for run in runs:
        run.send()
        run.timer()
        run.send()
    assert runs[0].hashes == runs[1].hashes


def test_an_open_takes_the_other_arm_and_the_leaf_is_recorded_with_its_value() -> None:
    run = Driver(make_plan(OVERVIEW))
    run.send()
    run.event("opened", START_AT + 50, step="welcome-email")
    assert run.timer() == "COMPLETED"
    decided = run.last("branch.evaluated")
    assert decided["case"] == "yes"
    assert decided["leaves"][0]["result"] is True


def test_a_machines_open_is_recorded_but_nobody_opened_anything() -> None:
    run = Driver(make_plan(OVERVIEW))
    run.send()
    run.event("opened", START_AT + 50, step="welcome-email", machine_made=True)
    run.timer()
    assert run.last("event.received")["machine"] is True
    assert run.last("branch.evaluated")["case"] == "no"


def test_an_intent_is_committed_to_before_anything_is_sent() -> None:
    run = mail_run()
    assert run.gate() == "DISPATCHING"
    (dispatch,) = run.dispatched
    assert run.last("send.intended")["intent"] == dispatch.intent
    assert run.last("send.intended")["reserve"] == [{"key": "daily:email-day:2027-01-15", "amount": 1}]


@pytest.mark.parametrize(
    ("kind", "code", "reason", "settle"),
    [
        ("not_sent", "smtp_connect_refused", "step_failed:smtp_connect_refused", "void"),
        ("unknown", "smtp_timeout_after_data", "unknown_outcome:smtp_timeout_after_data", "keep"),
    ],
)
def test_a_failed_send_stops_the_run(kind: str, code: str, reason: str, settle: str) -> None:
    run = mail_run()
    run.gate()
    assert run.outcome(kind, code=code) == "FAILED"
    assert run.state.reason == reason
    assert run.settled == [settle]
    assert run.state.due is None


def test_a_success_posts_the_reservation() -> None:
    run = mail_run()
    run.gate()
    run.outcome("accepted")
    assert run.settled == ["post"]


def test_a_denial_without_a_blocked_arm_fails_the_run() -> None:
    run = mail_run()
    assert run.gate(consent={"status": "unknown", "version": 0, "kind": ""}) == "FAILED"
    assert run.state.reason == "policy_denied:consent"
    assert not run.dispatched


def test_a_denial_with_a_blocked_arm_takes_it() -> None:
    run = Driver(make_plan({"call-1": CALL, "done": DONE, "refused": REFUSED}))
    assert run.gate(suppressions=[{"id": 1, "scope": "global", "reason": "dnc"}]) == "COMPLETED"
    assert run.state.reason == "blocked"


def test_a_limit_pauses_until_it_resets_and_the_gate_is_asked_again() -> None:
    run = mail_run()
    full = [
        {
            "key": "daily:email-day:2027-01-15",
            "rule": "daily_limit",
            "limit": 200,
            "used": 200,
            "amount": 1,
            "resets_at": START_AT + 60,
        }
    ]
    assert run.gate(counters=full) == "PAUSED"
    assert (run.state.due, run.state.since) == (START_AT + 60, START_AT)
    assert run.gate() == "DISPATCHING"
    assert run.types.count("gate.decided") == 2


def test_an_undefined_variable_fails_the_step_only_after_the_gate_was_asked() -> None:
    run = mail_run()
    assert run.gate(error="attr_invoice") == "FAILED"
    assert run.state.reason == "render_failed:attr_invoice"
    assert run.last("gate.decided")["verdict"] == "allow"
    assert not run.dispatched


def test_a_refusal_just_before_the_socket_voids_the_intent_and_goes_back_to_the_gate() -> None:
    run = mail_run()
    run.gate()
    first = run.state.intent
    assert run.give(Voided(START_AT, first, "suppression")) == "READY"
    assert run.settled == ["void"]
    run.gate()
    assert run.state.intent != first


def test_a_retry_passes_the_gate_again_with_a_new_intent() -> None:
    run = mail_run()
    run.gate()
    first = run.state.intent
    run.outcome("not_sent", code="smtp_421")
    assert run.command("retry", START_AT + 100) == "READY"
    assert run.gate() == "DISPATCHING"
    assert run.state.intent != first
    assert run.last("send.intended")["attempt"] == 2


def test_nobody_retries_a_send_whose_outcome_is_unknown() -> None:
    run = mail_run()
    run.gate()
    run.outcome("unknown", code="smtp_timeout_after_data")
    with pytest.raises(walk.IllegalMove, match="twice"):
        run.command("retry", START_AT + 100)


def test_an_unknown_outcome_is_resolved_by_a_person_along_a_label() -> None:
    run = mail_run()
    run.gate()
    run.outcome("unknown", code="smtp_timeout_after_data")
    assert run.command("resolve", START_AT + 100, label="sent") == "COMPLETED"
    assert run.types[-3:] == ["command.accepted", "step.completed", "run.completed"]


def test_a_resolution_must_name_an_outcome_of_the_step() -> None:
    run = mail_run()
    run.gate()
    run.outcome("not_sent", code="smtp_421")
    with pytest.raises(walk.IllegalMove, match="not an outcome"):
        run.command("resolve", START_AT, label="answered")


def test_no_command_is_accepted_while_a_message_is_on_its_way() -> None:
    run = mail_run()
    run.gate()
    for command in ("retry", "resolve", "cancel"):
        with pytest.raises(walk.IllegalMove, match="on its way"):
            run.command(command, START_AT)


def test_an_opt_out_stops_a_waiting_run() -> None:
    run = Driver(make_plan(OVERVIEW))
    run.send()
    assert run.event("unsubscribed", START_AT + 10, step="welcome-email", stops=True) == "STOPPED"
    assert run.state.reason == "opted_out"


def test_an_opt_out_during_a_send_stops_the_run_with_the_outcome() -> None:
    run = Driver(make_plan(OVERVIEW))
    run.gate()
    assert run.event("unsubscribed", START_AT, stops=True) == "DISPATCHING"
    assert run.outcome("accepted") == "STOPPED"
    assert run.settled == ["post"]


@pytest.mark.parametrize(("kind", "code"), [("not_sent", "smtp_421"), ("unknown", "smtp_timeout_after_data")])
def test_an_opt_out_during_a_failing_send_stops_the_run_too(kind: str, code: str) -> None:
    run = Driver(make_plan(OVERVIEW))
    run.gate()
    run.event("unsubscribed", START_AT, stops=True)
    assert run.outcome(kind, code=code) == "STOPPED"


def test_an_event_after_the_end_is_evidence_only() -> None:
    run = mail_run()
    run.send()
    assert run.event("complained", START_AT + 10, step="mail", stops=True) == "COMPLETED"
    assert run.types[-1] == "event.after_end"


WAIT_REPLY = {
    "mail": {"kind": "send_email", "template": "welcome@1", "on": {"sent": "pause"}},
    "pause": {"kind": "wait", "seconds": 100, "on": {"completed": "reply"}},
    "reply": {
        "kind": "wait_for_event",
        "event": "replied",
        "of": "mail",
        "timeout_s": 1000,
        "on": {"event": "done", "timeout": "late"},
    },
    "done": DONE,
    "late": {"kind": "end", "result": "no_reply"},
}


def test_an_awaited_event_goes_along_its_arm() -> None:
    run = Driver(make_plan(WAIT_REPLY))
    run.send()
    run.timer()
    run.event("replied", START_AT + 200, step="mail")
    assert run.state.reason == "finished"


def test_an_event_that_came_before_its_step_is_not_missed() -> None:
    run = Driver(make_plan(WAIT_REPLY))
    run.send()
    run.event("replied", START_AT + 5, step="mail")
    assert run.timer() == "COMPLETED"
    assert run.state.reason == "finished"


def test_an_awaited_event_of_another_step_does_not_count() -> None:
    run = Driver(make_plan(WAIT_REPLY))
    run.send()
    run.timer()
    assert run.event("replied", START_AT + 200, step="reply") == "WAITING"
    run.timer()
    assert run.state.reason == "no_reply"


def test_a_call_without_a_result_is_unknown_after_its_deadline() -> None:
    run = Driver(make_plan({"call-1": CALL, "done": DONE, "refused": REFUSED}))
    run.send()
    assert run.timer() == "FAILED"
    assert run.state.reason == "unknown_outcome:no_result"


def test_a_calls_result_may_be_earlier_than_the_providers_answer() -> None:
    run = Driver(make_plan({"call-1": CALL, "done": DONE, "refused": REFUSED}))
    run.gate()
    run.event("busy", START_AT, step="call-1")
    assert run.outcome("accepted") == "COMPLETED"
    assert run.state.outcomes["call-1"] == "busy"


def test_a_call_the_provider_could_not_place_fails() -> None:
    run = Driver(make_plan({"call-1": CALL, "done": DONE, "refused": REFUSED}))
    run.send()
    assert run.event("failed", START_AT + 9, step="call-1") == "FAILED"


EXIT = {"exit_on": [{"when": {"op": "event_seen", "event": "replied"}, "goto": "done"}]}


def test_an_exit_condition_is_checked_after_every_input() -> None:
    run = Driver(make_plan(OVERVIEW, **EXIT))
    run.send()
    assert run.event("replied", START_AT + 20, step="welcome-email") == "COMPLETED"
    assert "run.exited" in run.types


def test_an_exit_condition_is_checked_before_every_effect() -> None:
    tick = {"exit_on": [{"when": {"op": "ge", "ref": "run.tick", "value": 259200}, "goto": "done"}]}
    run = Driver(make_plan(OVERVIEW, **tick))
    run.send()
    run.timer()
    assert run.gate() == "COMPLETED"
    assert not run.dispatched


def test_a_run_that_takes_too_many_steps_fails() -> None:
    often = {"name": "enough", "when": {"op": "visits_ge", "step": "wait", "count": 9}, "goto": "done"}
    loop = {
        "wait": {"kind": "wait", "seconds": 60, "on": {"completed": "again"}},
        "again": {"kind": "branch", "cases": [often], "else": {"name": "no", "goto": "wait"}},
        "done": DONE,
    }
    run = Driver(make_plan(loop, limits={"max_steps": 6, "max_duration_s": 86_400}))
    statuses = [run.timer() for _ in range(3)]
    assert statuses == ["WAITING", "WAITING", "FAILED"]
    assert run.state.reason == "step_limit"


def test_a_fault_of_the_core_fails_the_run_and_is_recorded() -> None:
    run = mail_run()
    assert run.give(Fault(START_AT, "ZeroDivisionError")) == "FAILED"
    assert run.types[-2:] == ["engine.fault", "run.failed"]


def test_a_wait_of_nothing_is_completed_at_once() -> None:
    steps = {"wait-0": {"kind": "wait", "seconds": 0, "on": {"completed": "done"}}, "done": DONE}
    assert Driver(make_plan(steps)).state.status == "COMPLETED"


def test_sends_in_one_instant_take_later_turns() -> None:
    steps = {"mail": MAIL | {"on": {"sent": "mail-2"}}, "mail-2": MAIL, "done": DONE}
    run = Driver(make_plan(steps))
    assert run.state.turn == 0
    run.send()
    assert (run.state.turn, run.state.due) == (1, START_AT)


def test_the_step_function_leaves_the_state_it_was_given_untouched() -> None:
    run = Driver(make_plan(OVERVIEW))
    run.send()
    before, given = run.state.copy(), run.state
    opened = Event(START_AT + 50, "opened", given.intent, "welcome-email", False, "hook:sandbox", "ee" * 16)
    assert machine.step(run.plan, given, opened).state != before
    assert given == before


def test_every_status_but_the_final_ones_has_a_way_on() -> None:
    for status, moves in transitions.MOVES.items():
        assert bool(moves) != (status in transitions.FINAL)


@pytest.mark.parametrize(
    ("command", "status"), list(itertools.product(["retry", "resolve"], ["READY", "WAITING", "COMPLETED"]))
)
def test_a_command_is_refused_with_a_sentence_outside_its_statuses(command: str, status: str) -> None:
    refusal = transitions.refusal(command, transitions.Standing(status, "", ("sent",)))
    assert refusal is not None
    assert status in refusal
