"""The mailbox: what every message said, for those who may read it, and as a masked list for those who may not."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from channels import queries
from channels.messages import message_commitment
from channels.models import OutboxMessage, Reaction
from tests.integration.channels.conftest import make_message

pytestmark = pytest.mark.django_db

MAILBOX = "/admin/mailbox/"


def text(response) -> str:
    return response.content.decode()


def test_nobody_reads_without_signing_in():
    for url in (MAILBOX, f"{MAILBOX}i1/", "/admin/channels/"):
        response = Client().get(url)
        assert response.status_code == 302 and response["Location"].startswith(reverse("admin:login"))


def test_staff_without_the_permission_are_refused(signed_in):
    client = signed_in()
    make_message()
    for url in (MAILBOX, f"{MAILBOX}{1:032x}/", "/admin/channels/"):
        assert client.get(url).status_code == 403


def test_an_empty_mailbox_says_what_fills_it(reader):
    page = text(reader.get(MAILBOX))
    assert "No message yet." in page and "Enrol a contact" in page


def test_messages_newest_first_with_their_runs(reader):
    make_message(1)
    make_message(2, run="run/7", channel="voice", to_address="+12125550191", subject="", outcome="unknown")
    response = reader.get(MAILBOX)
    assert [row.to for row in response.context["rows"]] == ["+12125550191", "ann1@example.org"]
    page = text(response)
    assert "unknown: may have left" in page and "run-7" in page and "Welcome 1" in page
    assert reverse("channels:message", args=[f"{2:032x}"]) in page


def test_without_the_right_to_read_recipients_are_masked(viewer):
    make_message(1)
    make_message(2, channel="voice", to_address="+12125550191")
    page = text(viewer.get(MAILBOX))
    assert "a…@example.org" in page and "+12…91" in page
    assert "ann1@example.org" not in page and "Welcome" not in page and "+12125550191" not in page


@pytest.mark.parametrize("outcome", ["", "accepted", "delivered", "label", "not_sent", "unknown", "voided"])
def test_every_outcome_has_words(reader, outcome):
    make_message(1, outcome=outcome)
    assert reader.get(MAILBOX).context["rows"][0].outcome


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "ann2"}, [2]),
        ({"q": "WELCOME 3"}, [3]),
        ({"q": "run-9"}, [3]),
        ({"q": "run/9"}, [3]),
        ({"q": "9"}, [3]),
        ({"q": f"{2:032x}"}, [2]),
        ({"q": "nothing like it"}, []),
        ({"channel": "voice"}, [3]),
        ({"channel": "email", "q": "run-12"}, [2, 1]),
        ({"channel": "fax"}, [3, 2, 1]),
        ({"q": "  "}, [3, 2, 1]),
        ({"before": "nonsense"}, [3, 2, 1]),
        ({"before": "2026-11-22T09:00:00~x"}, [3, 2, 1]),
    ],
)
def test_search_and_filter(reader, query, found):
    make_message(1)
    make_message(2)
    make_message(3, channel="voice", run="run/9", to_address="+44207946000")
    response = reader.get(MAILBOX, query)
    assert [row.message.intent for row in response.context["rows"]] == [f"{number:032x}" for number in found]
    assert found or "No message matches." in text(response)


def test_who_may_not_read_cannot_search_recipients_or_subjects(viewer):
    make_message(1)
    for guess in ("ann1", "Welcome"):
        assert viewer.get(MAILBOX, {"q": guess}).context["rows"] == []
    assert len(viewer.get(MAILBOX, {"q": "run-12"}).context["rows"]) == 1


def test_pages_neither_share_nor_miss_a_message(reader, monkeypatch):
    monkeypatch.setattr(queries, "PAGE", 2)
    for number in range(5):
        make_message(number, created_at=make_message.__globals__["START"])
    seen, query = [], ""
    while True:
        response = reader.get(f"{MAILBOX}?{query}")
        seen += [row.message.intent for row in response.context["rows"]]
        query = response.context["older_query"]
        if len(seen) == 2:
            make_message(9)
        if not query:
            break
    assert seen == [f"{number:032x}" for number in (4, 3, 2, 1, 0)]


def test_the_filter_survives_paging(reader, monkeypatch):
    monkeypatch.setattr(queries, "PAGE", 1)
    for number in range(3):
        make_message(number, run="run/12" if number else "run/7")
    first = reader.get(MAILBOX, {"q": "run-12"})
    second = reader.get(f"{MAILBOX}?{first.context['older_query']}")
    assert [row.message.intent for row in second.context["rows"]] == [f"{1:032x}"]
    assert second.context["older_query"] == ""


@pytest.mark.parametrize("messages", [1, 60])
def test_a_page_costs_one_query_for_its_messages(reader, django_assert_num_queries, messages):
    for number in range(messages):
        make_message(number)
    reader.get(MAILBOX)
    with django_assert_num_queries(1):
        queries.mailbox(channel="", text="", before="", readable=True)


def test_one_message(reader):
    made = make_message(1, body="Hello <b>Ann</b>,\nyour code is 7 & 8.", outcome="not_sent")
    page = text(reader.get(f"{MAILBOX}{made.intent}/"))
    assert "Hello &lt;b&gt;Ann&lt;/b&gt;,<br>your code is 7 &amp; 8." in page
    assert "ann1@example.org" in page and "Welcome 1" in page and "not sent" in page and made.intent in page
    commitment = message_commitment(
        bytes(32), channel="email", to=made.to_address, subject=made.subject, body=made.body
    )
    assert commitment in page


def test_a_call_shows_its_script(reader):
    made = make_message(1, channel="voice", to_address="+12125550191", subject="", body="Good morning, this is DEE.")
    page = text(reader.get(f"{MAILBOX}{made.intent}/"))
    assert "Call to +12125550191" in page and "Script" in page and "Good morning, this is DEE." in page
    assert "X-DEE-Intent" not in page and "Subject" not in page


def test_one_message_without_the_right_to_read_it(viewer):
    made = make_message(1, body="Hello Ann.")
    page = text(viewer.get(f"{MAILBOX}{made.intent}/"))
    assert "a…@example.org" in page and "The text is hidden" in page
    for secret in ("ann1@example.org", "Hello Ann", "Welcome 1"):
        assert secret not in page


def test_what_the_simulated_recipient_does(reader):
    made = make_message(1)
    for at, (event, released) in enumerate([("delivered", True), ("opened", False)]):
        body = json.dumps({"event": event, "intent": made.intent, "machine": False, "provider_at": None})
        Reaction.objects.create(
            due=1_795_000_000 + at,
            source="hook:sandbox",
            external_id=f"{made.intent}/{at}",
            body=body,
            released=released,
        )
    page = text(reader.get(f"{MAILBOX}{made.intent}/"))
    assert page.index("delivered at") < page.index("has happened") < page.index("opened at")
    assert "will happen when the clock comes to it" in page


def test_a_message_that_does_not_exist(reader):
    assert reader.get(f"{MAILBOX}nothing/").status_code == 404


def test_pages_only_read(reader):
    made = make_message(1)
    before = list(OutboxMessage.objects.values())
    for url in (MAILBOX, f"{MAILBOX}{made.intent}/", "/admin/channels/"):
        reader.get(url)
    assert list(OutboxMessage.objects.values()) == before


def test_nothing_inline_for_the_strict_content_policy(reader):
    made = make_message(1)
    for url in (MAILBOX, f"{MAILBOX}{made.intent}/", "/admin/channels/"):
        response = reader.get(url)
        page = text(response)
        assert "script-src 'self'" in response["Content-Security-Policy"]
        assert " style=" not in page and " onclick" not in page and "<style" not in page


class TestChannelsPage:
    URL = "/admin/channels/"

    def test_says_which_adapter_carries_what(self, viewer):
        page = text(viewer.get(self.URL))
        assert "sandbox: stays here" in page and "a repeated request is a second message" in page
        assert "bounced hard" in page and "voicemail" in page and "Nothing was sent on this channel lately." in page
        assert "+clicks" in page and "0193" in page

    def test_a_real_adapter_is_called_one(self, viewer, settings):
        settings.DEE_EMAIL_ADAPTER, settings.DEE_MAIL_FROM = "smtp", "noreply@dee.example"
        settings.DEE_SMTP_HOST = "mail.example"
        page = text(viewer.get(self.URL))
        assert "smtp: leaves this machine" in page and "the clock cannot be driven" in page
        assert "nothing by itself" in page and "+clicks" not in page
        settings.DEE_SMTP_PASSWORD = "sesame"
        assert "sesame" not in text(viewer.get(self.URL))

    def test_counts_outcomes_and_the_last_of_each(self, viewer):
        for number, outcome in enumerate(["accepted", "accepted", "unknown", "not_sent", "accepted", ""]):
            make_message(number, outcome=outcome)
        response = viewer.get(self.URL)
        mail, calls = response.context["cards"]
        assert {words: count for _, words, count in mail["outcomes"]} == {
            "on its way": 1,
            "accepted": 3,
            "not sent": 1,
            "unknown: may have left": 1,
        }
        assert (mail["last_good"].second, mail["last_failed"].second) == (4, 3)
        assert calls["outcomes"] == [] and calls["last_good"] is None

    def test_webhooks_are_named_and_their_secrets_are_not(self, viewer, settings):
        assert "None is set up." in text(viewer.get(self.URL))
        settings.DEE_HOOK_SECRETS = {"mailer": "s" * 40}
        page = text(viewer.get(self.URL))
        assert "/hooks/mailer/" in page and "s" * 40 not in page


class TestSimulatedReactions:
    """The stock list of the admin: to look at, not to change."""

    LIST = "/admin/channels/reaction/"

    def test_is_read_only(self, signed_in):
        client = signed_in("view_reaction", "add_reaction", "change_reaction", "delete_reaction")
        row = Reaction.objects.create(due=5, source="hook:sandbox", external_id="i1/0", body="{}")
        assert "hook:sandbox" in text(client.get(self.LIST))
        assert client.get(f"{self.LIST}{row.pk}/change/").status_code == 200
        assert client.post(f"{self.LIST}{row.pk}/change/", {"due": 9}).status_code == 403
        assert client.get(f"{self.LIST}add/").status_code == 403
        assert client.post(f"{self.LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
        assert Reaction.objects.get().due == 5

    def test_needs_its_permission(self, signed_in):
        assert signed_in().get(self.LIST).status_code == 403
