"""Pages for strangers, for people without the right, and for those with it; and what their forms do."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from policies import operations, publishing
from policies.models import Consent, Contact, KillSwitch, PolicyVersion, Suppression
from tests.integration.policies.made import ACTOR, clock, make_consent, make_contact, publish
from tests.unit.policies.facts import make_policy

pytestmark = pytest.mark.django_db


def person(*rights: str) -> Client:
    """Return a browser in which somebody of the staff with these rights is logged in."""
    user = User.objects.create_user(f"user{User.objects.count()}", password="x", is_staff=True)
    for right in rights:
        app, codename = right.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(user)
    return client


EVERYTHING = [
    f"policies.{name}"
    for name in (
        "view_contact",
        "view_consent",
        "view_suppression",
        "view_policy",
        "view_killswitch",
        "view_counter",
        "manage_contacts",
        "view_address",
        "manage_consent",
        "manage_suppressions",
        "manage_policies",
    )
]


@pytest.fixture
def world() -> dict[str, Any]:
    """One contact with everything, one policy, one engaged switch."""
    publish()
    contact = make_contact(ref="c-1", email="ada@example.org", phone="+12195550100", attributes={"tier": "gold"})
    make_consent(contact)
    make_consent(contact, channel="voice")
    operations.revoke_consent(
        actor=ACTOR, contact=contact, channel="voice", purpose="marketing", source="phone call", note="in the evening"
    )
    entry, _ = operations.add_suppression(
        actor=ACTOR, address="ada@example.org", scope="channel", reason="manual", note="asked us"
    )
    switch = publishing.engage_kill_switch(actor=ACTOR, scope="channel", key="voice", reason="wrong script")
    return {"contact": contact, "entry": entry, "switch": switch}


PAGES = [
    ("contacts", "policies.view_contact"),
    ("contact_new", "policies.manage_contacts"),
    ("contacts_import", "policies.manage_contacts"),
    ("contact", "policies.view_contact"),
    ("contact_edit", "policies.manage_contacts"),
    ("grant", "policies.manage_consent"),
    ("withdraw", "policies.manage_consent"),
    ("consents", "policies.view_consent"),
    ("suppressions", "policies.view_suppression"),
    ("suppression_add", "policies.manage_suppressions"),
    ("suppressions_import", "policies.manage_suppressions"),
    ("suppression_remove", "policies.manage_suppressions"),
    ("limits", "policies.view_policy"),
    ("policy_new", "policies.manage_policies"),
    ("policy", "policies.view_policy"),
    ("policy_edit", "policies.manage_policies"),
    ("policy_document", "policies.manage_policies"),
    ("policy_version", "policies.view_policy"),
    ("hours", "policies.view_policy"),
    ("kill_switches", "policies.view_killswitch"),
    ("kill_switch_engage", "policies.manage_policies"),
    ("kill_switch_release", "policies.manage_policies"),
]


def address(name: str, world: dict[str, Any]) -> str:
    arguments: dict[str, list[Any]] = {
        **{name: ["c-1"] for name in ("contact", "contact_edit", "grant", "withdraw")},
        **{name: ["outreach"] for name in ("policy", "policy_edit", "policy_document")},
        "policy_version": ["outreach", 1],
        "suppression_remove": [world["entry"].pk],
        "kill_switch_release": [world["switch"].pk],
    }
    return reverse(f"policies:{name}", args=arguments.get(name, []))


@pytest.mark.parametrize(("name", "right"), PAGES)
def test_a_page_opens_for_its_right_alone(name: str, right: str, world: dict[str, Any]) -> None:
    url = address(name, world)
    stranger = Client().get(url)
    assert stranger.status_code == 302 and "login" in stranger["Location"]
    others = [other for other in EVERYTHING if other != right]
    if name == "kill_switch_engage":
        others.remove("policies.manage_suppressions")  # stopping takes either right
    assert person(*others).get(url).status_code == 403
    assert person(*others).post(url).status_code in (403, 405)
    also = ("policies.view_address",) if name == "contact_edit" else ()  # its fields stand there in clear
    assert person(right, *also).get(url).status_code == 200


def rows() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Contact, Consent, Suppression, PolicyVersion, KillSwitch, Entry))


def test_looking_changes_nothing_and_every_page_obeys_the_csp(world: dict[str, Any]) -> None:
    client, before = person(*EVERYTHING), rows()
    for name, _ in PAGES:
        html = client.get(address(name, world)).content.decode()
        main = html[html.index('id="content"') :]
        for forbidden in ("style=", " onclick", "<script>", "hx-on", "hx-vals"):
            assert forbidden not in main, name
    assert rows() == before


# --- contacts ---


def test_addresses_are_masked_for_whoever_may_not_read_them(world: dict[str, Any]) -> None:
    seeing = person("policies.view_contact", "policies.view_suppression")
    for url in (address("contacts", world), address("contact", world), address("suppressions", world)):
        html = seeing.get(url).content.decode()
        assert "ada@example.org" not in html and "+12195550100" not in html
        assert "a•••@example.org" in html
        assert "ada@example.org" in person(*EVERYTHING).get(url).content.decode()


def test_who_may_not_read_names_does_not_find_by_them(world: dict[str, Any]) -> None:
    make_contact(ref="c-2", first_name="Bob", email="bob@example.com")
    client = person("policies.view_contact")
    for question in ("bo", "bob@example.com"):
        html = client.get(address("contacts", world), {"q": question}).content.decode()
        assert "No contact matches. You can search by reference only." in html
    assert "/contacts/c-2/" in client.get(address("contacts", world), {"q": "c-2"}).content.decode()


def test_a_contact_is_found_by_address_name_or_reference(world: dict[str, Any]) -> None:
    make_contact(ref="c-2", first_name="Bob", email="bob@example.com")
    client = person("policies.view_contact", "policies.view_address")
    for question, found in (("ADA@example.org", "c-1"), ("bo", "c-2"), ("c-", "c-1"), ("+1 219 555 0100", "c-1")):
        assert f"/contacts/{found}/" in client.get(address("contacts", world), {"q": question}).content.decode()
    assert "No contact matches" in client.get(address("contacts", world), {"q": "zoe"}).content.decode()


@pytest.mark.parametrize("nonsense", ["%00", "%27%22%3Cb%3E", "%F0%9F%92%A9", "a" * 300])
def test_nonsense_in_an_address_is_no_error(nonsense: str, world: dict[str, Any]) -> None:
    client = person(*EVERYTHING)
    assert client.get(f"/admin/contacts/{nonsense}/").status_code == 404
    for name in ("contacts", "consents", "suppressions"):
        url = address(name, world)
        assert client.get(f"{url}?q={nonsense}&purpose={nonsense}&page=x&before=x&state=x").status_code == 200


def test_the_contact_page_says_what_stops_messages_and_where_the_contact_may_be(world: dict[str, Any]) -> None:
    html = person(*EVERYTHING).get(address("contact", world)).content.decode()
    assert "is blocked since" in html and "asked us" in html
    assert "withdrawn" in html and "granted" in html and "form record 77" in html
    assert "America/Chicago" in html and "allowed by the phone number" in html and "stated by the contact" in html
    assert "does not agree on the local time" in html
    assert "gold" in html


def test_a_contact_is_added_through_the_form(world: dict[str, Any]) -> None:
    client = person("policies.view_contact", "policies.manage_contacts")
    wrong = client.post(address("contact_new", world), {"ref": "c-9", "email": "nobody", "attributes": '{"a": 1.5}'})
    assert wrong.status_code == 422
    assert "is not an email address" in wrong.content.decode() and "a value is a whole number" in wrong.content.decode()
    good = client.post(address("contact_new", world), {"ref": "c-9", "email": "Zoe@example.com"}, follow=True)
    assert "c-9 was added" in good.content.decode() and Contact.objects.get(ref="c-9").email == "zoe@example.com"


def test_a_stale_change_is_a_409_that_names_the_other_person(world: dict[str, Any]) -> None:
    client = person("policies.manage_contacts", "policies.view_address")
    shown = {"email": "ada@example.org", "state": "active", "version": 1}
    operations.update_contact(actor="user:77", ref="c-1", zone="Europe/Paris")
    late = client.post(address("contact_edit", world), shown)
    assert late.status_code == 409 and "user:77 changed this contact" in late.content.decode()
    assert Contact.objects.get(ref="c-1").zone == "Europe/Paris"


def test_closing_a_contact(world: dict[str, Any]) -> None:
    client = person("policies.manage_contacts", "policies.view_contact", "policies.view_address")
    client.post(address("contact_edit", world), {"state": "closed", "version": 1, "email": "ada@example.org"})
    assert Contact.objects.get(ref="c-1").state == "closed"


def test_consent_is_recorded_and_withdrawn_through_the_forms(world: dict[str, Any]) -> None:
    make_contact(ref="c-2")
    client = person("policies.manage_consent", "policies.view_contact")
    url = reverse("policies:grant", args=["c-2"])
    grant = {"channel": "email", "purpose": "marketing", "kind": "express", "source": "web form", "proof": "record 5"}
    assert client.post(url, {**grant, "proof": ""}).status_code == 422
    assert client.post(url, grant).status_code == 302
    withdrawal = {"channel": "email", "purpose": "marketing", "source": "phone call"}
    client.post(reverse("policies:withdraw", args=["c-2"]), withdrawal)
    assert [row.status for row in Consent.objects.filter(contact__ref="c-2").order_by("version")] == [
        "granted",
        "revoked",
    ]
    again = client.post(url, {**grant, "given": "2020-01-01"})
    assert again.status_code == 422 and "a withdrawal wins" in again.content.decode()


def test_a_file_of_contacts_is_taken_whole_or_refused_with_line_numbers(world: dict[str, Any]) -> None:
    client = person("policies.manage_contacts", "policies.view_contact", "policies.view_address")
    url = address("contacts_import", world)
    bad = client.post(url, {"file": SimpleUploadedFile("c.csv", b"ref,email\nc-8,x\n")})
    assert bad.status_code == 422 and "line 2: email" in bad.content.decode()
    good = client.post(url, {"file": SimpleUploadedFile("c.csv", b"ref,email\nc-8,z@example.com\n")}, follow=True)
    assert "1 added, 0 changed" in good.content.decode()
    assert client.post(url, {}).status_code == 422


# --- suppressions ---


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("ADA@example.org", "Blocked for email"),
        ("bob@example.com", "Not suppressed."),
        ("nonsense", "is not a phone number"),
    ],
)
def test_the_search_box_answers_in_one_line(question: str, said: str, world: dict[str, Any]) -> None:
    html = person("policies.view_suppression").get(address("suppressions", world), {"q": question}).content.decode()
    assert said in html
    if said.startswith("Blocked"):
        line = html[html.index("Blocked for email") :][:300]
        assert "since" in line and "because somebody here decided so" in line


def test_the_history_names_who_added_and_removed(world: dict[str, Any]) -> None:
    operations.remove_suppression(
        actor=ACTOR, suppression_id=world["entry"].pk, reason="typed by mistake", approver=False
    )
    html = person(*EVERYTHING).get(address("suppressions", world), {"q": "ada@example.org"}).content.decode()
    assert "Not suppressed." in html and "It was earlier" in html and "typed by mistake" in html and "asked us" in html


def test_an_address_is_suppressed_through_the_form(world: dict[str, Any]) -> None:
    client = person("policies.manage_suppressions", "policies.view_suppression")
    url = address("suppression_add", world)
    new = {"address": "Bob@example.com", "scope": "channel", "reason": "complaint"}
    assert client.post(url, {**new, "expires_at": "2099-01-01"}).status_code == 422
    assert "Blocked for email" in client.post(url, new, follow=True).content.decode()
    assert Suppression.objects.get(address="bob@example.com").reason == "complaint"


def test_removal_needs_a_reason_and_for_a_complaint_an_approver(world: dict[str, Any]) -> None:
    entry, _ = operations.add_suppression(actor=ACTOR, address="c@example.com", scope="global", reason="complaint")
    url = reverse("policies:suppression_remove", args=[entry.pk])
    operator = person("policies.manage_suppressions", "policies.view_suppression")
    assert "Only an approver" in operator.get(url).content.decode()
    assert operator.post(url, {"reason": "please"}).status_code == 422
    approver = person("policies.manage_suppressions", "policies.view_suppression", "plans.activate_plan")
    assert approver.post(url, {"reason": ""}).status_code == 422
    assert approver.post(url, {"reason": "proved to be a mistake"}).status_code == 302
    assert approver.post(url, {"reason": "again"}).status_code == 409


def test_many_addresses_are_counted_first_and_added_when_confirmed(world: dict[str, Any]) -> None:
    client = person("policies.manage_suppressions", "policies.view_suppression")
    url = address("suppressions_import", world)
    given = {"text": "x@example.com\nnobody\nada@example.org", "scope": "channel", "reason": "manual"}
    counted = client.post(url, given)
    assert "1 new, 1 known already, 1 invalid" in counted.content.decode() and "line 2:" in counted.content.decode()
    assert not Suppression.objects.filter(address="x@example.com").exists()
    done = client.post(url, {**given, "confirm": "1"}, follow=True)
    assert "1 added, 1 known already, 1 lines left out" in done.content.decode()
    assert Suppression.objects.filter(address="x@example.com").exists()


def test_a_file_of_addresses_is_shown_again_as_text_to_confirm(world: dict[str, Any]) -> None:
    client = person("policies.manage_suppressions", "policies.view_suppression")
    url = address("suppressions_import", world)
    file = SimpleUploadedFile("s.csv", b"address,reason\ny@example.com,dnc\n")
    counted = client.post(url, {"file": file, "scope": "global", "reason": "manual"}).content.decode()
    assert "1 new" in counted and "y@example.com,dnc" in counted
    assert client.post(url, {"scope": "global", "reason": "manual"}).status_code == 422
    bad = client.post(url, {"file": SimpleUploadedFile("s.csv", b"\xff\xfea"), "scope": "global", "reason": "manual"})
    assert bad.status_code == 422 and "UTF-16" in bad.content.decode()


# --- policies ---


def test_limits_show_use_and_reset(world: dict[str, Any]) -> None:
    html = person("policies.view_policy").get(address("limits", world)).content.decode()
    assert "email-day" in html and "outreach-month" in html and "50.00 EUR" in html and "0 %" in html


def test_hours_are_shown_in_words(world: dict[str, Any]) -> None:
    html = person("policies.view_policy").get(address("hours", world)).content.decode()
    assert "Mon to Fri 09:00 to 20:00" in html


NUMBERS = {
    "limit-email-day": 500,
    "limit-voice-day": 50,
    "budget-outreach-month": "75.5",
    "price-email": "0.001",
    "price-voice": "0.08",
}


def test_changing_a_limit_publishes_a_version_with_its_reason(world: dict[str, Any]) -> None:
    client = person("policies.manage_policies", "policies.view_policy")
    url = address("policy_edit", world)
    assert client.post(url, {**NUMBERS, "expected": 1}).status_code == 422
    page = client.post(url, {**NUMBERS, "expected": 1, "reason": "spring"}, follow=True).content.decode()
    assert "Version 2 of outreach counts from now on" in page and "spring" in page
    body = json.loads(PolicyVersion.objects.get(number=2).body)
    assert body["daily_limits"][0]["limit"] == 500 and body["budgets"][0]["limit"] == 75_500_000
    assert body["prices"] == {"email": 1000, "voice": 80000}
    stale = client.post(url, {**NUMBERS, "expected": 1, "reason": "late"})
    assert stale.status_code == 409 and "published version 2" in stale.content.decode()


RECOVERY = [
    {
        "on": ["rate_limited", "smtp_421"],
        "channels": ["email"],
        "action": "retry",
        "max_attempts": 3,
        "backoff_ticks": [60, 300, 1800],
    }
]
RETRIES = (
    "When a mail fails with rate_limited or smtp_421: retry up to 3 times, after 1 min, 5 min, 30 min; "
    "each time the full gate again."
)


def test_recovery_rules_are_shown_as_sentences_and_kept_when_a_limit_changes(world: dict[str, Any]) -> None:
    client = person("policies.manage_policies", "policies.view_policy")
    url, page = address("policy_document", world), address("policy", world)
    assert "stays failed until an operator acts" in client.get(page).content.decode()
    text = json.dumps(make_policy(recovery=RECOVERY))
    client.post(url, {"text": text, "expected": 1, "reason": "storms"})
    client.post(address("policy_edit", world), {**NUMBERS, "expected": 2, "reason": "spring"})
    assert RETRIES in client.get(page).content.decode()
    assert RETRIES in client.get(reverse("policies:policy_version", args=["outreach", 3])).content.decode()
    assert RETRIES not in client.get(address("policy_version", world)).content.decode()
    assert json.loads(PolicyVersion.objects.get(number=3).body)["recovery"] == RECOVERY


def test_a_retry_that_could_send_twice_is_refused_on_the_page(world: dict[str, Any]) -> None:
    client = person("policies.manage_policies", "policies.view_policy")
    unsafe = make_policy(recovery=[RECOVERY[0] | {"on": ["smtp_timeout_after_data"]}])
    given = {"text": json.dumps(unsafe), "expected": 1, "reason": "x"}
    answer = client.post(address("policy_document", world), given)
    assert answer.status_code == 422
    assert "/recovery/0/on/0: with smtp_timeout_after_data" in answer.content.decode()
    assert "could send it twice" in answer.content.decode()
    assert PolicyVersion.objects.count() == 1


def test_a_document_is_refused_with_its_problems_beside_it(world: dict[str, Any]) -> None:
    client = person("policies.manage_policies", "policies.view_policy")
    url = address("policy_document", world)
    wrong = json.dumps({**make_policy(), "currency": "euro"})
    answer = client.post(url, {"text": wrong, "expected": 1, "reason": "x"})
    assert answer.status_code == 422 and "/currency: write a currency" in answer.content.decode()
    other = client.post(url, {"text": json.dumps(make_policy(key="other")), "expected": 1, "reason": "x"})
    assert other.status_code == 422 and "must stay outreach" in other.content.decode()
    same = client.post(url, {"text": json.dumps(make_policy()), "expected": 1, "reason": "x"}, follow=True)
    assert "nothing was published" in same.content.decode()


def test_the_exact_bytes_of_a_version_can_be_had(world: dict[str, Any]) -> None:
    raw = person("policies.view_policy").get(address("policy_version", world), {"raw": "1"})
    assert raw["Content-Type"] == "application/json"
    assert raw.content.decode() == PolicyVersion.objects.get().body


def test_the_stream_of_suppressions_leads_to_their_page(world: dict[str, Any]) -> None:
    client = person("policies.view_policy", "policies.view_suppression")
    assert client.get(reverse("policies:policy", args=["suppressions"]))["Location"] == reverse("policies:suppressions")
    assert client.get(reverse("policies:policy", args=["nothing"])).status_code == 404


# --- the kill switch ---


def test_stopping_takes_less_than_going_on(world: dict[str, Any]) -> None:
    operator = person("policies.manage_suppressions", "policies.view_killswitch")
    stop = {"scope": "channel", "channel": "email", "reason": "complaints come in"}
    assert operator.post(address("kill_switch_engage", world), {**stop, "channel": ""}).status_code == 422
    page = operator.post(address("kill_switch_engage", world), stop, follow=True).content.decode()
    assert "Sending is stopped" in page and "complaints come in" in page and "Release…" not in page
    assert operator.post(address("kill_switch_engage", world), stop).status_code == 409
    release = reverse("policies:kill_switch_release", args=[KillSwitch.objects.get(key="email").pk])
    assert operator.post(release, {"reason": "over"}).status_code == 403
    chief = person("policies.manage_policies", "policies.view_killswitch")
    assert chief.post(release, {"reason": "over"}).status_code == 302
    assert not KillSwitch.objects.get(key="email").engaged


def test_a_form_without_its_token_is_refused(world: dict[str, Any]) -> None:
    user = User.objects.create_superuser("root", password="x")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.post(address("kill_switch_engage", world), {"scope": "global", "reason": "x"}).status_code == 403
    assert KillSwitch.objects.count() == 1 and clock() > 0


@pytest.mark.parametrize("path", ["add/", "1/delete/"])
def test_the_stock_admin_writes_nothing(path: str, world: dict[str, Any]) -> None:
    user = User.objects.create_superuser("root", password="x")
    client = Client()
    client.force_login(user)
    assert client.get("/admin/policies/counter/").status_code == 200
    assert client.post(f"/admin/policies/counter/{path}").status_code in (302, 403)
