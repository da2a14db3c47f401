"""What becomes of a message whose fate nobody knows: evidence, redispatch, sending again on purpose."""

from typing import Any

import pytest

from runs.engine import walk
from runs.engine.values import Fault, Voided
from tests.unit.runs.driver import START_AT, Driver, make_plan

DONE = {"kind": "end", "result": "finished", "goal": True}
OUT = {"kind": "end", "result": "blocked"}
MAIL = {"kind": "send_email", "template": "welcome@1", "on": {"sent": "done", "blocked": "out"}}
CALL = {
    "kind": "call",
    "template": "intro@1",
    "on": {"answered": "done", "no_answer": "done", "busy": "done", "voicemail": "done", "blocked": "out"},
}
REFUSED = {"consent": {"status": "revoked", "version": 2, "kind": ""}}
DAY = 86_400


def unknown_run(step: dict[str, Any] = MAIL) -> Driver:
    run = Driver(make_plan({"send": step, "done": DONE, "out": OUT}))
    run.gate()
    run.outcome(
        "unknown", code="smtp_timeout_after_data" if step["kind"] == MAIL["kind"] else "call_timeout_after_request"
    )
    return run


def test_an_event_of_the_message_is_evidence_that_it_left_and_moves_nothing_by_itself() -> None:
    run = unknown_run()
    assert run.event("delivered", START_AT + 5, step="send") == "FAILED"
    assert run.state.evidence == "sent"


def test_an_event_that_was_earlier_than_the_unknown_outcome_is_evidence_too() -> None:
    run = Driver(make_plan({"send": MAIL, "done": DONE, "out": OUT}))
    run.gate()
    run.event("delivered", START_AT, step="send")
    run.outcome("unknown", code="smtp_timeout_after_data")
    assert run.state.evidence == "sent"


def test_the_result_of_a_call_is_evidence_of_its_label() -> None:
    run = unknown_run(CALL)
    run.event("busy", START_AT + 5, step="send")
    assert run.state.evidence == "busy"


def test_an_event_of_another_message_is_no_evidence() -> None:
    run = unknown_run()
    run.state.intent = "0" * 32
    run.event("delivered", START_AT + 5, step="send")
    assert run.state.evidence == ""


@pytest.mark.parametrize(
    ("kind", "code", "evidence"),
    [("accepted", "", "sent"), ("not_sent", "smtp_421", "not_sent"), ("unknown", "smtp_timeout_after_data", "")],
)
def test_a_late_report_is_evidence_and_never_an_outcome(kind: str, code: str, evidence: str) -> None:
    run = unknown_run()
    assert run.report(START_AT + 30, kind, code) == "FAILED"
    assert run.last("send.reported") == {"intent": run.state.intent, "kind": kind, "code": code, "label": ""}
    assert run.state.evidence == evidence


def test_what_certainly_did_not_leave_may_be_retried_after_all() -> None:
    run = unknown_run()
    with pytest.raises(walk.IllegalMove, match="twice"):
        run.command("retry", START_AT + 10)
    run.report(START_AT + 30, "not_sent", "smtp_421")
    assert run.command("retry", START_AT + 40) == "READY"
    run.gate()
    assert "may_duplicate_of" not in run.last("send.intended")


def test_a_redispatch_is_the_same_message_under_the_same_key_and_reserves_nothing_again() -> None:
    run = unknown_run()
    first = run.last("send.intended")
    assert run.command("redispatch", START_AT + 60, key_ttl_s=DAY) == "READY"
    assert run.last("command.accepted")["key_ttl_s"] == DAY
    assert run.gate() == "DISPATCHING"
    again = run.last("send.redispatched")
    assert {**again, "reserve": first["reserve"]} == first
    (dispatch,) = run.dispatched
    assert dispatch.again
    assert dispatch.intent == first["intent"]
    assert run.types.count("send.intended") == 1


def test_a_redispatch_that_succeeds_posts_the_reservation_that_was_kept() -> None:
    run = unknown_run()
    run.command("redispatch", START_AT + 60, key_ttl_s=DAY)
    run.gate()
    assert run.outcome("accepted", at=START_AT + 60) == "COMPLETED"
    assert run.settled == ["post"]
    assert run.effects[0].reserved == ({"key": "daily:email-day:2027-01-15", "amount": 1},)  # type: ignore[union-attr]


def test_a_redispatch_that_did_not_leave_says_nothing_about_the_first_dispatch() -> None:
    run = unknown_run()
    run.command("redispatch", START_AT + 60, key_ttl_s=DAY)
    run.gate()
    assert run.outcome("not_sent", at=START_AT + 60, code="smtp_421") == "FAILED"
    assert run.state.reason == "unknown_outcome:smtp_421"
    assert run.settled == ["keep"]
    with pytest.raises(walk.IllegalMove, match="twice"):
        run.command("retry", START_AT + 70)
    assert run.command("redispatch", START_AT + 80, key_ttl_s=DAY) == "READY"


