"""Every change with its entry, in one transaction, and never with a personal value in the log."""

import json
from typing import Any

import pytest

from audit import log, vault
from audit.models import Entry
from policies import addresses, contact_fields, operations, publishing
from policies.models import Consent, Contact, KillSwitch, PolicyVersion, Suppression
from policies.rules import document
from tests.integration.policies.made import ACTOR, clock, entries, make_consent, make_contact, publish, set_clock
from tests.unit.policies.facts import make_policy

pytestmark = pytest.mark.django_db

SUPPRESSIONS = operations.SUPPRESSIONS


def logged() -> str:
    return "\n".join(Entry.objects.values_list("body", flat=True))


# --- contacts ---


def test_a_new_contact_is_logged_by_commitments() -> None:
    contact = operations.create_contact(
        actor=ACTOR,
        ref="c-1",
        first_name="Ada",
        last_name="Lovelace",
        email="Ada@Example.com",
        phone="+1 212 555 0100",
        zone="America/New_York",
        country="us",
        attributes={"tier": "gold", "vip": True},
    )
    assert (contact.email, contact.phone, contact.country) == ("ada@example.com", "+12125550100", "US")
    [(type, data)] = entries("contact/c-1")
    assert type == "contact.created"
    assert data["zone"] == "America/New_York" and data["attributes"] == {"tier": "gold", "vip": True}
    assert data["email"].keys() == {"c", "kind", "ref"} and vault.reveal(data["email"]["ref"]) == "ada@example.com"
    assert not any(personal in logged() for personal in ("Ada", "ada@", "Lovelace", "2125550100"))


def test_a_reference_is_taken_once() -> None:
    make_contact(ref="c-1")
    with pytest.raises(operations.Refused, match="already"):
        make_contact(ref="c-1")
    assert len(entries("contact/c-1")) == 1


def test_a_bad_field_changes_nothing() -> None:
    with pytest.raises(contact_fields.Invalid):
        make_contact(ref="c-1", email="nobody")
    assert not Contact.objects.exists() and not Entry.objects.exists()


def test_a_change_names_only_what_changed() -> None:
    contact = make_contact(ref="c-1")
    operations.update_contact(actor=ACTOR, ref="c-1", expected_version=1, zone="Europe/Paris", last_name="King")
    contact.refresh_from_db()
    assert (contact.zone, contact.last_name, contact.version) == ("Europe/Paris", "King", 2)
    type, data = entries("contact/c-1")[-1]
    assert type == "contact.changed" and data["version"] == 2
    assert data["changed"].keys() == {"zone", "last_name"} and data["changed"]["last_name"]["kind"] == "last_name"


def test_a_change_that_changes_nothing_leaves_no_entry() -> None:
    contact = make_contact(ref="c-1")
    operations.update_contact(actor=ACTOR, ref="c-1", zone=contact.zone)
    assert len(entries("contact/c-1")) == 1


def test_a_stale_page_is_told_who_was_faster() -> None:
    make_contact(ref="c-1")
    operations.update_contact(actor="user:9", ref="c-1", expected_version=1, zone="Europe/Paris")
    with pytest.raises(operations.Stale, match=r"user:9 .* version 2"):
        operations.update_contact(actor=ACTOR, ref="c-1", expected_version=1, zone="")


def test_an_erased_contact_stays_as_it_is() -> None:
    contact = make_contact(ref="c-1")
    Contact.objects.filter(pk=contact.pk).update(state="erased", first_name="", last_name="", email="", phone="")
    with pytest.raises(operations.Refused, match="erased"):
        operations.update_contact(actor=ACTOR, ref="c-1", first_name="Back")
    with pytest.raises(operations.Refused, match="active or closed"):
        operations.update_contact(actor=ACTOR, ref=make_contact().ref, state="erased")


# --- consent ---


