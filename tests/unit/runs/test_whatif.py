"""What a plan would have changed for a past run, and which recorded answers count for it."""

import pytest

from audit import canon
from runs.engine.script import Act, Answer, Happening
from runs.engine.values import Event, Fault
from runs.engine.whatif.findings import Class
from runs.engine.whatif.past import Past
from tests.unit.runs.driver import POLICY, START_AT, Driver
from tests.unit.runs.rehearsing import DAY, HOUR, World, plan, play
from tests.unit.runs.whatifs import (
    ANSWERED,
    FOLLOW_UP,
    GOLD,
    LOST,
    OPENED,
    TOLD,
    branch,
    call,
    changes,
    compare,
    follow_up,
    mail,
    of_past,
    past,
    wait,
)

# --- SAME, SAME_EFFECTS ---


def test_the_runs_own_plan_gives_the_same_run() -> None:
    found = compare(of_past(*TOLD, answers=ANSWERED), plan(FOLLOW_UP))

    assert (found.verdict, found.was, found.now) == (Class.SAME, "COMPLETED (finished)", "COMPLETED (finished)")


def test_a_change_that_no_step_of_the_run_met_leaves_it_the_same() -> None:
    other = follow_up(**{"check": branch(OPENED, "lost", "call-1"), "lost": LOST})

    assert compare(of_past(*TOLD, answers=ANSWERED), other).verdict == Class.SAME


def test_another_path_with_the_same_sends_is_the_same_in_effect() -> None:
    renamed = {"mail": mail("think"), "think": wait(3 * DAY, "check"), "rest": None}

    found = compare(of_past(*TOLD, answers=ANSWERED), follow_up(**renamed))

    assert found.verdict == Class.SAME_EFFECTS and found.changes == ()
    assert found.note == (
        "They part at tick 0: think wait_timer until tick 259200; it was rest wait_timer until tick 259200."
    )


def test_another_end_after_the_same_sends_is_the_same_in_effect_and_says_how_it_ends() -> None:
    other = follow_up(**{"call-1": call("lost"), "lost": LOST})

    found = compare(of_past(*TOLD, answers=ANSWERED), other)

    assert (found.verdict, found.was, found.now) == (Class.SAME_EFFECTS, "COMPLETED (finished)", "COMPLETED (lost)")


# --- CHANGED ---


def test_a_send_the_past_run_did_not_make_is_added_and_ends_what_can_be_known() -> None:
    other = follow_up(rest=wait(3 * DAY, "again"), again=mail("check", "case@1"))

    found = compare(of_past(*TOLD, answers=ANSWERED), other)

    assert found.verdict == Class.CHANGED
    assert changes(found) == [("added", "case@1", "again", 3 * DAY)]
    assert (found.needs, found.until, found.now) == (("outcome of again",), 3 * DAY, "")
    assert str(found.changes[0]) == "added: email case@1 at again, before the gate at tick 259200"


def test_a_send_that_is_not_made_any_more_is_removed() -> None:
    other = follow_up(check=branch(OPENED, "done", "done"), **{"call-1": None})

    found = compare(of_past(*TOLD, answers=ANSWERED), other)

    assert found.verdict == Class.CHANGED and changes(found) == [("removed", "script@1", "call-1", 3 * DAY)]
    assert found.now == "COMPLETED (finished)" and found.needs == ()


def test_another_template_removes_one_send_and_adds_another() -> None:
    found = compare(of_past(), follow_up(mail=mail("rest", "welcome@2")))

    assert changes(found) == [("added", "welcome@2", "mail", 0), ("removed", "welcome@1", "mail", 0)]
    assert found.needs == ("outcome of mail",)


def test_a_send_outside_the_tolerance_is_moved_and_its_outcome_is_not_taken_over() -> None:
    other = follow_up(rest=wait(2 * DAY, "check"))

    found = compare(of_past(*TOLD, answers=ANSWERED), other)

    assert changes(found) == [("moved", "script@1", "call-1", 3 * DAY, 2 * DAY)]
    assert found.needs == ("outcome of call-1",)


def test_an_opt_out_that_a_plan_records_is_an_effect_too() -> None:
    out = {"kind": "record_opt_out", "channels": ["voice"], "on": {"recorded": "call-1"}}

    found = compare(of_past(*TOLD, answers=ANSWERED), follow_up(check=branch(OPENED, "done", "out"), out=out))

    # The opt-out it recorded itself bars the call that follows.
    assert found.verdict == Class.BLOCKED
    assert ("added", "voice", "out", 3 * DAY) in changes(found)
    assert found.refused == ("call-1 by suppression, by what happened in the run before",)


# --- the equivalent question ---


def test_within_the_tolerance_a_send_is_the_same_and_what_followed_it_follows_as_long_after_it() -> None:
    other = follow_up(rest=wait(3 * DAY + 600, "check"))

    found = compare(of_past(*TOLD, answers=ANSWERED), other)

    assert (found.verdict, found.now, found.until) == (Class.SAME_EFFECTS, "COMPLETED (finished)", 3 * DAY + 600 + 20)


