"""What people see when a page is refused, missing or broken: in the frame, as a part, as JSON; with a number."""

import logging
from typing import Any

import pytest
import structlog
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseGone
from django.test import Client
from django.urls import path

from dee_site import errors, meant, request_id, urls
from dee_site.menu import Group, Item
from tests.integration.dee_site.people import browser_of, make_person, text

pytestmark = pytest.mark.django_db

PLANTED = "ada.planted@example.com"


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError(PLANTED)


def smuggled(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation(PLANTED)


def gone(request: HttpRequest) -> HttpResponse:
    return HttpResponseGone()


def meanwhile(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=409)


def told(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in words of its own", status=409)


urlpatterns = [
    path("admin/broken/", broken),
    path("api/v1/broken/", broken),
    path("admin/smuggled/", smuggled),
    path("admin/gone/", gone),
    path("admin/meanwhile/", meanwhile),
    path("admin/told/", told),
    *urls.urlpatterns,
]
handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500
HERE = pytest.mark.urls(__name__)


@pytest.fixture
def vic() -> Client:
    client = browser_of(make_person("vic", "viewer"))
    client.raise_request_exception = False
    return client


def in_frame(html: str) -> bool:
    return 'id="nav-sidebar"' in html and "account.css" in html


# --- refused ---


def test_a_refusal_names_the_right_the_roles_that_have_it_and_who_gives_it(vic: Client) -> None:
    make_person("root", "admin")

    refused = vic.get("/admin/runs/enrol/")

    said = text(refused)
    assert refused.status_code == 403 and in_frame(said)
    assert "It needs the right “Can enrol contacts into a plan”, which the role operator or admin has." in said
    assert "Administrators give roles, under Users: root." in said


def test_every_missing_right_is_named(vic: Client) -> None:
    said = text(vic.get("/admin/runs/run-1/bundle.zip"))

    assert "Can verify the log and export evidence" in said


def test_a_sentence_of_the_page_itself_comes_first() -> None:
    request = HttpRequest()
    request.path = "/admin/x/"

    assert "Because of the moon." in text(errors.forbidden(request, PermissionError("Because of the moon.")))


def test_a_form_without_its_token_is_told_apart(vic: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = vic.cookies

    refused = strict.post("/admin/account/begin/")

    assert (
        refused.status_code == 403 and "This form is too old" in text(refused) and "Nothing was done" in text(refused)
    )


# --- missing ---


def test_what_is_missing_is_named_in_plain_words(vic: Client) -> None:
    missing = vic.get("/admin/contacts/c-404/")

    assert missing.status_code == 404 and in_frame(text(missing))
    assert "There is no such contact." in text(missing) and 'href="/admin/contacts/">Contacts</a>' in text(missing)


def test_a_stranger_is_not_told_what_exists(vic: Client) -> None:
    said = text(Client().get("/nowhere/"))

    assert "Nothing is at this address" in said and "nav-sidebar" not in said and "Log in" in said


MENU = [
    Group(
        "X",
        tuple(
            Item(label, url, "", "", "")
            for label, url in (
                ("Overview", "/admin/"),
                ("Runs", "/admin/runs/"),
                ("Failure inbox", "/admin/failures/"),
                ("Contacts", "/admin/contacts/"),
            )
        ),
    )
]


@pytest.mark.parametrize(
    ("path", "meant_first"),
    [
        ("/admin/failure/", ("Failure inbox", "/admin/failures/")),
        ("/admin/contacts/c-9/", ("Contacts", "/admin/contacts/")),
        ("/admin/run/17/", ("run-17", "/admin/runs/run-17/")),
        ("/admin/runs/run-404/", ("Runs", "/admin/runs/")),
    ],
)
def test_what_was_meant_is_found(path: str, meant_first: tuple[str, str]) -> None:
    assert meant.pages(path, MENU)[0] == meant_first


def test_nothing_is_suggested_that_this_person_may_not_open() -> None:
    assert meant.pages("/admin/run/17/", []) == []


# --- answers that are a status alone ---


@pytest.mark.parametrize(
    ("address", "status", "sentence"),
    [
        ("gone", 410, "This is gone"),
        ("meanwhile", 409, "Something else happened meanwhile"),
        ("smuggled", 400, "This request cannot be read"),
    ],
)
@HERE
def test_an_empty_answer_gets_its_words(vic: Client, address: str, status: int, sentence: str) -> None:
    answer = vic.get(f"/admin/{address}/")

    assert answer.status_code == status and sentence in text(answer) and in_frame(text(answer))
    assert PLANTED not in text(answer)


@HERE
def test_an_answer_with_words_of_its_own_keeps_them(vic: Client) -> None:
    assert text(vic.get("/admin/told/")) == "in words of its own"


def test_a_page_that_only_shows_says_so_to_a_form(vic: Client) -> None:
    answer = vic.post("/admin/runs/")

    assert answer.status_code == 405 and "This address is not opened like that" in text(answer)
    assert answer.headers["Allow"] == "GET, HEAD"


# --- broken ---


@HERE
def test_an_error_of_ours_shows_its_number_and_no_data(vic: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = vic.get("/admin/broken/")

    number = answer.headers["X-Request-ID"]
    assert answer.status_code == 500 and f"<code>{number}</code>" in text(answer)
    assert "ZeroDivision" not in text(answer) and PLANTED not in text(answer)
    assert [record.request_id for record in caplog.records if record.name == "dee_site.errors"] == [number]


@HERE
def test_the_page_for_an_error_of_ours_reads_no_database(vic: Client, django_assert_num_queries: Any, rf: Any) -> None:
    with django_assert_num_queries(0):
        errors.server_error(rf.get("/admin/broken/"))


@HERE
def test_a_program_gets_an_error_of_ours_as_json(vic: Client) -> None:
    answer = vic.get("/api/v1/broken/")

    assert answer.status_code == 500 and answer.json()["error"].endswith(f"{answer.headers['X-Request-ID']}.")


# --- parts and numbers ---


@pytest.mark.parametrize(
    ("address", "status"),
    [("/admin/runs/enrol/", 403), ("/admin/contacts/c-404/", 404), ("/admin/gone/", 410), ("/admin/broken/", 500)],
)
@HERE
def test_htmx_gets_a_part_that_fits(vic: Client, address: str, status: int) -> None:
    answer = vic.get(address, headers={"HX-Request": "true"})

    assert answer.status_code == status and text(answer).lstrip().startswith("<div") and "<html" not in text(answer)
    assert 'role="alert"' in text(answer) and answer.headers["X-Request-ID"] in text(answer)


def test_every_answer_has_a_number_and_no_two_the_same(vic: Client) -> None:
    first, second = (vic.get("/admin/").headers["X-Request-ID"] for _ in range(2))

    assert first != second and len(first) == 12


def test_a_number_from_outside_is_not_taken(vic: Client) -> None:
    assert vic.get("/healthz", headers={"X-Request-ID": "forged"}).headers["X-Request-ID"] != "forged"


def test_log_lines_of_a_request_carry_its_number(rf: Any) -> None:
    seen: dict[str, Any] = {}

    def view(request: HttpRequest) -> HttpResponse:
        seen.update(structlog.contextvars.get_contextvars())
        return HttpResponse()

    answer = request_id.Numbered(view)(rf.get("/"))

    assert seen == {"request_id": answer.headers["X-Request-ID"]}
    assert structlog.contextvars.get_contextvars() == {}
