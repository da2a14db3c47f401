"""What do all addresses of the API share? Which rights they need, how strictly a request is read, how lists are cut.

It lies in the lowest app because every app above it answers requests. What the whole site decides (who is signed in,
how an error looks, which addresses there are) is `dee_site.api`.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

PAGE, LONGEST_PAGE = 50, 200
MAX_INT = 2**53 - 1
_S = TypeVar("_S", bound=type)


class Conflict(APIException):
    """Something that is there already stands against the request; the detail is a sentence."""

    status_code = 409
    default_code = "conflict"


class LengthMissing(APIException):
    """The body came without its length, and so did not come through (WSGI reads no further than the stated length)."""

    status_code = 411
    default_code = "length_missing"
    default_detail = "The body came in chunks. Send it whole, with its Content-Length."


# --- how a request is read ---


class Text(serializers.CharField):
    """A text; a number or a truth value is not one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A whole number in a body; a text, a truth value or a fraction is not one."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """true or false in a body; 1, "yes" and null are neither."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid", input=data)
        return data


class Asked(serializers.Serializer[Any]):
    """A body or a query whose unknown names are refused: a misspelt filter must not pass as if it were not there."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, Mapping) and (unknown := sorted(data.keys() - self.fields.keys())):
            known = ", ".join(self.fields)
            raise serializers.ValidationError(
                {name: f"There is no such field here; the fields are {known}." for name in unknown}
            )
        read: dict[str, Any] = super().to_internal_value(data)
        return read


class Listed(Asked):
    """The query of a list. Its subclasses name `after`, with the type of the list's key, and filters."""

    limit = serializers.IntegerField(
        default=PAGE, min_value=1, max_value=LONGEST_PAGE, help_text="How many rows at most."
    )


def numbered(what: str) -> serializers.IntegerField:
    """Return the field `after` of a list whose key is a number."""
    return serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_INT,
        help_text=f"{what} of the last row seen; `next` has it filled in.",
    )


def example(value: Any) -> Callable[[_S], _S]:
    """Give a shape the example that the schema shows of it."""
    return extend_schema_serializer(examples=[OpenApiExample("Example", value=value)])


# --- how it is answered ---


class Keyset(BasePagination):
    """How a page looks. Lists are cut by the key of the last row seen: page 1000 costs what page 1 costs."""

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the shape of one page."""
        following = {
            "type": "string",
            "format": "uri",
            "nullable": True,
            "description": "Address of the next page; null on the last one.",
            "example": None,
        }
        return {"type": "object", "required": ["results", "next"], "properties": {"results": schema, "next": following}}


class Endpoint(APIView):
    """One address. A method that `rights` does not name is refused to everybody (`dee_site.api_rights.HasRights`)."""

    rights: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # {method: Django permissions, all of them needed}
    key: ClassVar[str] = ""  # of a list: the unique column it is ordered by, with - when it falls
    http_method_names = ["get", "head", "post"]

    @property
    def actor(self) -> str:
        """Who is acting, as the log names people."""
        return f"user:{self.request.user.pk}"

    def need(self, right: str, why: str) -> None:
        """Raise PermissionDenied with a sentence unless the person holds a further right."""
        if not self.request.user.has_perm(right):
            raise PermissionDenied(f"{why} That needs the right {right}.")

    def body(self, shape: type[Asked]) -> dict[str, Any]:
        """Return the checked body. Raises: ValidationError, LengthMissing."""
        if "Transfer-Encoding" in self.request.headers and not self.request.headers.get("Content-Length"):
            raise LengthMissing
        asked = shape(data=self.request.data)
        asked.is_valid(raise_exception=True)
        return dict(asked.validated_data)

    def query(self, shape: type[Asked]) -> dict[str, Any]:
        """Return the checked query. Raises: ValidationError."""
        given = self.request.query_params
        if twice := [name for name, values in given.lists() if len(values) > 1]:
            raise serializers.ValidationError(
                {name: "This stands twice in the address; give it once." for name in twice}
            )
        asked = shape(data=given.dict())
        asked.is_valid(raise_exception=True)
        return dict(asked.validated_data)

    def context(self) -> dict[str, Any]:
        """Return what shapes may need to know beside the row."""
        return {"request": self.request}

    def shown(self, shape: type[serializers.Serializer[Any]], row: Any, status: int = 200) -> Response:
        """Answer with one row in a shape."""
        return Response(shape(row, context=self.context()).data, status=status)

    def listed(
        self, shape: type[serializers.Serializer[Any]], rows: QuerySet[Any], asked: Mapping[str, Any]
    ) -> Response:
        """Answer with one page of rows, each in a shape. asked: the query as `Listed` checked it."""
        key, falling = self.key.removeprefix("-"), self.key.startswith("-")
        if asked.get("after") is not None:
            rows = rows.filter(**{f"{key}__{'lt' if falling else 'gt'}": asked["after"]})
        limit = asked["limit"]
        found = list(rows.order_by(self.key)[: limit + 1])
        following = None
        if len(found) > limit:
            address = self.request.build_absolute_uri()
            following = replace_query_param(address, "after", getattr(found[limit - 1], key))
        results = shape(found[:limit], many=True, context=self.context()).data
        return Response({"results": results, "next": following})

    def finalize_response(self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any) -> Any:
        """Keep answers out of every cache: they depend on who asks, and on now."""
        answer = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]
        answer["Cache-Control"] = "no-store"
        return answer


class ListEndpoint(Endpoint):
    """An address whose GET answers with one page of a list."""

    pagination_class = Keyset
