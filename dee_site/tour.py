"""What does somebody try in their first five minutes? Seven steps on the demo's overview, ticked by what has happened.

Nothing is stored but a cookie that hides the card: the ticks are read from the tables that the steps fill.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from audit.models import Head, Verification
from channels import registry
from plans.models import Activation, Plan, PlanDraft
from runs.models import Inbox, Run
from runs.queries import Desk

COOKIE = "dee_tour"
HIDDEN = "hidden"
KEPT_S = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Told:
    """A step as it is told. key: what has to have happened, "" where nothing records it. role: who in the demo may."""

    title: str
    look: str
    page: str
    key: str
    right: str
    role: str


TOLD = (
    Told(
        "Advance the clock by a day",
        "A day of waiting passes in seconds; watch runs move on and the bars below grow.",
        "runs:clock",
        "driven",
        "runs.drive_clock",
        "maria, the operator",
    ),
    Told(
        "Open a run",
        "Its path on the version it walks, every decision with the numbers it saw, and the message as it was sent.",
        "runs:run",
        "",
        "runs.view_run",
        "maria, the operator",
    ),
    Told(
        "See why runs failed",
        "Failures are grouped by cause. A message whose fate nobody knows is a failure, never a second send.",
        "runs:failures",
        "",
        "runs.view_run",
        "maria, the operator",
    ),
    Told(
        "Retry one, or resolve it",
        "It asks for a reason, and your name and the reason become an entry of the run.",
        "runs:failures",
        "command",
        "runs.command_run",
        "maria, the operator",
    ),
    Told(
        "Verify the log",
        "Your browser recomputes every hash itself. Then let the server do the same: that check is kept.",
        "audit:verify",
        "verified",
        "audit.verify_log",
        "audrey, the auditor",
    ),
    Told(
        "Design a plan",
        "Open a draft, add a step, connect it. The checks beneath say what is still missing.",
        "plans:list",
        "drafted",
        "plans.edit_plan",
        "dan, the designer",
    ),
    Told(
        "Review it as a second person",
        "Whoever edited a plan cannot bring it into force; somebody else reads the changes as sentences and does.",
        "plans:reviews",
        "activated",
        "plans.activate_plan",
        "ann, the approver",
    ),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A step as one person sees it. allowed: they may do it; otherwise the card names who in the demo may."""

    told: Told
    url: str
    done: bool
    allowed: bool


def shown_to(request: HttpRequest, desk: Desk) -> Sequence[Step]:
    """Return the steps; none for people who hid them, and none where a channel is real or nothing can be tried yet."""
    if request.COOKIES.get(COOKIE) == HIDDEN or not registry.all_sandbox():
        return ()
    happened = _happened() | {"driven": desk.offset_s > 0}
    if not happened["plan"]:
        return ()
    may = request.user.has_perm
    return [Step(told, _url(told, happened["run"]), bool(happened.get(told.key)), may(told.right)) for told in TOLD]


def _url(told: Told, newest: int | None) -> str:
    if told.page != "runs:run":
        return reverse(told.page)
    return reverse("runs:run", args=[newest]) if newest else reverse("runs:list")


def _happened() -> dict[str, Any]:
    """Return what the tables say of the steps, in one query."""
    found = Head.objects.filter(pk=1).values_list(
        Exists(Plan.objects.all()),
        Exists(Inbox.objects.filter(source="command", verdict="applied")),
        Exists(Verification.objects.filter(scope="log")),
        Exists(PlanDraft.objects.exclude(edited_by=[])),
        Exists(Activation.objects.filter(by__startswith="user:")),
        Subquery(Run.objects.order_by("-no").values("no")[:1]),
    )
    plan, command, verified, edited, activated, newest = found.get()
    return {
        "plan": plan,
        "command": command,
        "verified": verified,
        "drafted": edited or activated,  # a published draft is no longer one that somebody edited
        "activated": activated,
        "run": newest,
    }


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Hide the tour in this browser, or bring it back."""
    response = redirect("admin:index")
    if request.POST.get("tour") == "show":
        response.delete_cookie(COOKIE)
    else:
        response.set_cookie(COOKIE, HIDDEN, max_age=KEPT_S, httponly=True, samesite="Lax", secure=request.is_secure())
    return response
