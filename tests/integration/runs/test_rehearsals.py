"""Rehearsals on the real database: the facts of real and made-up contacts, and that nothing whatever is written."""

from typing import Any

import psycopg
import pytest

from audit.models import Head
from plans import queries as plan_queries
from policies import operations as policy_operations
from policies.gate import Ask, Ledger
from runs import people
from runs.engine.script import Answer, Happening, Rehearsal, Script
from runs.people import Person
from runs.trying import rehearsals
from runs.trying.rehearsals import NOBODY, MadeUp, World
from tests.database import SEQUENCES, TABLES
from tests.factories import CALLS_A_DAY, DONE, MAIL_STEPS, make_contact, make_plan, make_policy, make_template
from tests.functional.engine import drain, enrol, entries

pytestmark = pytest.mark.django_db(transaction=True)

MAIL: Any = MAIL_STEPS["mail"]
NINE_TO_FIVE = [{"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "17:00"}]
RESULTS = dict.fromkeys(("answered", "no_answer", "busy", "voicemail"), "done")
CALL_STEPS = {"call-1": {"kind": "call", "template": "script@1", "on": RESULTS}, "done": DONE}
ADA = Person(NOBODY, "made-up", "Ada", "Lovelace", "ada@example.org", "+442079460958", "Europe/London", "GB", {})
SATURDAY = 1_800_115_200  # 2027-01-16 16:00 UTC


def world(**policy: Any) -> None:
    plan_queries.forget()
    make_policy(**policy)
    make_template()
    make_template("script", "voice", "Hello {{ first_name }}.")
    make_plan("simple", MAIL_STEPS)
    make_plan("calls", CALL_STEPS)


def rehearse(
    key: str, person: Person, made_up: MadeUp | None = None, *, start_at: int | None = None, **said: Any
) -> Rehearsal:
    plan = plan_queries.active(key).plan
    start_at = Head.objects.get().clock if start_at is None else start_at
    attrs = rehearsals.attributes(plan, person)
    script = Script(start_at, person.ref, rehearsals.contact_hash(plan, person), attrs, **said)
    return rehearsals.rehearse(plan, script, person, made_up)


def everything(owner: psycopg.Connection) -> dict[str, Any]:
    """Return every row of every table, and where every sequence stands."""
    tables = [row[0] for row in owner.execute(TABLES).fetchall()]
    rows = {table: owner.execute(f'SELECT t::text FROM "{table}" t ORDER BY 1').fetchall() for table in tables}
    return rows | {"sequences": sorted(owner.execute(SEQUENCES).fetchall())}


def test_a_rehearsal_leaves_every_table_and_every_sequence_as_it_was(owner: psycopg.Connection) -> None:
    world()
    make_contact("c-1")
    person = people.by_ref({"c-1"})["c-1"]
    before = everything(owner)

    told = rehearse(
        "simple", person, happenings=[Happening("bounced_hard", 5, "mail"), Happening("unsubscribed", 6, "mail")]
    )
    rehearse("simple", ADA, MadeUp({"email": "granted"}))

    assert told.status == "COMPLETED" and len(told.sent) == 1
    assert everything(owner) == before
    assert len(before["audit_entry"]) > 3  # there was something to leave alone


def test_a_real_contact_is_rehearsed_as_the_engine_would_run_it() -> None:
    world()
    make_contact("c-1", consents=("email",))
    told = rehearse("simple", people.by_ref({"c-1"})["c-1"])
    enrol("simple", "c-1")
    drain()

    def comparable(bodies: Any) -> list[Any]:
        facts = [body["data"].get("facts", {}) for body in bodies]
        untimed = [{k: v for k, v in each.items() if k not in ("at", "counters")} for each in facts]
        return [
            (b["type"], b["step"], b["tick"], f)
            for b, f in zip(bodies, untimed, strict=True)
            if b["type"] != "event.after_end"
        ]

    real = comparable(entries(1))
    assert comparable(told.bodies) == real
    assert told.sent[0].message.body == "Hello Ann." and told.sent[0].message.to == "c-1+delivered@example.org"


def test_the_gate_refuses_a_real_contact_in_a_rehearsal_too() -> None:
    world()
    contact = make_contact("c-1")
    policy_operations.add_suppression(actor="cli", address=contact.email, scope="global", reason="manual")

    told = rehearse("simple", people.by_ref({"c-1"})["c-1"])

    assert (told.status, told.reason) == ("FAILED", "policy_denied:suppression")


def test_a_made_up_contacts_facts_have_the_shape_and_the_values_of_a_real_ones() -> None:
    world(calling_hours=[{"channels": ["voice"], "purposes": ["marketing"], "windows": NINE_TO_FIVE}])
    contact = make_contact("c-1")
    person = people.by_ref({"c-1"})["c-1"]
    plan = plan_queries.active("calls").plan
    ledger = Ledger()
    ask = Ask(contact.pk, "voice", plan.purpose, plan.key, "active", plan.policy, 3)
    ledger.prefetch([ask])

    real = ledger.facts(ask, now=SATURDAY)
    invented = World(plan, person, MadeUp({"voice": "granted"})).facts("voice", at=SATURDAY, late_by=3, again=False)[1]

    consent = real.pop("consent")
    assert invented.pop("consent").keys() == consent.keys()
    assert invented == real and real["hours"]["opens_at"] > SATURDAY


def test_a_made_up_contact_waits_for_the_calling_hours_of_its_own_zone() -> None:
    world(calling_hours=[{"channels": ["voice"], "purposes": ["marketing"], "windows": NINE_TO_FIVE}])

    told = rehearse("calls", ADA, MadeUp({"voice": "granted"}), start_at=SATURDAY)

    assert [body["data"]["code"] for body in told.bodies if body["type"] == "run.paused"] == ["outside_hours"]
    assert told.tick == 41 * 3600  # Monday 09:00 in London


@pytest.mark.parametrize(
    ("made_up", "reason"),
    [
        (MadeUp({"email": "revoked"}), "policy_denied:consent"),
        (MadeUp(), "policy_denied:consent"),
        (MadeUp({"email": "granted"}, suppressed=True), "policy_denied:suppression"),
        (MadeUp({"email": "granted"}, state="closed"), "policy_denied:contact_state"),
    ],
)
def test_what_is_said_of_a_made_up_contact_is_what_the_gate_sees(made_up: MadeUp, reason: str) -> None:
    world()

    assert rehearse("simple", ADA, made_up).reason == reason


@pytest.mark.parametrize("real", [True, False])
def test_what_a_rehearsal_sends_counts_against_its_own_later_sends(real: bool) -> None:
    world(daily_limits=[{"key": "mails", "channel": "email", "limit": 1}, CALLS_A_DAY])
    steps = {"mail": MAIL | {"on": {"sent": "mail-2"}}, "mail-2": MAIL, "done": DONE}
    make_plan("twice", steps)
    make_contact("c-1")
    person, made_up = (people.by_ref({"c-1"})["c-1"], None) if real else (ADA, MadeUp({"email": "granted"}))

    told = rehearse("twice", person, made_up)
    void = rehearse("twice", person, made_up, answers={"mail": [Answer("not_sent", "smtp_421")]})

    assert [body["data"]["code"] for body in told.bodies if body["type"] == "run.paused"] == ["daily_limit"]
    assert len(told.sent) == 2 and told.sent[1].tick > 0
    assert void.reason == "step_failed:smtp_421"


def test_a_missing_variable_fails_the_step() -> None:
    world()
    make_template("tier", body="{{ attr_tier }}")
    make_plan("tiers", {"mail": MAIL | {"template": "tier@1"}, "done": DONE}, attributes={"tier": "string"})

    told = rehearse("tiers", ADA, MadeUp({"email": "granted"}))

    assert told.reason == "render_failed:attr_tier" and told.sent == ()


def test_a_wait_until_goes_by_the_contacts_clock() -> None:
    world()
    until = {"kind": "wait_until", "time": "09:00", "on": {"completed": "done"}}
    make_plan("morning", {"until": until, "done": DONE})

    told = rehearse("morning", ADA, MadeUp(), start_at=SATURDAY)
    nowhere = rehearse("morning", ADA._replace(zone="", phone=""), MadeUp(), start_at=SATURDAY)

    assert told.tick == 17 * 3600
    assert nowhere.reason == "zone_unknown"
