"""The pages about the engine: its inputs and their verdicts, its state, the sandbox clock, and enrolment."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from runs import clock, engine_state, operations, pages, queries
from runs.forms import AdvanceForm, EnrolForm
from runs.models import Inbox

KINDS = ("run.start", "event", "command", "clock.advance", "clock.confirm")
MAX_ENROLLED = 20_000
VERDICTS = ("new", *Inbox.Verdict.values)


@permission_required("runs.view_inbox", raise_exception=True)
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """List inputs, newest first, each with its verdict."""
    verdict, kind = request.GET.get("verdict", ""), request.GET.get("kind", "")
    page = queries.input_list(
        verdict if verdict in VERDICTS else "", kind if kind in KINDS else "", pages.number(request, "before")
    )
    context = {
        **admin.site.each_context(request),
        "title": "Inbox",
        "page": page,
        "older": pages.link(request, before=page.older),
        "verdict": verdict,
        "kind": kind,
        "verdicts": VERDICTS,
        "kinds": KINDS,
    }
    return render(request, "runs/inbox.html", context)


@permission_required("runs.view_run", raise_exception=True)
@require_safe
@never_cache
def engine(request: HttpRequest) -> HttpResponse:
    """Show whether the engine runs, where its clock stands and what waits for it."""
    desk = queries.desk()
    context = {
        **admin.site.each_context(request),
        "title": "Engine",
        "state": engine_state.of(desk),
        "facts": desk,
        "may_confirm": request.user.has_perm("runs.drive_clock"),
    }
    return render(request, "runs/engine_body.html" if pages.wants_part(request) else "runs/engine.html", context)


@permission_required("runs.drive_clock", raise_exception=True)
@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """Let a halted engine go on after a jump of the clock."""
    operations.confirm_clock(actor=pages.actor(request))
    messages.success(request, "Confirmed. The engine goes on within a second; the confirmation is in the log.")
    return redirect("runs:engine")


@permission_required("runs.view_run", raise_exception=True)
@require_safe
@never_cache
def clock_page(request: HttpRequest) -> HttpResponse:
    """Show the lane clock, and drive it while every channel is a sandbox."""
    state = clock.state()
    context = {
        **admin.site.each_context(request),
        "title": "Clock",
        "clock": state,
        "steps": AdvanceForm.STEPS,
        "may_drive": request.user.has_perm("runs.drive_clock"),
    }
    return render(request, "runs/clock_body.html" if pages.wants_part(request) else "runs/clock.html", context)


@permission_required("runs.drive_clock", raise_exception=True)
@require_POST
def advance(request: HttpRequest) -> HttpResponse:
    """Drive the sandbox clock forward."""
    form = AdvanceForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was done: choose how far the clock goes.")
        return redirect("runs:clock")
    try:
        operations.advance_clock(actor=pages.actor(request), seconds=form.seconds())
    except operations.Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(
            request, f"Asked the engine to advance the clock: {dict(form.STEPS)[form.cleaned_data['by']]}."
        )
    return redirect("runs:clock")


@permission_required("runs.enrol_run", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def enrol(request: HttpRequest) -> HttpResponse:
    """Start runs of a plan for contacts: first a count without doing anything, then the same form confirmed."""
    plans = queries.active_plans()
    initial = {"plan": request.GET.get("plan", ""), "who": "list", "round": uuid.uuid4().hex[:8]}
    form = EnrolForm(request.POST or None, plans=plans, initial=initial)
    counted: dict[str, Any] | None = None
    if request.method == "POST" and form.is_valid():
        counted = _count(form)
        if "confirm" in request.POST and counted["refs"] and not counted["problem"]:
            return _enrol(request, form, counted["refs"])
    context = {
        **admin.site.each_context(request),
        "title": "Enrol contacts",
        "form": form,
        "plans": plans,
        "counted": counted,
    }
    return render(request, "runs/enrol.html", context, status=422 if form.errors else 200)


def _count(form: EnrolForm) -> dict[str, Any]:
    """Return what enrolling would do, without doing it."""
    cleaned = form.cleaned_data
    named = None if cleaned["who"] == "all" else cleaned["refs"]
    found = queries.contacts_for(named, cleaned["plan"])
    known = {ref for ref, _, _ in found}
    unknown = [ref for ref in named or [] if ref not in known]
    refs = [ref for ref, active, running in found if active and not running]
    return {
        "chosen": len(found),
        "running": sum(1 for _, _, running in found if running),
        "refs": refs,
        "problem": _problem(unknown, len(refs)),
        "inactive": sum(1 for _, active, _ in found if not active),
        "plan": cleaned["plan"],
    }


def _problem(unknown: list[str], chosen: int) -> str:
    if unknown:
        more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
        return f"There is no contact {', '.join(unknown[:8])}{more}. Correct the list; nobody is enrolled until then."
    if chosen > MAX_ENROLLED:
        return f"{chosen} contacts are too many for one page. Use the command: enrol PLAN --all"
    return ""


def _enrol(request: HttpRequest, form: EnrolForm, refs: list[str]) -> HttpResponse:
    plan, again = form.cleaned_data["plan"], form.cleaned_data["round"] if form.cleaned_data["again"] else ""
    try:
        new = operations.enrol(plan_key=plan, contact_refs=refs, actor=pages.actor(request), again=again)
    except operations.Refused as refused:
        messages.error(request, str(refused))
        return redirect("runs:enrol")
    repeats = len(refs) - new
    said = f"{new} run{'' if new == 1 else 's'} of {plan} asked for; they start within seconds."
    if repeats:
        said += f" {repeats} had been enrolled before and were left alone."
    messages.success(request, said)
    return redirect("runs:list")
