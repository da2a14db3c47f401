"""The pages of a command: its form, its refusal when the run has changed, and what the engine made of it."""

import uuid
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from audit import queries as audit_queries
from runs import operations, pages, queries
from runs.commands import WORDS, Offer, offer
from runs.engine.transitions import Command
from runs.models import Run
from runs.triaging import failure_filter


@permission_required("runs.command_run", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def act(request: HttpRequest, no: int, command: str) -> HttpResponse:
    """Ask for a command: GET shows its form on a page of its own, POST puts it into the inbox.

    `label` in the address: the outcome to begin with. `from=tasks`: where to go back to.
    """
    found = queries.run_or_404(no)
    if command not in WORDS:
        raise Http404(f"“{command}” is not a command.")
    data = request.POST if request.method == "POST" else None
    refusal, label = pages.checked_refusal(found, command), request.GET.get("label", "")
    about = offer(found, Command(command), pages.standing(found), refusal, data=data, label=label)
    if data is None:
        return _act_page(request, found, about, 200)
    valid, given = about.form.is_valid(), about.form.cleaned_data
    if given.get("expected_n") not in (None, found.n):
        return _stale(request, found, given["expected_n"])
    if valid and (refused := refusal or _send(request, found, about)):
        about.form.add_error(None, refused)
    if about.form.errors:
        return _act_page(request, found, about, 422)
    back = _back(request, found)
    there = f"{back}{'&' if '?' in back else '?'}command={given['command_id']}"
    return HttpResponseClientRedirect(there) if pages.wants_part(request) else redirect(there)


def _send(request: HttpRequest, found: Run, about: Offer) -> str:
    """Put a command into the inbox; return why it cannot be, or the empty string."""
    given = about.form.cleaned_data
    try:
        operations.send_command(
            run_no=found.no,
            command=about.name,
            expected_n=given["expected_n"],
            command_id=str(given["command_id"]),
            actor=pages.actor(request),
            note=given["note"],
            label=given.get("label", ""),
            confirmation=given.get("confirmation", ""),
        )
    except operations.Refused as refused:
        return str(refused)
    return ""


def _back(request: HttpRequest, found: Run) -> str:
    """Return the page a command was opened from, with its filter."""
    match request.GET.get("from"):
        case "tasks":
            return reverse("runs:tasks")
        case "failures":
            return failure_filter.back_to(request.GET.get("back", ""))
    return reverse("runs:run", args=[found.no])


def _query(request: HttpRequest) -> str:
    """Return what a form's address has to carry, so that its answer knows where it was opened from."""
    kept = {name: value for name in ("from", "back") if (value := request.GET.get(name, ""))}
    return f"?{urlencode(kept)}" if kept else ""


def _act_page(request: HttpRequest, found: Run, about: Offer, status: int) -> HttpResponse:
    context = {
        "run": found,
        "command": about,
        "task": pages.task(found),
        "back": _back(request, found),
        "query": _query(request),
        "from_tasks": request.GET.get("from") == "tasks",
    }
    if pages.wants_part(request):
        return render(request, "runs/command_form.html", context, status=status)
    frame = {**admin.site.each_context(request), "title": about.title}
    return render(request, "runs/act.html", {**frame, **context}, status=status)


def _stale(request: HttpRequest, found: Run, expected_n: int) -> HttpResponse:
    """Answer 409: nothing was done, and this is what happened after the page was made."""
    context = {"run": found, "since": pages.since(found, expected_n)}
    if pages.wants_part(request):
        return render(request, "runs/stale_body.html", context, status=409)
    frame = {**admin.site.each_context(request), "title": f"Nothing was done: {found.ref} has changed"}
    return render(request, "runs/stale.html", {**frame, **context}, status=409)


@permission_required("runs.view_run", raise_exception=True)
@require_safe
@never_cache
def verdict(request: HttpRequest, command_id: uuid.UUID) -> HttpResponse:
    """Say what the engine decided about a command; the fragment asks again until it has."""
    row = queries.command_input(str(command_id))
    if row is None:
        raise Http404("There is no such command.")
    asked = pages.asked(row)
    if not pages.wants_part(request):
        return redirect(f"{reverse('runs:run', args=[asked['run']])}?command={command_id}")
    names = audit_queries.actor_names([asked["actor"]])
    run = queries.run(asked["run"])
    changed = run is not None and row.verdict == "refused" and run.n > asked["expected_n"]
    context = {
        "input": row,
        "asked": asked,
        "title": asked["command"].replace("_", " ").capitalize(),
        "who": names[asked["actor"]],
        "command_id": command_id,
        "run": run,
        "since": pages.since(run, asked["expected_n"]) if run and changed else None,
    }
    return render(request, "runs/verdict.html", context)
