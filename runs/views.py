"""The pages that show runs: the list, and one run with its evidence."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from channels import registry
from runs import bulk, commands, explain, pages, queries, reasons, store
from runs.engine import transitions
from runs.models import Run


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
    """Show one run. An htmx poll that names the entry number it has (`n`) gets 204 when nothing is new."""
    found = queries.run_or_404(no)
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
    stands, state = pages.standing(found), store.state_of(found)
    evidence = stands.evidence if stands else ""
    told = explain.evidence(bodies, state.unsure, evidence) if evidence else None
    refusals = pages.refusals(found, stands, broken)
    if not request.user.has_perm("runs.command_run"):
        refusals = dict.fromkeys(refusals, commands.NO_RIGHT)
    offers = commands.offers(found, stands, refusals)
    return {
        "run": found,
        "standing": reasons.standing(found.status, found.reason, found.step, evidence),
        "broken": broken,
        "final": found.status in transitions.FINAL,
        "show": show,
        "filters": ["all", *explain.FILTERS],
        "rows": [row for row in rows if not wanted or row.line.type in wanted or (show == "errors" and row.line.bad)],
        "total": len(rows),
        "last_tick": entries[-1].tick if entries else 0,
        "sandbox": registry.all_sandbox(),
        "picture": pages.picture(found, bodies),
        "offers": [one for one in offers if not one.refusal],
        "refused": commands.grouped(offers),
        "evidence": told,
        "known": evidence,
        "given_up": state.exhausted,
        "evidence_at": found.start_at + told.tick if told else None,
        "way_out": commands.way_out(evidence),
        "task": pages.task(found),
        "command_id": pages.command_shown(request),
        "messages_sent": queries.messages_of(found),
        "inputs": queries.inputs_of(found),
        "siblings": queries.siblings(found),
        "before": before,
        "after": after,
        "tries": sum(1 for body in bodies if body["type"] in _LEFT and body["step"] == found.step),
    }


_LEFT = ("send.intended", "send.redispatched")
