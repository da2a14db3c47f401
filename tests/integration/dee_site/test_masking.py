"""Whoever may not see addresses sees none: not on any page, in any answer of the API, in any file.

Names count too: a person is named by reference. What a house keeps as attributes of a contact is shown to all.
"""

import io
import logging
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.cache import cache
from django.test import Client

from policies import operations
from policies.models import Contact
from tests.factories import make_contact
from tests.integration.dee_site.people import browser_of, make_person
from tests.integration.dee_site.walking import PLANTED, World, addresses, one_of_everything

pytestmark = pytest.mark.django_db

QUERIES = ("", "?q=wilh", f"?q={PLANTED['phone'].replace('+', '%2B')}", "?show=all", "?limit=200")
SEARCHED = ("policies:contacts", "channels:mailbox", "runs:list", "api:contacts")
PROOF = "signed by Plantagenet at 4 Secret Lane"


@pytest.fixture
def world() -> World:
    cache.clear()
    made = one_of_everything()
    contact = Contact.objects.get(ref="c-1")
    operations.record_consent(
        actor="cli",
        contact=contact,
        channel="email",
        purpose="service",
        kind="express",
        source="web form",
        proof=PROOF,
    )
    return made


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def walked(client: Client, world: World) -> Iterator[tuple[str, str]]:
    """Yield (address, what it answers) of every address, entry of the log and file that this person can read."""
    entries = [f"/admin/audit/entry/contact/c-1/{n}/" for n in (1, 2, 3, 4)]
    entries += [f"/admin/audit/entry/policies/suppressions/{n}/" for n in (1, 2)]
    paths = [(name, world.path(name, route)) for name, route in addresses()]
    asked = [path for name, path in paths if name not in ("admin:logout", "hooks")] + entries
    asked += [path + query for name, path in paths if name in SEARCHED for query in QUERIES[1:]]
    asked += ["/admin/audit/stream/contact/c-1/", "/admin/audit/chain.ndjson?stream=contact/c-1"]
    for path in asked:
        for headers in ({}, {"HX-Request": "true"}):
            response = client.get(path, headers=headers)
            if response.status_code == 200:
                yield path, content(response)


def content(response: Any) -> str:
    raw = b"".join(response.streaming_content) if response.streaming else response.content
    if response.headers.get("Content-Type", "") == "application/zip":
        with zipfile.ZipFile(io.BytesIO(raw)) as file:
            return " ".join(file.read(name).decode(errors="replace") for name in file.namelist())
    return raw.decode(errors="replace")


def leaks(path: str, answer: str) -> list[str]:
    """Return the planted values in an answer; what somebody asked for themselves is no leak."""
    return [
        f"{path}: {value}" for value in (*PLANTED.values(), PROOF) if value in answer and value not in unquote(path)
    ]


@pytest.mark.parametrize("role", ["viewer", "auditor", "designer"])
def test_no_address_no_phone_and_no_name_reaches(role: str, world: World) -> None:
    client = browser_of(make_person("vic", role))
    client.raise_request_exception = False

    answers = list(walked(client, world))

    assert [leak for path, answer in answers for leak in leaks(path, answer)] == []
    assert len({path for path, _ in answers}) > 60


REHEARSED = {"who": "contact", "contact": "c-2", "consent_email": "granted"}


@pytest.mark.parametrize(("role", "readable"), [("viewer", False), ("designer", False), ("operator", True)])
def test_a_rehearsal_with_a_contact_of_ours_shows_their_message_to(role: str, readable: bool, world: World) -> None:
    make_contact("c-2", **PLANTED | {"email": "wilhelmina+delivered@private.example"})
    client = browser_of(make_person("vic", role))

    answer = content(client.post("/admin/plans/simple/v/1/rehearse/", REHEARSED))

    assert "Messages as they would leave" in answer
    assert ("Hello Wilhelmina" in answer) is readable and bool(leaks("", answer)) is readable
    assert ("Rehearse with a made-up contact" in answer) is not readable


def test_whoever_may_see_them_does(world: World) -> None:
    """The walk is not blind: an operator finds every planted value on it."""
    client = browser_of(make_person("maria", "operator"))
    seen = " ".join(answer for _, answer in walked(client, world))

    assert [value for value in (*PLANTED.values(), PROOF) if value not in seen] == []
