"""What the run page says of the gate: every rule a sentence with its numbers, allowed, held and refused alike."""

from typing import Any

import pytest

from plans import conditions
from policies.rules import evaluate
from runs.showing import run_checks
from tests.unit.policies.facts import AT, counter, make_facts

CLOCK = "09:00 in America/New_York on Thu 19 Nov 2026"
GIVEN = {("email", "marketing", 3): 1_700_000_000, ("email", "marketing", 4): 1_700_000_100}
BESIDE = run_checks.Beside(given=GIVEN, clock=lambda zone, at: CLOCK.replace("America/New_York", zone))
WINDOWS = [{"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "20:00"}]
NEW_YORK = {"name": "America/New_York", "offset_s": -18000, "weekday": 3, "minute": 1274}
DENVER = {"name": "America/Denver", "offset_s": -25200, "weekday": 3, "minute": 1154}


def hours(*zones: dict[str, Any], opens_at: int | None = AT + 60, windows: Any = WINDOWS) -> dict[str, Any]:
    return {"applies": True, "windows": windows, "zones": list(zones), "opens_at": opens_at}


def entry(**changes: Any) -> dict[str, Any]:
    """What a `gate.decided` entry holds when the real rules judge these facts."""
    facts = make_facts(**changes)
    verdict = evaluate.judge(facts)
    return {
        "facts": facts,
        "verdict": str(verdict.decision),
        "rule": verdict.rule,
        "code": str(verdict.code),
        "rules": [each.as_data() for each in verdict.rules],
        "template": "hello@1",
        "error": "",
    }


def said(rule: str, data: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (sentence, verdict) of every check of a rule."""
    checks = run_checks.written_out(data, BESIDE)
    return [(f"{check.title}: {check.text}", check.verdict) for check in checks if check.rule == rule]


DAY = counter("daily_limit", "daily:email-day:2026-11-18", limit=2000, used=1833, amount=1, resets_at=AT + 100)
FULL_DAY = {**DAY, "used": 2000}
MONTH = counter("budget", "budget:outreach:2026-11", limit=50_000_000, used=1_600_000, amount=1000, resets_at=AT + 9)
SPENT = {**MONTH, "used": 49_999_500}


@pytest.mark.parametrize(
    ("rule", "changes", "sentence", "verdict"),
    [
        ("kill_switch", {}, "Kill switch: none is engaged for this send", "allowed"),
        (
            "kill_switch",
            {"kill": [{"scope": "global", "key": ""}, {"scope": "channel", "key": "email"}]},
            "Kill switch: engaged for everything and the channel email; it is asked again",
            "waits until",
        ),
        (
            "kill_switch",
            {"kill": [{"scope": "plan", "key": "trial-followup"}]},
            "Kill switch: engaged for the plan trial-followup; it is asked again",
            "waits until",
        ),
        ("plan_state", {}, "Plan: trial-followup is active", "allowed"),
        (
            "plan_state",
            {"plan_state": "retired"},
            "Plan: trial-followup is retired, and only an active plan may send",
            "refused",
        ),
        ("contact_state", {}, "Contact: active, with an email address to reach", "allowed"),
        ("contact_state", {"address": False}, "Contact: active, but without an email address", "refused"),
        (
            "contact_state",
            {"address": False, "channel": "voice"},
            "Contact: active, but without a phone number",
            "refused",
        ),
        (
            "contact_state",
            {"contact_state": "closed"},
            "Contact: is closed, and only an active contact is written to or called",
            "refused",
        ),
        (
            "contact_state",
            {"contact_state": "erased"},
            "Contact: is erased, and only an active contact is written to or called",
            "refused",
        ),
        ("contact_state", {"contact_state": "missing"}, "Contact: does not exist", "refused"),
        ("suppression", {}, "Suppression list: no entry covers email for this plan", "allowed"),
        (
            "suppression",
            {
                "suppressions": [
                    {"id": 17, "scope": "channel", "reason": "hard_bounce"},
                    {"id": 18, "scope": "global", "reason": "manual"},
                    {"id": 19, "scope": "plan", "reason": "manual"},
                ]
            },
            "Suppression list: hard bounce (channel email, entry 17), manual (everything, entry 18),"
            " manual (plan trial-followup, entry 19)",
            "refused",
        ),
        ("consent", {}, "Consent for email, marketing: granted, basis express, version 3", "allowed"),
        (
            "consent",
            {"consent": {"status": "revoked", "version": 4, "kind": ""}},
            "Consent for email, marketing: withdrawn, version 4",
            "refused",
        ),
        (
            "consent",
            {"consent": {"status": "unknown", "version": 0, "kind": ""}},
            "Consent for email, marketing: nobody has recorded any, and unknown is no",
            "refused",
        ),
        ("calling_hours", {}, "Calling hours: none apply to email for marketing", "allowed"),
        (
            "calling_hours",
            {"hours": hours({**NEW_YORK, "minute": 614})},
            "Calling hours in America/New_York: 10:14 on Wednesday, window 09:00\u201320:00",
            "allowed",
        ),
        (
            "calling_hours",
            {"hours": hours(NEW_YORK)},
            "Calling hours in America/New_York: 21:14 on Wednesday, window 09:00\u201320:00",
            "waits until",
        ),
        (
            "calling_hours",
            {"hours": hours(DENVER, NEW_YORK)},
            "Calling hours in America/Denver and America/New_York:"
            " America/Denver 19:14 on Wednesday, window 09:00\u201320:00;"
            " America/New_York 21:14 on Wednesday, window 09:00\u201320:00",
            "waits until",
        ),
        (
            "calling_hours",
            {"hours": hours({**NEW_YORK, "weekday": 7})},
            "Calling hours in America/New_York: 21:14 on Sunday, closed all day",
            "waits until",
        ),
        (
            "calling_hours",
            {"hours": hours(NEW_YORK, windows=[*WINDOWS, {"days": [3], "from": "21:30", "to": "22:00"}])},
            "Calling hours in America/New_York: 21:14 on Wednesday, windows 09:00\u201320:00, 21:30\u201322:00",
            "waits until",
        ),
        (
            "calling_hours",
            {"hours": hours()},
            "Calling hours: no time zone can be told for the contact, and hours apply",
            "refused",
        ),
        (
            "calling_hours",
            {"hours": hours(NEW_YORK, windows=[], opens_at=None)},
            "Calling hours in America/New_York: 21:14 on Wednesday, closed all day; no minute of the week is inside",
            "refused",
        ),
        (
            "calling_hours",
            {"hours": hours(DENVER, NEW_YORK, windows=[], opens_at=None)},
            "Calling hours in America/Denver and America/New_York: America/Denver 19:14 on Wednesday, closed all day;"
            " America/New_York 21:14 on Wednesday, closed all day; no minute of the week is inside in all of them",
            "refused",
        ),
        (
            "daily_limit",
            {"counters": [DAY]},
            "Daily limit email-day: 1,833 of 2,000 used, this is one more",
            "allowed",
        ),
        (
            "daily_limit",
            {"counters": [{**DAY, "amount": 3}]},
            "Daily limit email-day: 1,833 of 2,000 used, this is 3 more",
            "allowed",
        ),
        (
            "daily_limit",
            {"counters": [FULL_DAY]},
            "Daily limit email-day: 2,000 of 2,000 used, no room for this one",
            "waits until",
        ),
        ("daily_limit", {"counters": []}, "Daily limit: none is set for email", "allowed"),
        (
            "daily_limit",
            {"counters": [], "again": True},
            "Daily limit: counted when it was dispatched first",
            "allowed",
        ),
        ("budget", {"counters": [MONTH]}, "Budget outreach: 1.60 of 50.00 EUR used, this costs 0.001", "allowed"),
        (
            "budget",
            {"counters": [SPENT]},
            "Budget outreach: 49.9995 of 50.00 EUR used, this costs 0.001, 0.0005 EUR left",
            "refused",
        ),
        ("budget", {"counters": []}, "Budget: none is set; this costs 0.001 EUR", "allowed"),
        ("budget", {"counters": [], "again": True}, "Budget: counted when it was dispatched first", "allowed"),
        ("budget", {"price": None}, "Budget: the policy has no price for email", "refused"),
        (
            "budget",
            {"policy": {"key": "outreach", "hash": ""}},
            "Budget: the plan's policy outreach does not exist",
            "refused",
        ),
    ],
)
def test_every_rule_is_a_sentence_with_its_numbers(
    rule: str, changes: dict[str, Any], sentence: str, verdict: str
) -> None:
    assert said(rule, entry(**changes)) == [(sentence, verdict)]


def test_every_rule_of_the_gate_has_a_sentence_of_its_own() -> None:
    rules = {verdict["rule"] for verdict in entry()["rules"]}

    assert rules == run_checks._RULES.keys()


def test_a_rule_nobody_has_written_words_for_yet_is_shown_by_its_name() -> None:
    data = entry()
    data["rules"] = [{"rule": "new_rule", "decision": "deny", "code": "why_not", "until": None}]

    assert said("new_rule", data) == [("New rule: why_not", "refused")]


def test_each_limit_is_a_line_and_only_the_full_one_waits() -> None:
    spare = {**DAY, "key": "daily:all-day:2026-11-18", "limit": 5000}
    checks = [c for c in run_checks.written_out(entry(counters=[spare, FULL_DAY]), BESIDE) if c.rule == "daily_limit"]

    assert [(c.decision, c.until, c.decides) for c in checks] == [("allow", None, False), ("pause", AT + 100, True)]


def test_what_holds_a_send_says_until_when_and_what_the_contacts_clock_shows_then() -> None:
    checks = {c.rule: c for c in run_checks.written_out(entry(hours=hours(NEW_YORK)), BESIDE)}

    assert (checks["calling_hours"].until, checks["calling_hours"].there) == (AT + 60, CLOCK)
    assert checks["calling_hours"].decides
    assert not checks["consent"].decides


def test_a_consent_says_since_when_and_a_missing_one_does_not() -> None:
    since = [
        next(c for c in run_checks.written_out(entry(consent=consent), BESIDE) if c.rule == "consent").since
        for consent in (
            {"status": "granted", "version": 3, "kind": "express"},
            {"status": "revoked", "version": 4, "kind": ""},
            {"status": "unknown", "version": 0, "kind": ""},
        )
    ]

    assert since == [1_700_000_000, 1_700_000_100, None]


def test_nothing_decides_where_everything_allows() -> None:
    assert not [check for check in run_checks.written_out(entry(), BESIDE) if check.decides]


REQUIRED = [{"op": "event_seen", "event": "opened", "of": "mail", "value": 0, "result": False}]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"verdict": "deny", "rule": "require"}, "refused"),
        ({"verdict": "allow", "rule": ""}, "allowed"),
        ({"verdict": "deny", "rule": "consent"}, ""),  # refused before anybody asked
    ],
)
def test_what_the_step_requires_is_written_out_too(changes: dict[str, Any], verdict: str) -> None:
    data = entry() | {"require": REQUIRED} | changes

    assert said("require", data) == [("What the step requires: opened of mail: no (never seen)", verdict)]


def test_a_template_that_lacks_an_attribute_and_a_late_send_are_said() -> None:
    data = entry(late_by=4000) | {"error": "voucher"}

    assert said("template", data) == [
        ("Template hello@1: needs “voucher”, which this contact does not have, so no message can be made", "")
    ]
    assert said("lateness", data) == [("Lateness: 4,000 s behind its time", "")]


# --- the snapshot of a condition ---

SNAPSHOT = conditions.Snapshot(
    tick=500,
    attrs={"tier": "silver", "vip": True},
    events={"mail": {"opened": {"count": 2, "first": 30, "last": 400}, "clicked": {"count": 1, "first": 9, "last": 9}}},
    outcomes={"call": "busy"},
    visits={"call": 2},
)


@pytest.mark.parametrize(
    ("condition", "leaf"),
    [
        ({"op": "event_seen", "event": "opened", "of": "mail"}, ("opened of mail", "seen", "2 times", True)),
        ({"op": "event_seen", "event": "clicked", "of": "mail"}, ("clicked of mail", "seen", "once", True)),
        ({"op": "event_seen", "event": "replied"}, ("replied", "seen", "never", False)),
        (
            {"op": "event_count_ge", "event": "opened", "of": "mail", "count": 3},
            ("opened of mail", "3 times or more", "2 times", False),
        ),
        (
            {"op": "event_within", "event": "opened", "of": "mail", "seconds": 60},
            ("opened of mail", "in the last 1 min", "last at tick 400", False),
        ),
        (
            {"op": "event_within", "event": "replied", "seconds": 3600},
            ("replied", "in the last 1 h", "never", False),
        ),
        ({"op": "outcome_is", "step": "call", "label": "busy"}, ("outcome of call", "busy", "busy", True)),
        ({"op": "outcome_is", "step": "ring", "label": "busy"}, ("outcome of ring", "busy", "not set", False)),
        ({"op": "visits_ge", "step": "call", "count": 3}, ("visits of call", "3 or more", "2", False)),
        ({"op": "is_set", "ref": "contact.attr.vip"}, ("vip", "is set", "true", True)),
        ({"op": "eq", "ref": "contact.attr.tier", "value": "gold"}, ("tier", "= gold", "silver", False)),
        (
            {"op": "in", "ref": "contact.attr.tier", "values": ["gold", "silver"]},
            ("tier", "is one of gold, silver", "silver", True),
        ),
        (
            {"op": "ge", "ref": "contact.attr.score", "value": 5, "default": 0},
            ("score", "≥ 5", "not set, taken as 0", False),
        ),
        ({"op": "lt", "ref": "run.tick", "value": 900}, ("seconds since start", "< 900", "500", True)),
        ({"op": "eq", "ref": "step.call.outcome", "value": "busy"}, ("call outcome", "= busy", "busy", True)),
        ({"op": "true"}, ("nothing", "always", "nothing", True)),
        ({"op": "false"}, ("nothing", "never", "nothing", False)),
    ],
)
def test_a_snapshot_says_what_was_wanted_what_was_seen_and_whether_it_held(
    condition: dict[str, Any], leaf: tuple[str, str, str, bool]
) -> None:
    _, leaves = conditions.evaluate(condition, SNAPSHOT)

    assert run_checks.snapshot(leaves) == [run_checks.Leaf(*leaf)]