@pytest.mark.parametrize(("after_s", "taken"), [(539, True), (540, False), (100_000, False)])
def test_a_redispatch_is_taken_only_while_the_key_lives_with_a_minute_to_spare(after_s: int, taken: bool) -> None:
    run = unknown_run()
    if taken:
        assert run.command("redispatch", START_AT + after_s, key_ttl_s=600) == "READY"
        return
    with pytest.raises(walk.IllegalMove, match="does not know this message by a key"):
        run.command("redispatch", START_AT + after_s, key_ttl_s=600)


def test_without_keys_there_is_no_redispatch() -> None:
    with pytest.raises(walk.IllegalMove, match="does not know"):
        unknown_run().command("redispatch", START_AT + 1)


def test_a_key_that_expires_while_a_policy_holds_the_redispatch_ends_it() -> None:
    run = unknown_run()
    run.command("redispatch", START_AT + 60, key_ttl_s=600)
    run.gate(plan_state="active", kill=[{"scope": "global", "key": ""}])
    assert run.state.status == "PAUSED"
    assert run.gate() == "FAILED"
    assert run.state.reason == "unknown_outcome:key_expired"


def test_a_redispatch_passes_the_gate_and_a_refusal_never_counts_as_blocked() -> None:
    run = unknown_run()
    run.command("redispatch", START_AT + 60, key_ttl_s=DAY)
    assert run.gate(**REFUSED) == "FAILED"
    assert run.state.reason == "unknown_outcome:policy_denied"


def test_facts_of_a_redispatch_let_no_other_send_pass_without_a_reservation() -> None:
    run = Driver(make_plan({"send": MAIL, "done": DONE, "out": OUT}))
    with pytest.raises(walk.IllegalMove, match="another kind of send"):
        run.gate(again=True, counters=[])


def test_a_redispatch_held_back_by_the_last_look_leaves_the_first_dispatch_unknown() -> None:
    run = unknown_run()
    run.command("redispatch", START_AT + 60, key_ttl_s=DAY)
    run.gate()
    assert run.give(Voided(START_AT + 60, run.state.intent, "suppression")) == "FAILED"
    assert run.state.reason == "unknown_outcome:voided"
    assert run.last("send.voided")["settle"] == "keep"
    assert run.settled == []


def test_a_kept_message_that_is_not_what_was_sent_does_not_leave() -> None:
    run = unknown_run()
    run.command("redispatch", START_AT + 60, key_ttl_s=DAY)
    assert run.gate(error="message_changed") == "FAILED"
    assert run.state.reason == "unknown_outcome:message_changed"


def test_sending_again_on_purpose_is_a_new_intent_that_says_what_it_may_duplicate() -> None:
    run = unknown_run()
    first = run.state.intent
    assert run.command("send_again", START_AT + 60) == "READY"
    assert run.gate() == "DISPATCHING"
    assert run.last("send.intended")["may_duplicate_of"] == first
    assert run.last("send.intended")["attempt"] == 2
    assert run.outcome("accepted", at=START_AT + 60) == "COMPLETED"


def test_a_second_message_that_did_not_leave_leaves_the_first_one_unknown() -> None:
    run = unknown_run()
    run.command("send_again", START_AT + 60)
    run.gate()
    assert run.outcome("not_sent", at=START_AT + 60, code="smtp_421") == "FAILED"
    assert run.state.reason == "unknown_outcome:smtp_421"
    assert run.settled == ["void"]  # of the second one
    with pytest.raises(walk.IllegalMove, match="does not know"):
        run.command("redispatch", START_AT + 70, key_ttl_s=DAY)  # the second has nothing to repeat


def test_a_refusal_of_the_second_message_never_counts_as_blocked() -> None:
    run = unknown_run()
    run.command("send_again", START_AT + 60)
    assert run.gate(**REFUSED) == "FAILED"
    assert run.state.reason == "unknown_outcome:policy_denied"


def test_nothing_is_sent_again_that_certainly_did_not_leave() -> None:
    run = Driver(make_plan({"send": MAIL, "done": DONE, "out": OUT}))
    run.gate()
    run.outcome("not_sent", code="smtp_421")
    for command in ("send_again", "redispatch"):
        with pytest.raises(walk.IllegalMove, match="certainly did not leave"):
            run.command(command, START_AT + 10, key_ttl_s=DAY)


def test_a_call_that_the_provider_took_is_not_dispatched_again() -> None:
    run = Driver(make_plan({"send": CALL, "done": DONE, "out": OUT}))
    run.send()
    run.timer()
    assert run.state.reason == "unknown_outcome:no_result"
    with pytest.raises(walk.IllegalMove, match="does not know"):
        run.command("redispatch", run.state.start_at + 4000, key_ttl_s=DAY)
    run.event("answered", START_AT + 4000, step="send")
    assert run.state.evidence == "answered"