@pytest.mark.parametrize(("late", "verdict"), [(900, Class.SAME_EFFECTS), (901, Class.CHANGED)])
def test_the_tolerance_is_met_to_the_second(late: int, verdict: Class) -> None:
    found = compare(of_past(*TOLD, answers=ANSWERED), follow_up(rest=wait(3 * DAY + late, "check")))

    assert found.verdict == verdict


def test_a_tolerance_of_nothing_takes_the_very_tick_only() -> None:
    other = follow_up(rest=wait(3 * DAY + 1, "check"))

    assert compare(of_past(*TOLD, answers=ANSWERED), other, tolerance_s=0).verdict == Class.CHANGED


def test_the_same_template_again_is_another_question() -> None:
    other = follow_up(mail=mail("mail-2"), **{"mail-2": mail("rest")})

    found = compare(of_past(*TOLD, answers=ANSWERED), other)

    assert changes(found) == [("added", "welcome@1", "mail-2", 0)] and found.changes[0].deed.ordinal == 2


def test_the_same_template_on_another_step_is_the_same_question() -> None:
    hello = {"hello": mail("rest"), **{name: step for name, step in FOLLOW_UP.items() if name != "mail"}}
    other = plan(hello | {"check": branch(OPENED | {"of": "hello"}, "done", "call-1")})

    found = compare(of_past(Happening("opened", 60, of="mail")), other)

    assert (found.verdict, found.now) == (Class.SAME_EFFECTS, "COMPLETED (finished)")


def test_events_come_after_an_equivalent_message_only() -> None:
    """The other mail was never sent, so nobody can have opened it: the recorded open is of another message."""
    other = follow_up(mail=mail("rest", "welcome@2"))

    found = compare(of_past(Happening("opened", 60, of="mail")), other, "mail=sent")

    assert found.needs == ("event opened of mail",)


def test_an_opt_out_counts_whatever_the_plan_sent() -> None:
    run = of_past(Happening("unsubscribed", HOUR, of="mail"))

    found = compare(run, follow_up(mail=mail("rest", "welcome@2")), "mail=sent")

    assert (found.now, found.until) == ("STOPPED (opted_out)", HOUR)


def test_a_hold_and_a_cancel_happen_whatever_the_plan_is() -> None:
    held = of_past(Act("hold", HOUR, "rest"), Act("cancel", 9 * DAY))

    found = compare(held, follow_up(rest=wait(5 * DAY, "check")))

    assert (found.verdict, found.now, found.until) == (Class.SAME_EFFECTS, "STOPPED (cancelled)", 9 * DAY)


def test_what_operators_did_about_a_failure_counts_for_the_same_failure() -> None:
    refused = {"mail": [Answer("not_sent", "smtp_421"), Answer()], **ANSWERED}
    run = of_past(*TOLD, Act("retry", HOUR, "mail"), answers=refused)

    same = compare(run, follow_up(**{"call-1": call("lost"), "lost": LOST}))
    elsewhere = compare(run, follow_up(mail=mail("rest", require=GOLD)))

    assert (same.verdict, same.now) == (Class.SAME_EFFECTS, "COMPLETED (lost)")
    assert elsewhere.now == "FAILED (policy_denied:require)"  # nobody retried this


def test_recovery_rules_that_were_applied_count_for_the_same_failure() -> None:
    rule = {"on": ["smtp_421"], "action": "retry", "max_attempts": 1, "backoff_ticks": [60]}
    policy = dict(POLICY) | {"recovery": [rule]}
    answers = {"mail": [Answer("not_sent", "smtp_421"), Answer()], **ANSWERED}
    told = play(plan(FOLLOW_UP), *TOLD, answers=answers, world=World(policy))

    found = compare(past(plan(FOLLOW_UP), told, policy=policy), follow_up(**{"call-1": call("lost"), "lost": LOST}))

    assert (found.verdict, found.now) == (Class.SAME_EFFECTS, "COMPLETED (lost)")


def test_an_input_of_a_second_keeps_its_place_among_what_the_run_did_in_that_second() -> None:
    """The mail was opened in the second of the timer, but the engine heard of it after the timer had fired."""
    run = Driver(plan(FOLLOW_UP))
    run.send()
    intent = run.state.intent
    run.timer()
    run.give(Event(START_AT + 3 * DAY, "opened", intent, "mail", False, "hook:p", "ee" * 16))
    texts = [canon.encode(entry) for entry in run.entries]
    of_run = Past("run-7", plan(FOLLOW_UP), texts, {"00" * 32: POLICY}, START_AT + 9 * DAY)

    assert run.state.step == "call-1"
    assert compare(of_run, plan(FOLLOW_UP)).verdict == Class.SAME


def test_an_error_of_the_engine_happens_again_only_where_it_happened() -> None:
    run = Driver(plan(FOLLOW_UP))
    run.send()
    run.give(Fault(START_AT + 60, "KeyError"))
    texts = [canon.encode(entry) for entry in run.entries]
    of_run = Past("run-7", plan(FOLLOW_UP), texts, {"00" * 32: POLICY}, START_AT + 60)

    assert compare(of_run, plan(FOLLOW_UP)).verdict == Class.SAME
    other = compare(of_run, follow_up(mail=mail("think"), think=wait(0, "nap"), nap=wait(3 * DAY, "check"), rest=None))
    assert other.needs == ("what happens after tick 60",)
