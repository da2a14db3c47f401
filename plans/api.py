"""What can programs read of plans? The list, a plan with its versions, and the document of one version.

Drafts are edited on the pages, where four eyes look at them; the API has none.
"""

import json
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import Http404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api_base import Endpoint, Listed, ListEndpoint, Text, example
from plans import document, queries
from plans.models import Plan, PlanVersion

LANE = "Lane clock, seconds since the epoch."


class PlansQuery(Listed):
    """Which plans."""

    state = serializers.ChoiceField(choices=Plan.STATES, required=False, help_text="Only plans in this state.")
    after = Text(required=False, max_length=64, help_text="Key of the last row seen; `next` has it filled in.")


@example({"key": "trial-followup", "title": "Trial follow-up", "state": "active", "active_version": 3, "newest": 4})
class PlanSerializer(serializers.Serializer[Any]):
    """A plan's name through all its versions."""

    key = serializers.CharField(help_text="The name in documents, in addresses and in the log.")
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=Plan.STATES, help_text="New runs start only while it is active.")
    active_version = serializers.IntegerField(
        source="active_version.number",
        allow_null=True,
        help_text="Number of the version that new runs start on; null when none was activated yet.",
    )
    newest = serializers.IntegerField(allow_null=True, help_text="Number of the newest published version.")


@example({"number": 3, "hash": "9f86d081…", "published_at": 1795000000, "published_by": "user:4"})
class VersionLineSerializer(serializers.Serializer[Any]):
    """One version in the list of a plan."""

    number = serializers.IntegerField()
    hash = serializers.CharField(help_text="Hex SHA-256 over `dee.plan/1`, a line feed and the text.")
    published_at = serializers.IntegerField(help_text=LANE)
    published_by = serializers.CharField(help_text="Who, as the log names people: `user:4`, `cli`.")


class PlanDetailSerializer(PlanSerializer):
    """A plan with its versions, newest first."""

    versions = VersionLineSerializer(many=True)


@example(
    {
        "plan": "trial-followup",
        "number": 3,
        "hash": "9f86d081…",
        "published_at": 1795000000,
        "published_by": "user:4",
        "text": '{"attributes":{},"entry":"welcome",…}',
        "document": {"schema": "dee.plan/1", "key": "trial-followup", "entry": "welcome"},
        "fault": None,
    }
)
class VersionSerializer(VersionLineSerializer):
    """One published version, immutable."""

    plan = serializers.CharField(source="plan.key", help_text="The plan's key.")
    text = serializers.CharField(source="body", help_text="The canonical text exactly as it was hashed.")
    document = serializers.SerializerMethodField()
    fault = serializers.SerializerMethodField()

    def get_document(self, version: PlanVersion) -> dict[str, Any] | None:
        """The text with its title and description, decoded; null when the text is no JSON any more."""
        try:
            decoded: dict[str, Any] = json.loads(document.export(version.body, version.meta))
        except ValueError:
            return None
        return decoded

    def get_fault(self, version: PlanVersion) -> str | None:
        """Why the stored text cannot be trusted, as a sentence; null while it hashes to its hash."""
        return queries.readable(version)[1] or None


class PlansEndpoint(ListEndpoint):
    rights = {"GET": ("plans.view_plan",)}
    key = "key"

    @extend_schema(operation_id="list_plans", parameters=[PlansQuery], responses=PlanSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List plans, by key."""
        asked = self.query(PlansQuery)
        rows = _light(queries.plan_list())
        if "state" in asked:
            rows = rows.filter(state=asked["state"])
        return self.listed(PlanSerializer, rows, asked)


class PlanEndpoint(Endpoint):
    rights = {"GET": ("plans.view_plan",)}

    @extend_schema(operation_id="get_plan", responses=PlanDetailSerializer)
    def get(self, request: Request, key: str) -> Response:
        """Show a plan and which versions it has."""
        versions = PlanVersion.objects.defer("body", "meta").order_by("-number")
        plan = _light(queries.plan_list()).prefetch_related(Prefetch("versions", versions)).filter(key=key).first()
        if plan is None:
            raise Http404(f"There is no plan “{key}”.")
        return self.shown(PlanDetailSerializer, plan)


class VersionEndpoint(Endpoint):
    rights = {"GET": ("plans.view_plan",)}

    @extend_schema(operation_id="get_plan_version", responses=VersionSerializer)
    def get(self, request: Request, key: str, number: int) -> Response:
        """Show the document of one version: as it was hashed, and decoded."""
        version = PlanVersion.objects.select_related("plan").filter(plan__key=key, number=number).first()
        if version is None:
            raise Http404(f"There is no version {number} of a plan “{key}”.")
        return self.shown(VersionSerializer, version)


def _light(plans: QuerySet[Plan]) -> QuerySet[Plan]:
    """Leave out the documents, which are long and not shown."""
    return plans.defer("active_version__body", "active_version__meta", "draft__body")


routes = [
    path("plans/", PlansEndpoint.as_view(), name="plans"),
    path("plans/<slug:key>/", PlanEndpoint.as_view(), name="plan"),
    path("plans/<slug:key>/versions/<int:number>/", VersionEndpoint.as_view(), name="plan_version"),
]
