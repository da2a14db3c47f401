"""What does a person see when a page is refused, missing or broken? Answers in the admin's frame; 500 shows no data.

Every one says what happened, whether something was done, what to do, and the number of the request, which stands in
the log as well. htmx gets the same words as a part of a page, the API as JSON.
"""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template import loader
from django.template.response import TemplateResponse
from django.views.decorators.csrf import requires_csrf_token

from audit import desk
from dee_site import meant, request_id, roles

logger = logging.getLogger(__name__)

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
MOST_NAMES = 3
# What `get_object_or_404` says of its own; a person is told the same in plain words.
NO_OBJECT = re.compile(r"No (?P<what>[\w ]+) matches the given query\.")


@dataclass(frozen=True, slots=True)
class Answer:
    """One error page. lines: sentences, the first one says what happened."""

    status: int
    title: str
    lines: Sequence[str]
    level: str = "warn"


UNREADABLE = Answer(
    400,
    "This request cannot be read",
    ["Nothing was done. Something in the address or in what was sent has a form that no page here takes."],
)
TOO_OLD = Answer(
    403,
    "This form is too old",
    [
        "Nothing was done. The form you sent was made for another session: you logged in or out since, or your"
        " browser does not keep our cookie.",
        "Go back, reload the page and send it again.",
    ],
)
MISSING = Answer(
    404,
    "There is no such page",
    ["Nothing is at this address. It may be mistyped, or what it named is gone."],
    level="info",
)
# Views answer these with a status alone; the words are added on the way out.
BARE = {
    400: UNREADABLE,
    405: Answer(
        405,
        "This address is not opened like that",
        [
            "Nothing was done. It only takes what a form on another page sends, or only shows and takes nothing.",
            "Open the page with the form and send it from there.",
        ],
    ),
    409: Answer(
        409,
        "Something else happened meanwhile",
        ["Nothing was done. What you decided on is not as you saw it any more. Reload the page, then decide again."],
    ),
    410: Answer(
        410,
        "This is gone",
        ["What this address named was here and is not kept any more. What happened with it stands in the audit log."],
        level="info",
    ),
}


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400. What exactly was wrong stands in the log: it may hold what somebody tried to smuggle in."""
    return _answer(request, UNREADABLE)


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403: the sentence of the page that refused, or the right that is missing; and who can give it."""
    said = str(exception or "")
    first = said or "Nothing was done: your account does not have the right for this page or action."
    try:
        lines = [first, *_missing(missing_rights(exception))]
    except DatabaseError:
        logger.warning("a refusal could not be explained", exc_info=True)
        lines = [first]
    return _answer(request, Answer(403, "You may not do this", lines))


@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404 with the sentence of the view that missed something, and with what could have been meant."""
    said = str(exception) if exception and exception.args and isinstance(exception.args[0], str) else ""
    if found := NO_OBJECT.fullmatch(said):
        said = f"There is no such {found['what'].lower()}."
    known = settings.DEBUG or _is_staff(request)  # a stranger is not told what exists
    return _answer(request, replace(MISSING, lines=[said]) if said and known else MISSING)


@requires_csrf_token
def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form whose token is missing or old."""
    return _answer(request, TOO_OLD)


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 with the request's number and nothing else; touches neither database nor session."""
    number = request_id.of(request)
    logger.error("a page failed", extra={"request_id": number, "path": request.path})
    if request.path.startswith("/api/"):
        said = f"DEE met an error of its own. Give an administrator the reference {number}."
        return JsonResponse({"error": said, "fields": {}}, status=500)
    template = "errors/500_part.html" if desk.wants_part(request) else "errors/500.html"
    return HttpResponse(loader.render_to_string(template, {"reference": number}), status=500)


class Explained:
    """Middleware: gives words to answers that are a status alone, such as Django's own 405."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        bare = BARE.get(response.status_code)
        if bare is None or response.streaming or not request.path.startswith("/admin/"):
            return response
        if not isinstance(response, HttpResponse) or response.content:
            return response
        told = _answer(request, bare)
        if allowed := response.headers.get("Allow"):
            told.headers["Allow"] = allowed
        return told


def missing_rights(error: BaseException | None) -> tuple[str, ...]:
    """Return the rights that a refused page asked for, as `app.codename`; () when it does not say.

    Django's `permission_required` raises without naming them; they are read where it stood when it did.
    """
    found = error.__traceback__ if error else None
    while found is not None:
        if found.tb_frame.f_code.co_name == "check_perms":
            return tuple(found.tb_frame.f_locals.get("perms", ()))
        found = found.tb_next
    return ()


def _missing(rights: Sequence[str]) -> list[str]:
    """Say which rights a page asks for, which roles bring them, and who gives roles."""
    lines = []
    for right in rights:
        app, _, codename = right.partition(".")
        name = Permission.objects.filter(content_type__app_label=app, codename=codename).values_list("name", flat=True)
        held = " or ".join(roles.holders(right))
        lines.append(
            f"It needs the right “{name[0] if name else right}”" + (f", which the role {held} has." if held else ".")
        )
    givers = User.objects.with_perm("auth.change_user", backend=MODEL_BACKEND).filter(is_staff=True, is_active=True)
    names = [user.get_short_name() or user.get_username() for user in givers.order_by("pk")[:MOST_NAMES]]
    asked = f": {', '.join(names)}" if names else ""
    return [*lines, f"Administrators give roles, under Users{asked}. If a link led you here, ask whoever sent it."]


def _is_staff(request: HttpRequest) -> bool:
    return bool(getattr(getattr(request, "user", None), "is_staff", False))


def _answer(request: HttpRequest, answer: Answer) -> HttpResponse:
    """Answer as a page in the admin's frame, as a part for htmx, or as JSON to programs."""
    reference = request_id.of(request)
    if request.path.startswith("/api/"):
        return JsonResponse({"error": " ".join(answer.lines), "fields": {}}, status=answer.status)
    context: dict[str, Any] = {"answer": answer, "reference": reference, "title": answer.title}
    if desk.wants_part(request):
        return HttpResponse(loader.render_to_string("errors/part.html", context, request), status=answer.status)
    context |= _frame(request)
    looked_for = meant.pages if answer.status == MISSING.status else meant.above
    context["links"] = looked_for(request.path, context.get("menu", []))
    response = TemplateResponse(request, "errors/page.html", context, status=answer.status)
    return response.render()


def _frame(request: HttpRequest) -> dict[str, Any]:
    """Return the frame for people who are logged in; none when it cannot be made."""
    try:
        return admin.site.each_context(request) if _is_staff(request) else {}
    except DatabaseError:
        logger.warning("an error page could not be framed", exc_info=True)
        return {}
