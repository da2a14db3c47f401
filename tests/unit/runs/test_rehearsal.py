"""A rehearsal: the real core walks a plan by a script, to the end, with nothing left to chance."""

import json
from typing import Any

import pytest

from audit import chain
from runs.engine import replay
from runs.engine.rehearsal import MAX_PAUSES
from runs.engine.script import Act, Answer, Happening, Unplayable
from tests.unit.runs.driver import POLICY, START_AT, Driver
from tests.unit.runs.rehearsing import DAY, DONE, HASH, HOUR, MAIL, World, plan, play, types

WAIT = {"kind": "wait", "seconds": 3 * DAY, "on": {"completed": "check"}}
CHECK = {
    "kind": "branch",
    "cases": [{"name": "yes", "when": {"op": "event_seen", "event": "opened", "of": "mail"}, "goto": "done"}],
    "else": {"name": "no", "goto": "call-1"},
}
CALL: dict[str, Any] = {"kind": "call", "template": "script@1"}
FOLLOW_UP = {
    "mail": MAIL | {"on": {"sent": "wait-3-days"}},
    "wait-3-days": WAIT,
    "check": CHECK,
    "call-1": CALL,
    "done": DONE,
}
TASK = {
    "kind": "task",
    "title": "Look at the contract",
    "timeout_s": 2 * DAY,
    "on": {"approved": "mail", "rejected": "done", "timeout": "done"},
}


def test_a_plan_is_walked_to_its_end_by_the_labels_the_script_gives() -> None:
    told = play(plan(FOLLOW_UP), answers={"call-1": Answer("label", label="busy")})

    assert [(stop.step, stop.label) for stop in told.path] == [
        ("mail", "sent"),
        ("wait-3-days", "completed"),
        ("check", "no"),
        ("call-1", "busy"),
        ("done", ""),
    ]
    assert (told.status, told.reason, told.tick) == ("COMPLETED", "finished", 3 * DAY)


def test_an_event_ticked_after_a_send_counts_from_that_send() -> None:
    told = play(plan(FOLLOW_UP), Happening("opened", 2 * HOUR, of="mail"))

    opened = next(body for body in told.bodies if body["type"] == "event.received")
    assert (opened["tick"], opened["step"]) == (2 * HOUR, "mail")
    assert opened["data"]["intent"] == told.bodies[2]["data"]["intent"]
    assert [stop.step for stop in told.path] == ["mail", "wait-3-days", "check", "done"]


def test_an_event_in_the_very_second_of_a_deadline_comes_first_as_it_does_in_the_engine() -> None:
    told = play(plan(FOLLOW_UP), Happening("opened", 3 * DAY, of="mail"))

    assert [stop.step for stop in told.path][-1] == "done" and "call-1" not in {stop.step for stop in told.path}


def test_nothing_is_opened_of_a_message_that_did_not_leave() -> None:
    told = play(plan(FOLLOW_UP), Happening("opened", 5, of="mail"), answers={"mail": Answer("not_sent", "smtp_421")})

    assert (told.status, told.reason) == ("FAILED", "step_failed:smtp_421")
    assert told.unused == ("opened of mail never came to pass.",)


def test_an_opt_out_stops_the_run_and_a_bounce_bars_the_channel() -> None:
    again = {"mail": MAIL | {"on": {"sent": "rest"}}, "rest": WAIT | {"on": {"completed": "mail-2"}}}
    steps = again | {"mail-2": MAIL | {"template": "case@1"}, "done": DONE}

    stopped = play(plan(steps), Happening("unsubscribed", HOUR, of="mail"))
    bounced = play(plan(steps), Happening("bounced_hard", HOUR, of="mail"))

    assert (stopped.status, stopped.reason, stopped.tick) == ("STOPPED", "opted_out", HOUR)
    assert (bounced.status, bounced.reason) == ("FAILED", "policy_denied:suppression")


