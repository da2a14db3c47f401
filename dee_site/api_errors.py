"""How does the API say no? Always in one shape: {"error": a sentence, "fields": {field: a sentence}}.

400 the body cannot be read · 401 not signed in · 403 not allowed · 404 unknown · 409 the state of things stands against
it now · 411 sent without its length · 413 too long · 415 not JSON · 422 what is asked for is not right · 429 too
often · 500 our fault · 503 busy.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from dee_site import request_id
from dee_site.api_body import TooLarge
from plans import operations as plan_operations
from policies import operations as policy_operations
from policies.addresses import BadAddress
from policies.contact_fields import Invalid
from runs import operations as run_operations

logger = logging.getLogger(__name__)

SENTENCES: Mapping[type[Exception], str] = {
    exceptions.NotAuthenticated: "This request is not signed in. Send the header Authorization: Token <key>.",
    exceptions.AuthenticationFailed: "This key signs nobody in. Ask an administrator for a new one.",
    exceptions.NotAcceptable: "The API answers in JSON; accept application/json.",
    exceptions.UnsupportedMediaType: "The API reads JSON; send Content-Type: application/json.",
}
BUSY_S = 5


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that says no."""

    status: int
    sentence: str
    fields: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        data = {"error": self.sentence, "fields": dict(self.fields)}
        return Response(data, status=self.status, headers=dict(self.headers))


def answer(error: Exception, context: Mapping[str, Any]) -> Response:
    """Return the answer to an exception of a view; REST framework's exception handler."""
    refusal = _of_operations(error) or _of_framework(error) or _unexpected(error, context)
    return refusal.response()


def _of_operations(error: Exception) -> Refusal | None:
    match error:
        case policy_operations.Stale() | plan_operations.Stale():
            return Refusal(409, str(error))
        case policy_operations.Refused():
            return Refusal(422, str(error), {error.field: str(error)} if error.field else {})
        case run_operations.Refused() | plan_operations.Refused():
            return Refusal(409, str(error))
        case Invalid():
            return _invalid(error.problems)
        case BadAddress():
            return _invalid({"address": str(error)})
    return None


def _of_framework(error: Exception) -> Refusal | None:
    match error:
        case Http404():
            return Refusal(404, str(error) or "There is nothing at this address.")
        case PermissionDenied():
            return Refusal(403, str(error) or "You may not do this.")
        case RequestDataTooBig():
            return Refusal(413, TooLarge.default_detail)
        case exceptions.ValidationError():
            return _invalid(dict(_flat(error.detail)))
        case exceptions.Throttled():
            wait = max(1, int(getattr(error, "wait", None) or 1))
            return Refusal(
                429, f"Too many requests; send the next one in {wait} s.", headers={"Retry-After": f"{wait}"}
            )
        case exceptions.MethodNotAllowed():
            return Refusal(405, "This address does not take that method; the header Allow names those it takes.")
        case exceptions.APIException():
            header = getattr(error, "auth_header", None)
            said = SENTENCES.get(type(error), str(error.detail))
            return Refusal(error.status_code, said, headers={"WWW-Authenticate": header} if header else {})
        case OperationalError():
            logger.warning("the API could not reach the database in time", exc_info=error)
            said = "The database is busy or does not answer. Nothing was done; send the request again."
            return Refusal(503, said, headers={"Retry-After": f"{BUSY_S}"})
    return None


def _unexpected(error: Exception, context: Mapping[str, Any]) -> Refusal:
    """Say nothing of an error of ours but a reference that stands in the log too."""
    reference = request_id.of(getattr(context["request"], "_request", context["request"]))
    path = context["request"].path
    logger.error("an API request failed", exc_info=error, extra={"reference": reference, "path": path})
    return Refusal(500, f"DEE met an error of its own. Give an administrator the reference {reference}.")


def _invalid(fields: Mapping[str, str]) -> Refusal:
    names = ", ".join(name for name in fields if name)
    said = f"Nothing was done. Correct {names}, and send it again." if names else " ".join(fields.values())
    return Refusal(422, said, {name: sentence for name, sentence in fields.items() if name})


def _flat(detail: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield (place, sentence) of a tree of problems; a place is `field` or `field/3`."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            own = "" if name == "non_field_errors" else f"{name}"
            yield from _flat(inner, "/".join(part for part in (where, own) if part))
    elif isinstance(detail, list) and any(isinstance(item, Mapping) for item in detail):
        for index, inner in enumerate(detail):
            yield from _flat(inner, f"{where}/{index}")
    elif detail:
        yield where, " ".join(str(item) for item in detail) if isinstance(detail, list) else str(detail)
