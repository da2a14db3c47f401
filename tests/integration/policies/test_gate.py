"""Facts and the ledger, on the real database."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from audit import canon, log
from policies import gate, operations, publishing
from policies.models import Counter, Suppression
from policies.rules import evaluate
from tests.integration.policies.made import (
    ACTOR,
    clock,
    facts_of,
    make_ask,
    make_consent,
    make_contact,
    publish,
    set_clock,
)

pytestmark = pytest.mark.django_db

NOON = 2236525200  # Wednesday 2040-11-14 12:00 in New York; the lane clock only moves forward
DAY_END = NOON + 12 * 3600
DAILY, MONTH = "daily:email-day:2040-11-14", "budget:outreach-month:2040-11"


@pytest.fixture
def noon() -> int:
    set_clock(NOON)
    return NOON


def test_the_facts_are_what_the_contract_says(noon: int) -> None:
    version = publish()
    contact = make_contact()
    make_consent(contact)
    ask = make_ask(contact, late_by=5)
    facts = facts_of(ask, now=noon)
    assert facts == {
        "at": noon,
        "channel": "email",
        "purpose": "marketing",
        "plan": "trial-followup",
        "policy": {"key": "outreach", "hash": version.hash},
        "kill": [],
        "plan_state": "active",
        "contact_state": "active",
        "address": True,
        "suppressions": [],
        "consent": {"status": "granted", "version": 1, "kind": "express"},
        "hours": {"applies": False, "windows": [], "zones": [], "opens_at": None},
        "tzdata": facts["tzdata"],
        "counters": [
            {"key": DAILY, "rule": "daily_limit", "limit": 200, "used": 0, "amount": 1, "resets_at": DAY_END},
            {
                "key": MONTH,
                "rule": "budget",
                "limit": 50_000_000,
                "used": 0,
                "amount": 1000,
                "resets_at": 2237950800,
            },
        ],
        "price": 1000,
        "currency": "EUR",
        "late_by": 5,
    }
    assert canon.decode(canon.encode(facts)) == facts
    ledger = gate.Ledger()
    ledger.prefetch([ask])
    assert evaluate.evaluate(ledger.policy("outreach"), facts).decision == "allow"


def test_facts_hold_no_personal_data(noon: int) -> None:
    publish()
    contact = make_contact(first_name="Grace", email="grace@example.com", phone="+12125550199")
    make_consent(contact, channel="voice")
    operations.add_suppression(actor=ACTOR, address="grace@example.com", scope="channel", reason="manual")
    text = canon.encode(facts_of(make_ask(contact, channel="voice"), now=noon))
    assert not any(personal in text for personal in ("grace", "Grace", "2125550199", contact.ref))


def test_a_call_carries_the_hours_of_every_candidate_zone(noon: int) -> None:
    publish()
    contact = make_contact(zone="", phone="+12195550100")
    hours = facts_of(make_ask(contact, channel="voice"), now=noon)["hours"]
    assert [(zone["name"], zone["minute"]) for zone in hours["zones"]] == [
        ("America/Chicago", 660),
        ("America/New_York", 720),
    ]
    assert (hours["applies"], hours["opens_at"]) == (True, noon)


def test_a_call_at_night_opens_when_all_zones_do(noon: int) -> None:
    publish()
    contact = make_contact(zone="", phone="+12195550100")
    night = noon - 12 * 3600
    hours = facts_of(make_ask(contact, channel="voice"), now=night)["hours"]
    assert hours["opens_at"] == night + 10 * 3600  # 09:00 in Chicago


@pytest.mark.parametrize(
    ("contact", "ask", "code"),
    [
        ({}, {"plan_state": "retired"}, "plan_not_active"),
        ({"email": ""}, {}, "no_address"),
        ({"phone": "", "zone": ""}, {"channel": "voice"}, "no_address"),
        ({"phone": "+15555550100", "zone": ""}, {"channel": "voice"}, "timezone_unresolved"),
        ({}, {"purpose": "collections"}, "consent_missing"),
        ({}, {"channel": "voice", "purpose": "collections"}, "no_window"),
        ({}, {"policy_key": "nothing"}, "policy_missing"),
    ],
)
def test_what_is_missing_denies(noon: int, contact: dict[str, Any], ask: dict[str, Any], code: str) -> None:
    publish()
    person = make_contact(**contact)
    make_consent(person)
    make_consent(person, channel="voice")
    if "timezone" in code or code == "no_window":
        make_consent(person, channel="voice", purpose="collections")
    asked = make_ask(person, **ask)
    ledger = gate.Ledger()
    ledger.prefetch([asked])
    verdict = evaluate.evaluate(ledger.policy(asked.policy_key), ledger.facts(asked, now=noon))
    assert (verdict.decision, verdict.code) == ("deny", code)


def test_an_unknown_contact_is_denied_and_an_unfetched_ask_is_an_error(noon: int) -> None:
    publish()
    ask = gate.Ask(10**9, "email", "marketing", "p", "active", "outreach")
    assert facts_of(ask, now=noon)["contact_state"] == "missing"
    with pytest.raises(KeyError):
        gate.Ledger().facts(ask, now=noon)


def test_suppression_follows_the_address_to_every_contact_and_expires_at_its_second(noon: int) -> None:
    publish()
    first, second = make_contact(email="both@example.com"), make_contact(email="both@example.com")
    entry, _ = operations.add_suppression(
        actor=ACTOR, address="Both@Example.com", scope="channel", reason="soft_bounce", expires_at=noon + 10
    )
    for contact in (first, second):
        assert facts_of(make_ask(contact), now=noon + 9)["suppressions"] == [
            {"id": entry.pk, "scope": "channel", "reason": "soft_bounce"}
        ]
        assert facts_of(make_ask(contact), now=noon + 10)["suppressions"] == []


def test_scopes(noon: int) -> None:
    publish()
    contact = make_contact()
    for scope, more in (("channel", {}), ("plan", {"plan_key": "trial-followup"}), ("global", {})):
        operations.add_suppression(actor=ACTOR, address=contact.email, scope=scope, reason="manual", **more)

    def seen(**ask: Any) -> list[str]:
        return [hit["scope"] for hit in facts_of(make_ask(contact, **ask), now=noon)["suppressions"]]

    assert seen() == ["channel", "plan", "global"]
    assert seen(plan_key="other") == ["channel", "global"]
    assert seen(channel="voice", plan_key="other") == ["global"]  # an email listed globally stops the calls too


def test_a_kill_switch_covers_its_scope(noon: int) -> None:
    publish()
    contact = make_contact()
    publishing.engage_kill_switch(actor=ACTOR, scope="channel", key="email", reason="complaints")
    publishing.engage_kill_switch(actor=ACTOR, scope="plan", key="other", reason="wrong text")
    assert facts_of(make_ask(contact), now=noon)["kill"] == [{"scope": "channel", "key": "email"}]
    assert facts_of(make_ask(contact, channel="voice"), now=noon)["kill"] == []


# --- the ledger ---


def used(facts: dict[str, Any]) -> list[int]:
    return [counter["used"] for counter in facts["counters"]]


def test_reservations_count_within_the_transaction_and_after_it(noon: int) -> None:
    publish()
    contact = make_contact()
    ask = make_ask(contact)
    with log.writing(by="engine"):
        ledger = gate.Ledger()
        ledger.prefetch([ask])
        reserved = ledger.reserve(ledger.facts(ask, now=noon)["counters"], now=noon)
        assert reserved == [{"key": DAILY, "amount": 1}, {"key": MONTH, "amount": 1000}]
        assert used(ledger.facts(ask, now=noon)) == [1, 1000]
        ledger.flush()
    assert used(facts_of(ask, now=noon)) == [1, 1000]
    assert Counter.objects.get(pk=DAILY).reserved == 1


def settle(noon: int, ask: gate.Ask, how: str, at: int, **more: Any) -> dict[str, Counter]:
    ledger = gate.Ledger()
    ledger.prefetch([ask])
    reserved = ledger.reserve(ledger.facts(ask, now=noon)["counters"], now=noon)
    ledger.flush()
    later = gate.Ledger()
    getattr(later, how)(reserved, now=at, **more)
    later.flush()
    return Counter.objects.in_bulk([DAILY, MONTH])


def test_a_success_posts_what_was_reserved(noon: int) -> None:
    publish()
    counters = settle(noon, make_ask(make_contact()), "post", noon)
    assert (counters[DAILY].reserved, counters[DAILY].posted) == (0, 1)
    assert (counters[MONTH].reserved, counters[MONTH].posted) == (0, 1000)


def test_a_cheaper_send_frees_the_rest_and_a_dearer_one_overruns(noon: int) -> None:
    publish()
    ask = make_ask(make_contact())
    cheap = settle(noon, ask, "post", noon, actual_micros=400)
    assert (cheap[MONTH].posted, cheap[MONTH].freed, cheap[DAILY].posted) == (400, 600, 1)
    dear = settle(noon + 1, ask, "post", noon + 1, actual_micros=1500)
    assert (dear[MONTH].posted, dear[MONTH].overrun) == (1400, 500)
    assert used(facts_of(ask, now=noon + 1)) == [2, 1900]


def test_a_void_frees_units_from_the_next_second_on(noon: int) -> None:
    publish(daily_limits=[{"key": "email-day", "channel": "email", "limit": 1}])
    ask = make_ask(make_contact())
    settle(noon, ask, "void", noon)
    assert used(facts_of(ask, now=noon)) == [1, 1000]
    assert used(facts_of(ask, now=noon + 1)) == [0, 0]


def test_voids_of_one_second_add_up(noon: int) -> None:
    publish()
    ask = make_ask(make_contact())
    settle(noon, ask, "void", noon)
    settle(noon, ask, "void", noon)
    assert used(facts_of(ask, now=noon)) == [2, 2000]
    assert used(facts_of(ask, now=noon + 1)) == [0, 0]


def test_a_reservation_beyond_the_limit_is_refused_by_the_ledger_and_by_the_database(noon: int) -> None:
    publish(daily_limits=[{"key": "email-day", "channel": "email", "limit": 1}])
    ask = make_ask(make_contact())
    ledger = gate.Ledger()
    ledger.prefetch([ask])
    counters = ledger.facts(ask, now=noon)["counters"]
    ledger.reserve(counters, now=noon)
    with pytest.raises(gate.OverLimit):
        ledger.reserve(counters, now=noon)
    with pytest.raises(IntegrityError, match="counter_within_limit"), transaction.atomic():
        Counter.objects.create(key="x", limit=1, reserved=1, posted=1)


def test_a_day_has_its_own_counter_and_a_raised_limit_counts_at_once(noon: int) -> None:
    publish(daily_limits=[{"key": "email-day", "channel": "email", "limit": 1}])
    ask = make_ask(make_contact())
    settle(noon, ask, "post", noon)
    assert used(facts_of(ask, now=noon))[0] == 1
    assert used(facts_of(ask, now=DAY_END))[0] == 0
    publish(daily_limits=[{"key": "email-day", "channel": "email", "limit": 2}])
    assert facts_of(ask, now=noon)["counters"][0]["limit"] == 2
    settle(noon, ask, "post", noon)
    assert Counter.objects.get(pk=DAILY).posted == 2


def test_a_lowered_limit_never_breaks_what_is_already_reserved(noon: int) -> None:
    publish()
    ask = make_ask(make_contact())
    for _ in range(3):
        settle(noon, ask, "post", noon)
    publish(daily_limits=[{"key": "email-day", "channel": "email", "limit": 1}])
    facts = facts_of(ask, now=noon)
    assert evaluate.judge({**facts, "consent": {"status": "granted"}}).code == "daily_limit"


def test_a_lifetime_budget_never_resets(noon: int) -> None:
    publish(budgets=[{"key": "total", "limit": 5000, "period": "lifetime"}])
    fact = facts_of(make_ask(make_contact()), now=noon)["counters"][1]
    assert (fact["key"], fact["resets_at"]) == ("budget:total:lifetime", None)


# --- just before the socket ---


@pytest.mark.parametrize(
    ("happens", "rule"),
    [
        (lambda c: None, None),
        (lambda c: publishing.engage_kill_switch(actor=ACTOR, scope="global", reason="stop"), "kill_switch"),
        (
            lambda c: operations.add_suppression(actor=ACTOR, address=c.email, scope="channel", reason="manual"),
            "suppression",
        ),
        (
            lambda c: operations.revoke_consent(
                actor=ACTOR, contact=c, channel="email", purpose="marketing", source="phone call"
            ),
            "consent",
        ),
        (lambda c: operations.update_contact(actor=ACTOR, ref=c.ref, state="closed"), "contact_state"),
    ],
)
def test_the_second_look_finds_what_changed_after_the_allow(noon: int, happens: Any, rule: str | None) -> None:
    publish()
    contact = make_contact()
    make_consent(contact)
    happens(contact)
    assert gate.recheck(make_ask(contact), clock()) == rule


def test_a_refreshed_ledger_sees_an_opt_out_of_its_own_transaction(noon: int) -> None:
    publish()
    contact = make_contact()
    make_consent(contact)
    ask = make_ask(contact)
    with log.writing(by="engine") as writer:
        ledger = gate.Ledger()
        ledger.prefetch([ask])
        operations.apply_opt_out(
            writer,
            contact=contact,
            channel="email",
            plan_key="p",
            reason="unsubscribe",
            source="event 9",
            now=noon,
        )
        ledger.refresh()
        facts = ledger.facts(ask, now=noon)
    assert facts["consent"]["status"] == "revoked"
    assert [hit["reason"] for hit in facts["suppressions"]] == ["unsubscribe"]


# --- how much it costs ---


@pytest.fixture
def crowd(noon: int) -> list[gate.Ask]:
    publish()
    contacts = [make_contact() for _ in range(50)]
    for contact in contacts[::2]:
        make_consent(contact)
    for contact in contacts[::5]:
        operations.add_suppression(actor=ACTOR, address=contact.email, scope="channel", reason="manual")
    return [make_ask(contact, channel=channel) for contact in contacts for channel in ("email", "voice")]


def test_the_number_of_statements_does_not_depend_on_the_number_of_asks(
    crowd: list[gate.Ask], noon: int, django_assert_num_queries: Any
) -> None:
    facts_of(crowd[0], now=noon)  # the policy version is read once per process
    for asks in (crowd[:1], crowd):
        ledger = gate.Ledger()
        with django_assert_num_queries(5):
            ledger.prefetch(asks)
    with django_assert_num_queries(3):  # the three counters that these asks share
        facts = [ledger.facts(ask, now=noon) for ask in crowd]
    with django_assert_num_queries(0):
        reserved = [ledger.reserve(f["counters"], now=noon) for f in facts[:10]]
        ledger.post(reserved[0], now=noon)
    with django_assert_num_queries(1):
        ledger.flush()
    with django_assert_num_queries(0):
        ledger.flush()
    with django_assert_num_queries(4):
        gate.recheck_all(crowd, noon)


def test_every_lookup_has_an_index(crowd: list[gate.Ask]) -> None:
    """With sequential scans made unattractive, a statement that still scans has no index to use."""
    statements = {
        "policies_contact": "SELECT id FROM policies_contact WHERE id = ANY('{1,2}')",
        "policies_consent": "SELECT DISTINCT ON (contact_id, channel, purpose) version FROM policies_consent"
        " WHERE contact_id = ANY('{1,2}') ORDER BY contact_id, channel, purpose, version DESC",
        "policies_suppression": "SELECT id FROM policies_suppression"
        " WHERE removed_at IS NULL AND address = ANY('{a,b}')",
        "policies_policy": "SELECT active_version_id FROM policies_policy WHERE key = ANY('{a}')",
        "policies_counter": "SELECT reserved FROM policies_counter WHERE key = ANY('{a}')",
        "policies_killswitch": "SELECT scope, key FROM policies_killswitch WHERE engaged",
    }
    assert Suppression.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for table, sql in statements.items():
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert f"Seq Scan on {table}" not in plan, plan
