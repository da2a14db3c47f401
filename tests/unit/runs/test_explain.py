"""What a run's page says: every status and every reason has a sentence, every fact its number."""

import pytest

from channels.kinds import Failure
from policies.rules.values import Code
from runs import explain
from runs.engine.transitions import Status

FAILURES = [
    *(f"step_failed:{code}" for code in Failure if code.certain),
    *(f"unknown_outcome:{code}" for code in Failure if not code.certain),
    "unknown_outcome:no_result",
    "policy_denied:consent",
    "render_failed:voucher",
    "engine_fault:KeyError",
    "step_limit",
    "duration_limit",
    "something:new",
]


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_sentence_and_a_colour(status: Status) -> None:
    said = explain.standing(status, "step_limit" if status == "FAILED" else "rule:code", "mail")

    assert said.level in ("ok", "bad", "warn", "info", "muted")
    assert said.head and said.why and said.need


@pytest.mark.parametrize("reason", FAILURES)
def test_every_failure_says_where_why_and_what_is_needed(reason: str) -> None:
    said = explain.standing("FAILED", reason, "mail")

    assert said.head == "Stopped at mail:"
    assert said.why.endswith(".") and "_" not in said.why
    assert said.need.endswith(".")
    assert explain.cause(reason) == said.why.rstrip(".")


def test_a_retry_is_never_spoken_of_where_nobody_knows_whether_it_left() -> None:
    said = explain.standing("FAILED", "unknown_outcome:smtp_timeout_after_data", "mail")

    assert "Nobody knows" in said.why and "a retry is not offered" in said.need


@pytest.mark.parametrize("code", [code for code in Code if code != Code.OK])
def test_every_code_of_a_rule_has_words(code: Code) -> None:
    assert explain.RULE_CODES[code]
    assert explain.held(f"rule:{code}")[0].isupper()


def facts(**changes: object) -> dict:
    return {
        "channel": "email",
        "suppressions": [],
        "consent": {"status": "granted", "version": 3, "kind": "express"},
        "counters": [
            {"key": "daily:email-day:2026-11-22", "rule": "daily_limit", "limit": 200, "used": 12, "amount": 1},
            {"key": "budget:month:2026-11", "rule": "budget", "limit": 50_000_000, "used": 1_600_000, "amount": 1000},
        ],
        "hours": {"applies": True, "zones": [{"name": "America/New_York", "minute": 540}]},
        "currency": "EUR",
        "late_by": 0,
    } | changes


def verdicts(**decisions: str) -> list[dict]:
    rules = ("kill_switch", "plan_state", "contact_state", "suppression", "consent", "calling_hours", "daily_limit")
    return [{"rule": r, "decision": decisions.get(r, "allow"), "code": "kill_switch", "until": None} for r in rules]


def test_the_gate_is_written_out_with_its_numbers() -> None:
    assert explain.gate({"facts": facts(), "rules": verdicts(), "error": ""}) == [
        "suppression clear",
        "consent email granted v3 express",
        "limit email-day 12/200",
        "budget month 1.60/50.00 EUR (+0.001)",
        "hours America/New_York 09:00 inside",
    ]


def test_what_stood_against_a_send_is_marked() -> None:
    said = explain.gate(
        {
            "facts": facts(
                suppressions=[{"reason": "hard_bounce", "scope": "channel"}],
                consent={"status": "unknown", "version": 0, "kind": ""},
                counters=[{"key": "daily:d:x", "rule": "daily_limit", "limit": 5, "used": 5, "amount": 1}],
                late_by=61,
            ),
            "rules": verdicts(kill_switch="deny", calling_hours="pause"),
            "error": "voucher",
        }
    )

    assert said == [
        "✗ suppressed: hard bounce (channel)",
        "✗ consent email unknown",
        "✗ limit d 5/5",
        "✗ hours America/New_York 09:00 outside",
        "✗ the kill switch is engaged",
        "✗ the template needs “voucher”",
        "late by 61 s",
    ]


@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        (
            {"op": "event_seen", "event": "opened", "of": "mail", "value": 0, "result": False},
            "opened of mail: no (never seen)",
        ),
        ({"op": "event_seen", "event": "opened", "value": 2, "result": True}, "opened: yes (seen 2 times)"),
        (
            {"op": "event_within", "event": "opened", "seconds": 60, "value": None, "result": False},
            "opened in the last 1 min: no (never seen)",
        ),
        (
            {"op": "event_within", "event": "opened", "seconds": 60, "value": 30, "result": True},
            "opened in the last 1 min: yes (last at tick 30)",
        ),
        (
            {"op": "eq", "ref": "contact.attr.tier", "expected": "gold", "value": "silver", "result": False},
            "tier = gold: no (is silver)",
        ),
        ({"op": "is_set", "ref": "contact.attr.vip", "value": True, "result": True}, "vip is set: yes (is true)"),
        (
            {"op": "outcome_is", "step": "call", "label": "busy", "value": None, "result": False},
            "call gave busy: no (not set)",
        ),
    ],
)
def test_a_condition_says_what_it_looked_at_what_it_saw_and_whether_it_held(leaf: dict, words: str) -> None:
    assert explain.leaf(leaf) == words


def body(type: str, step: str, **data: object) -> dict:
    return {"type": type, "step": step, "data": data}


def test_the_path_is_where_the_run_was_and_the_labels_it_left_by() -> None:
    story = [
        body("run.started", ""),
        body("send.outcome", "mail", label="sent", next="wait"),
        body("event.received", "mail", event="opened"),
        body("step.completed", "wait", label="completed", next="check"),
        body("branch.evaluated", "check", case="yes", next="call"),
    ]

    assert explain.walked(story, "READY", "call") == (
        {"mail": "done", "wait": "done", "check": "done", "call": "current"},
        {("mail", "sent"), ("wait", "completed"), ("check", "yes")},
    )
    assert explain.walked(story, "FAILED", "call")[0]["call"] == "failed"


def test_an_erased_reason_is_said_to_be_erased() -> None:
    assert explain.note({"ref": 3}, {}) == "(the reason was erased)"
    assert explain.note({"ref": 3}, {3: "outage"}) == "“outage”"
    assert explain.note(None, {}) == ""
