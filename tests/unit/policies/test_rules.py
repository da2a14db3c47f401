"""Each rule's truth table."""

import pytest

from policies.rules import budget, consent, hours, kill_switch, limits, states, suppression
from policies.rules.values import Code, Decision
from tests.unit.policies.facts import AT, calling, counter, make_facts

ALLOW, PAUSE, DENY = Decision.ALLOW, Decision.PAUSE, Decision.DENY


def test_an_engaged_switch_holds_the_run_and_asks_again_later() -> None:
    verdict = kill_switch.check(make_facts(kill=[{"scope": "channel", "key": "email"}]))
    assert (verdict.decision, verdict.code, verdict.until) == (PAUSE, Code.KILL_SWITCH, AT + 900)


def test_without_a_switch_nothing_is_held() -> None:
    assert kill_switch.check(make_facts()).decision is ALLOW


@pytest.mark.parametrize(("state", "decision"), [("active", ALLOW), ("draft", DENY), ("retired", DENY), ("", DENY)])
def test_only_an_active_plan_sends(state: str, decision: Decision) -> None:
    assert states.check_plan(make_facts(plan_state=state)).decision is decision


@pytest.mark.parametrize(
    ("state", "address", "code"),
    [
        ("active", True, Code.OK),
        ("active", False, Code.NO_ADDRESS),
        ("closed", True, Code.CONTACT_CLOSED),
        ("erased", False, Code.CONTACT_ERASED),
        ("missing", False, Code.CONTACT_MISSING),
        ("anything else", True, Code.CONTACT_MISSING),
    ],
)
def test_only_an_active_contact_with_an_address_is_written_to(state: str, address: bool, code: Code) -> None:
    assert states.check_contact(make_facts(contact_state=state, address=address)).code is code


def test_one_suppression_is_enough() -> None:
    verdict = suppression.check(make_facts(suppressions=[{"id": 7, "scope": "plan", "reason": "manual"}]))
    assert (verdict.decision, verdict.code) == (DENY, Code.SUPPRESSED)


@pytest.mark.parametrize(
    ("scope", "on_channel", "on_plan", "covered"),
    [
        ("global", "", "", True),
        ("channel", "email", "", True),
        ("channel", "voice", "", False),
        ("plan", "", "spring", True),
        ("plan", "email", "spring", True),
        ("plan", "voice", "spring", False),
        ("plan", "", "autumn", False),
    ],
)
def test_a_suppression_covers_its_scope(scope: str, on_channel: str, on_plan: str, covered: bool) -> None:
    ask = {"channel": "email", "plan": "spring"}
    assert suppression.covers(scope=scope, on_channel=on_channel, on_plan=on_plan, **ask) is covered


@pytest.mark.parametrize(
    ("status", "decision", "code"),
    [
        ("granted", ALLOW, Code.OK),
        ("revoked", DENY, Code.CONSENT_REVOKED),
        ("unknown", DENY, Code.CONSENT_MISSING),
        ("pending", DENY, Code.CONSENT_MISSING),
    ],
)
def test_only_a_grant_is_consent(status: str, decision: Decision, code: Code) -> None:
    verdict = consent.check(make_facts(consent={"status": status, "version": 1, "kind": ""}))
    assert (verdict.decision, verdict.code) == (decision, code)


@pytest.mark.parametrize(
    ("weekday", "minute", "decision"),
    [
        (1, 9 * 60 - 1, PAUSE),
        (1, 9 * 60, ALLOW),  # start inclusive
        (5, 20 * 60 - 1, ALLOW),
        (5, 20 * 60, PAUSE),  # end exclusive
        (6, 12 * 60, PAUSE),
        (7, 12 * 60, PAUSE),
    ],
)
def test_a_call_rings_inside_the_window(weekday: int, minute: int, decision: Decision) -> None:
    verdict = hours.check(make_facts(hours=calling([(weekday, minute)])))
    assert (verdict.decision, verdict.until) == (decision, AT + 50 if decision is PAUSE else None)


def test_every_candidate_zone_must_be_inside() -> None:
    assert hours.check(make_facts(hours=calling([(1, 600), (1, 599)]))).decision is ALLOW
    assert hours.check(make_facts(hours=calling([(1, 600), (1, 539)]))).decision is PAUSE


def test_no_zone_is_a_denial_and_so_is_no_opening() -> None:
    assert hours.check(make_facts(hours=calling([]))).code is Code.TIMEZONE_UNRESOLVED
    assert hours.check(make_facts(hours=calling([(7, 0)], opens_at=None))).code is Code.NO_WINDOW


def test_a_call_without_stated_windows_is_denied() -> None:
    silent = {"applies": True, "windows": [], "zones": calling([(1, 600)])["zones"], "opens_at": None}
    assert hours.check(make_facts(hours=silent)).code is Code.NO_WINDOW


WHOLE = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "24:00"}]
HALVES = [
    {"days": [7, 6, 5, 4, 3, 2, 1], "from": "12:00", "to": "24:00"},
    {"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "12:00"},
]


@pytest.mark.parametrize(
    ("channel", "windows", "applies"),
    [
        ("voice", None, True),  # silence never means any hour
        ("email", None, False),
        ("voice", WHOLE, False),  # any hour, said explicitly: the zone cannot matter
        ("voice", HALVES, False),
        ("email", HALVES[:1], True),
    ],
)
def test_hours_apply_when_a_minute_is_closed(channel: str, windows: list | None, applies: bool) -> None:
    assert hours.applies(channel, windows) is applies


@pytest.mark.parametrize(("used", "decision"), [(0, ALLOW), (199, ALLOW), (200, PAUSE), (250, PAUSE)])
def test_a_full_day_holds_until_the_next(used: int, decision: Decision) -> None:
    day = counter("daily_limit", "daily:email-day:2026-11-18", limit=200, amount=1, used=used, resets_at=AT + 7)
    verdict = limits.check(make_facts(counters=[day]))
    assert (verdict.decision, verdict.until) == (decision, AT + 7 if decision is PAUSE else None)


def test_the_latest_reset_of_several_full_limits_counts() -> None:
    full = [
        counter("daily_limit", f"daily:{key}:2026-11-18", limit=1, used=1, amount=1, resets_at=AT + after)
        for key, after in (("a", 30), ("b", 90), ("c", 60))
    ]
    assert limits.check(make_facts(counters=full)).until == AT + 90


@pytest.mark.parametrize(("used", "code"), [(0, Code.OK), (4000, Code.OK), (4001, Code.BUDGET_EXCEEDED)])
def test_a_budget_is_never_exceeded_by_a_cent(used: int, code: Code) -> None:
    money = counter("budget", "budget:total:lifetime", limit=5000, amount=1000, used=used, resets_at=None)
    assert budget.check(make_facts(counters=[money])).code is code


def test_an_unknown_price_and_an_unknown_policy_are_denials() -> None:
    assert budget.check(make_facts(price=None)).code is Code.MISSING_PRICE
    assert budget.check(make_facts(price=None, policy={"key": "gone", "hash": ""})).code is Code.POLICY_MISSING
