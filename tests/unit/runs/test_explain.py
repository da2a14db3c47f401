"""What a run's timeline says: every entry says what it decided, every fact its number."""

import pytest

from runs.engine import trace
from runs.showing import explain, seen


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
    assert seen.gate({"facts": facts(), "rules": verdicts(), "rule": "", "error": ""}) == [
        "suppression clear",
        "consent email granted v3 express",
        "limit email-day 12/200",
        "budget month 1.60/50.00 EUR (+0.001)",
        "hours America/New_York 09:00 inside",
    ]


def test_what_stood_against_a_send_is_marked() -> None:
    said = seen.gate(
        {
            "facts": facts(
                suppressions=[{"reason": "hard_bounce", "scope": "channel"}],
                consent={"status": "unknown", "version": 0, "kind": ""},
                counters=[{"key": "daily:d:x", "rule": "daily_limit", "limit": 5, "used": 5, "amount": 1}],
                late_by=61,
            ),
            "rules": verdicts(kill_switch="deny", calling_hours="pause"),
            "rule": "kill_switch",
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


def test_what_the_step_requires_is_written_out_and_marked_when_it_stopped_the_send() -> None:
    leaf = {"op": "event_seen", "event": "replied", "of": "mail", "value": 1, "result": True}
    data = {"facts": facts(), "rules": verdicts(), "rule": "require", "error": "", "require": [leaf]}

    assert "✗ requires replied of mail: yes (seen once)" in seen.gate(data)
    assert "requires replied of mail: yes (seen once)" in seen.gate({**data, "rule": ""})


def test_a_redispatch_is_not_counted_twice() -> None:
    data = {"facts": facts(again=True, counters=[]), "rules": verdicts(), "rule": "", "error": ""}

    assert seen.gate(data)[2] == "counted when it was dispatched first"


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
    assert seen.leaf(leaf) == words


def body(type: str, step: str, **data: object) -> dict:
    return {"type": type, "step": step, "data": data}


def test_the_path_is_where_the_run_was_and_the_labels_it_left_by() -> None:
    story = [
        body("run.started", ""),
        body("send.outcome", "mail", label="sent", next="wait"),
        body("event.received", "mail", event="opened"),
        body("step.completed", "wait", label="completed", next="check"),
        body("branch.evaluated", "check", case="yes", next="split"),
        body("split.evaluated", "split", arm="b", next="leave"),
        body("opt_out.recorded", "leave", channels=["email"], next="ask"),
        body("step.skipped", "ask", label="paid", next="call"),
        body("send.reported", "mail", intent="x", kind="accepted"),
    ]

    assert explain.walked(story, "READY", "call") == (
        dict.fromkeys(("mail", "wait", "check", "split", "leave", "ask"), "done") | {"call": "current"},
        {
            ("mail", "sent"),
            ("wait", "completed"),
            ("check", "yes"),
            ("split", "b"),
            ("leave", "recorded"),
            ("ask", "paid"),
        },
    )
    assert explain.walked(story, "FAILED", "call")[0]["call"] == "failed"


def test_an_erased_reason_is_said_to_be_erased() -> None:
    assert explain.note({"ref": 3}, {}) == "(the reason was erased)"
    assert explain.note({"ref": 3}, {3: "outage"}) == "“outage”"
    assert explain.note(None, {}) == ""


# --- what each type of entry says ---

POLICY = {"policy": {"key": "outreach", "hash": "h"}, "rule": 1, "on": "rate_limited", "key_ttl_s": 0}
RETRY = {"action": "retry", "attempt": 2, "until": 1_763_888_400, "label": ""}
RULES = {"h": [{"action": "resolve_on_evidence"}, {"action": "retry", "max_attempts": 3}]}
BESIDE = explain.Beside(
    names={"user:3": "maria"},
    notes={7: "outage over"},
    rules=RULES,
    clock=lambda zone, at: f"09:00 in {zone} on Mon 23 Nov 2026",
)
NOTE = {"c": "", "kind": "note", "ref": 7}


@pytest.mark.parametrize(
    ("type", "data", "said"),
    [
        (
            "split.evaluated",
            {"bucket": 37, "of": 100, "arm": "b", "next": "mail-b"},
            ["bucket 37 of 100 → arm b", "next mail-b"],
        ),
        (
            "time.resolved",
            {"zone": "Europe/Berlin", "tzdata": "2026.1", "until": 1_795_420_800},
            ["09:00 in Europe/Berlin on Mon 23 Nov 2026 = 23 Nov 2026 08:00:00 UTC", "tzdata 2026.1"],
        ),
        (
            "time.resolved",
            {"zone": "", "tzdata": "2026.1", "until": None},
            ["no time zone is known for the contact"],
        ),
        (
            "opt_out.recorded",
            {"channels": ["email", "voice"], "id": "x", "next": "done"},
            ["consent withdrawn and address suppressed for email and voice", "next done"],
        ),
        (
            "send.intended",
            {"attempt": 2, "template": "a@1", "intent": "b" * 32, "channel": "email", "may_duplicate_of": "a" * 32},
            [
                "attempt 2",
                "template a@1",
                "intent bbbbbbbb",
                "may be a second one: nobody knows what came of intent aaaaaaaa",
            ],
        ),
        (
            "send.redispatched",
            {"attempt": 1, "template": "a@1", "intent": "b" * 32, "channel": "email"},
            ["the same message under the same key", "attempt 1", "intent bbbbbbbb"],
        ),
        (
            "send.reported",
            {"intent": "x", "kind": "not_sent", "code": "smtp_421", "label": ""},
            [
                "The mail server closed the session before the message (421); try later.",
                "from an engine that had been replaced: evidence, not an outcome",
            ],
        ),
        ("send.voided", {"intent": "x", "rule": "consent"}, ["did not leave; what was reserved is free again"]),
        ("send.voided", {"intent": "x", "rule": "consent", "settle": "keep"}, ["may have left; stays counted"]),
        ("step.skipped", {"label": "sent", "next": "done"}, ["next done", "nobody said what came of the step"]),
        ("step.waiting", {"on": "task", "until": 60, "event": "", "of": ""}, ["a person has to act"]),
        ("step.waiting", {"on": "event", "until": 60, "event": "opened", "of": "mail"}, ["opened of mail"]),
        ("step.waiting", {"on": "timer", "until": 60, "event": "", "of": ""}, []),
        ("run.held", {"on": "timer", "until": 3600}, ["it waited for a time to come", "until tick 3600"]),
        ("run.held", {"on": "send", "until": None}, ["it stood before the gate"]),
        ("run.released", {"on": "task", "until": 60}, ["it waits for a person to do a task again", "until tick 60"]),
        ("run.released", {"on": "send", "until": None}, ["it stands before the gate again"]),
        (
            "recovery.applied",
            {**POLICY, **RETRY},
            [
                "policy outreach, rule 2",
                "The provider refuses more messages for now; try later.",
                "attempt 2 of 3",
                "until 23 Nov 2025 09:00:00 UTC",
                "then it passes the gate again",
            ],
        ),
        (
            "recovery.applied",
            {**POLICY, "rule": 0, "action": "resolve_on_evidence", "attempt": 1, "until": None, "label": "sent"},
            ["policy outreach, rule 1", "The provider refuses more messages for now; try later.", "resolved as sent"],
        ),
        (
            "recovery.exhausted",
            {**POLICY, "attempts": 3},
            ["policy outreach, rule 2", "3 attempts made", "no rule helps any more"],
        ),
        (
            "command.accepted",
            {"command": "redispatch", "id": "i", "actor": "user:3", "note": NOTE, "label": "", "key_ttl_s": 86400},
            ["maria", "“outage over”", "the adapter keeps a key for 1 day"],
        ),
        (
            "event.received",
            {"event": "unsubscribed", "intent": "", "machine": False, "source": "run/12", "id": "x"},
            ["an opt-out in run-12"],
        ),
    ],
)
def test_an_entry_says_what_it_decided_with_its_numbers(type: str, data: dict, said: list[str]) -> None:
    row = explain.row({"n": 5, "tick": 60, "type": type, "step": "mail", "data": data}, BESIDE)

    assert list(row.reasons) == said
    assert row.action and row.outcome


def test_a_rule_of_an_unknown_policy_is_told_without_its_bound() -> None:
    row = explain.row(
        {"n": 5, "tick": 0, "type": "recovery.applied", "step": "", "data": {**POLICY, **RETRY}}, explain.Beside()
    )

    assert "attempt 2" in row.reasons


@pytest.mark.parametrize(
    ("type", "data", "bad", "dot"),
    [
        ("recovery.exhausted", {**POLICY, "attempts": 3}, True, "error"),
        ("time.resolved", {"zone": "", "tzdata": "t", "until": None}, True, "error"),
        ("recovery.applied", {**POLICY, **RETRY}, False, "policy"),
        ("run.held", {"on": "send", "until": None}, False, "operator"),
        ("split.evaluated", {"bucket": 1, "of": 2, "arm": "a", "next": "x"}, False, "decision"),
        ("opt_out.recorded", {"channels": ["email"], "id": "x", "next": "x"}, False, "policy"),
    ],
)
def test_an_entry_is_marked_by_its_kind_and_when_it_is_a_failure(type: str, data: dict, bad: bool, dot: str) -> None:
    row = explain.row({"n": 5, "tick": 0, "type": type, "step": "", "data": data}, BESIDE)

    assert (row.bad, row.dot) == (bad, dot)


def test_every_type_a_filter_names_is_one_the_trace_knows() -> None:
    assert frozenset().union(*explain.FILTERS.values()) <= trace._WORDS.keys()


# --- evidence ---


def news(type: str, tick: int, **data: object) -> dict:
    return {"type": type, "tick": tick, "data": {"intent": "i", "machine": False, **data}}


@pytest.mark.parametrize(
    ("rows", "label", "found"),
    [
        ([news("event.received", 9, event="opened")], "sent", ("The provider", "opened", 9)),
        ([news("event.received", 9, event="opened", machine=True)], "sent", None),
        ([news("event.received", 9, event="opened", intent="other")], "sent", None),
        ([news("event.received", 9, event="no_answer")], "no_answer", ("The provider", "no answer", 9)),
        ([news("event.received", 9, event="failed")], "not_sent", ("The provider", "failed", 9)),
        ([news("event.received", 9, event="delivered")], "answered", None),
        (
            [news("send.reported", 7, kind="not_sent", label="")],
            "not_sent",
            ("An engine that had been replaced", "not sent", 7),
        ),
        ([news("send.reported", 7, kind="unknown", label="")], "sent", None),
    ],
)
def test_evidence_says_who_told_what_and_when(rows: list[dict], label: str, found: tuple | None) -> None:
    told = explain.evidence(rows, "i", label)

    assert (told and (told.who, told.told, told.tick)) == found
