"""The page of a rehearsal: its form, what it tells, who may open it, and that it needs no script and keeps no state."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import Head
from plans import drafts
from plans.models import PlanDraft
from tests.factories import DONE, MAIL_STEPS, make_contact, make_plan
from tests.factories_runs import make_world, signed_in
from tests.integration.runs.asking import HTMX, queries_of, text

pytestmark = pytest.mark.django_db(transaction=True)

MAIL: Any = MAIL_STEPS["mail"]
EDIT = ("plans.view_plan", "plans.edit_plan")
SEE_CONTACTS = (*EDIT, "policies.view_contact", "policies.view_address")
STEPS: dict[str, Any] = {
    "mail": MAIL | {"on": {"sent": "opened"}},
    "opened": {
        "kind": "wait_for_event",
        "event": "opened",
        "timeout_s": 86_400,
        "on": {"event": "look", "timeout": "lost"},
    },
    "look": {"kind": "task", "title": "Look at <it>", "timeout_s": 3600, "on": {"good": "done", "timeout": "lost"}},
    "done": DONE,
    "lost": {"kind": "end", "result": "lost"},
}
SAID = {
    "who": "made_up",
    "first_name": "Ada",
    "email": "ada@example.org",
    "zone": "Europe/London",
    "consent_email": "granted",
}


def page(key: str = "simple") -> str:
    return reverse("runs:rehearse", args=[key])


def make_draft(steps: dict[str, Any] = STEPS, **changes: Any) -> None:
    make_world()
    make_plan("tried", MAIL_STEPS)
    document = {
        "schema": "dee.plan/1",
        "key": "tried",
        "entry": "mail",
        "purpose": "marketing",
        "policy": "open",
        "attributes": {"tier": "string", "vip": "bool", "age": "int"},
        "limits": {"max_steps": 50, "max_duration_s": 2_592_000},
        "steps": steps,
    } | changes
    drafts.save_text(plan_key="tried", body=json.dumps(document), expected_revision=0, actor="cli")


def rehearsed(client: Client, said: dict[str, Any] | None = None, **more: Any) -> Any:
    return client.post(page("tried"), SAID | (said or {}), **more)


def test_the_form_works_as_it_stands() -> None:
    make_draft()
    client = signed_in(*EDIT)

    empty = client.get(page("tried"))
    initial = {field.html_name: field.value() for field in empty.context["form"]}
    told = client.post(page("tried"), {name: value for name, value in initial.items() if value not in (None, False)})

    assert "Not rehearsed yet" in text(empty) and "the draft, r1" in text(empty)
    assert told.status_code == 200 and told.context["told"]["played"].status == "COMPLETED"


def test_it_tells_the_end_the_trace_the_path_and_the_messages() -> None:
    make_draft()

    told = rehearsed(
        signed_in(*EDIT),
        {"event_mail_opened": "on", "after_mail_opened": "2 h", "task_look": "good", "after_look": "30 min"},
    )

    shown = text(told)
    assert "After 2 h 30 min: Completed:" in shown and "finished." in shown
    assert "1 message would have left." in shown and "Hello Ada." in shown and "To ada@example.org" in shown
    assert "consent email granted" in shown and "02:30:00" in shown
    states = {card.name: card.state for card in told.context["told"]["picture"].cards}
    assert states == {"mail": "done", "opened": "done", "look": "done", "done": "done", "lost": "none"}
    assert "Look at &lt;it&gt;" in shown


def test_a_failure_says_why_and_what_would_be_needed() -> None:
    make_draft()

    shown = text(rehearsed(signed_in(*EDIT), {"first_mail": "not_sent:smtp_recipient_refused"}))

    assert "At once: Stopped at mail:" in shown and "refused the recipient address" in shown


def test_a_later_send_of_a_step_may_end_otherwise() -> None:
    recovery = [{"on": ["smtp_421"], "action": "retry", "max_attempts": 2, "backoff_ticks": [60]}]
    make_world(recovery=recovery)
    make_plan("simple", MAIL_STEPS)

    told = signed_in(*EDIT).post(page(), SAID | {"first_mail": "not_sent:smtp_421", "later_mail": "accepted"})

    played = told.context["told"]["played"]
    assert [sent.tick for sent in played.sent] == [0, 60] and played.status == "COMPLETED"


def test_a_start_is_the_contacts_local_time() -> None:
    make_draft()

    told = rehearsed(signed_in(*EDIT), {"start": "2027-07-01T09:00"})

    assert told.context["told"]["start_at"] == 1_814_428_800  # 08:00 UTC: London has summer time
    assert "It starts Thu 1 Jul 09:00 in Europe/London." in text(told)


def test_without_a_start_it_begins_now() -> None:
    make_draft()

    assert rehearsed(signed_in(*EDIT)).context["told"]["start_at"] == Head.objects.get().clock


def test_attributes_of_a_made_up_contact_have_the_types_the_plan_declares() -> None:
    make_draft()

    told = rehearsed(signed_in(*EDIT), {"attr_tier": "gold", "attr_vip": "false", "attr_age": ""})

    assert told.context["told"]["played"].bodies[0]["data"]["attrs"] == {"tier": "gold", "vip": False}


def test_a_real_contact_is_named_by_reference() -> None:
    make_draft()
    make_contact("c-9")
    client = signed_in(*SEE_CONTACTS)

    told = rehearsed(client, {"who": "contact", "contact": "c-9"})
    unknown = rehearsed(client, {"who": "contact", "contact": "c-8"})
    unnamed = rehearsed(client, {"who": "contact"})

    assert "Hello Ann." in text(told) and told.context["told"]["played"].bodies[0]["data"]["contact"]["ref"] == "c-9"
    assert unknown.status_code == 422 and "There is no contact “c-8”." in text(unknown)
    assert unnamed.status_code == 422 and "Name the contact" in text(unnamed)


def test_who_may_not_see_contacts_rehearses_with_made_up_ones_only() -> None:
    make_draft()
    make_contact("c-9")
    client = signed_in(*EDIT)

    refused = rehearsed(client, {"who": "contact", "contact": "c-9"})

    assert refused.status_code == 422 and "Hello Ann." not in text(refused)
    assert "A contact of yours" not in text(client.get(page("tried")))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"after_mail_opened": "soon"}, "Write a length of time such as 90 s, 2 h 30 min or 3 d."),
        ({"after_mail_opened": "400 d"}, "That is longer than a year."),
        ({"zone": "Mars/Olympus"}, "is not a time zone"),
        ({"email": "nobody"}, "is not an email address"),
        ({"first_mail": "label:busy"}, "Select a valid choice"),
        ({"attr_age": "old"}, "Enter a whole number."),
    ],
)
def test_what_is_not_right_is_said_and_nothing_is_rehearsed(said: dict[str, str], sentence: str) -> None:
    make_draft()

    answer = rehearsed(signed_in(*EDIT), said)

    assert answer.status_code == 422 and sentence in text(answer) and answer.context["told"] is None


def test_a_draft_with_problems_cannot_be_rehearsed_and_says_why() -> None:
    make_draft(STEPS | {"mail": MAIL | {"on": {"sent": "nowhere"}}})

    shown = text(signed_in(*EDIT).get(page("tried")))

    assert (
        "This plan cannot be tried out yet." in shown
        and "/steps/mail/on/sent" in shown
        and '<form method="post" class="card"' not in shown
    )


def test_a_draft_whose_template_is_missing_cannot_be_rehearsed() -> None:
    make_draft(STEPS | {"mail": STEPS["mail"] | {"template": "gone@1"}})

    assert "There is no template" in text(signed_in(*EDIT).get(page("tried")))


def test_a_published_version_is_rehearsed_by_whoever_may_see_plans() -> None:
    make_world()
    url = reverse("runs:rehearse_version", args=["simple", 1])

    told = signed_in("plans.view_plan").post(url, SAID)

    assert told.status_code == 200 and told.context["told"]["played"].bodies[0]["data"]["plan"]["version"] == 1
    assert (
        signed_in("plans.view_plan", name="ann").get(reverse("runs:rehearse_version", args=["simple", 9])).status_code
        == 404
    )


def test_it_needs_the_right_of_the_draft_page() -> None:
    make_world()

    assert Client().get(page()).status_code == 302
    assert signed_in("plans.view_plan").get(page()).status_code == 403
    assert signed_in(*EDIT, name="ann").get(page("nothing")).status_code == 404


def test_htmx_gets_the_part_and_no_frame() -> None:
    make_draft()
    client = signed_in(*EDIT)

    part = text(rehearsed(client, **HTMX))
    wrong = rehearsed(client, {"zone": "Mars"}, **HTMX)

    assert part.startswith('<div id="rehearsal">') and "<html" not in part and "Trace" in part
    assert wrong.status_code == 422 and "<html" not in text(wrong)


def test_a_rehearsal_costs_the_same_number_of_queries_however_much_happens() -> None:
    make_draft()
    client = signed_in(*EDIT)
    before = queries_of(client, page("tried"))
    assert before <= 12

    drafts = PlanDraft.objects.count()
    rehearsed(client)
    assert PlanDraft.objects.count() == drafts