def test_a_step_that_records_an_opt_out_bars_its_channels_from_then_on() -> None:
    steps = {
        "out": {"kind": "record_opt_out", "channels": ["email", "voice"], "on": {"recorded": "mail"}},
        "mail": MAIL,
        "done": DONE,
    }
    world = World()

    told = play(plan(steps), world=world)

    assert world.barred == [("email", "unsubscribe"), ("voice", "unsubscribe")]
    assert told.reason == "policy_denied:suppression"


def test_a_task_is_done_when_the_script_says_so_and_times_out_when_it_does_not() -> None:
    steps = {"review": TASK, "mail": MAIL, "done": DONE}

    done = play(plan(steps), Act("complete_task", HOUR, "review", "approved"))
    left = play(plan(steps))

    assert [(stop.step, stop.label, stop.tick) for stop in done.path][:2] == [
        ("review", "approved", 0),
        ("mail", "sent", HOUR),
    ]
    assert left.path[0].label == "timeout" and left.tick == 2 * DAY


def test_a_failed_step_goes_on_by_a_command_of_the_script_and_each_failure_takes_one() -> None:
    refused, sent = Answer("not_sent", "smtp_421"), Answer("accepted")
    retry = Act("retry", 10, "mail")

    told = play(
        plan({"mail": MAIL, "done": DONE}), retry, Act("retry", 60, "mail"), answers={"mail": [refused, refused, sent]}
    )

    assert [sent.tick for sent in told.sent] == [0, 10, 70]
    assert [sent.attempt for sent in told.sent] == [1, 2, 3]
    assert told.status == "COMPLETED" and told.unused == ()


def test_what_else_happens_meanwhile_does_not_use_up_the_next_command() -> None:
    refused = Answer("not_sent", "smtp_421")
    twice = (Act("retry", HOUR, "mail"), Act("retry", HOUR, "mail"))

    told = play(
        plan({"mail": MAIL, "done": DONE}),
        *twice,
        Happening("opened", 60),
        answers={"mail": [refused, refused, Answer()]},
    )

    assert [sent.tick for sent in told.sent] == [0, HOUR, 2 * HOUR]


def test_an_event_may_belong_to_one_of_several_sends_only() -> None:
    refused = Answer("unknown", "smtp_timeout_after_data")

    told = play(
        plan({"mail": MAIL, "done": DONE}),
        Act("send_again", HOUR, "mail"),
        Happening("opened", 60, "mail", nth=2),
        answers={"mail": [refused, Answer()]},
    )

    assert [body["tick"] for body in told.bodies if body["type"].startswith("event.")] == [HOUR + 60]


def test_a_command_that_may_not_be_given_is_said_to_be_refused() -> None:
    told = play(plan({"mail": MAIL, "done": DONE}), Act("retry", 5))

    assert told.status == "COMPLETED"
    assert told.unused == ("“retry” was refused: Retry is possible for FAILED runs; this one is COMPLETED.",)


def test_a_run_that_is_held_and_never_released_is_left_standing() -> None:
    steps = {"wait": {"kind": "wait", "seconds": DAY, "on": {"completed": "done"}}, "done": DONE}

    held = play(plan(steps), Act("hold", 60, "wait"))
    released = play(plan(steps), Act("hold", 60, "wait"), Act("release", 60, "wait"))

    assert (held.status, held.reason) == ("PAUSED", "held")
    assert released.status == "COMPLETED" and released.tick == DAY


def test_recovery_rules_of_the_policy_act_as_they_do_in_the_engine() -> None:
    rule = {"on": ["smtp_421"], "action": "retry", "max_attempts": 2, "backoff_ticks": [60, 300]}
    world = World(dict(POLICY) | {"recovery": [rule]})
    refused = Answer("not_sent", "smtp_421")

    recovered = play(plan({"mail": MAIL, "done": DONE}), answers={"mail": [refused, refused, Answer()]}, world=world)
    given_up = play(plan({"mail": MAIL, "done": DONE}), answers={"mail": refused}, world=world)

    assert [sent.tick for sent in recovered.sent] == [0, 60, 360] and recovered.status == "COMPLETED"
    assert given_up.status == "FAILED" and types(given_up)[-1] == "recovery.exhausted"


