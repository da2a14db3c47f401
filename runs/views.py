"""The pages of runs: the list, one run with its evidence, and the commands an operator gives it."""

import uuid
from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from audit import queries as audit_queries
from audit import verify
from audit.chain import Break
from channels import registry
from runs import explain, operations, pages, queries
from runs.engine import transitions
from runs.forms import CommandForm
from runs.models import Run

COMMAND_WORDS = {
    "retry": (
        "Retry step…",
        "Retry {step}?",
        "Retry step",
        "The step runs again at the engine's next turn: through the policy gate again, as a new attempt.",
    ),
    "resolve": (
        "Resolve…",
        "Resolve {step}",
        "Resolve",
        "You say what came of the step, and the run goes on along that outcome. Nothing is sent again.",
    ),
    "cancel": (
        "Cancel run…",
        "Cancel {run}?",
        "Cancel this run",
        "The run stops for good and nothing more is sent for it. This cannot be taken back.",
    ),
}
NO_RIGHT = (
    "You may look at runs, but not command them."
    " An administrator can give you the right “Can retry, resolve and cancel runs”."
)


@permission_required("runs.view_run", raise_exception=True)
@require_safe
def run_list(request: HttpRequest) -> HttpResponse:
    """List runs, newest first, narrowed by status, plan, reason and search."""
    wanted = queries.RunFilter(**pages.given(request, ("status", "plan", "reason", "step", "q")))
    page = queries.run_list(wanted, pages.number(request, "before"))
    context = {
        **admin.site.each_context(request),
        "title": "Runs",
        "wanted": wanted,
        "page": page,
        "older": pages.link(request, before=page.older),
        "statuses": [status.value for status in transitions.Status],
        "plans": queries.plan_keys(),
        "newest": pages.link(request, before=None),
    }
    return render(request, "runs/list.html", context)


@permission_required("runs.view_run", raise_exception=True)
@require_safe
@never_cache
def run(request: HttpRequest, no: int) -> HttpResponse:
    """Show one run. An htmx poll that names the entry number it has (`n`) gets 204 when nothing is new."""
    found = _run_or_404(no)
    if pages.wants_part(request) and request.GET.get("n") == str(found.n):
        return HttpResponse(status=204)
    context = {**admin.site.each_context(request), "title": found.ref, **_run_context(request, found)}
    return render(request, "runs/run_body.html" if pages.wants_part(request) else "runs/run.html", context)


def _run_context(request: HttpRequest, found: Run) -> dict[str, Any]:
    entries = queries.entries(found)
    broken = pages.chain_break(found, entries)
    rows = pages.timeline(entries, broken.n if broken else 0)
    bodies = pages.decoded(entries[: broken.n - 1] if broken else entries)
    show = request.GET.get("show", "all")
    wanted = explain.FILTERS.get(show)
    before, after = queries.neighbours(found)
    return {
        "run": found,
        "standing": explain.standing(found.status, found.reason, found.step),
        "broken": broken,
        "final": found.status in transitions.FINAL,
        "show": show,
        "filters": ["all", *explain.FILTERS],
        "rows": [row for row in rows if not wanted or row.line.type in wanted or (show == "errors" and row.line.bad)],
        "total": len(rows),
        "last_tick": entries[-1].tick if entries else 0,
        "sandbox": registry.all_sandbox(),
        "picture": pages.picture(found, bodies),
        "commands": _commands(request, found, broken),
        "command_id": _command_shown(request),
        "messages_sent": queries.messages_of(found),
        "inputs": queries.inputs_of(found),
        "siblings": queries.siblings(found),
        "before": before,
        "after": after,
        "tries": sum(1 for body in bodies if body["type"] == "send.intended" and body["step"] == found.step),
    }


def _command_shown(request: HttpRequest) -> str:
    """Return the id of the command whose verdict the page shows, if there is such a command."""
    given = request.GET.get("command", "")
    return given if given and queries.command_input(given) else ""


def _commands(request: HttpRequest, found: Run, broken: Break | None) -> list[dict[str, Any]]:
    """Return the three commands, each with its form or with the sentence why it may not be given now."""
    allowed = request.user.has_perm("runs.command_run")
    return [
        _command(found, command.value, pages.refusal(found, command, broken) if allowed else NO_RIGHT)
        for command in transitions.Command
    ]


def _command(found: Run, command: str, refusal: str | None) -> dict[str, Any]:
    button, title, submit, text = COMMAND_WORDS[command]
    initial = {"expected_n": found.n, "command_id": uuid.uuid4()}
    return {
        "name": command,
        "button": button,
        "title": title.format(step=found.step, run=found.ref),
        "submit": submit,
        "text": text,
        "refusal": refusal,
        "url": reverse("runs:act", args=[found.no, command]),
        "form": CommandForm(command=command, labels=pages.labels(found), initial=initial),
    }


@permission_required("runs.command_run", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def act(request: HttpRequest, no: int, command: str) -> HttpResponse:
    """Ask for a command: GET shows its form on a page of its own, POST puts it into the inbox."""
    found = _run_or_404(no)
    if command not in COMMAND_WORDS:
        raise Http404(f"“{command}” is not a command.")
    about = _command(found, command, pages.checked_refusal(found, command))
    if request.method != "POST":
        return _act_page(request, found, about, 200)
    form = about["form"] = CommandForm(request.POST, command=command, labels=pages.labels(found))
    if not form.is_valid():
        return _act_page(request, found, about, 422)
    if form.cleaned_data["expected_n"] != found.n:
        return _stale(request, found, form.cleaned_data["expected_n"])
    if about["refusal"]:
        form.add_error(None, about["refusal"])
        return _act_page(request, found, {**about, "refusal": None}, 422)
    try:
        operations.send_command(
            run_no=no,
            command=command,
            expected_n=form.cleaned_data["expected_n"],
            command_id=str(form.cleaned_data["command_id"]),
            actor=pages.actor(request),
            note=form.cleaned_data["note"],
            label=form.cleaned_data.get("label", ""),
        )
    except operations.Refused as refused:
        form.add_error(None, str(refused))
        return _act_page(request, found, about, 422)
    there = f"{reverse('runs:run', args=[no])}?command={form.cleaned_data['command_id']}"
    return HttpResponseClientRedirect(there) if pages.wants_part(request) else redirect(there)


def _act_page(request: HttpRequest, found: Run, about: dict[str, Any], status: int) -> HttpResponse:
    context = {"run": found, "command": about}
    if pages.wants_part(request):
        return render(request, "runs/command_form.html", context, status=status)
    frame = {**admin.site.each_context(request), "title": about["title"]}
    return render(request, "runs/act.html", {**frame, **context}, status=status)


def _stale(request: HttpRequest, found: Run, expected_n: int) -> HttpResponse:
    """Answer 409: nothing was done, and these entries came after the page was made."""
    broken = verify.check(found.stream).first_break
    rows = pages.timeline(queries.entries(found, after=expected_n, limit=20), broken.n if broken else 0)
    by_operator = [row for row in rows if row.line.type == "command.accepted"]
    context = {
        "run": found,
        "expected_n": expected_n,
        "rows": rows,
        "by_operator": by_operator,
    }
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
    names = audit_queries.actor_names([asked["actor"]])
    context = {"input": row, "asked": asked, "who": names[asked["actor"]], "command_id": command_id}
    if pages.wants_part(request):
        return render(request, "runs/verdict.html", context)
    return redirect(f"{reverse('runs:run', args=[asked['run']])}?command={command_id}")


def _run_or_404(no: int) -> Run:
    found = queries.run(no)
    if found is None:
        raise Http404(f"There is no run-{no}.")
    return found
