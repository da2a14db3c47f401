"""The report over many past runs, its coverage, and the assumptions it prints."""

import json

import pytest

from runs.engine.script import Answer, Happening
from runs.engine.whatif import assume, report
from runs.engine.whatif.assume import Wrong
from runs.engine.whatif.findings import Class
from runs.engine.whatif.report import NothingToCompare, Report
from runs.engine.whatif.terms import Terms
from tests.unit.runs.rehearsing import plan, play
from tests.unit.runs.whatifs import ANSWERED, FOLLOW_UP, OPENED, TOLD, branch, clock, compare, mail, past, wait

EXIT = [{"when": {"op": "event_seen", "event": "replied"}, "goto": "done"}]


def reported(*assumed: str, other: object = None) -> Report:
    """Return the report over two runs: one that was opened, one that was called."""
    given = other or plan(FOLLOW_UP, exit_on=EXIT)
    opened = play(plan(FOLLOW_UP), Happening("opened", 60, of="mail"))
    called = play(plan(FOLLOW_UP), *TOLD, answers=ANSWERED)
    found = [compare(past(plan(FOLLOW_UP), told), given, *assumed) for told in (opened, called)]
    return report.report(found, Terms(given, assume.parse(assumed, given), clock))


def test_an_empty_selection_is_an_error_and_not_a_pass() -> None:
    with pytest.raises(NothingToCompare, match="proves nothing"):
        report.report([], Terms(plan(FOLLOW_UP), assume.Assumptions(), clock))


def test_every_class_has_a_total_and_those_that_occur_an_example() -> None:
    found = reported(
        other=plan(FOLLOW_UP | {"check": branch(OPENED, "again", "call-1"), "again": mail("done", "case@1")})
    )

    assert sum(found.totals.values()) == 2 and set(found.totals) == set(Class)
    assert (found.totals[Class.SAME], found.totals[Class.CHANGED]) == (1, 1)
    assert found.examples.keys() == {Class.SAME, Class.CHANGED}


def test_coverage_names_the_steps_arms_and_exits_that_no_past_run_reached() -> None:
    steps = FOLLOW_UP | {"call-1": FOLLOW_UP["call-1"] | {"on": {"busy": "later"}}, "later": wait(60, "done")}

    met = reported(other=plan(steps, exit_on=EXIT)).coverage

    assert met.missed_steps == () and met.missed_exits == (0,)
    assert ("check", "yes") in met.arms and ("check", "no") in met.arms
    assert met.missed_arms == (("call-1", "answered"), ("call-1", "no_answer"), ("call-1", "voicemail"))
    assert not met.whole


def test_a_step_where_the_telling_stopped_was_reached_and_what_follows_it_was_not() -> None:
    other = plan(FOLLOW_UP | {"mail": mail("rest", "welcome@2")})

    met = reported(other=other).coverage

    assert met.steps == ("mail",) and ("mail", "sent") in met.missed_arms


def test_what_is_reached_on_an_assumption_only_was_reached_by_no_past_run() -> None:
    other = plan(FOLLOW_UP | {"mail": mail("rest", "welcome@2")})

    met = reported("mail=sent", "mail.opened=never", "call-1=busy", other=other).coverage

    assert met.steps == ("mail",) and met.arms == ()


def test_the_report_for_machines_prints_what_was_assumed_and_what_was_not_needed() -> None:
    found = reported("call-1=busy", "mail.opened=never").as_data()

    assert (found["assumed"], found["assumed_unused"]) == (["call-1=busy", "mail.opened=never"],) * 2
    assert found["runs"] == 2 and found["totals"]["SAME"] == 2
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("call-1", "“call-1” is no assumption; write call-1=no_answer"),
        ("nobody=sent", "the plan has no step “nobody”"),
        ("call-1=sent", "the outcomes of “call-1” are answered, no_answer, busy, voicemail, blocked"),
        ("rest=completed", "nothing has to be assumed about a step of the kind wait"),
        ("mail.busy=60", "the events of “mail” are delivered"),
        ("rest.opened=60", "the events of “rest” are none, for it sends nothing"),
        ("mail.opened=soon", "say after how many seconds it comes, or never"),
    ],
)
def test_an_assumption_that_makes_no_sense_is_refused(word: str, sentence: str) -> None:
    with pytest.raises(Wrong, match=sentence):
        assume.parse([word], plan(FOLLOW_UP))


def test_an_answer_of_an_adapter_is_no_assumption() -> None:
    assert Answer("accepted").label == ""
    assert assume.parse(["mail=blocked"], plan(FOLLOW_UP)).labels == {"mail": "blocked"}
