"""The pages of bulk actions: freezing a list, what it would do, confirming it, and what came of each run."""

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit import queries as audit_queries
from audit import vault
from runs import clock, operations, pages
from runs.commands import NO_RIGHT, WORDS
from runs.engine.transitions import LABELLED, Command
from runs.forms import BulkForm, ticked
from runs.many import bulk, bulk_cost, bulk_progress
from runs.many.bulk_progress import Outcome
from runs.models import Bulk
from runs.queries import RUN_FILTERS, RunFilter
from runs.triaging import failure_filter
from runs.triaging.failures import EXPORT, NO_EXPORT


@permission_required("runs.command_run", raise_exception=True)
@require_POST
def freeze(request: HttpRequest) -> HttpResponse:
    """Keep the list of runs that were ticked, or of all that match the filter, and lead to what would happen."""
    wanted, back = _meant(request)
    try:
        made = bulk.freeze(
            actor=pages.actor(request),
            command=request.POST.get("command", ""),
            wanted=wanted,
            ticked=None if request.POST.get("all") else ticked(request.POST.getlist("row")),
            back=back,
        )
    except operations.Refused as refused:
        messages.error(request, f"Nothing was done. {refused}")
        return redirect(back)
    return redirect("runs:bulk", made.pk)


def _meant(request: HttpRequest) -> tuple[RunFilter, str]:
    """Return the filter of the list a bulk action comes from, and its address."""
    if request.POST.get("list") == "failures":
        wanted = failure_filter.read(request.POST, now=clock.state().wall, me=pages.actor(request))
        return wanted, wanted.at(request.POST.get("after", ""))
    given = {name: value for name in RUN_FILTERS if (value := request.POST.get(name, "").strip())}
    home = reverse("runs:list")
    return RunFilter(**given), f"{home}?{urlencode(given)}" if given else home


@permission_required("runs.view_run", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def one(request: HttpRequest, bulk_id: uuid.UUID) -> HttpResponse:
    """Show what a list would do; POST confirms it. Once it is confirmed, show what came of each of its runs."""
    found = Bulk.objects.filter(pk=bulk_id).annotate(now=Now()).first()
    if found is None:
        raise Http404("There is no such list; one that nobody confirms is thrown away after a day.")
    if request.method == "POST":
        return _confirm(request, found)
    return _result(request, found) if found.confirmed_at is not None else _dry_run(request, found, None)


def _confirm(request: HttpRequest, found: Bulk) -> HttpResponse:
    if not request.user.has_perm("runs.command_run"):
        raise PermissionDenied
    form = BulkForm(request.POST, command=found.command, labels=_choices(bulk.dry_run(found)))
    if found.confirmed_at is None and form.is_valid():
        given = form.cleaned_data
        try:
            bulk.confirm(bulk_id=found.pk, actor=pages.actor(request), note=given["note"], label=given.get("label", ""))
        except operations.Refused as refused:
            form.add_error(None, str(refused))
    return _dry_run(request, found, form) if form.errors else redirect("runs:bulk", found.pk)


def _dry_run(request: HttpRequest, found: Bulk, form: BulkForm | None) -> HttpResponse:
    dry = bulk.dry_run(found)
    context = {
        **_context(request, found),
        "dry": dry,
        "costs": bulk_cost.costs(found) if dry.possible else (),
        "form": form or BulkForm(command=found.command, labels=_choices(dry)),
        "forbidden": _forbidden(request, found),
        "labelled": found.command in LABELLED,
    }
    return render(request, "runs/bulk.html", context, status=422 if form else 200)


def _choices(dry: bulk.DryRun) -> list[tuple[str, str]]:
    """Return the outcomes a list can go on along, each with what choosing it would do."""
    found = []
    for outcome in dry.outcomes:
        leads = outcome.leads[0] if len(outcome.leads) == 1 else "where each run's own step leads"
        rest = dry.possible - outcome.runs
        others = f"; the other {rest} have no such outcome and would be refused" if rest else ""
        runs = f"all {outcome.runs}" if not rest else f"{outcome.runs} of {dry.possible}"
        found.append((outcome.label, f"{outcome.label} → {leads} ({runs} runs{others})"))
    return found


def _forbidden(request: HttpRequest, found: Bulk) -> str:
    """Return the sentence why this person may not confirm a list, or the empty string."""
    if not request.user.has_perm("runs.command_run"):
        return NO_RIGHT
    if found.actor != pages.actor(request):
        return "Somebody else made this list, so you cannot confirm it. Make your own from the same filter."
    return ""


def _result(request: HttpRequest, found: Bulk) -> HttpResponse:
    assert found.note is not None
    told = bulk_progress.outcomes(found)
    progress = bulk_progress.progress(found, told, found.now)  # type: ignore[attr-defined]
    if pages.wants_part(request) and request.GET.get("done") == str(progress.done) and progress.waiting:
        return HttpResponse(status=204)
    show = request.GET.get("show", "")
    context = {
        **_context(request, found, told, show),
        "progress": progress,
        "show": show,
        "tabs": _tabs(request, progress, show),
        "reason": vault.reveal(found.note["ref"]),
        "again": pages.link(request, done=progress.done),
        "may_command": request.user.has_perm("runs.command_run"),
        "no_right": NO_RIGHT,
        "no_export": "" if request.user.has_perm(EXPORT) else NO_EXPORT,
    }
    part = "runs/bulk_result_body.html" if pages.wants_part(request) else "runs/bulk_result.html"
    return render(request, part, context)


def _tabs(request: HttpRequest, progress: bulk_progress.Progress, show: str) -> list[dict[str, Any]]:
    """Return the results one can look at alone, each with its number; those without a run are left out."""
    told = [
        ("", "all", progress.runs),
        ("done", "carried out", progress.applied),
        ("refused", "refused", progress.refused - progress.left),
        ("left", "left alone", progress.left),
        ("stopped", "stopped", progress.stopped),
        ("waiting", "waiting", progress.waiting),
    ]
    return [
        {"name": name, "words": words, "runs": runs, "url": pages.link(request, show=name, after=None, done=None)}
        for name, words, runs in told
        if runs or name in ("", show)
    ]


def _context(
    request: HttpRequest, found: Bulk, told: Mapping[int, Outcome] | None = None, show: str = ""
) -> dict[str, Any]:
    words = WORDS[Command(found.command)]
    shown, after = bulk_progress.page(found, pages.number(request, "after") or 0, told, show)
    names = audit_queries.actor_names({found.actor, found.cancelled_by} - {""})
    return {
        **admin.site.each_context(request),
        "title": f"{words.submit}: {found.filter}",
        "bulk": found,
        "words": words,
        "shown": shown,
        "further": pages.link(request, after=after, done=None) if after else "",
        "first": "after" not in request.GET,
        "from_the_first": pages.link(request, after=None, done=None),
        "who": names[found.actor],
        "stopped_by": names.get(found.cancelled_by, ""),
    }


@permission_required("runs.view_run", raise_exception=True)
@require_safe
def many(request: HttpRequest) -> HttpResponse:
    """List bulk actions, newest first, so that each can be found again."""
    found = bulk_progress.jobs()
    names = audit_queries.actor_names(one.bulk.actor for one in found)
    context = {
        **admin.site.each_context(request),
        "title": "Bulk actions",
        "rows": [(one, WORDS[Command(one.bulk.command)], names[one.bulk.actor]) for one in found],
    }
    return render(request, "runs/bulks.html", context)
