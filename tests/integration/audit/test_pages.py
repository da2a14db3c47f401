"""The pages of evidence: who sees them, what they list, and that no answer is ever a bare tick."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import chain, log, queries, vault
from audit.models import Entry, Verification
from tests.factories_runs import signed_in
from tests.tampering import guards_down

pytestmark = pytest.mark.django_db(transaction=True)

SEE, VERIFY = "audit.view_entry", "audit.verify_log"
STREAM = "contact/c-1"
PAGES = {
    reverse("audit:log"): SEE,
    reverse("audit:stream", args=[STREAM]): SEE,
    reverse("audit:entry", args=[STREAM, 1]): SEE,
    reverse("audit:verify"): VERIFY,
    reverse("audit:chain"): VERIFY,
}


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def append(count: int = 1, st: str = STREAM, type: str = "contact.changed") -> None:
    with log.writing(by="cli") as writer:
        for n in range(count):
            writer.append(st, type, {"n": n})


def spoil(owner: Any, n: int = 2, st: str = STREAM) -> None:
    """Change an entry's text as somebody who owns the database."""
    with guards_down(owner):
        owner.execute(
            "UPDATE audit_entry SET body = replace(body, '\"n\":', '\"n\": ') WHERE st = %s AND n = %s", [st, n]
        )


def lines(client: Client, stream: str = "") -> list[dict[str, Any]]:
    response = client.get(reverse("audit:chain"), {"stream": stream} if stream else {})
    return [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]


# --- who may see what ---


@pytest.mark.parametrize("url", PAGES)
def test_a_stranger_is_sent_to_the_login(url: str) -> None:
    response = Client().get(url)

    assert response.status_code == 302 and response["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize("url", PAGES)
def test_staff_without_the_right_is_refused(url: str) -> None:
    append()

    assert signed_in().get(url).status_code == 403


@pytest.mark.parametrize(("url", "right"), PAGES.items())
def test_the_right_opens_the_page(url: str, right: str) -> None:
    append()

    assert signed_in(right).get(url).status_code == 200


def test_what_is_not_in_the_log_is_a_404_with_a_sentence() -> None:
    client = signed_in(SEE)

    assert "There is no stream contact/c-9 in the log." in text(
        client.get(reverse("audit:stream", args=["contact/c-9"]))
    )
    assert client.get(reverse("audit:entry", args=[STREAM, 7])).status_code == 404


# --- the log ---


def test_the_log_is_newest_first_and_paged_by_place() -> None:
    append(queries.PAGE + 5)
    client, url = signed_in(SEE), reverse("audit:log")

    first = client.get(url).context["page"]
    second = client.get(url, {"before": first.older}).context["page"]

    assert [line.entry.n for line in first.lines[:2]] == [55, 54]
    assert [line.entry.n for line in second.lines] == [5, 4, 3, 2, 1]
    assert second.older is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"stream": STREAM}, 2),
        ({"stream": "contact/"}, 3),
        ({"stream": "policy/"}, 1),
        ({"stream": "run-17"}, 0),
        ({"type": "contact.changed"}, 3),
        ({"type": "contact"}, 3),
        ({"type": "cont"}, 0),
        ({"stream": "plan/x"}, 0),
        ({"before": "no number"}, 4),
    ],
)
def test_the_log_is_narrowed_by_its_address(query: dict[str, str], found: int) -> None:
    append(2)
    append(1, "contact/c-2")
    append(1, "policy/open", "policy.published")

    assert len(signed_in(SEE).get(reverse("audit:log"), query).context["page"].lines) == found


def test_a_rare_type_is_looked_for_in_pieces_that_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "WINDOW", 3)
    append(1, type="contact.created")
    append(5)
    client, url = signed_in(SEE), reverse("audit:log")

    first = client.get(url, {"type": "contact.created"})
    second = client.get(url, {"type": "contact.created", "before": first.context["page"].older})

    assert "Nothing matches among the 3 entries" in text(first)
    assert "Look further back" in text(first)
    assert [line.entry.n for line in second.context["page"].lines] == [1]


