"""Which entries of a run are one attempt, what came of it, and how did an event meet the run? By recorded stories."""

import json
from itertools import pairwise
from typing import Any

import pytest

from runs.showing import run_story, run_timeline
from tests.golden import record
from tests.golden.stories import STORIES

NAMES = {"user:1": "maria"}


def story(name: str) -> list[dict[str, Any]]:
    run = json.loads((record.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return [json.loads(text) for text in run["entries"]]


def attempts(name: str) -> list[tuple[str, str, list[int]]]:
    """Return (heading, result, entries) of every attempt of a story."""
    parts = run_story.parts(story(name))
    return [(run_timeline.heading(part, NAMES), part.result, part.numbers) for part in parts if part.attempt]


@pytest.mark.parametrize("name", STORIES)
def test_every_entry_stands_in_exactly_one_part_and_in_its_own_order(name: str) -> None:
    bodies = story(name)

    assert [n for part in run_story.parts(bodies) for n in part.numbers] == [body["n"] for body in bodies]


@pytest.mark.parametrize("name", STORIES)
def test_every_intent_has_one_attempt_and_no_attempt_has_two(name: str) -> None:
    bodies = story(name)
    intents = [body["data"]["intent"] for body in bodies if body["type"] == "send.intended"]

    assert [part.intent for part in run_story.parts(bodies) if part.intent] == intents


@pytest.mark.parametrize("name", STORIES)
def test_two_parts_between_attempts_are_one(name: str) -> None:
    kinds = [part.attempt for part in run_story.parts(story(name))]

    assert (False, False) not in pairwise(kinds)


def test_an_attempt_holds_gate_intent_outcome_failure_and_what_was_asked_for_next_opens_the_next() -> None:
    assert attempts("recovered-by-rules") == [
        ("Attempt 1 of mail", "did not leave", [2, 3, 4, 5]),
        ("Attempt 2 of mail, retry by rule", "did not leave", [6, 7, 8, 9, 10]),
        ("Attempt 3 of mail, retry by rule", "did not leave", [11, 12, 13, 14, 15, 16]),
        ("Attempt 4 of mail, retry by maria, redispatch by rule", "sent", list(range(17, 26))),
        ("Attempt 1 of again", "resolved as sent", list(range(26, 33))),
    ]


def test_a_second_dispatch_of_the_same_message_is_the_same_attempt() -> None:
    (only,) = attempts("dispatched-again")

    assert only == ("Attempt 1 of mail" + ", redispatch by maria" * 3, "sent", list(range(2, 18)))


def test_a_second_send_on_purpose_is_an_attempt_of_its_own_and_the_doubt_stays_with_the_first() -> None:
    assert [(heading, result) for heading, result, _ in attempts("sent-again-on-purpose")] == [
        ("Attempt 1 of mail", "unknown: may have left"),
        ("Attempt 2 of mail, retry by maria", "unknown: may have left"),
        ("Attempt 3 of mail, second send by maria", "resolved as sent"),
    ]


def test_a_send_that_was_held_and_then_left_is_one_attempt_and_a_voided_one_is_not_the_next() -> None:
    assert attempts("held-by-policies") == [
        ("Attempt 1 of call", "voided before the send", list(range(2, 11))),
        ("Attempt 2 of call", "busy", list(range(11, 16))),
    ]


def test_what_never_passed_the_gate_has_no_number() -> None:
    assert [(heading, result) for heading, result, _ in attempts("asked-at-the-gate")] == [
        ("Attempt 1 of first", "sent"),
        ("second before the gate", "refused by the gate, so the run went on"),
        ("third before the gate", "failed"),
        ("third before the gate, retry by maria", "refused by the gate"),
    ]


def test_a_message_that_could_not_be_written_is_said_to_be() -> None:
    assert attempts("left-by-an-exit")[1][:2] == ("again before the gate", "could not be written")


def test_a_call_lasts_until_its_result() -> None:
    assert attempts("overview")[-1] == ("Attempt 1 of call-1", "answered", list(range(10, 16)))
    assert attempts("nobody-told-the-result") == [("Attempt 1 of call", "resolved as no answer", list(range(2, 9)))]


def test_a_retry_of_a_step_that_sends_nothing_is_no_attempt() -> None:
    bodies = [
        body("run.started", ""),
        body("run.failed", "nine", reason="zone_unknown"),
        body("command.accepted", "nine", command="retry", actor="user:1"),
        body("time.resolved", "nine", visit=2, until=60),
    ]
    for n, each in enumerate(bodies, 1):
        each["n"] = n

    (only,) = run_story.parts(bodies)
    assert not only.attempt


@pytest.mark.parametrize("name", ["cancelled", "faults"])
def test_a_run_that_was_stopped_before_the_outcome_says_so(name: str) -> None:
    assert attempts(name)[-1][1] == "the run was stopped"


# --- what became known later ---


def body(type: str, step: str, *, visit: int = 1, cause: int = 0, **data: Any) -> dict[str, Any]:
    return {"n": 0, "type": type, "step": step, "visit": visit, "cause": cause, "data": data}


def sent_then(*later: dict[str, Any]) -> list[dict[str, Any]]:
    """A mail that was sent, a wait, and what came afterwards."""
    message = {"intent": "i", "attempt": 1}
    rows = [
        body("run.started", ""),
        body("gate.decided", "mail", verdict="allow"),
        body("send.intended", "mail", **message),
        body("send.outcome", "mail", intent="i", kind="accepted", code="", label="sent", next="wait", settle="post"),
        body("step.waiting", "wait", on="timer"),
        *later,
    ]
    for n, row in enumerate(rows, 1):
        row["n"] = n
    return rows


def event(name: str, *, intent: str = "i", machine: bool = False) -> dict[str, Any]:
    return body("event.received", "mail", event=name, intent=intent, machine=machine)


def test_what_is_learnt_after_the_run_went_on_stays_in_its_place_and_is_named_by_the_attempt() -> None:
    report = body("send.reported", "mail", intent="i", kind="not_sent", code="smtp_421", label="")
    parts = run_story.parts(sent_then(event("opened"), event("opened", intent="other"), event("open"), report))

    attempt = next(part for part in parts if part.attempt)
    assert attempt.numbers == [2, 3, 4]
    assert [(news.n, news.told) for news in attempt.later] == [
        (6, "opened"),
        (8, "open"),
        (9, "late report: smtp 421"),
    ]


@pytest.mark.parametrize(
    ("rows", "n", "how"),
    [
        (sent_then(event("opened")), 6, "late"),
        (sent_then(event("opened", machine=True)), 6, "machine"),
        (sent_then(event("opened", intent="other")), 6, "recorded"),
        (sent_then(event("opened"), body("step.completed", "wait", cause=6, label="event", next="done")), 6, "matched"),
        (sent_then(body("event.after_end", "mail", event="opened", intent="i", machine=False)), 6, "after the end"),
        (sent_then(body("send.reported", "mail", intent="i", kind="unknown")), 6, "late report"),
    ],
)
def test_an_event_says_how_it_met_the_run(rows: list[dict[str, Any]], n: int, how: str) -> None:
    assert run_story.reception(n, rows)[0] == how


def test_an_event_that_came_before_its_outcome_is_early_and_one_at_the_same_step_is_recorded() -> None:
    rows = sent_then()[:3]
    early = [*rows, event("delivered") | {"n": 4}]
    outcome = body("send.outcome", "mail", intent="i", kind="accepted", code="", label="", next="", settle="post")
    recorded = [*rows, outcome | {"n": 4}, event("delivered") | {"n": 5}]

    assert run_story.reception(4, early)[0] == "early"
    assert run_story.reception(5, recorded) == (
        "recorded",
        "It is known from now on; the run still stood at that step.",
    )


@pytest.mark.parametrize(
    ("follows", "why"),
    [
        (body("run.stopped", "wait", cause=6, reason="opted_out"), "It stopped the run."),
        (body("run.exited", "wait", cause=6, next="won"), "It took an exit of the plan, to won."),
        (
            body("step.completed", "wait", cause=6, label="event", next="done"),
            "wait waited for it; the run went on to done.",
        ),
        (body("run.failed", "call", cause=6, reason="step_failed:call_failed"), "call waited for it."),
    ],
)
def test_what_an_event_moved_is_said(follows: dict[str, Any], why: str) -> None:
    assert run_story.reception(6, sent_then(event("opened"), follows)) == ("matched", why)


def test_an_event_while_a_message_is_in_doubt_belongs_to_the_attempt() -> None:
    bodies = story("sent-again-on-purpose")

    assert "send.reported" in {bodies[n - 1]["type"] for n in run_story.parts(bodies)[1].numbers}


def test_a_visit_is_named_when_it_is_not_the_first() -> None:
    part = run_story.Part("mail", 3, attempt=True, number=1)

    assert run_timeline.heading(part, NAMES) == "Attempt 1 of mail, visit 3"
