"""What decisions saw against the log: a gate that lies leaves a perfect chain behind, and every lie is named."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from audit import log
from audit.models import Entry
from plans import queries as plan_queries
from policies import gate, hours
from policies import operations as policy_operations
from policies.models import Contact, PolicyVersion
from runs.engine import machine
from runs.engine.replay import retell
from runs.engine.values import Facts, RunState
from runs.models import Run
from runs.rebuild import check
from runs.rebuild.report import Report, Verdict
from tests.factories import DONE, make_contact, make_plan, make_policy, make_template
from tests.functional.engine import advance, clock, enrol
from tests.integration.runs.busy import WEDNESDAY, make_busy_world

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = 3600
DAYTIME = [{"days": [1, 2, 3, 4, 5], "from": "08:00", "to": "20:00"}]
CALL = {
    "kind": "call",
    "template": "script@1",
    "on": {"answered": "done", "no_answer": "done", "busy": "done", "voicemail": "done", "blocked": "done"},
}
NINE = {"kind": "wait_until", "time": "15:00", "on": {"completed": "done"}}
RETRY = [{"on": ["call_refused"], "action": "retry", "max_attempts": 1, "backoff_ticks": [60]}]
FORGED = "ab" * 32


def changed(facts: dict[str, Any], name: str, place: int, **values: Any) -> dict[str, Any]:
    """Return one of a list of facts, changed."""
    items = list(facts[name]) if name == "counters" else list(facts["hours"][name])
    items[place] = {**items[place], **values}
    return {name: items} if name == "counters" else {"hours": {**facts["hours"], name: items}}


Lie = Callable[[dict[str, Any]], dict[str, Any]]
# What the gate says instead of the truth, and how the lie is named.
LIES: dict[str, tuple[Lie, list[str]]] = {
    "c-at": (lambda f: {"at": f["at"] - 1}, ["at"]),
    "c-purpose": (lambda f: {"plan": "other"}, ["plan"]),
    "c-policy": (lambda f: {"policy": {**f["policy"], "hash": FORGED}}, ["policy/hash"]),
    "c-state": (lambda f: {"plan_state": "retired"}, ["plan_state"]),
    "c-kill": (lambda f: {"kill": [{"scope": "global", "key": ""}]}, ["kill"]),
    "c-closed": (lambda f: {"contact_state": "closed"}, ["contact_state"]),
    "c-address": (lambda f: {"address": False}, ["address"]),
    "c-suppressed": (lambda f: {"suppressions": []}, ["suppressions"]),
    "c-consent": (lambda f: {"consent": {**f["consent"], "version": 9}}, ["consent/version"]),
    "c-kind": (lambda f: {"consent": {**f["consent"], "kind": "contract"}}, ["consent/kind"]),
    "c-revoked": (lambda f: {"consent": {**f["consent"], "status": "revoked"}}, ["consent/status"]),
    "c-zone": (lambda f: changed(f, "zones", 0, minute=601), ["hours/zones/0/minute"]),
    "c-nowhere": (lambda f: {"hours": {**f["hours"], "zones": []}}, ["hours/zones"]),
    "c-opens": (lambda f: {"hours": {**f["hours"], "opens_at": None}}, ["hours/opens_at"]),
    "c-used": (lambda f: changed(f, "counters", 0, used=3), ["counters/0/used"]),
    "c-resets": (lambda f: changed(f, "counters", 0, resets_at=f["at"] + 9), ["counters/0/resets_at"]),
    "c-late": (lambda f: {"late_by": 77}, ["late_by"]),
    "c-truth": (lambda f: {}, []),
}


@pytest.fixture
def noon(owner: psycopg.Connection) -> None:
    """Eleven in the morning in New York, a plan that calls and one that waits for three o'clock."""
    owner.execute("UPDATE audit_head SET clock = %s", [WEDNESDAY + 11 * HOUR + 1600])
    calling = [{"channels": ["voice"], "purposes": ["marketing"], "windows": DAYTIME}]
    make_policy(calling_hours=calling, recovery=RETRY)
    make_template("script", "voice", "Hello {{ first_name }}.")
    make_plan("calls", {"ring": CALL, "done": DONE})
    make_plan("waits", {"nine": NINE, "done": DONE})


def places(report: Report) -> dict[str, list[str]]:
    """Return {contact: the facts named as wrong}."""
    found: dict[str, list[str]] = {}
    for each in report.differences:
        st, _, _ = each.where.partition(" ")
        ref = Run.objects.get(no=int(st.removeprefix("run/"))).contact.ref
        found.setdefault(ref, []).append(each.what.removeprefix("/data/").removeprefix("facts/"))
    return found


