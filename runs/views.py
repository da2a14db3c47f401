"""The pages that show runs: the list, and one run with its evidence."""

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from runs import commands, pages, queries
from runs.engine import transitions
from runs.many import bulk
from runs.showing import run_page


@permission_required("runs.view_run", raise_exception=True)
@require_safe
def run_list(request: HttpRequest) -> HttpResponse:
    """List runs, newest first, narrowed by status, plan, reason and search."""
    wanted = queries.RunFilter(**pages.given(request, queries.RUN_FILTERS))
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
        "commands": commands.for_many(bulk.offered(wanted)),
        "all": bulk.all_of(wanted) if page.rows and request.user.has_perm("runs.command_run") else None,
    }
    return render(request, "runs/list.html", context)


@permission_required("runs.view_run", raise_exception=True)
@require_safe
@never_cache
def run(request: HttpRequest, no: int) -> HttpResponse:
    """Show one run.

    An htmx poll names the entry number it has and gets 204 while nothing is new: `n` for the page itself, `seen` for
    an open dialog, which is only told that the run has changed.
    """
    found = queries.run_or_404(no)
    part = pages.wants_part(request)
    if part and str(found.n) in (request.GET.get("n"), request.GET.get("seen")):
        return HttpResponse(status=204)
    if part and "seen" in request.GET:
        return render(request, "runs/run_changed.html", {"run": found})
    context = {**admin.site.each_context(request), "title": found.ref, **run_page.context(request, found)}
    return render(request, "runs/run_body.html" if part else "runs/run.html", context)
