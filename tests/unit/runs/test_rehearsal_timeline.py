"""A rehearsed run as a timeline: its moments in their order and time, and what can be said of which send or task."""

from typing import Any

import pytest

from plans.document import Plan
from runs.engine.script import Rehearsal
from runs.showing import explain
from runs.trying import rehearsal_controls, rehearsal_said, rehearsal_timeline
from runs.trying.rehearsal_said import Said
from runs.trying.rehearsal_timeline import Item, Timeline
from tests.unit.runs.driver import POLICY
from tests.unit.runs.rehearsing import DAY, DONE, HOUR, MAIL, World, plan, play


def _often(count: int, step: str, *, enough: str, again: str) -> dict[str, Any]:
    case = {"name": "enough", "when": {"op": "visits_ge", "step": step, "count": count}, "goto": enough}
    return {"kind": "branch", "cases": [case], "else": {"name": "again", "goto": again}}


STEPS: dict[str, Any] = {
    "mail": MAIL | {"on": {"sent": "opened"}},
    "opened": {
        "kind": "wait_for_event",
        "event": "opened",
        "timeout_s": 3 * DAY,
        "on": {"event": "look", "timeout": "done"},
    },
    "look": {"kind": "task", "title": "Look", "timeout_s": HOUR, "on": {"good": "done", "timeout": "done"}},
    "done": DONE,
}
LOOP: dict[str, Any] = {
    "mail": MAIL | {"on": {"sent": "pause"}},
    "pause": {"kind": "wait", "seconds": HOUR, "on": {"completed": "often"}},
    "often": _often(3, "mail", enough="done", again="mail"),
    "done": DONE,
}
RECOVERY = [{"on": ["smtp_421"], "action": "retry", "max_attempts": 3, "backoff_ticks": [60]}]


def told(tried: Plan, world: World | None = None, **fields: str) -> tuple[Timeline, Rehearsal, Said]:
    """Rehearse what these fields say (__ stands for the dots) and return the timeline of it."""
    said = rehearsal_said.read(tried, {name.replace("__", "."): value for name, value in fields.items()})
    answers = rehearsal_said.script_answers(tried, said)
    played = play(tried, *rehearsal_said.happenings(said), *rehearsal_said.acts(said), answers=answers, world=world)
    rows = [explain.row(body, explain.Beside()) for body in played.bodies]
    return rehearsal_timeline.timeline(tried, played, rows, said, lambda tick: f"at {tick}"), played, said


def names(timeline: Timeline) -> list[tuple[int, str]]:
    return [(item.tick, item.name) for item in timeline.items]


def fields_of(item: Item) -> rehearsal_controls.SendFields:
    (fields,) = [part.message.fields for part in item.parts if part.message]
    assert fields is not None
    return fields


def test_it_tells_every_visit_event_and_act_oldest_first() -> None:
    timeline, _, _ = told(plan(STEPS), tick__mail__1__opened="on", person__look__1="good")

    assert names(timeline) == [
        (0, "mail"),
        (0, "opened"),
        (2 * HOUR, "opened"),
        (2 * HOUR, "look"),
        (3 * HOUR, "a person says “good”"),
        (3 * HOUR, "done"),
    ]
    assert [item.what for item in timeline.items] == ["step", "step", "event", "step", "act", "step"]
    assert timeline.items[2].about == "of mail" and timeline.items[4].about == "at look"
    assert timeline.items[3].here == f"at {2 * HOUR}"


def test_there_is_one_item_for_each_stop_of_the_path() -> None:
    timeline, played, _ = told(plan(LOOP), tick__mail__2__opened="on")

    visits = [(item.name, item.tick, item.label) for item in timeline.items if item.what == "step"]
    assert visits == [(stop.step, stop.tick, stop.label) for stop in played.path]


def test_a_step_says_by_which_outcome_it_was_left_and_how_long_after() -> None:
    timeline, _, _ = told(plan(STEPS), tick__mail__1__opened="on")
    mail, waited, _, look, done = timeline.items

    assert (mail.label, mail.left_later_s) == ("sent", 0)
    assert (waited.label, waited.left_later_s) == ("event", 2 * HOUR)
    assert (look.label, look.left_later_s) == ("timeout", HOUR)
    assert done.label == "" and done.end == ("ok", "the run ends here")


def test_only_a_step_that_is_visited_again_has_its_visits_numbered() -> None:
    timeline, _, _ = told(plan(LOOP))

    assert [item.visit for item in timeline.items if item.name == "mail"] == [1, 2, 3]
    assert timeline.items[-1].visit == 0