def test_a_fault_while_a_message_is_of_unknown_fate_keeps_it_unknown() -> None:
    run = unknown_run()
    run.command("send_again", START_AT + 60)
    assert run.give(Fault(START_AT + 60, "KeyError")) == "FAILED"
    assert run.state.reason == "unknown_outcome:engine_fault"


def test_skipping_a_step_says_nothing_about_what_came_of_it() -> None:
    run = unknown_run()
    assert run.command("skip", START_AT + 60, label="sent") == "COMPLETED"
    assert "send" not in run.state.outcomes
    assert run.last("step.skipped") == {"label": "sent", "next": "done"}


def test_a_step_is_skipped_only_along_a_way_it_has() -> None:
    with pytest.raises(walk.IllegalMove, match="not an outcome"):
        unknown_run().command("skip", START_AT + 60, label="answered")


def test_leaving_the_step_forgets_the_message() -> None:
    steps = {"first": MAIL | {"on": {"sent": "second"}}, "second": MAIL, "done": DONE, "out": OUT}
    run = Driver(make_plan(steps))
    run.gate()
    run.outcome("unknown", code="smtp_timeout_after_data")
    run.command("resolve", START_AT + 10, label="sent")
    assert (run.state.unsure, run.state.kept, run.state.evidence) == ("", [], "")
    run.gate()
    assert "may_duplicate_of" not in run.last("send.intended")


def test_a_report_that_one_dispatch_did_not_leave_says_nothing_about_the_other() -> None:
    run = unknown_run()
    run.command("redispatch", START_AT + 60, key_ttl_s=DAY)
    run.gate()
    run.outcome("unknown", at=START_AT + 60, code="outcome_lost")
    run.report(START_AT + 90, "not_sent", "smtp_421")
    assert run.state.evidence == ""
    with pytest.raises(walk.IllegalMove, match="twice"):
        run.command("retry", START_AT + 100)


def test_a_report_that_comes_while_the_message_is_dispatched_again_says_nothing_about_that() -> None:
    run = unknown_run()
    run.command("redispatch", START_AT + 60, key_ttl_s=DAY)
    run.gate()
    run.report(START_AT + 60, "not_sent", "smtp_421")
    run.outcome("unknown", at=START_AT + 60, code="smtp_timeout_after_data")
    assert run.state.evidence == ""


def test_a_report_about_the_second_message_says_nothing_about_the_first() -> None:
    run = unknown_run()
    run.command("send_again", START_AT + 60)
    run.gate()
    run.outcome("unknown", at=START_AT + 60, code="outcome_lost")
    run.report(START_AT + 90, "not_sent", "smtp_421")
    assert run.state.evidence == ""


def test_a_call_that_could_not_be_placed_again_may_have_been_placed_before() -> None:
    run = unknown_run(CALL)
    run.command("redispatch", START_AT + 60, key_ttl_s=DAY)
    run.gate()
    run.outcome("unknown", at=START_AT + 60, code="call_timeout_after_request")
    run.event("failed", START_AT + 70, step="send")
    assert run.state.evidence == ""
    run.event("answered", START_AT + 80, step="send")
    assert run.state.evidence == "answered"


@pytest.mark.parametrize("command", ["retry", "send_again", "skip", "cancel"])
def test_what_certainly_did_not_leave_gives_its_reservation_back(command: str) -> None:
    run = unknown_run()
    intent = run.state.intent
    run.report(START_AT + 30, "not_sent", "smtp_421")
    run.command(command, START_AT + 40, label="sent" if command == "skip" else "")
    accepted = run.last("command.accepted")
    assert (accepted["intent"], accepted["settle"]) == (intent, "void")
    assert run.settled == ["void"]
    assert run.effects[0].reserved  # type: ignore[union-attr]


def test_who_says_that_it_did_leave_gives_nothing_back() -> None:
    run = unknown_run()
    run.report(START_AT + 30, "not_sent", "smtp_421")
    run.command("resolve", START_AT + 40, label="sent")
    assert run.settled == []


def test_what_did_not_leave_is_retried_and_not_dispatched_again() -> None:
    run = unknown_run()
    run.report(START_AT + 30, "not_sent", "smtp_421")
    with pytest.raises(walk.IllegalMove, match="did not leave: retry"):
        run.command("redispatch", START_AT + 40, key_ttl_s=DAY)


def test_a_redispatch_that_came_too_late_is_forgotten_so_sending_again_is_a_new_message() -> None:
    run = unknown_run(MAIL | {"max_lateness_s": 600})
    run.command("redispatch", START_AT + 60, key_ttl_s=DAY)
    assert run.gate(at=START_AT + 700, late_by=640) == "FAILED"
    assert run.state.reason == "unknown_outcome:stale"
    run.command("send_again", START_AT + 800)
    assert run.gate(at=START_AT + 800) == "DISPATCHING"
    assert run.last("send.intended")["may_duplicate_of"]
