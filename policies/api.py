"""What can programs ask about people and limits? The same operations as the pages, with the same rights."""

from dataclasses import asdict
from typing import Any

from django.http import Http404
from django.urls import path
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clear
from audit.api_base import Conflict, Endpoint, ListEndpoint
from policies import addresses, contact_fields, operations, queries
from policies import api_serializers as shapes
from policies.models import Contact, Suppression


class ContactsEndpoint(ListEndpoint):
    rights = {"GET": ("policies.view_contact",), "POST": ("policies.manage_contacts",)}
    key = "ref"

    @extend_schema(
        operation_id="list_contacts",
        parameters=[shapes.ContactsQuery],
        responses=shapes.ContactSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List contacts, by reference."""
        asked = self.query(shapes.ContactsQuery)
        hidden = not clear.may_see(request.user)
        found = queries.find_contacts(asked.get("q", ""), asked.get("state", ""), by_ref_only=hidden)
        return self.listed(shapes.ContactSerializer, found, asked)

    @extend_schema(
        operation_id="add_contact",
        request=shapes.NewContact,
        responses={
            201: shapes.ContactSerializer,
            200: OpenApiResponse(shapes.ContactSerializer, "The contact was there already, with the same fields."),
            409: OpenApiResponse(description="The reference belongs to a contact with other fields."),
        },
    )
    def post(self, request: Request) -> Response:
        """Add a contact.

        Nothing is sent to a contact without a consent. Sending the same contact again changes nothing and answers 200.
        """
        given = self.body(shapes.NewContact)
        ref = given.pop("ref")
        try:
            contact = operations.create_contact(actor=self.actor, ref=ref, **given)
        except operations.Refused as refused:  # the reference is taken
            known = Contact.objects.get(ref=ref)
            if any(getattr(known, name) != value for name, value in asdict(contact_fields.read(given)).items()):
                raise Conflict(str(refused)) from None
            return self.shown(shapes.ContactSerializer, known)
        return self.shown(shapes.ContactSerializer, contact, 201)


class ContactEndpoint(Endpoint):
    rights = {"GET": ("policies.view_contact",)}

    @extend_schema(operation_id="get_contact", responses=shapes.ContactSerializer)
    def get(self, request: Request, ref: str) -> Response:
        """Show a contact."""
        return self.shown(shapes.ContactSerializer, _contact(ref))


class ConsentsEndpoint(ListEndpoint):
    rights = {"GET": ("policies.view_consent",), "POST": ("policies.manage_consent",)}
    key = "-id"

    @extend_schema(
        operation_id="list_consents",
        parameters=[shapes.ConsentsQuery],
        responses=shapes.ConsentSerializer(many=True),
    )
    def get(self, request: Request, ref: str) -> Response:
        """List what a contact said, the newest first."""
        asked = self.query(shapes.ConsentsQuery)
        wanted: dict[str, str] = {name: asked[name] for name in ("channel", "purpose") if name in asked}
        rows = queries.find_consents(wanted).filter(contact=_contact(ref))
        return self.listed(shapes.ConsentSerializer, rows, asked)

    @extend_schema(operation_id="grant_consent", request=shapes.NewConsent, responses={201: shapes.ConsentSerializer})
    def post(self, request: Request, ref: str) -> Response:
        """Record that a contact agreed.

        Consents are append-only: sending the same twice records it twice, and the newest counts. It lifts no
        suppression, and it is refused when the contact withdrew at that time or later.
        """
        given = self.body(shapes.NewConsent)
        row = operations.record_consent(actor=self.actor, contact=_contact(ref), **given)
        return self.shown(shapes.ConsentSerializer, row, 201)


class WithdrawalsEndpoint(Endpoint):
    rights = {"POST": ("policies.manage_consent",)}

    @extend_schema(operation_id="withdraw_consent", request=shapes.NewWithdrawal, responses=shapes.ConsentSerializer)
    def post(self, request: Request, ref: str) -> Response:
        """Record that a contact withdrew.

        Answers with the withdrawal that counts from now on. Nothing more is sent for this channel and purpose.
        """
        given = self.body(shapes.NewWithdrawal)
        row = operations.revoke_consent(actor=self.actor, contact=_contact(ref), **given)
        return self.shown(shapes.ConsentSerializer, row)


class SuppressionsEndpoint(ListEndpoint):
    rights = {"GET": ("policies.view_suppression",), "POST": ("policies.manage_suppressions",)}
    key = "-id"

    def context(self) -> dict[str, Any]:
        return {**super().context(), "now": queries.lane_clock()}

    @extend_schema(
        operation_id="list_suppressions",
        parameters=[shapes.SuppressionsQuery],
        responses=shapes.SuppressionSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List suppressions, the newest first; with an address, whether and why it is blocked."""
        asked = self.query(shapes.SuppressionsQuery)
        if "address" in asked:
            rows = Suppression.objects.filter(address=addresses.normal(asked["address"]))
        else:
            rows = Suppression.objects.filter(removed_at=None)
        return self.listed(shapes.SuppressionSerializer, rows, asked)

    @extend_schema(
        operation_id="suppress_address",
        request=shapes.NewSuppression,
        responses={
            201: shapes.SuppressionSerializer,
            200: OpenApiResponse(shapes.SuppressionSerializer, "One as strong holds already; nothing changed."),
        },
    )
    def post(self, request: Request) -> Response:
        """Put an address on the do-not-contact list.

        It holds from the moment of the answer. An entry as strong that holds already stays, and the answer is 200.
        Taking an entry off the list is done on the pages, where a reason and for some an approver is asked for.
        """
        entry, new = operations.add_suppression(actor=self.actor, source="api", **self.body(shapes.NewSuppression))
        return self.shown(shapes.SuppressionSerializer, entry, 201 if new else 200)


class LimitsEndpoint(Endpoint):
    rights = {"GET": ("policies.view_policy",)}

    @extend_schema(operation_id="list_limits", responses=shapes.LimitsSerializer)
    def get(self, request: Request) -> Response:
        """Show how much of every limit and budget is used, and when it starts anew."""
        now = queries.lane_clock()
        limits: list[dict[str, Any]] = [
            {"policy": state.policy.key, **asdict(usage)}
            for state in queries.policy_states(now)
            for usage in state.usages
        ]
        return self.shown(shapes.LimitsSerializer, {"at": now, "results": limits})


def _contact(ref: str) -> Contact:
    found = Contact.objects.filter(ref=ref).first() if contact_fields.REF.fullmatch(ref) else None
    if found is None:
        raise Http404(f"There is no contact “{ref[:64]}”.")
    return found


routes = [
    path("contacts/", ContactsEndpoint.as_view(), name="contacts"),
    path("contacts/<str:ref>/", ContactEndpoint.as_view(), name="contact"),
    path("contacts/<str:ref>/consents/", ConsentsEndpoint.as_view(), name="consents"),
    path("contacts/<str:ref>/withdrawals/", WithdrawalsEndpoint.as_view(), name="withdrawals"),
    path("suppressions/", SuppressionsEndpoint.as_view(), name="suppressions"),
    path("limits/", LimitsEndpoint.as_view(), name="limits"),
]