@pytest.mark.parametrize(("delay", "days"), [("23 h", 0), ("1 d", 1), ("2 d 7 h", 2)])
def test_whole_days_that_pass_are_a_gap(delay: str, days: int) -> None:
    timeline, _, _ = told(plan(STEPS), tick__mail__1__opened="on", after__mail__1__opened=delay)

    assert [item.gap_days for item in timeline.items] == [0, 0, days, 0, 0]


def test_what_an_event_brings_about_stands_at_the_event() -> None:
    replied = {"when": {"op": "event_seen", "event": "replied"}, "goto": "done"}
    timeline, _, _ = told(plan(STEPS, exit_on=[replied]), tick__mail__1__replied="on", after__mail__1__replied="3 h")

    assert names(timeline) == [(0, "mail"), (0, "opened"), (3 * HOUR, "replied"), (3 * HOUR, "done")]
    _, waited, event, _ = timeline.items
    assert waited.parts == []
    (exit,) = event.parts
    assert exit.row is not None and "exit" in exit.row.action and not exit.later


def test_a_decision_stands_in_its_step_with_what_it_saw() -> None:
    timeline, _, _ = told(plan(LOOP))
    (gate, message), (branch,) = timeline.items[0].parts, timeline.items[2].parts

    assert gate.row and gate.row.outcome == "allow" and "limit email-day 0/200" in gate.row.reasons
    assert message.message and message.message.sent.message.subject == "Hello"
    assert branch.row and branch.row.outcome == "branch:again" and not timeline.items[2].bad


def test_a_refusal_by_the_gate_is_bad_and_the_run_fails_there() -> None:
    never = World(email={"consent": {"status": "unknown", "version": 0, "kind": ""}})
    timeline, _, _ = told(plan({"mail": MAIL, "done": DONE}), never)
    (mail,) = timeline.items

    assert mail.bad and mail.end == ("bad", "failed here") and timeline.shown == set()
    assert [part.row.bad for part in mail.parts if part.row] == [True, True]


def test_each_attempt_of_a_send_has_fields_of_its_own() -> None:
    world = World({**POLICY, "recovery": RECOVERY})
    timeline, _, _ = told(plan({"mail": MAIL, "done": DONE}), world, answer__mail__1="not_sent:smtp_421")
    mail, _ = timeline.items
    sends = [(part.tick, part.later, part.message) for part in mail.parts if part.message]

    assert [(tick, later, message.fields.nth) for tick, later, message in sends] == [(0, False, 1), (60, True, 2)]
    assert [message.fields.answer.name for *_, message in sends] == ["answer.mail.1", "answer.mail.2"]
    assert mail.label == "sent" and timeline.shown == {("mail", 1), ("mail", 2)}


def test_an_event_says_of_which_send_it_is() -> None:
    timeline, _, _ = told(plan(LOOP), tick__mail__2__opened="on", after__mail__2__opened="5 s")

    assert [item.about for item in timeline.items if item.what == "event"] == ["of mail, send 2"]


def test_an_event_after_the_end_says_so_and_does_not_put_the_end_off() -> None:
    timeline, played, _ = told(plan({"mail": MAIL, "done": DONE}), tick__mail__1__replied="on")

    assert timeline.items[-1].about == "of mail, after the end" and timeline.items[-1].tick == DAY
    assert timeline.items[-2].end == ("ok", "the run ends here")
    assert (timeline.ended, played.tick) == (0, DAY)


def test_what_is_said_of_a_send_stands_in_its_fields() -> None:
    timeline, _, _ = told(plan(STEPS), tick__mail__1__opened="on", after__mail__1__opened="3 h")
    fields = fields_of(timeline.items[0])
    opened = next(chip for chip in fields.chips if chip.words == "opened")
    reply = next(chip for chip in fields.chips if chip.words == "auto reply")

    assert fields.answer.value == "accepted" and fields.left
    assert (opened.name, opened.ticked, opened.after.text) == ("tick.mail.1.opened", True, "3 h")
    assert (reply.name, reply.ticked, reply.after.text) == ("tick.mail.1.auto_reply", False, "1 min")


def test_after_a_send_that_did_not_leave_only_what_is_ticked_can_be_unticked() -> None:
    said = {"answer__mail__1": "not_sent:smtp_421", "tick__mail__1__opened": "on"}
    timeline, played, _ = told(plan(STEPS), **said)
    fields = fields_of(timeline.items[0])

    assert not fields.left and [chip.words for chip in fields.chips] == ["opened"]
    assert played.unused == ("opened of mail never came to pass.",)


