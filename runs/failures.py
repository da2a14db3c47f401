"""The failure inbox: failed runs by cause, and commands on the ones an operator ticked."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from runs import explain, operations, pages, queries
from runs.forms import BulkForm, ticked
from runs.models import Inbox, Run

FILTERS = ("reason", "step", "plan")
BULK = {"retry": "Retry", "resolve": "Resolve"}
MOST = 200  # ticked runs at once


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one run of a bulk action. input: its command, None when it was left alone; why: the reason."""

    no: int
    run: Run | None
    input: Inbox | None
    why: str


@permission_required("runs.view_run", raise_exception=True)
@require_safe
def failures(request: HttpRequest) -> HttpResponse:
    """Show failed runs by cause, and below them the runs of the chosen cause."""
    wanted = queries.RunFilter(**pages.given(request, FILTERS))
    page = queries.failed_runs(wanted, pages.number(request, "before"))
    causes = queries.causes()
    context = {
        **admin.site.each_context(request),
        "title": "Failure inbox",
        "wanted": wanted,
        "causes": [(cause, explain.cause(cause.reason)) for cause in causes],
        "total": sum(cause.runs for cause in causes),
        "page": page,
        "older": pages.link(request, before=page.older),
        "filters": wanted.given(),
        "may_command": request.user.has_perm("runs.command_run"),
    }
    return render(request, "runs/failures.html", context)


@permission_required("runs.command_run", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def bulk(request: HttpRequest) -> HttpResponse:
    """Act on the ticked runs: GET says for each what would happen, POST makes one command of each."""
    asked = request.POST if request.method == "POST" else request.GET
    command, rows = asked.get("command", ""), ticked(asked.getlist("row"))
    if command not in BULK:
        raise Http404(f"“{command}” is not a command for several runs.")
    if len(rows) > MOST:
        rows = rows[:MOST]
    chosen = [_judged(run, no, n, command) for no, n, run in _runs(rows)]
    labels = _common_labels(chosen)
    form = BulkForm(request.POST or None, command=command, labels=labels, initial={"batch": uuid.uuid4()})
    if request.method == "POST" and form.is_valid():
        for one in chosen:
            _send(one, command, form, pages.actor(request))
        query = request.GET.copy()
        query.setlist("row", [f"{one['no']}:{one['n']}" for one in chosen])
        query["command"], query["batch"] = command, str(form.cleaned_data["batch"])
        return redirect(f"{reverse('runs:bulk_result')}?{query.urlencode()}")
    context = {
        **admin.site.each_context(request),
        "title": f"{BULK[command]} {len(chosen)} run{'' if len(chosen) == 1 else 's'}",
        "command": command,
        "word": BULK[command],
        "chosen": chosen,
        "able": sum(1 for one in chosen if not one["refusal"]),
        "labels": labels,
        "form": form,
        "back": _back(request),
    }
    return render(request, "runs/bulk.html", context, status=422 if form.errors else 200)


@permission_required("runs.command_run", raise_exception=True)
@require_safe
@never_cache
def bulk_result(request: HttpRequest) -> HttpResponse:
    """Show what became of each command of a bulk action; asks again until the engine has decided about all."""
    command, batch = request.GET.get("command", ""), request.GET.get("batch", "")
    rows = _runs(ticked(request.GET.getlist("row"))[:MOST])
    ids = {no: command_id(batch, no, n) for no, n, _ in rows}
    inputs = queries.command_inputs(list(ids.values()))
    results = [
        Result(no, run, inputs.get(ids[no]), "" if ids[no] in inputs else _why_not(run, n, command))
        for no, n, run in rows
    ]
    context = {
        **admin.site.each_context(request),
        "title": f"{BULK.get(command, 'Bulk')}: result",
        "word": BULK.get(command, command),
        "results": results,
        "waiting": sum(1 for result in results if result.input and not result.input.verdict),
        "applied": sum(1 for result in results if result.input and result.input.verdict == "applied"),
        "back": _back(request),
        "again": request.get_full_path(),
    }
    return render(
        request, "runs/bulk_result_body.html" if pages.wants_part(request) else "runs/bulk_result.html", context
    )


def command_id(batch: str, no: int, n: int) -> str:
    """Return the id of one run's command in a batch: sending the same batch again repeats nothing."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"dee:bulk/{batch}/{no}/{n}"))


def _runs(rows: Sequence[tuple[int, int]]) -> list[tuple[int, int, Run | None]]:
    found = queries.runs_by_number([no for no, _ in rows])
    return [(no, n, found.get(no)) for no, n in rows]


def _why_not(run: Run | None, n: int, command: str) -> str:
    if run is None:
        return "There is no such run."
    if run.n != n:
        return f"It changed since you ticked it: you saw entry {n}, it is now at entry {run.n} ({run.status})."
    return pages.checked_refusal(run, command) or ""


def _judged(run: Run | None, no: int, n: int, command: str) -> dict[str, Any]:
    labels = pages.labels(run) if run else {}
    why = explain.cause(run.reason) if run and run.status == "FAILED" else ""
    return {"no": no, "n": n, "run": run, "labels": labels, "cause": why, "refusal": _why_not(run, n, command)}


def _common_labels(chosen: Sequence[dict[str, Any]]) -> list[str]:
    """Return the outcomes that every run which can be resolved has; a bulk action gives one for all."""
    able = [one["labels"] for one in chosen if not one["refusal"]]
    return [label for label in able[0] if all(label in other for other in able)] if able else []


def _send(one: dict[str, Any], command: str, form: BulkForm, actor: str) -> None:
    if one["refusal"]:
        return
    try:
        operations.send_command(
            run_no=one["no"],
            command=command,
            expected_n=one["n"],
            command_id=command_id(str(form.cleaned_data["batch"]), one["no"], one["n"]),
            actor=actor,
            note=form.cleaned_data["note"],
            label=form.cleaned_data.get("label", ""),
        )
    except operations.Refused:
        return  # it changed in between: the result page says why, from the run as it is then


def _back(request: HttpRequest) -> str:
    """Return the failure inbox with the filters it had."""
    query = request.GET.copy()
    for name in list(query):
        if name not in FILTERS:
            del query[name]
    return f"{reverse('runs:failures')}?{query.urlencode()}" if query else reverse("runs:failures")
