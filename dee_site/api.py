"""Which addresses has the API, and who may use them? `/api/v1/…`; what they do lies in each app's `api.py`.

Requests sign in by token, or from our own pages by the session, with its CSRF token (`dee_site.api_settings`).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import URLPattern, path, resolve
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authtoken.models import TokenProxy
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from audit import api as audit_api
from audit.api_base import Endpoint, example
from plans import api as plans_api
from policies import api as policies_api
from runs import api as runs_api

app_name = "api"
admin.site.unregister(TokenProxy)  # its list shows everybody's keys; `drf_create_token` makes and replaces them


@example({"name": "runs", "url": "https://dee.example.org/api/v1/runs/", "methods": ["GET"], "about": "List runs."})
class AddressSerializer(serializers.Serializer[Any]):
    """One address without a name in it."""

    name = serializers.CharField()
    url = serializers.URLField()
    methods = serializers.ListField(child=serializers.CharField())
    about = serializers.CharField(help_text="What a request does, in one line for each method.")


class IndexSerializer(serializers.Serializer[Any]):
    """Where to begin."""

    schema = serializers.URLField(help_text="The whole description, OpenAPI 3.")
    addresses = AddressSerializer(many=True)


class IndexEndpoint(Endpoint):
    rights: ClassVar[Mapping[str, tuple[str, ...]]] = {"GET": ()}

    @extend_schema(operation_id="index", responses=IndexSerializer)
    def get(self, request: Request) -> Response:
        """List the addresses of the API."""
        addresses = [
            {
                "name": route.name,
                "url": reverse(f"api:{route.name}", request=request),
                "methods": sorted(view.rights),
                "about": " ".join(
                    str(getattr(view, method.lower()).__doc__).split("\n")[0] for method in sorted(view.rights)
                ),
            }
            for route, view in endpoints()
            if "<" not in str(route.pattern)
        ]
        return self.shown(IndexSerializer, {"schema": reverse("api:schema", request=request), "addresses": addresses})


class SchemaEndpoint(APIView):
    """The description, for anybody: it is the same for every installation and names nobody."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    # JSON first: whoever expects YAML can read it too.
    renderer_classes = (OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer, OpenApiYamlRenderer2)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """Answer with the OpenAPI 3 description of this API."""
        return Response(description())


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """Return the OpenAPI description; made once for each process, since it changes only with the code."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


@csrf_exempt  # each address checks for itself
def elsewhere(request: HttpRequest, rest: str) -> HttpResponseBase:
    """Answer an address without its last slash as if it had one, since a redirect would lose the body; else 404."""
    if not rest.endswith("/"):
        match = resolve(f"{request.path_info}/")
        answer: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        return answer
    said = "There is nothing at this address. The addresses of the API are listed at its root, /api/v1/."
    return JsonResponse({"error": said, "fields": {}}, status=404)


def endpoints() -> list[tuple[URLPattern, type[Endpoint]]]:
    """Return every address that does something, with its class."""
    return [(route, route.callback.cls) for route in routes]  # type: ignore[attr-defined]


routes = [
    path("", IndexEndpoint.as_view(), name="index"),
    *plans_api.routes,
    *policies_api.routes,
    *runs_api.routes,
    *audit_api.routes,
]
urlpatterns = [*routes, path("schema/", SchemaEndpoint.as_view(), name="schema"), path("<path:rest>", elsewhere)]