def test_a_grant_is_a_row_and_an_entry_and_its_proof_stays_out_of_the_log() -> None:
    contact = make_contact(ref="c-1")
    row = make_consent(contact, proof="signed by Ada on paper")
    assert (row.version, row.status, row.kind, row.at) == (1, "granted", "express", clock())
    assert vault.reveal(row.proof_ref) == "signed by Ada on paper"
    type, data = entries("contact/c-1")[-1]
    assert type == "consent.granted"
    assert {name: data[name] for name in ("channel", "purpose", "version", "kind", "source", "at")} == {
        "channel": "email",
        "purpose": "marketing",
        "version": 1,
        "kind": "express",
        "source": "web form",
        "at": clock(),
    }
    assert "signed by Ada" not in logged()


def test_withdrawing_adds_a_row_and_the_newest_counts() -> None:
    contact = make_contact(ref="c-1")
    make_consent(contact)
    revoked = operations.revoke_consent(
        actor=ACTOR, contact=contact, channel="email", purpose="marketing", source="phone call", note="was angry"
    )
    assert (revoked.version, revoked.status) == (2, "revoked")
    assert entries("contact/c-1")[-1][0] == "consent.revoked" and "angry" not in logged()
    assert Consent.objects.filter(contact=contact).count() == 2


def test_an_older_or_simultaneous_grant_never_beats_a_withdrawal() -> None:
    contact = make_contact()
    operations.revoke_consent(actor=ACTOR, contact=contact, channel="email", purpose="marketing", source="letter")
    for at in (None, clock(), clock() - 86400):
        with pytest.raises(operations.Refused, match="withdrawal wins"):
            make_consent(contact, at=at)
    set_clock(clock() + 1)
    assert make_consent(contact).version == 2  # agreed again, afterwards


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"channel": "fax"}, "channel"),
        ({"purpose": "Marketing"}, "purpose"),
        ({"kind": "rumour"}, "kind"),
        ({"source": ""}, "source"),
        ({"source": "ada@example.com"}, "source"),
        ({"proof": " "}, "proof"),
        ({"text_version": "über"}, "text_version"),
        ({"at": 4_000_000_000}, "at"),
    ],
)
def test_a_grant_needs_all_of_its_proof(wrong: dict[str, Any], field: str) -> None:
    contact = make_contact()
    with pytest.raises(operations.Refused) as caught:
        make_consent(contact, **wrong)
    assert caught.value.field == field
    assert not Consent.objects.exists()


# --- suppressions ---


def suppress(address: str = "ada@example.com", **more: Any) -> tuple[Suppression, bool]:
    return operations.add_suppression(
        actor=ACTOR, **{"address": address, "scope": "channel", "reason": "manual", **more}
    )


def test_a_suppression_is_keyed_by_the_normal_address() -> None:
    entry, new = suppress("ADA@Example.com", note="asked by phone, Ada herself")
    assert new and (entry.address, entry.channel, entry.created_by) == ("ada@example.com", "email", ACTOR)
    [(type, data)] = entries(SUPPRESSIONS)
    assert (type, data["id"], data["scope"], data["channel"], data["reason"]) == (
        "suppression.added",
        entry.pk,
        "channel",
        "email",
        "manual",
    )
    assert data["address"]["kind"] == "email" and "ada@" not in logged() and "herself" not in logged()


def test_the_same_again_changes_nothing() -> None:
    first, _ = suppress()
    again, new = suppress()
    assert (again.pk, new) == (first.pk, False) and len(entries(SUPPRESSIONS)) == 1