def test_a_redispatch_is_the_very_same_message_and_takes_nothing_from_any_limit() -> None:
    unknown = Answer("unknown", "smtp_timeout_after_data")
    world = World()

    told = play(
        plan({"mail": MAIL, "done": DONE}),
        Act("redispatch", 5, "mail"),
        answers={"mail": [unknown, Answer()]},
        world=world,
    )

    assert "send.redispatched" in types(told) and told.status == "COMPLETED"
    assert told.sent[0].message == told.sent[1].message
    assert world.reserved == [START_AT] and world.settled == ["keep", "post"]


def test_a_missing_variable_shows_as_a_failed_step_as_in_a_real_run() -> None:
    told = play(plan({"mail": MAIL, "done": DONE}), world=World(error="attr_voucher"))

    assert told.reason == "render_failed:attr_voucher" and told.sent == ()


def test_the_gate_decides_as_in_a_real_run() -> None:
    blocked = {
        "mail": MAIL | {"on": {"sent": "done", "blocked": "no"}},
        "no": {"kind": "end", "result": "blocked"},
        "done": DONE,
    }
    denied = World(email={"consent": {"status": "revoked", "version": 2, "kind": "express"}})

    told = play(plan(blocked), world=denied)

    assert (told.status, told.reason) == ("COMPLETED", "blocked")
    assert told.bodies[1]["data"]["code"] == "consent_revoked" and told.sent == ()


def test_a_run_that_policies_hold_for_ever_is_left_standing() -> None:
    told = play(plan({"mail": MAIL, "done": DONE}), world=World(email={"kill": [{"scope": "global", "key": ""}]}))

    assert told.cut == f"It was left standing after {MAX_PAUSES} pauses in a row."
    assert (told.status, types(told).count("run.paused")) == ("PAUSED", MAX_PAUSES)


def test_the_same_script_gives_the_same_bytes() -> None:
    script = (Happening("opened", 60, of="mail"), Act("hold", 5, "wait-3-days"), Act("release", HOUR, "wait-3-days"))

    first, second = (play(plan(FOLLOW_UP), *script) for _ in range(2))

    assert first == second


def test_the_entries_are_really_linked_and_replay_like_those_of_a_run() -> None:
    told = play(plan(FOLLOW_UP), Happening("opened", 60, of="mail"))

    heads = [entry.hash for entry in told.entries]
    assert [entry.prev for entry in told.entries[1:]] == heads[:-1]
    assert all(chain.entry_hash(entry.body) == entry.hash for entry in told.entries)
    report = replay.replay(plan(FOLLOW_UP), {HASH: POLICY}, [entry.body for entry in told.entries])
    assert report.identical, report.difference


def test_it_makes_the_entries_that_the_engine_makes_from_the_same_inputs() -> None:
    told = play(plan(FOLLOW_UP), answers={"call-1": Answer("accepted")})
    run = Driver(plan(FOLLOW_UP))
    run.send()
    run.timer()
    run.send(at=START_AT + 3 * DAY)
    run.timer()

    def comparable(bodies: Any) -> list[Any]:
        return [(b["type"], b["step"], b["visit"], b["tick"], b["cause"]) for b in json.loads(json.dumps(bodies))]

    assert comparable(told.bodies) == comparable(run.entries)


def test_a_line_reads_like_the_trace_of_a_run() -> None:
    told = play(plan(FOLLOW_UP))

    assert told.lines[5].startswith("[tick 259200] step:wait-3-days → action:complete → outcome:completed  hash:")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"answers": {"nobody": Answer()}}, "The script speaks of “nobody”, but the plan has no such step."),
        ({"answers": {"done": Answer()}}, "“done” sends nothing, so no answer can come."),
        ({"answers": {"mail": Answer("label", label="busy")}}, "“busy” is not an outcome of “mail”."),
        (
            {"answers": {"mail": Answer("not_sent")}},
            "The answer “not_sent” of “mail” has a code when the send failed, and only then.",
        ),
    ],
)
def test_a_script_that_does_not_fit_the_plan_is_refused(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Unplayable, match=sentence):
        play(plan({"mail": MAIL, "done": DONE}), **said)