def test_a_call_is_answered_unless_something_else_is_said_and_has_results_of_its_own() -> None:
    tried = plan({"ring": {"kind": "call", "template": "script@1", "on": {}}, "done": DONE})
    timeline, _, _ = told(tried)
    fields = fields_of(timeline.items[0])

    assert fields.answer.value == "label:answered" and timeline.items[0].label == "answered"
    assert [chip.words for chip in fields.chips] == ["answered", "no answer", "busy", "voicemail", "failed"]


def test_nobody_acts_at_an_entry_of_a_task_after_one_at_which_nobody_did() -> None:
    again = {"look": STEPS["look"] | {"on": {"good": "done", "timeout": "often"}}}
    tried = plan(again | {"often": _often(2, "look", enough="done", again="look"), "done": DONE})
    silent, _, _ = told(tried, person__look__2="good")
    told_all, _, _ = told(tried, person__look__1="good")
    first, second = [item.task for item in silent.items if item.task]

    assert first.answer and first.answer.value == "" and second.answer is None
    assert silent.shown == {("look", 1)}
    assert [item.task.answer.value for item in told_all.items if item.task and item.task.answer] == ["good"]


def test_what_was_said_of_sends_that_are_not_reached_is_kept_as_boxes() -> None:
    tried = plan(STEPS)
    fields = {
        "tick__mail__1__opened": "on",
        "tick__mail__2__opened": "on",
        "answer__mail__3": "not_sent:smtp_421",
        "person__look__2": "good",
    }
    timeline, played, said = told(tried, **fields)

    kept = rehearsal_controls.kept(tried, said, timeline.shown)

    assert [(each.name, each.value) for each in kept] == [
        ("answer.mail.3", "not_sent:smtp_421"),
        ("tick.mail.2.opened", "on"),
        ("person.look.2", "good"),
    ]
    assert [each.words for each in kept][1:] == ["opened of mail, send 2", "a person says “good” at look, entry 2"]
    assert kept[0].after is None and kept[1].after and kept[1].after.text == "2 h"
    assert played.unused and rehearsal_controls.unused(played.unused, kept) == []


def test_an_act_that_was_never_possible_is_told_once() -> None:
    tried = plan(STEPS)
    timeline, played, said = told(tried, person__look__1="good")
    kept = rehearsal_controls.kept(tried, said, timeline.shown)

    assert [each.name for each in kept] == ["person.look.1"]
    assert len(played.unused) == 1 and rehearsal_controls.unused(played.unused, kept) == []
    assert rehearsal_controls.unused(played.unused, []) == list(played.unused)


def test_a_long_loop_is_cut_and_only_so_many_sends_have_fields() -> None:
    long = LOOP | {"often": _often(120, "mail", enough="done", again="mail")}
    tried = plan(long, limits={"max_steps": 1000, "max_duration_s": 100 * DAY})
    timeline, played, said = told(tried, tick__mail__50__opened="on", tick__mail__2__opened="on")

    assert len(played.sent) == 120
    assert timeline.more and len(timeline.items) == rehearsal_timeline.MOST_ITEMS
    assert len(timeline.shown) == rehearsal_said.MOST_NTH and ("mail", 50) in timeline.shown
    assert rehearsal_controls.kept(tried, said, timeline.shown) == []


def test_of_many_steps_only_so_many_sends_have_fields_and_the_rest_is_kept() -> None:
    most = rehearsal_timeline.MOST_SENDS
    chain = {f"m{at:02}": MAIL | {"on": {"sent": f"m{at + 1:02}"}} for at in range(most + 5)}
    tried = plan(chain | {f"m{most + 5:02}": DONE}, limits={"max_steps": 100, "max_duration_s": DAY})
    last = f"m{most + 4:02}"
    timeline, _, said = told(tried, **{f"tick__{last}__1__opened": "on"})

    assert len(timeline.shown) == most
    assert [part.message.fields for part in timeline.items[most].parts if part.message] == [None]
    assert [each.name for each in rehearsal_controls.kept(tried, said, timeline.shown)] == [f"tick.{last}.1.opened"]


def test_what_was_said_of_a_send_behind_the_cut_is_kept() -> None:
    turn = {
        "pause": LOOP["pause"],
        "often": _often(150, "pause", enough="mail", again="pause"),
        "mail": MAIL,
        "done": DONE,
    }
    tried = plan(turn, limits={"max_steps": 1000, "max_duration_s": 100 * DAY})
    timeline, played, said = told(tried, tick__mail__1__opened="on")

    assert len(played.sent) == 1 and timeline.more and timeline.shown == set()
    assert [each.name for each in rehearsal_controls.kept(tried, said, timeline.shown)] == ["tick.mail.1.opened"]
