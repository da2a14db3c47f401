"""Which request was that? Each gets a number of its own, which stands in its log lines, its answer and on error pages.

Never taken from outside: a number that a caller chooses says nothing and may be made to say something else.
"""

import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponseBase

HEADER = "X-Request-ID"
_ATTRIBUTE = "dee_request_id"


class Numbered:
    """Middleware, the outermost: numbers the request before anything can fail."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        number = of(request)
        with structlog.contextvars.bound_contextvars(request_id=number):
            response = self.get_response(request)
        response.headers[HEADER] = number
        return response


def of(request: HttpRequest) -> str:
    """Return the request's number; made now for a request that came past the middleware, as in a test."""
    number: str | None = getattr(request, _ATTRIBUTE, None)
    if number is None:
        number = uuid.uuid4().hex[:12]
        setattr(request, _ATTRIBUTE, number)
    return number