@pytest.mark.usefixtures("noon")
def test_every_fact_that_a_gate_made_up_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    refs = {make_contact(ref).pk: ref for ref in LIES}
    contact = Contact.objects.get(ref="c-suppressed")
    policy_operations.update_contact(actor="cli", ref=contact.ref, phone="+12125550192")
    policy_operations.add_suppression(actor="cli", address="+12125550192", scope="global", reason="manual")
    measure = gate.Ledger.facts

    def lying(ledger: gate.Ledger, ask: gate.Ask, *, now: int) -> dict[str, Any]:
        facts = measure(ledger, ask, now=now)
        return {**facts, **LIES[refs[ask.contact_id]][0](facts)}

    monkeypatch.setattr(gate.Ledger, "facts", lying)
    enrol("calls", *LIES)
    advance(60)
    report = check.check()
    assert {each.area for each in report.differences} == {"decisions"}
    assert places(report) == {ref: names for ref, (_, names) in LIES.items() if names}
    suppressed = next(each for each in report.differences if each.what.endswith("/suppressions"))
    assert suppressed.recorded == [] and suppressed.recomputed[0]["scope"] == "global"
    assert report.compared["decisions"] == Entry.objects.filter(type="gate.decided").count()


@pytest.mark.usefixtures("noon")
def test_a_made_up_local_time_and_a_made_up_policy_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    make_contact("c-wait")
    make_contact("c-flaky", phone="+12125550199")
    monkeypatch.setattr(gate.Ledger, "zone", lambda *_: "Europe/Berlin")
    monkeypatch.setattr(gate.Ledger, "policy_hash", lambda *_: FORGED)
    enrol("waits", "c-wait")
    enrol("calls", "c-flaky")
    advance(60)
    report = check.check()
    assert places(report) == {"c-wait": ["until", "zone"], "c-flaky": ["policy/hash"]}
    assert {each.area for each in report.differences} == {"local times", "recoveries"}


@pytest.mark.usefixtures("noon")
def test_a_run_that_somebody_appended_with_a_well_made_chain_is_named() -> None:
    contact = make_contact("c-1")
    enrol("calls", "c-1")
    advance(60)
    policy_operations.revoke_consent(
        actor="cli", contact=contact, channel="voice", purpose="marketing", source="phone", at=clock()
    )
    policies = {row.hash: json.loads(row.body) for row in PolicyVersion.objects.all()}
    plan = plan_queries.parsed(Run.objects.get().plan_version_id)
    texts = list(Entry.objects.filter(st="run/1").order_by("n").values_list("body", flat=True))
    state = RunState(st="run/2", start_at=clock())
    with log.writing(by="engine/1") as writer:
        for applied in list(retell(plan, policies, texts))[:2]:  # its start, and a gate at which consent stood
            given = applied.given
            moved: dict[str, Any] = {"at": clock()}
            if isinstance(given, Facts):
                moved["facts"] = {**given.facts, "at": clock(), "contact_state": "closed", "late_by": 0}
            made = machine.step(plan, state, type(given)(**{**_fields(given), **moved}))
            writer.extend(made.entries)
            state = made.state
    report = check.check()
    found = {(each.area, each.where, each.what): (each.recorded, each.recomputed) for each in report.differences}
    wrong = "run/2 entry 2"
    assert found.pop(("decisions", wrong, "/data/facts/consent/status")) == ("granted", "revoked")
    assert found.pop(("decisions", wrong, "/data/facts/consent/version")) == (1, 2)
    assert found.pop(("decisions", wrong, "/data/facts/contact_state")) == ("closed", "active")
    assert ("runs", "run/2", "") in found and ("inbox", "run/2 start", "applied rows") in found
    assert {area for area, _, _ in found} <= {"decisions", "runs", "inbox", "engine"}
    assert all(where == wrong for area, where, _ in found if area == "decisions")


def _fields(given: Any) -> dict[str, Any]:
    return {name: getattr(given, name) for name in type(given).__dataclass_fields__}


def test_another_zone_database_is_said_and_is_no_difference(
    owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_busy_world(owner)
    here = check.check()
    recorded = hours.TZDATA_VERSION
    monkeypatch.setattr(hours, "TZDATA_VERSION", "2099.1")
    monkeypatch.setattr(hours, "local", lambda zone, at: {"name": zone, "offset_s": 0, "weekday": 1, "minute": 1})
    report = check.check()
    assert report.verdict is Verdict.SAME
    decided = here.compared["decisions"] + here.compared["local times"]
    assert report.other_tzdata == {recorded: decided}
    assert here.other_tzdata == {}


def test_what_hangs_on_an_erased_value_is_said_to_be_left_out(owner: psycopg.Connection) -> None:
    make_busy_world(owner)
    contact = Contact.objects.get(ref="c-6")
    owner.execute("DELETE FROM audit_opening WHERE subject = 'contact/c-6'")
    owner.execute("DELETE FROM channels_outboxmessage WHERE run = 'run/6'")
    with log.writing(by="cli") as writer:
        writer.append("contact/c-6", "subject.erased", {})
    blank = dict.fromkeys(("first_name", "last_name", "email", "phone"), "")
    Contact.objects.filter(pk=contact.pk).update(state="erased", **blank)
    report = check.check()
    assert [str(each) for each in report.differences] == []
    assert report.erased["vault: values"] == 6  # four fields and two proofs
    assert report.erased["messages: text"] == 2
    assert report.erased["decisions: /data/facts/suppressions"] > 0
    assert report.erased["decisions: /data/facts/hours/zones"] > 0
    assert report.erased["local times: /data/zone"] == 1
    assert report.skipped == {}
