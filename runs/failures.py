"""The failure inbox: failed runs by cause, and what may be asked of many of them at once."""

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from runs import bulk, commands, pages, queries, reasons


@permission_required("runs.view_run", raise_exception=True)
@require_safe
def failures(request: HttpRequest) -> HttpResponse:
    """Show failed runs by cause, and below them the runs of the chosen cause."""
    wanted = queries.RunFilter(status="FAILED", **pages.given(request, ("reason", "step", "plan")))
    page = queries.failed_runs(wanted, pages.number(request, "before"))
    causes = queries.causes()
    total = sum(cause.runs for cause in causes)
    context = {
        **admin.site.each_context(request),
        "title": "Failure inbox",
        "wanted": wanted,
        "narrowed": wanted.reason or wanted.step or wanted.plan,
        "causes": [(cause, reasons.cause(cause.reason)) for cause in causes],
        "total": total,
        "page": page,
        "older": pages.link(request, before=page.older),
        "commands": commands.for_many(bulk.offered(wanted)),
        "all": bulk.all_of(wanted) if page.rows else None,
        "may_command": request.user.has_perm("runs.command_run"),
    }
    return render(request, "runs/failures.html", context)