@pytest.mark.parametrize(
    ("known", "added", "replaced"),
    [
        ({"reason": "manual"}, {"reason": "complaint"}, True),
        ({"reason": "complaint"}, {"reason": "manual"}, False),
        ({"reason": "complaint"}, {"reason": "unsubscribe"}, False),
        ({"reason": "soft_bounce", "expires_at": 10}, {"reason": "manual"}, True),
        ({"reason": "soft_bounce", "expires_at": 10}, {"reason": "soft_bounce", "expires_at": 20}, True),
        ({"reason": "soft_bounce", "expires_at": 20}, {"reason": "soft_bounce", "expires_at": 10}, False),
        ({"reason": "hard_bounce"}, {"reason": "soft_bounce", "expires_at": 10}, False),
    ],
)
def test_a_stronger_entry_replaces_a_weaker_one_never_the_reverse(
    known: dict[str, Any], added: dict[str, Any], replaced: bool
) -> None:
    def timed(entry: dict[str, Any]) -> dict[str, Any]:
        return {**entry, **({"expires_at": clock() + entry["expires_at"]} if "expires_at" in entry else {})}

    first, _ = suppress(**timed(known))
    holding, new = suppress(**timed(added))
    assert new is replaced and (holding.pk != first.pk) is replaced
    first.refresh_from_db()
    assert (first.removed_at is not None) is replaced
    types = [type for type, _ in entries(SUPPRESSIONS)]
    assert types == ["suppression.added", *(["suppression.replaced", "suppression.added"] if replaced else [])]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"reason": "mood"}, "reason"),
        ({"scope": "world"}, "scope"),
        ({"channel": "voice"}, "channel"),
        ({"scope": "global", "channel": "email"}, "channel"),
        ({"scope": "plan"}, "plan_key"),
        ({"plan_key": "spring"}, "plan_key"),
        ({"reason": "dnc", "expires_at": 4_000_000_000}, "expires_at"),
        ({"expires_at": 5}, "expires_at"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(operations.Refused) as caught:
        suppress(**wrong)
    assert caught.value.field == field and not Suppression.objects.exists()


def test_a_bad_address_is_refused() -> None:
    with pytest.raises(addresses.BadAddress):
        suppress("nobody")


def remove(entry: Suppression, **more: Any) -> Suppression:
    wanted = {"reason": "typed by mistake", "approver": False, **more}
    return operations.remove_suppression(actor="user:2", suppression_id=entry.pk, **wanted)


def test_removal_is_recorded_with_its_reason() -> None:
    entry, _ = suppress()
    removed = remove(entry)
    assert (removed.removed_at, removed.removed_by) == (clock(), "user:2")
    type, data = entries(SUPPRESSIONS)[-1]
    assert type == "suppression.removed" and data["id"] == entry.pk
    assert vault.reveal(data["reason"]["ref"]) == "typed by mistake" and "mistake" not in logged()
    with pytest.raises(operations.Stale, match="user:2 removed"):
        remove(entry)
    assert suppress()[1]  # and it can be put back


@pytest.mark.parametrize("reason", ["complaint", "unsubscribe", "dnc", "cease", "attorney"])
def test_what_the_person_said_only_an_approver_removes(reason: str) -> None:
    entry, _ = suppress(reason=reason)
    with pytest.raises(operations.Refused, match="approver"):
        remove(entry)
    assert remove(entry, approver=True).removed_at is not None


def test_an_erasure_is_never_removed_and_every_removal_needs_a_reason() -> None:
    entry, _ = suppress(reason="erasure")
    with pytest.raises(operations.Refused, match="erased"):
        remove(entry, approver=True)
    with pytest.raises(operations.Refused, match="why"):
        remove(entry, reason=" ", approver=True)


# --- what the engine applies in its own transaction ---


def opt_out(contact: Contact, **more: Any) -> dict[str, Any]:
    wanted = {"channel": "email", "plan_key": "spring", "reason": "unsubscribe", "source": "event 7", **more}
    with log.writing(by="engine") as writer:
        return operations.apply_opt_out(writer, contact=contact, now=writer.clock, **wanted)


def test_an_opt_out_withdraws_every_purpose_of_the_channel_and_suppresses_the_address() -> None:
    contact = make_contact(ref="c-1", email="ada@example.com")
    make_consent(contact)
    make_consent(contact, purpose="transactional", kind="contract")
    make_consent(contact, channel="voice")
    done = opt_out(contact)
    entry = Suppression.objects.get()
    assert done == {"revoked": ["marketing", "transactional"], "suppression": entry.pk, "new": True}
    assert (entry.address, entry.scope, entry.channel, entry.reason, entry.created_by) == (
        "ada@example.com",
        "channel",
        "email",
        "unsubscribe",
        "engine",
    )
    assert entries(SUPPRESSIONS)[-1][1]["led_by"] == "spring"
    newest = {(c.channel, c.purpose): c.status for c in Consent.objects.order_by("version")}
    assert newest == {
        ("email", "marketing"): "revoked",
        ("email", "transactional"): "revoked",
        ("voice", "marketing"): "granted",
    }


def test_an_opt_out_said_twice_is_kept_once() -> None:
    contact = make_contact(ref="c-1")
    make_consent(contact)
    opt_out(contact)
    before = len(entries("contact/c-1"))
    again = opt_out(contact)
    assert again["new"] is False and len(entries("contact/c-1")) == before


def test_an_opt_out_without_an_address_still_withdraws() -> None:
    contact = make_contact(phone="")
    make_consent(contact, channel="voice")
    assert opt_out(contact, channel="voice") == {"revoked": ["marketing"], "suppression": None, "new": False}


def test_a_bounce_suppresses_for_its_time() -> None:
    contact = make_contact()
    with log.writing(by="engine") as writer:
        entry, new = operations.apply_suppression(
            writer,
            contact=contact,
            channel="email",
            reason="soft_bounce",
            source="event 8",
            now=writer.clock,
            expires_at=writer.clock + 14 * 86400,
        )
    assert new and entry is not None and entry.expires_at == clock() + 14 * 86400


# --- policies and switches ---


def test_publishing_adds_a_version_with_its_hash_and_reason() -> None:
    first = publish()
    second = publish(prices={"email": 2000})
    assert (first.number, second.number, second.policy.active_version_id) == (1, 2, second.pk)
    assert [(type, data["number"], data["hash"]) for type, data in entries("policy/outreach")] == [
        ("policy.published", 1, first.hash),
        ("policy.published", 2, second.hash),
    ]
    assert document.parse(second.body).hash == second.hash


def test_publishing_the_same_again_changes_nothing() -> None:
    assert publish().pk == publish().pk and PolicyVersion.objects.count() == 1


def test_a_version_needs_a_reason_a_real_zone_and_keys_of_its_own() -> None:
    publish()
    with pytest.raises(operations.Refused, match="why"):
        publishing.publish_policy(actor=ACTOR, text=json.dumps(make_policy(key="other")), reason=" ")
    with pytest.raises(document.Invalid, match="no time zone"):
        publish(zone="Mars/Olympus")
    with pytest.raises(document.Invalid) as caught:
        publish(key="other")
    assert {problem.pointer for problem in caught.value.problems} == {
        "/daily_limits/0/key",
        "/daily_limits/1/key",
        "/budgets/0/key",
    }
    assert PolicyVersion.objects.count() == 1


def test_a_stale_edit_of_a_policy_is_refused() -> None:
    publish()
    with pytest.raises(operations.Stale, match="user:1 published version 1"):
        publishing.publish_policy(actor=ACTOR, text=json.dumps(make_policy()), reason="x", expected_number=0)


def test_a_switch_is_engaged_and_released_with_reasons_in_the_engines_stream() -> None:
    publishing.engage_kill_switch(actor=ACTOR, scope="channel", key="voice", reason="wrong script, says Bob")
    assert KillSwitch.objects.get().engaged
    with pytest.raises(operations.Stale, match="already"):
        publishing.engage_kill_switch(actor=ACTOR, scope="channel", key="voice", reason="again")
    publishing.release_kill_switch(actor="user:2", scope="channel", key="voice", reason="script fixed")
    assert not KillSwitch.objects.get().engaged
    assert [(type, data["scope"], data["key"]) for type, data in entries("engine")] == [
        ("kill_switch.engaged", "channel", "voice"),
        ("kill_switch.released", "channel", "voice"),
    ]
    assert "Bob" not in logged()


@pytest.mark.parametrize(
    "wrong",
    [
        {"scope": "world"},
        {"scope": "channel", "key": "fax"},
        {"scope": "global", "key": "email"},
        {"scope": "plan"},
        {"scope": "plan", "key": "a plan"},
        {"scope": "global", "reason": ""},
    ],
)
def test_a_switch_that_makes_no_sense_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(operations.Refused):
        publishing.engage_kill_switch(actor=ACTOR, **{"reason": "x", **wrong})
    with pytest.raises(operations.Refused):
        publishing.release_kill_switch(actor=ACTOR, scope="global", reason="was never engaged")
