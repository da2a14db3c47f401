"""An empty page says what fills it and the one next action; a filter without hits says so and offers to drop it."""

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from audit import log
from dee_site import menu
from policies.models import Contact
from tests.factories import make_contact
from tests.factories_runs import make_world, start_run, superuser
from tests.integration.runs.asking import text

pytestmark = pytest.mark.django_db(transaction=True)

# What a page without a list of its own says in an empty house, where all is well.
CALM = {
    "admin:index": "Nothing needs you now.",
    "policies:kill_switches": "Nothing is stopped.",
    "audit:verify": "The log was never checked on the server.",
    "runs:clock": "nothing is due",
    "channels:adapters": "Nothing was sent on this channel lately.",
    "runs:engine": "No engine has worked on this database yet.",
    "admin:auth_user_changelist": "1 user",
    "account:logins": "Nobody. ",
    "help": "What each page is for",
}
FILTERED = {
    "runs:list": "?status=FAILED",
    "runs:inbox": "?verdict=unmatched",
    "policies:contacts": "?q=nobody",
    "policies:consents": "?channel=voice&status=revoked",
    "audit:log": "?type=nothing.like.it",
    "channels:mailbox": "?q=run-999",
}
EMPTY = re.compile(r'<div class="empty">(.*?)</div>')


def pages() -> list[str]:
    return [page.names[0] for _, pages in menu.GROUPS for page in pages]


def viewer() -> Client:
    """Return a client of somebody who may see everything and do nothing."""
    user = User.objects.create_user("vic", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(user)
    return client


def empty_box(page: str) -> str:
    """Return the inside of the page's one empty box."""
    boxes = EMPTY.findall(page)
    assert len(boxes) == 1, f"{len(boxes)} empty boxes"
    return str(boxes[0])


@pytest.mark.parametrize(
    "name", [name for name in pages() if name not in CALM and name != "admin:auth_group_changelist"]
)
def test_an_empty_list_says_what_fills_it_and_what_to_do(name: str) -> None:
    for client in (superuser(), viewer()):
        box = empty_box(text(client.get(reverse(name))))

        assert re.search(r"<strong>[^<]+</strong> ?[A-Z]", box), f"headline and sentence, please: {box}"
        assert 'class="btn' in box or "It takes the right to" in box, f"no next action: {box}"
        assert box.count('class="btn') <= 1, "one next action, not several"


@pytest.mark.parametrize("name", CALM)
def test_a_page_without_a_list_says_calmly_that_nothing_is_there(name: str) -> None:
    assert CALM[name] in text(superuser().get(reverse(name)))


def test_the_button_of_an_empty_page_is_only_there_for_those_who_may() -> None:
    mine, theirs = (empty_box(text(client.get(reverse("plans:list")))) for client in (superuser(), viewer()))

    assert reverse("plans:new") in mine and "It takes the right" not in mine
    assert reverse("plans:new") not in theirs and "It takes the right to edit plans." in theirs


@pytest.mark.parametrize("name", FILTERED)
def test_a_filter_without_hits_says_so_and_offers_to_drop_it(name: str) -> None:
    make_world()
    start_run()
    client, url = superuser(), reverse(name)
    whole = text(client.get(url))
    assert 'class="empty"' not in whole, "there is something to filter"

    box = empty_box(text(client.get(url + FILTERED[name])))

    assert f'href="{url}"' in box
    assert re.search(r"match|nobody here|like that|no such", box, re.IGNORECASE)


def test_the_overview_of_an_empty_house_says_what_a_run_takes() -> None:
    client = superuser()
    assert "What a run takes" in text(client.get(reverse("admin:index")))

    make_world()
    start_run()

    assert "What a run takes" not in text(client.get(reverse("admin:index")))


def test_an_address_that_is_not_blocked_is_an_answer_and_no_empty_list() -> None:
    page = text(superuser().get(f"{reverse('policies:suppressions')}?q=nobody@example.org"))

    assert "Not suppressed." in page and 'class="empty"' not in page


def test_enrolling_without_a_plan_leads_to_the_plans() -> None:
    assert f'href="{reverse("plans:list")}"' in empty_box(text(superuser().get(reverse("runs:enrol"))))


def test_a_contact_shows_their_own_time() -> None:
    make_contact("c-1", zone="Asia/Tokyo", phone="")
    make_contact("c-2", zone="Europe/Vienna")
    make_contact("c-3", zone="", phone="")
    client = superuser()

    def shown(ref: str) -> str:
        page = text(client.get(reverse("policies:contact", args=[ref])))
        found = re.search(r"Their local time</dt><dd>(.*?)</dd>", page)
        assert found
        return re.sub("<[^>]+>", "", found[1])

    assert re.fullmatch(r"\d\d:\d\d in Asia/Tokyo", shown("c-1"))
    assert shown("c-2") == "not certain, see below"  # the number is American
    assert shown("c-3") == "unknown"


def test_large_numbers_are_grouped() -> None:
    with log.writing(by="cli") as writer:
        for _ in range(1001):
            writer.append("log", "log.tested", {})
    client = superuser()

    assert "1 001 entries" in text(client.get(reverse("audit:log")))
    assert "1 001 entries" in text(client.get(reverse("admin:index")))


def test_of_many_contacts_the_pages_are_counted_in_groups() -> None:
    rows = [Contact(ref=f"c-{n}", created_at=0, changed_at=0, changed_by="cli") for n in range(1001)]
    Contact.objects.bulk_create(rows)

    assert "Page 1 of 21, 1 001 in all" in text(superuser().get(reverse("policies:contacts")))
