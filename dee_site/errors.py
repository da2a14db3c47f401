"""What does a person see when a page is refused, missing or broken? Answers in the admin's frame; 500 shows no data."""

import logging
import uuid

from django.conf import settings
from django.contrib import admin
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.views.decorators.csrf import requires_csrf_token

logger = logging.getLogger(__name__)


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403: which right is missing is said by the page that knows it; here, whom to ask."""
    return _framed(request, "errors/403.html", 403, {"title": "You may not do this", "said": str(exception or "")})


@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404 with the sentence of the view that missed something."""
    said = str(exception) if exception and exception.args and isinstance(exception.args[0], str) else ""
    return _framed(request, "errors/404.html", 404, {"title": "There is no such page", "said": said})


@requires_csrf_token
def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form whose token is missing or old."""
    return _framed(request, "errors/csrf.html", 403, {"title": "This form is too old"})


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 with a reference that stands in the log too; touches neither database nor session."""
    reference = uuid.uuid4().hex[:12]
    logger.error("a page failed", extra={"reference": reference, "path": request.path})
    return HttpResponse(loader.render_to_string("errors/500.html", {"reference": reference}), status=500)


def _framed(request: HttpRequest, template: str, status: int, context: dict[str, str]) -> HttpResponse:
    """Render in the admin's frame for people who are logged in; plainly when the frame cannot be made."""
    try:
        frame = admin.site.each_context(request) if getattr(request, "user", None) and request.user.is_staff else {}
    except DatabaseError:
        logger.warning("an error page could not be framed", exc_info=True)
        frame = {}
    shown = context if settings.DEBUG or status != 404 or frame else {**context, "said": ""}
    return render(request, template, {**frame, **shown}, status=status)
