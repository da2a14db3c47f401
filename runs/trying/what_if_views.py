"""The page that compares a draft or a version with the past runs of its plan. It reads and writes nothing else."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from plans import diagram, layout
from plans.document import Plan
from runs import pages
from runs.engine.whatif import assume, report
from runs.engine.whatif.findings import Class
from runs.engine.whatif.report import Report
from runs.trying import trials, whatifs
from runs.trying.trials import Trial
from runs.trying.what_if_forms import WhatIfForm

LEVELS = {
    Class.SAME: "ok",
    Class.SAME_EFFECTS: "ok",
    Class.CHANGED: "warn",
    Class.UNDETERMINED: "info",
    Class.BLOCKED: "bad",
    Class.NOT_APPLICABLE: "muted",
}


@permission_required(("plans.edit_plan", "runs.view_run"), raise_exception=True)
@require_safe
@never_cache
def draft(request: HttpRequest, key: str) -> HttpResponse:
    """Compare the saved draft of a plan with its past runs."""
    return _answer(request, trials.draft(key))


@permission_required(("plans.view_plan", "runs.view_run"), raise_exception=True)
@require_safe
@never_cache
def version(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Compare a published version with the past runs of its plan."""
    return _answer(request, trials.version(key, number))


def _answer(request: HttpRequest, trial: Trial | None) -> HttpResponse:
    if trial is None:
        raise Http404("There is no such plan or version.")
    form = WhatIfForm(request.GET or None, label_suffix="")
    context: dict[str, Any] = {"trial": trial, "title": f"What if: {trial.key}", "form": form}
    if trial.plan is not None and form.is_bound and form.is_valid():
        context |= _compared(form, trial, trial.plan)
    status = 422 if form.errors else 200
    if pages.wants_part(request):
        return render(request, "runs/what_if_body.html", context, status=status)
    return render(request, "runs/what_if.html", {**admin.site.each_context(request), **context}, status=status)


def _compared(form: WhatIfForm, trial: Trial, plan: Plan) -> dict[str, Any]:
    said = form.cleaned_data
    try:
        found = whatifs.compare(
            plan,
            runs_of=trial.key,
            last=said["last"],
            assumed=said["assume"].split(),
            tolerance_s=said["tolerance"],
        )
    except assume.Wrong as error:
        form.add_error("assume", str(error))
        return {}
    except report.NothingToCompare as error:
        return {"nothing": str(error)}
    return _shown(plan, found)


def _shown(plan: Plan, found: Report) -> dict[str, Any]:
    reached = diagram.Marks(dict.fromkeys(found.coverage.steps, "done"), set(found.coverage.arms))
    return {
        "report": found,
        "classes": [(each, LEVELS[each], found.totals[each], found.examples.get(each)) for each in Class],
        "rows": [(each, LEVELS[each.verdict]) for each in found.findings if each.verdict != Class.SAME],
        "picture": diagram.draw(plan, layout.layout(plan), reached),
        "missed_exits": [index + 1 for index in found.coverage.missed_exits],
    }
