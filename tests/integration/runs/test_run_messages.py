"""What was sent, as it was rendered: for those who may see addresses; for everybody else masked, with who may."""

import pytest
from django.test import override_settings
from django.urls import reverse

from channels.models import OutboxMessage
from runs.showing import run_reads
from tests.factories_runs import SEE_RUNS, command, failed_run, make_world, signed_in, start_run
from tests.integration.runs.asking import text
from tests.integration.runs.story import READ, look

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_message_is_shown_as_it_was_rendered() -> None:
    make_world()
    run = start_run()
    intent = OutboxMessage.objects.get().intent

    page = text(look(signed_in(*READ, "channels.view_outboxmessage"), run))

    assert f'<details class="message" id="message-{intent[:8]}">' in page
    assert '<span class="message-name">Hello</span>' in page
    assert '<dd class="mono">c-1+delivered@example.org</dd>' in page
    assert '<div class="rendered break">Hello Ann.</div>' in page
    assert f'href="{reverse("channels:message", args=[intent])}">Open in the mailbox</a>' in page
    assert "Attempt 1 of mail" in page


def test_without_the_right_nothing_personal_of_it_is_on_the_page() -> None:
    make_world()
    page = text(look(signed_in(*SEE_RUNS), start_run()))

    assert "c-1+delivered@example.org" not in page
    assert "Hello Ann." not in page and '<span class="message-name">Hello' not in page
    assert "Message to c…@example.org" in page
    assert "takes the right “Can see addresses, names and messages in clear”" in page


def test_the_mailbox_is_linked_only_for_those_who_may_open_it() -> None:
    make_world()
    run = start_run()

    assert "Open in the mailbox" not in text(look(signed_in(*READ), run))


def test_each_attempt_has_its_own_message_with_what_came_of_it() -> None:
    make_world()
    run = failed_run()
    command(run, "retry")

    messages = look(signed_in(*READ), run).context["messages_sent"]

    assert [(each.attempt, each.outcome) for each in messages] == [
        ("Attempt 1 of mail", "not sent"),
        ("Attempt 2 of mail, retry by the command line", "not sent"),
    ]


def test_the_newest_messages_are_shown_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_reads, "MOST", 2)
    make_world()
    run = failed_run()
    for _ in range(2):
        run.refresh_from_db()
        command(run, "retry")

    page = look(signed_in(*READ), run)

    messages = page.context["messages_sent"]
    assert [each.attempt.partition(",")[0] for each in messages] == ["Attempt 2 of mail", "Attempt 3 of mail"]
    assert "These are the newest 2; the mailbox has the others." in text(page)


def test_a_run_that_sent_nothing_says_so() -> None:
    make_world()
    run = start_run("c-1")
    OutboxMessage.objects.all().delete()

    assert "Nothing was sent for this run so far." in text(look(signed_in(*READ), run))


@override_settings(DEE_MAIL_FROM="DEE <dee@example.org>")
def test_the_sender_is_said_for_mail_that_really_left() -> None:
    make_world()
    run = start_run()
    OutboxMessage.objects.update(adapter="smtp")

    page = text(look(signed_in(*READ), run))

    assert "DEE &lt;dee@example.org&gt;" in page and "as set now; the log does not keep it" in page