def test_the_log_names_people_and_costs_a_fixed_number_of_queries() -> None:
    client = signed_in(SEE)
    user = client.session["_auth_user_id"]
    counts = []
    for _ in range(2):
        with log.writing(by=f"user:{user}") as writer:
            writer.append(STREAM, "contact.changed", {})
        with CaptureQueriesContext(connection) as seen:
            page = text(client.get(reverse("audit:log")))
        counts.append(len(seen))

    assert "maria" in page
    assert counts[0] == counts[1] <= 10


def test_a_personal_value_is_shown_to_those_who_verify_and_erased_is_said() -> None:
    with log.writing(by="cli") as writer:
        held = vault.hold(kind="note", value="because of OPS-12", subject=STREAM)
        writer.append(STREAM, "contact.changed", {"note": held})
    url = reverse("audit:entry", args=[STREAM, 1])

    assert "OPS-12" not in text(signed_in(SEE).get(url))
    auditor = signed_in(SEE, VERIFY, name="audrey")
    assert "because of OPS-12" in text(auditor.get(url))
    vault.Opening.objects.all().delete()
    assert "erased" in text(auditor.get(url))


def test_an_entry_shows_its_exact_text_hash_link_and_stamp() -> None:
    append(2)
    entry = Entry.objects.get(st=STREAM, n=2)

    page = signed_in(SEE).get(reverse("audit:entry", args=[STREAM, 2]))

    assert page.context["entry"].body == entry.body
    assert bytes(entry.hash).hex() in text(page) and bytes(entry.prev).hex() in text(page)
    part = signed_in(SEE, name="jon").get(reverse("audit:entry", args=[STREAM, 2]), HTTP_HX_REQUEST="true")
    assert "<html" not in text(part)


# --- the exact bytes ---


def test_the_chain_is_sent_as_it_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "FETCH", 2)  # more than one piece
    append(5)
    append(1, "contact/c-2")
    client = signed_in(VERIFY)

    whole, stream = lines(client), lines(client, STREAM)

    assert [line["seq"] for line in whole] == list(range(6))
    assert [line["body"] for line in stream] == list(
        Entry.objects.filter(st=STREAM).order_by("n").values_list("body", flat=True)
    )
    assert all(chain.entry_hash(line["body"]).hex() == line["hash"] for line in whole)
    assert lines(client, "contact/c-9") == []


# --- verification on the server ---


def test_a_sound_log_is_consistent_and_never_verified() -> None:
    append(3)

    page = text(signed_in(VERIFY).post(reverse("audit:verify"), {"stream": ""}))

    assert "CONSISTENT, NOT ANCHORED: 3 entries in 1 stream" in page
    assert Verification.objects.get().verdict == "consistent"
    assert "maria" in page


def test_a_changed_entry_is_named_with_its_kind_of_break(owner: Any) -> None:
    append(3)
    spoil(owner)

    response = signed_in(VERIFY).post(reverse("audit:verify"), {"stream": STREAM})

    assert "BROKEN at entry 2 of contact/c-1 (altered_text)" in text(response)
    assert reverse("audit:entry", args=[STREAM, 2]) in text(response)
    assert Verification.objects.get().verdict == "broken"


def test_nothing_is_never_fine() -> None:
    page = text(signed_in(VERIFY).post(reverse("audit:verify"), {"stream": "contact/c-9"}))

    assert "NOTHING TO VERIFY" in page


def test_a_run_may_be_named_as_people_name_it() -> None:
    response = signed_in(VERIFY).post(reverse("audit:verify"), {"stream": "run-17"})

    assert response.context["report"].scope == "run/17"


def test_a_name_that_is_none_is_refused() -> None:
    response = signed_in(VERIFY).post(reverse("audit:verify"), {"stream": "../etc"})

    assert response.status_code == 422 and "A stream is named like run/17" in text(response)


def test_a_long_log_is_left_to_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.views.SERVER_LIMIT", 2)
    append(3)

    page = text(signed_in(VERIFY).post(reverse("audit:verify"), {"stream": ""}, follow=True))

    assert "run the command `verify_log` instead" in page
    assert not Verification.objects.exists()
