"""Every address, every role, GET and POST, from the table of addresses itself. The rules: `permission_rules`.

The objects are made once; what a POST without a body changes is refused or does not matter to the next request.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client
from django.urls import resolve

from dee_site import roles
from tests.integration.dee_site.people import make_person
from tests.integration.dee_site.permission_rules import RULES, Rule
from tests.integration.dee_site.walking import World, addresses, one_of_everything

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"
PART = {"HX-Request": "true"}  # the frame around a page is the same for all, and most of the work
# What somebody gets who may: the page, the way on from it, or a refusal of what was (not) sent.
FINE = {200, 201, 202, 204, 301, 302, 400, 404, 409, 410, 411, 415, 422}
NOT_READY = {"readyz": {503}}  # no worker runs here


@dataclass(frozen=True)
class Person:
    """Somebody who asks. rights: None for a superuser."""

    name: str
    client: Client
    rights: frozenset[str] | None
    known: bool = True
    staff: bool = True

    def may(self, rule: Rule, wanted: tuple[str, ...]) -> bool:
        if self.rights is None:
            return wanted != ("nobody",)
        held = [right in self.rights for right in wanted]
        return any(held) if rule.either else all(held)


def test_every_address_has_a_rule_and_every_rule_an_address() -> None:
    names = {name for name, _ in addresses()}

    missing = names - RULES.keys()
    assert not missing, f"write the rule for {', '.join(sorted(missing))} in permission_rules.py"
    assert not RULES.keys() - names, "these rules speak of no address"


@pytest.fixture
def world() -> World:
    cache.clear()  # the API counts requests
    return one_of_everything()


def everybody() -> list[Person]:
    """A stranger, somebody without a place on the desk, one without a role, one of each role, and a superuser."""
    outsider = User.objects.create_user("outsider")
    outsider.groups.add(Group.objects.get(name="admin"))
    people = [
        Person("a stranger", Client(), frozenset(), known=False, staff=False),
        Person("an outsider", logged_in(outsider), roles.rights_of("admin"), staff=False),
        Person("staff without a role", logged_in(make_person("new", "")), frozenset()),
        Person("a superuser", logged_in(User.objects.create_superuser("root")), None),
    ]
    held = {role: roles.rights_of(role) for role in roles.ROLES}
    return people + [Person(f"the {role}", logged_in(make_person(role, role)), held[role]) for role in roles.ROLES]


def logged_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def verdict(person: Person, rule: Rule, method: str) -> set[str]:
    """Return what may come of a request: "fine", "forbidden", "login", "unknown" (401) or "no such method" (405)."""
    wanted = rule.get if method == "GET" else rule.post
    if rule.where == "open":
        return {"no such method"} if wanted is None else {"fine"}
    if not person.known:
        return {"unknown"} if rule.where == "api" else {"login"}
    if not person.staff:
        return {"forbidden"} if rule.where == "api" else {"login"}
    if wanted is None:
        other = rule.post if method == "GET" else rule.get
        allowed = other is not None and person.may(rule, other)
        return {"no such method"} if allowed else {"no such method", "forbidden"}
    return {"fine"} if person.may(rule, wanted) else {"forbidden"}


def happened(name: str, response: Any) -> str:
    status = response.status_code
    if status in (301, 302) and urlsplit(response.headers["Location"]).path == "/admin/login/":
        return "login"
    words = {401: "unknown", 403: "forbidden", 405: "no such method"}
    fine = status in FINE | NOT_READY.get(name, set())
    return words.get(status, "fine" if fine else f"status {status}")


# An address where a stranger is led elsewhere than to the login page, or where being asked to log in is the answer.
ELSEWHERE = {"admin:logout", "admin:index", "account:code"}


def test_every_address_for_everybody_by_get_and_by_post(world: World) -> None:
    table = [(name, world.path(name, route)) for name, route in addresses()]
    wrong, asked = [], 0
    for person in everybody():
        for method in ("GET", "POST"):
            for name, path in table:
                expected = verdict(person, RULES[name], method)
                if name == "admin:logout" and method == "POST" and person.known:
                    continue  # it would: the next requests would be a stranger's
                response = person.client.generic(method, path, content_type=FORM, headers=PART)
                got = happened(name, response)
                asked += 1
                if name in ELSEWHERE and response.status_code == 302:
                    continue
                if got not in expected:
                    wrong.append(f"{person.name} {method} {path} ({name}): {got}, not {' or '.join(sorted(expected))}")
    assert not wrong, "\n".join(wrong)
    assert asked > 1000


# --- what looks as if it could be clicked can be ---


class Offers(HTMLParser):
    """Collects what a page offers: (method, address) of links, forms and htmx's attributes that are not disabled."""

    def __init__(self, here: str) -> None:
        super().__init__()
        self.here, self.found = here, set()
        self._form: tuple[str, str] | None = None
        self._live = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        if given.get("aria-disabled") == "true":
            return
        if tag == "a" and given.get("href"):
            self._offer("GET", given["href"])
        for verb in ("get", "post"):
            if given.get(f"hx-{verb}") and "disabled" not in given:
                self._offer(verb.upper(), given[f"hx-{verb}"])
        if tag == "form":
            self._form = ((given.get("method") or "get").upper(), given.get("action") or self.here)
            self._live = False
        if self._form and tag in ("button", "input") and "disabled" not in given:
            submits = (given.get("type") or ("submit" if tag == "button" else "text")) == "submit"
            if submits and given.get("formaction"):
                self._offer("POST", given["formaction"])
            self._live |= submits and not given.get("formaction")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._form:
            if self._live:
                self._offer(*self._form)
            self._form = None

    def _offer(self, method: str, address: str) -> None:
        path = urlsplit(address).path or self.here
        if path.startswith("/admin/") and not urlsplit(address).netloc:
            self.found.add((method, path))


def test_nothing_that_can_be_clicked_is_refused(world: World) -> None:
    pages = [(name, world.path(name, route)) for name, route in addresses() if RULES[name].where == "desk"]
    wrong, clicked = set(), 0
    for person in everybody():
        if not person.staff:
            continue
        for name, path in pages:
            if verdict(person, RULES[name], "GET") != {"fine"}:
                continue
            response = person.client.get(path)
            if response.status_code != 200 or "html" not in response.headers["Content-Type"]:
                continue
            offers = Offers(path)
            offers.feed(response.content.decode())
            for method, target in offers.found:
                clicked += 1
                match = resolve(target)
                rule = RULES.get(match.view_name or f"{match.route}") or RULES.get(str(match.route))
                if rule is None or verdict(person, rule, method) != {"fine"}:
                    wrong.add(f"{person.name} on {path}: {method} {target}")
    assert not wrong, "\n".join(sorted(wrong))
    assert clicked > 1000


def test_a_page_that_offers_what_is_refused_is_found() -> None:
    offers = Offers("/admin/x/")
    offers.feed(
        '<a href="/admin/a/?q=1">a</a><a href="https://elsewhere.example/admin/">no</a>'
        '<form method="post"><button disabled>no</button></form>'
        '<form method="post" action="/admin/b/"><button>b</button></form>'
        '<button hx-post="/admin/c/" disabled>no</button><p hx-get="/admin/d/"></p>'
        '<a href="/admin/e/" aria-disabled="true">no</a>'
    )

    assert offers.found == {("GET", "/admin/a/"), ("POST", "/admin/b/"), ("GET", "/admin/d/")}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Hundreds of refusals would be written with their tracebacks."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
