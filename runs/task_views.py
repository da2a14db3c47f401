"""The page of open tasks: what people have to do before runs go on, oldest deadline first."""

import re

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from runs import pages, queries
from runs.commands import NO_RIGHT

_PLACE = re.compile(r"(\d{1,18})-(\d{1,18})")


@permission_required("runs.view_run", raise_exception=True)
@require_safe
@never_cache
def tasks(request: HttpRequest) -> HttpResponse:
    """List open tasks with what they ask for; each is completed here or on its run."""
    place = _PLACE.fullmatch(request.GET.get("after", ""))
    found = queries.open_tasks((int(place[1]), int(place[2])) if place else None)
    shown = found[: queries.PAGE]
    last = shown[-1] if len(found) > queries.PAGE else None
    context = {
        **admin.site.each_context(request),
        "title": "Tasks",
        "rows": [(run, pages.task(run)) for run in shown],
        "further": pages.link(request, after=f"{last.due_at}-{last.no}") if last else "",
        "first": place is None,
        "forbidden": "" if request.user.has_perm("runs.command_run") else NO_RIGHT,
        "command_id": pages.command_shown(request),
    }
    return render(request, "runs/tasks.html", context)
