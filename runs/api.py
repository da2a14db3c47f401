"""What can programs ask about runs, and ask of the engine? The same operations as the pages, with the same rights.

Nothing here decides or waits: a request is put into the inbox, and its verdict is read at `inputs/<id>/`.
"""

from typing import Any

from django.http import Http404
from django.urls import path
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from audit.api_base import Conflict, Endpoint, ListEndpoint
from audit.models import Entry
from runs import api_serializers as shapes
from runs import clock, engine_state, operations, pages, queries
from runs.engine_views import MAX_ENROLLED
from runs.models import Inbox, Run

BESIDE = ("note", "confirmation")  # what is asked with a command and is not in its input: the one is kept elsewhere


class InboxEndpoint(Endpoint):
    """An address whose POST puts an input into the inbox."""

    def queued(self, row: Inbox, *, new: bool = True) -> Response:
        """Answer with an input and where it is found: 202, or 200 for a repeat about which the engine has decided."""
        answer = self.shown(shapes.InputSerializer, row, 202 if new or not row.verdict else 200)
        answer["Location"] = reverse("api:input", args=[row.pk], request=self.request)
        return answer


class RunsEndpoint(ListEndpoint):
    rights = {"GET": ("runs.view_run",)}
    key = "-no"

    @extend_schema(operation_id="list_runs", parameters=[shapes.RunsQuery], responses=shapes.RunSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List runs, the newest first."""
        asked = self.query(shapes.RunsQuery)
        wanted = queries.RunFilter(**{name: asked[name] for name in ("status", "plan", "reason") if name in asked})
        rows = wanted.apply(Run.objects.select_related("contact", "plan_version"))
        rows = rows.defer("state", "head", "plan_version__body", "plan_version__meta", "contact__attributes")
        if "contact" in asked:
            rows = rows.filter(contact__ref=asked["contact"])
        return self.listed(shapes.RunSerializer, rows, asked)


class RunEndpoint(Endpoint):
    rights = {"GET": ("runs.view_run",)}

    @extend_schema(operation_id="get_run", responses=shapes.RunDetailSerializer)
    def get(self, request: Request, no: int) -> Response:
        """Show a run: where it stands, why, and what may be asked of it now."""
        run = queries.run_or_404(no)
        self.stands = pages.standing(run)
        return self.shown(shapes.RunDetailSerializer, run)

    def context(self) -> dict[str, Any]:
        return {**super().context(), "stands": self.stands}


class EntriesEndpoint(ListEndpoint):
    rights = {"GET": ("runs.view_run", "audit.view_entry")}
    key = "n"

    @extend_schema(
        operation_id="list_run_entries", parameters=[shapes.EntriesQuery], responses=shapes.EntrySerializer(many=True)
    )
    def get(self, request: Request, no: int) -> Response:
        """List the entries of a run, the oldest first, with the exact texts that were hashed.

        To check them yourself, hash `text` as it stands; `verification/?stream=run/<no>` checks them on the server.
        """
        asked = self.query(shapes.EntriesQuery)
        return self.listed(shapes.EntrySerializer, Entry.objects.filter(st=queries.run_or_404(no).stream), asked)


class CommandsEndpoint(InboxEndpoint):
    rights = {"POST": ("runs.command_run",)}

    @extend_schema(
        operation_id="command_run",
        request=shapes.NewCommand,
        responses={
            202: shapes.InputSerializer,
            200: OpenApiResponse(shapes.InputSerializer, "The same command was given before, and this is its verdict."),
            409: OpenApiResponse(
                description="The run has moved on since `expected_n`, or may not be commanded so now."
            ),
        },
    )
    def post(self, request: Request, no: int) -> Response:
        """Ask for a command on a run.

        The answer is the queued input; `Location` leads to it. The engine decides in its turn, so read the verdict
        there. Whatever sends passes the same gate as the first attempt and may be refused again; `refusals` of the
        run says what may be asked now. Sending the same `command_id` again is safe: it never becomes a second command.
        """
        given = self.body(shapes.NewCommand)
        run, command_id = queries.run_or_404(no), str(given.pop("command_id"))
        row = queries.command_input(command_id)
        new = row is None
        if row is None:
            self._check(run, given["command"], given["expected_n"], given.get("label", ""))
            operations.send_command(run_no=no, command_id=command_id, actor=self.actor, **given)
            row = queries.command_input(command_id)
        assert row is not None
        asked = {"run": no, "actor": self.actor, "label": "", **given}
        if any(pages.asked(row)[name] != value for name, value in asked.items() if name not in BESIDE):
            raise Conflict("This command_id belongs to another command. Make a new one for each command.")
        return self.queued(row, new=new)

    def _check(self, run: Run, command: str, expected_n: int, label: str) -> None:
        """Refuse at once what the page refuses at once."""
        if expected_n != run.n:
            raise Conflict(
                f"Nothing was done: you saw entry {expected_n} of {run.ref}, it is now at entry {run.n}"
                f" ({run.status}). Read the run again, then decide."
            )
        if refusal := pages.checked_refusal(run, command):
            raise operations.Refused(refusal)
        labels = pages.labels(run, pages.standing(run))
        if label and label not in labels:
            raise serializers.ValidationError(
                {"label": f"“{label}” is not an outcome of {run.step}; its outcomes are {', '.join(labels)}."}
            )


class InputsEndpoint(ListEndpoint):
    rights = {"GET": ("runs.view_inbox",)}
    key = "-id"

    @extend_schema(
        operation_id="list_inputs", parameters=[shapes.InputsQuery], responses=shapes.InputSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """List inputs of the engine with their verdicts, the newest first."""
        asked = self.query(shapes.InputsQuery)
        rows = Inbox.objects.defer("body")
        if "verdict" in asked:
            rows = rows.filter(verdict="" if asked["verdict"] == "new" else asked["verdict"])
        if "kind" in asked:
            rows = rows.filter(kind=asked["kind"])
        return self.listed(shapes.InputSerializer, rows, asked)


class InputEndpoint(Endpoint):
    rights = {"GET": ("runs.view_inbox",)}

    @extend_schema(operation_id="get_input", responses=shapes.InputSerializer)
    def get(self, request: Request, id: int) -> Response:
        """Show what the engine decided about one input, and why."""
        row = Inbox.objects.filter(pk=id).first()
        if row is None:
            raise Http404(f"There is no input {id}.")
        return self.shown(shapes.InputSerializer, row)


class EnrolmentsEndpoint(Endpoint):
    rights = {"POST": ("runs.enrol_run",)}

    @extend_schema(
        operation_id="enrol_contacts",
        request=shapes.NewEnrolment,
        responses={
            202: shapes.EnrolmentSerializer,
            409: OpenApiResponse(description="The plan is not active."),
        },
    )
    def post(self, request: Request) -> Response:
        """Ask for a run of a plan's active version for each contact.

        Contacts that are not active or have an open run of the plan are left alone, as on the page. A contact is
        enrolled once per plan, so sending the same request again starts nothing twice. With an unknown reference
        nobody is enrolled.
        """
        given = self.body(shapes.NewEnrolment)
        named = given.get("contacts")
        found = queries.contacts_for(named, given["plan"])
        known = {ref for ref, _, _ in found}
        if unknown := [ref for ref in named or [] if ref not in known]:
            more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
            raise serializers.ValidationError(
                {"contacts": f"There is no contact {', '.join(unknown[:5])}{more}. Nobody was enrolled."}
            )
        refs = [ref for ref, active, running in found if active and not running]
        if len(refs) > MAX_ENROLLED:
            raise serializers.ValidationError(
                {"all": f"{len(refs)} contacts are too many for one request. Use the command: enrol PLAN --all"}
            )
        new = operations.enrol(
            plan_key=given["plan"], contact_refs=refs, actor=self.actor, again=given.get("again", "")
        )
        counted = {
            "plan": given["plan"],
            "chosen": len(found),
            "new": new,
            "repeated": len(refs) - new,
            "running": sum(1 for _, active, running in found if active and running),
            "inactive": sum(1 for _, active, _ in found if not active),
        }
        return self.shown(shapes.EnrolmentSerializer, counted, 202)


class EngineEndpoint(Endpoint):
    rights = {"GET": ("runs.view_run",)}

    @extend_schema(operation_id="get_engine", responses=shapes.EngineSerializer)
    def get(self, request: Request) -> Response:
        """Show whether the engine runs, and what waits for it."""
        desk = queries.desk()
        state = engine_state.of(desk)
        facts = {name: getattr(desk, name) for name in ("halted", "waiting", "failed", "beat_at")}
        said = {"state": state.word, "sentence": state.sentence, "lag_s": engine_state.lag_s(desk)}
        return self.shown(shapes.EngineSerializer, {**facts, **said})


class ClockEndpoint(Endpoint):
    rights = {"GET": ("runs.view_run",)}

    @extend_schema(operation_id="get_clock", responses=shapes.ClockSerializer)
    def get(self, request: Request) -> Response:
        """Show the lane clock, and whether it may be driven by hand."""
        return self.shown(shapes.ClockSerializer, clock.state())


class AdvanceEndpoint(InboxEndpoint):
    rights = {"POST": ("runs.drive_clock",)}

    @extend_schema(
        operation_id="advance_clock",
        request=shapes.NewAdvance,
        responses={
            202: shapes.InputSerializer,
            409: OpenApiResponse(description="Some channel is no sandbox: real people would be contacted."),
        },
    )
    def post(self, request: Request) -> Response:
        """Drive the sandbox clock forward, by seconds or to the next thing that waits.

        Possible only while every channel is a sandbox. Every request is an advance of its own: do not send it twice.
        """
        seconds = self.body(shapes.NewAdvance).get("seconds")
        return self.queued(Inbox.objects.get(pk=operations.advance_clock(actor=self.actor, seconds=seconds)))


routes = [
    path("runs/", RunsEndpoint.as_view(), name="runs"),
    path("runs/<int:no>/", RunEndpoint.as_view(), name="run"),
    path("runs/<int:no>/entries/", EntriesEndpoint.as_view(), name="entries"),
    path("runs/<int:no>/commands/", CommandsEndpoint.as_view(), name="commands"),
    path("inputs/", InputsEndpoint.as_view(), name="inputs"),
    path("inputs/<int:id>/", InputEndpoint.as_view(), name="input"),
    path("enrolments/", EnrolmentsEndpoint.as_view(), name="enrolments"),
    path("engine/", EngineEndpoint.as_view(), name="engine"),
    path("clock/", ClockEndpoint.as_view(), name="clock"),
    path("clock/advance/", AdvanceEndpoint.as_view(), name="clock_advance"),
]
