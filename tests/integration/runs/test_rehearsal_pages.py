"""The page of a rehearsal: its timeline, what it tells, who may open it; it needs no script and keeps no state."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit.models import Head
from plans import drafts
from plans.models import PlanDraft
from tests.factories import DONE, MAIL_STEPS, make_contact, make_plan
from tests.factories_runs import make_world, signed_in
from tests.integration.runs.asking import HTMX, queries_of, text
from tests.unit.plans.documents import minimal

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
    attributes = {"tier": "string", "vip": "bool", "age": "int"}
    document = minimal(steps, key="tried", entry="mail", policy="open", attributes=attributes) | changes
    drafts.save_text(plan_key="tried", body=json.dumps(document), expected_revision=0, actor="cli")


def rehearsed(client: Client, said: dict[str, Any] | None = None, **more: Any) -> Any:
    return client.post(page("tried"), SAID | (said or {}), **more)


def test_it_is_played_at_once_for_a_made_up_contact_who_agreed_to_everything() -> None:
    make_draft()

    told = signed_in(*EDIT).get(page("tried"))

    assert told.status_code == 200 and "the draft, r1" in text(told)
    assert told.context["told"]["played"].status == "COMPLETED"
    assert [stop.label for stop in told.context["told"]["played"].path] == ["sent", "timeout", ""]
    assert "After 1 d: Completed:</strong> lost." in text(told) and "Hello Ada." in text(told)


def test_playing_what_is_shown_gives_what_is_shown() -> None:
    make_draft()
    client = signed_in(*EDIT)

    first = client.get(page("tried"))
    initial = {field.html_name: field.value() for field in first.context["form"]}
    again = client.post(page("tried"), {name: value for name, value in initial.items() if value not in (None, False)})

    assert again.context["told"]["played"].path == first.context["told"]["played"].path


def test_it_tells_the_end_the_timeline_the_path_and_the_message() -> None:
    make_draft()

    told = rehearsed(
        signed_in(*EDIT),
        {
            "tick.mail.1.opened": "on",
            "after.mail.1.opened": "2 h",
            "person.look.1": "good",
            "person-after.look.1": "30 min",
        },
    )

    shown = text(told)
    assert "After 2 h 30 min: Completed:</strong> finished." in shown
    assert "1 message would have left." in shown and "Hello Ada." in shown and "To ada@example.org" in shown
    assert "consent email granted" in shown and "02:30:00" in shown and "Every entry" in shown
    states = {card.name: card.state for card in told.context["told"]["picture"].cards}
    assert states == {"mail": "done", "opened": "done", "look": "done", "done": "done", "lost": "none"}
    assert "Look at &lt;it&gt;" in shown
    assert [(item.tick, item.name) for item in told.context["told"]["timeline"].items] == [
        (0, "mail"),
        (0, "opened"),
        (7200, "opened"),
        (7200, "look"),
        (9000, "a person says “good”"),
        (9000, "done"),
    ]


def test_what_was_said_is_shown_again() -> None:
    make_draft()
    said = {"tick.mail.1.opened": "on", "after.mail.1.opened": "3 h", "answer.mail.1": "delivered"}

    shown = text(rehearsed(signed_in(*EDIT), said))

    assert 'name="tick.mail.1.opened" id="tick.mail.1.opened" value="on" checked' in shown
    assert 'id="after.mail.1.opened" value="3 h"' in shown
    assert '<option value="delivered" selected>' in shown
    assert 'name="tick.mail.1.clicked" id="tick.mail.1.clicked" value="on">' in shown


def test_a_failure_says_why_and_what_would_be_needed() -> None:
    make_draft()

    shown = text(rehearsed(signed_in(*EDIT), {"answer.mail.1": "not_sent:smtp_recipient_refused"}))

    assert "At once: Stopped at mail:" in shown and "refused the recipient address" in shown
    assert "It did not leave, so no event can follow it." in shown and "failed here" in shown


def test_a_later_send_of_a_step_may_end_otherwise() -> None:
    recovery = [{"on": ["smtp_421"], "action": "retry", "max_attempts": 2, "backoff_ticks": [60]}]
    make_world(recovery=recovery)
    make_plan("simple", MAIL_STEPS)

    told = signed_in(*EDIT).post(page(), SAID | {"answer.mail.1": "not_sent:smtp_421"})

    played = told.context["told"]["played"]
    assert [sent.tick for sent in played.sent] == [0, 60] and played.status == "COMPLETED"
    assert 'name="answer.mail.2"' in text(told)


def test_what_is_not_reached_any_more_is_kept_and_can_be_unticked() -> None:
    make_draft()

    told = rehearsed(
        signed_in(*EDIT),
        {
            "tick.mail.2.opened": "on",
            "after.mail.2.opened": "3 h",
            "person.look.1": "good",
            "answer.mail.3": "delivered",
        },
    )

    shown = text(told)
    assert told.status_code == 200 and "Said, but not reached" in shown
    assert 'id="tick.mail.2.opened" value="on" checked> opened of mail, send 2' in shown
    assert 'id="after.mail.2.opened" value="3 h"' in shown
    assert 'name="person.look.1" id="person.look.1" value="good" checked' in shown
    assert 'name="answer.mail.3" id="answer.mail.3" value="delivered" checked' in shown
    assert "never came to pass" not in shown  # the box says it


def test_what_follows_a_send_that_did_not_leave_is_said_to_be_unused() -> None:
    make_draft()
    said = {"answer.mail.1": "not_sent:smtp_421", "tick.mail.1.opened": "on"}

    shown = text(rehearsed(signed_in(*EDIT), said))

    assert "Said, but not reached" in shown and "Opened of mail never came to pass." in shown


def test_what_was_said_of_an_older_draft_is_left_out_and_told() -> None:
    make_draft()

    told = rehearsed(signed_in(*EDIT), {"tick.gone.1.opened": "on"})

    assert told.status_code == 200 and "“gone” is no longer a step of this plan" in text(told)


def test_nothing_said_is_not_mentioned() -> None:
    make_draft()

    assert "Said, but not reached" not in text(rehearsed(signed_in(*EDIT)))


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
        ({"zone": "Mars/Olympus"}, "is not a time zone"),
        ({"email": "nobody"}, "is not an email address"),
        ({"attr_age": "old"}, "Enter a whole number."),
        ({"start": "9999-12-31T23:59"}, "Choose a year between 2000 and 2100."),
        ({"start": "0001-01-01T00:00"}, "Choose a year between 2000 and 2100."),
        ({"start": "tomorrow"}, "Enter a valid date/time."),
    ],
)
def test_without_a_contact_nothing_is_rehearsed_and_what_was_ticked_is_kept(
    said: dict[str, str], sentence: str
) -> None:
    make_draft()

    answer = rehearsed(signed_in(*EDIT), said | {"tick.mail.1.opened": "on"})

    assert answer.status_code == 422 and sentence in text(answer) and answer.context["told"] is None
    assert 'id="tick.mail.1.opened" value="on" checked' in text(answer)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"tick.mail.1.opened": "on", "after.mail.1.opened": "soon"}, "Write a length of time such as 90 s"),
        ({"tick.mail.1.opened": "on", "after.mail.1.opened": "400 d"}, "That is longer than a year."),
        ({"tick.mail.1.opened": "on", "after.mail.1.opened": "\x00"}, "Write a length of time such as 90 s"),
        ({"answer.mail.1": "label:busy"}, "“label:busy” is no answer to this send; choose one."),
        ({"tick.mail.1.exploded": "on"}, "“exploded” is not an event of mail."),
        ({"tick.mail.99.opened": "on"}, "only the first 50 can be told apart"),
        ({"tick.mail.\x00.opened": "on"}, "A field of the form was not understood"),
    ],
)
def test_what_is_not_right_on_the_timeline_is_said_and_played_without(said: dict[str, str], sentence: str) -> None:
    make_draft()

    answer = rehearsed(signed_in(*EDIT), said)

    assert answer.status_code == 422 and sentence in text(answer)
    assert [stop.label for stop in answer.context["told"]["played"].path] == ["sent", "timeout", ""]


def test_a_wrong_delay_is_said_beside_its_field() -> None:
    make_draft()

    shown = text(rehearsed(signed_in(*EDIT), {"tick.mail.1.opened": "on", "after.mail.1.opened": "<soon>"}))

    assert 'value="&lt;soon&gt;" aria-invalid="true" aria-describedby="after.mail.1.opened.error"' in shown
    assert '<span class="errors" id="after.mail.1.opened.error">Write a length of time' in shown


def test_text_that_no_page_can_hold_raises_nothing() -> None:
    """A body in UTF-7 can bring a lone surrogate into a form; no page could be encoded with it."""
    make_draft()
    fields = SAID | {"zone": "a+2AA-b", "tick.+2AA-.1.opened": "on"}
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    body = "\r\n".join([*parts, "--x--\r\n"])

    answer = signed_in(*EDIT).generic(
        "POST", page("tried"), body, content_type="multipart/form-data; boundary=x; charset=utf-7"
    )

    assert answer.status_code == 422 and "a\ufffdb" in text(answer)


def test_the_page_takes_the_focus_only_to_say_what_is_wrong_to_whoever_pressed_the_button() -> None:
    make_draft()
    client = signed_in(*EDIT)

    assert "data-focus" not in text(rehearsed(client, {"play": "again"}))
    assert "data-focus" not in text(rehearsed(client, {"zone": "Mars"}))
    assert "data-focus" in text(rehearsed(client, {"zone": "Mars", "play": "again"}))
    wrong = {"tick.mail.1.opened": "on", "after.mail.1.opened": "soon"}
    assert "data-focus" in text(rehearsed(client, wrong | {"play": "again"}))
    assert 'role="alert"' not in text(rehearsed(client, wrong, **HTMX))  # beside the field it is said already


def test_whole_plan_stays_chosen() -> None:
    make_draft()
    client = signed_in(*EDIT)

    assert 'class="path-box is-fit"' in text(rehearsed(client, {"whole": "on"}))
    assert 'class="path-box"' in text(rehearsed(client))


def test_query_strings_say_nothing() -> None:
    make_draft()

    told = signed_in(*EDIT).get(page("tried"), {"tick.mail.1.opened": "on", "zone": "Mars"})

    assert told.status_code == 200 and told.context["said"].ticks == {}


def test_a_draft_with_problems_cannot_be_rehearsed_and_says_why() -> None:
    make_draft(STEPS | {"mail": MAIL | {"on": {"sent": "nowhere"}}})

    shown = text(signed_in(*EDIT).get(page("tried")))

    assert (
        "This plan cannot be tried out yet." in shown
        and "/steps/mail/on/sent" in shown
        and "What comes of it" not in shown
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


def test_htmx_gets_the_part_and_the_verdict_to_be_spoken_and_no_frame() -> None:
    make_draft()
    client = signed_in(*EDIT)

    part = text(rehearsed(client, **HTMX))
    wrong = rehearsed(client, {"zone": "Mars"}, **HTMX)

    assert part.startswith('<div id="rehearsal">') and "<html" not in part and "Every entry" in part
    assert '<div hx-swap-oob="innerHTML:#rehearse-spoken"> After 1 d: Completed: lost.' in part
    assert wrong.status_code == 422 and "<html" not in text(wrong)
    assert "Something has to be mended." in text(wrong)


def test_the_place_of_what_is_spoken_stands_on_the_page_from_the_beginning() -> None:
    make_draft()

    shown = text(signed_in(*EDIT).get(page("tried")))

    assert '<p class="visually-hidden" role="status" id="rehearse-spoken"></p>' in shown and "hx-swap-oob" not in shown


def test_a_rehearsal_costs_the_same_number_of_queries_however_much_happens_and_keeps_nothing() -> None:
    make_draft()
    client = signed_in(*EDIT)
    drafts = PlanDraft.objects.count()

    assert queries_of(client, page("tried")) <= 14
    with CaptureQueriesContext(connection) as seen:
        rehearsed(client, {"tick.mail.1.opened": "on", "person.look.1": "good"})
    assert len(seen) <= 14 and PlanDraft.objects.count() == drafts
