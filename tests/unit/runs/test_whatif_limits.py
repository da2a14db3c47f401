"""Where a what-if stops: what nobody knows, what the gate refuses, what was never recorded, and what is assumed."""

from typing import Any

from runs.engine.script import Act, Happening
from runs.engine.whatif.findings import Class
from tests.unit.runs.driver import WHOLE_WEEK
from tests.unit.runs.rehearsing import DAY, DONE, HOUR, World, plan, play
from tests.unit.runs.whatifs import (
    ANSWERED,
    FOLLOW_UP,
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

# --- UNDETERMINED ---


def test_an_exit_that_may_have_been_due_is_not_known() -> None:
    replied = {"op": "event_seen", "event": "replied"}
    other = plan(FOLLOW_UP | {"mail": mail("rest", "welcome@2")}, exit_on=[{"when": replied, "goto": "done"}])

    found = compare(of_past(*TOLD, answers=ANSWERED), other, "mail=sent")

    assert found.needs == ("event replied of mail",)


def test_what_was_not_sent_before_the_unknown_is_removed_all_the_same() -> None:
    ask = {"kind": "task", "title": "Look", "timeout_s": DAY, "on": {"good": "done", "timeout": "done"}}
    steps = {"rest": wait(3 * DAY, "ask"), "ask": ask, "done": DONE}

    found = compare(of_past(*TOLD, answers=ANSWERED), plan(steps))

    assert (found.verdict, found.needs) == (Class.CHANGED, ("outcome of ask",))
    assert changes(found) == [("removed", "welcome@1", "mail", 0)]


def test_what_happens_after_the_record_ends_is_not_known() -> None:
    run = of_past(*TOLD, answers=ANSWERED, known=4 * DAY)

    found = compare(run, follow_up(**{"call-1": call("later"), "later": wait(20 * DAY, "done")}))

    assert (found.verdict, found.needs) == (Class.UNDETERMINED, (f"what happens after tick {4 * DAY}",))


def test_what_nobody_did_until_now_is_known_not_to_have_happened() -> None:
    run = of_past(*TOLD, answers=ANSWERED)
    later = {
        "kind": "wait_for_event",
        "event": "replied",
        "timeout_s": 20 * DAY,
        "on": {"event": "done", "timeout": "lost"},
    }

    found = compare(run, follow_up(**{"call-1": call("later"), "later": later, "lost": LOST}))

    assert (found.verdict, found.now) == (Class.SAME_EFFECTS, "COMPLETED (lost)")


def test_an_event_that_came_after_the_end_is_known() -> None:
    run = of_past(*TOLD, Happening("replied", 10 * DAY, of="mail"), answers=ANSWERED)
    later = {
        "kind": "wait_for_event",
        "event": "replied",
        "timeout_s": 20 * DAY,
        "on": {"event": "done", "timeout": "lost"},
    }

    found = compare(run, follow_up(**{"call-1": call("later"), "later": later, "lost": LOST}))

    assert (found.now, found.until) == ("COMPLETED (finished)", 10 * DAY)


def test_a_task_that_nobody_was_given_has_no_outcome() -> None:
    ask = {"kind": "task", "title": "Look", "timeout_s": DAY, "on": {"good": "rest", "timeout": "done"}}

    found = compare(of_past(*TOLD, answers=ANSWERED), follow_up(mail=mail("ask"), ask=ask))

    assert (found.verdict, found.needs) == (Class.UNDETERMINED, ("outcome of ask",))


def test_a_task_counts_by_its_title_and_a_longer_time_for_it_is_not_known() -> None:
    def asking(timeout_s: int, name: str = "ask") -> dict[str, Any]:
        task = {"kind": "task", "title": "Look", "timeout_s": timeout_s, "on": {"good": "done", "timeout": "lost"}}
        return {name: task, "done": DONE, "lost": LOST}

    done = past(plan(asking(DAY)), play(plan(asking(DAY)), Act("complete_task", HOUR, "ask", "good")))
    late = past(plan(asking(DAY)), play(plan(asking(DAY))))

    assert compare(done, plan(asking(DAY, "view"))).now == "COMPLETED (finished)"
    assert compare(done, plan(asking(HOUR // 2))).now == "COMPLETED (lost)"  # it was not done by then
    assert compare(late, plan(asking(HOUR))).now == "COMPLETED (lost)"
    assert compare(late, plan(asking(2 * DAY))).needs == ("outcome of ask",)


# --- BLOCKED ---


def test_a_send_that_the_gate_is_known_to_refuse_is_blocked() -> None:
    world = World(voice={"consent": {"status": "revoked", "version": 2, "kind": "express"}})
    steps = {"call-0": call(blocked="mail"), "mail": mail("done"), "done": DONE}
    told = play(plan(steps), world=world)

    found = compare(past(plan(steps), told), plan(steps | {"mail": mail("call-2"), "call-2": call()}))

    assert found.verdict == Class.BLOCKED
    assert (found.refused, found.now) == (("call-2 by consent, going by entry 2",), "FAILED (policy_denied:consent)")


def test_a_refusal_that_the_plan_provides_for_is_a_way_on() -> None:
    world = World(voice={"consent": {"status": "revoked", "version": 2, "kind": "express"}})
    steps = {"call-0": call(blocked="mail"), "mail": mail("done"), "done": DONE}
    told = play(plan(steps), world=world)

    found = compare(past(plan(steps), told), plan(steps | {"mail": mail("call-2"), "call-2": call(blocked="done")}))

    assert (found.verdict, found.now) == (Class.SAME_EFFECTS, "COMPLETED (finished)")


def test_a_refusal_that_may_pass_says_nothing_about_another_hour() -> None:
    nowhere = {"applies": True, "windows": WHOLE_WEEK, "zones": [], "opens_at": None}
    steps = {"call-0": call(blocked="mail"), "mail": mail("done"), "done": DONE}
    told = play(plan(steps), world=World(voice={"hours": nowhere}))

    found = compare(past(plan(steps), told), plan(steps | {"mail": mail("call-2"), "call-2": call()}))

    assert told.bodies[1]["data"]["rule"] == "calling_hours"
    assert (found.verdict, found.refused) == (Class.CHANGED, ())


def test_what_the_gate_saw_later_says_nothing_about_an_earlier_send() -> None:
    world = World(voice={"consent": {"status": "revoked", "version": 2, "kind": "express"}})
    told = play(plan(FOLLOW_UP), world=world)
    early = {"call-0": call("mail")} | FOLLOW_UP

    assert told.reason == "policy_denied:consent"
    found = compare(past(plan(FOLLOW_UP), told), plan(early))
    assert (found.verdict, found.refused) == (Class.CHANGED, ())


# --- NOT_APPLICABLE ---


def test_an_attribute_the_past_run_did_not_freeze_makes_it_not_applicable() -> None:
    vip = {"op": "eq", "ref": "contact.attr.vip", "value": True, "default": False}
    steps = FOLLOW_UP | {"mail": mail("ask"), "ask": branch(vip, "done", "rest")}

    found = compare(of_past(), plan(steps, attributes={"tier": "string", "vip": "bool"}))

    assert (found.verdict, found.needs) == (Class.NOT_APPLICABLE, ("attribute vip",))


def test_an_attribute_that_no_condition_met_asks_for_does_not_matter() -> None:
    vip = {"op": "eq", "ref": "contact.attr.vip", "value": True, "default": False}
    steps = FOLLOW_UP | {"check": branch(OPENED, "ask", "call-1"), "ask": branch(vip, "done", "call-1")}

    found = compare(of_past(*TOLD, answers=ANSWERED), plan(steps, attributes={"tier": "string", "vip": "bool"}))

    assert found.verdict == Class.SAME


def test_another_purpose_or_policy_makes_it_not_applicable() -> None:
    purpose = compare(of_past(), plan(FOLLOW_UP, purpose="transactional"))
    policy = compare(of_past(), plan(FOLLOW_UP, policy="other"))

    assert (purpose.verdict, purpose.needs) == (Class.NOT_APPLICABLE, ("consent for transactional",))
    assert (policy.verdict, policy.needs) == (Class.NOT_APPLICABLE, ("facts under the policy other",))


def test_an_hour_of_the_contacts_day_needs_a_zone_that_was_recorded() -> None:
    until = {"kind": "wait_until", "time": "09:00", "on": {"completed": "rest"}}
    other = follow_up(mail=mail("morning"), morning=until)
    own = plan({"morning": until | {"on": {"completed": "done"}}, "done": DONE})

    unknown = compare(of_past(), other)
    known = compare(
        past(own, play(own)), plan({"noon": until | {"time": "12:00", "on": {"completed": "done"}}, "done": DONE})
    )

    assert (unknown.verdict, unknown.needs) == (Class.NOT_APPLICABLE, ("the contact's time zone",))
    assert (known.verdict, known.now) == (Class.SAME_EFFECTS, "COMPLETED (finished)")


def test_an_hour_of_the_day_is_asked_anew_when_the_run_comes_to_it_at_another_second() -> None:
    """The past run came at 08:59 and went on at 09:00; a minute later it has to wait for the next morning."""
    until = {"kind": "wait_until", "time": "09:00", "on": {"completed": "done"}}
    steps = {"nap": wait(59 * 60, "until"), "until": until, "done": DONE}
    run = past(plan(steps), play(plan(steps)))

    found = compare(run, plan(steps | {"nap": wait(61 * 60, "until")}))

    assert play(plan(steps)).tick == HOUR
    assert (found.verdict, found.until) == (Class.SAME_EFFECTS, DAY + HOUR)


def test_a_record_that_does_not_replay_proves_nothing() -> None:
    told = play(plan(FOLLOW_UP))
    run = past(plan(FOLLOW_UP), told)
    tampered = past(plan(FOLLOW_UP), told)
    tampered = type(run)(
        run.ref,
        run.plan,
        [run.texts[0], run.texts[1].replace("allow", "deny"), *run.texts[2:]],
        run.policies,
        run.clock,
    )

    found = compare(tampered, plan(FOLLOW_UP))

    assert found.verdict == Class.NOT_APPLICABLE
    assert found.note == "Nothing can be concluded from it: its record does not replay: entry 2 is different."


# --- assumptions ---


def test_an_assumed_outcome_goes_on_where_nobody_knows_and_is_reported() -> None:
    other = follow_up(rest=wait(3 * DAY, "again"), again=mail("check", "case@1"))

    found = compare(of_past(*TOLD, answers=ANSWERED), other, "again=sent")

    assert (found.verdict, found.used, found.needs) == (Class.CHANGED, ("again=sent",), ())
    assert changes(found) == [("added", "case@1", "again", 3 * DAY)] and found.now == "COMPLETED (finished)"


def test_an_assumption_never_overrules_what_was_recorded() -> None:
    found = compare(of_past(*TOLD, answers=ANSWERED), plan(FOLLOW_UP), "call-1=answered")

    assert (found.verdict, found.used) == (Class.SAME, ())


def test_an_assumed_event_comes_as_long_after_the_send_as_somebody_says_or_never() -> None:
    other = follow_up(mail=mail("rest", "welcome@2"))

    opened = compare(of_past(*TOLD, answers=ANSWERED), other, "mail=sent", "mail.opened=60")
    never = compare(of_past(*TOLD, answers=ANSWERED), other, "mail=sent", "mail.opened=never")

    assert opened.now == "COMPLETED (finished)" and ("removed", "script@1", "call-1", 3 * DAY) in changes(opened)
    assert never.now == "COMPLETED (finished)" and ("removed", "script@1", "call-1", 3 * DAY) not in changes(never)


def test_an_assumed_refusal_takes_the_way_for_it() -> None:
    other = follow_up(rest=wait(DAY, "again"), again=mail("done", "case@1", on={"sent": "check", "blocked": "done"}))

    found = compare(of_past(*TOLD, answers=ANSWERED), other, "again=blocked")

    assert (found.now, found.used) == ("COMPLETED (finished)", ("again=blocked",))


def test_an_assumed_outcome_of_a_task_is_given_at_once() -> None:
    ask = {"kind": "task", "title": "Look", "timeout_s": DAY, "on": {"good": "rest", "timeout": "done"}}
    other = follow_up(mail=mail("ask"), ask=ask)

    good = compare(of_past(*TOLD, answers=ANSWERED), other, "ask=good")
    late = compare(of_past(*TOLD, answers=ANSWERED), other, "ask=timeout")

    assert (good.verdict, good.now) == (Class.SAME_EFFECTS, "COMPLETED (finished)")
    assert (late.verdict, late.until) == (Class.CHANGED, DAY)
