"""The pages of published plans: the list, a plan with its versions, a version, and coming into force."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit import queries as audit_queries
from plans import document, impact, models, operations, pages, queries, review_queries, written
from plans.forms import RetireForm


def actor_of(request: HttpRequest) -> str:
    """Return the actor that stands in the log for the person behind a request."""
    return f"user:{request.user.pk}"


def context(request: HttpRequest, title: str, **more: Any) -> dict[str, Any]:
    """Return what every page's template gets."""
    return {**admin.site.each_context(request), "title": title, **more}


@permission_required("plans.view_plan", raise_exception=True)
@require_safe
def plan_list(request: HttpRequest) -> HttpResponse:
    """List all plans."""
    return render(request, "plans/list.html", context(request, "Plans", plans=queries.plan_list()))


@permission_required("plans.view_plan", raise_exception=True)
@require_safe
def plan(request: HttpRequest, key: str) -> HttpResponse:
    """Show a plan: its versions, its draft, what waits for a review, and the picture of what is in force."""
    found = get_object_or_404(queries.plan_list(), key=key)
    versions = review_queries.versions_of(found)
    newest = versions[0] if versions else None
    shown = found.active_version or newest
    runs = impact.of_plan(key)
    lines = review_queries.lines(versions, newest.number, runs) if newest else []
    waiting = newest if lines and lines[0].state == "waiting" else None
    barred = queries.barred(waiting) if waiting else []
    draft = getattr(found, "draft", None)
    read, fault = queries.readable(shown) if shown else (None, "")
    more = {
        "plan": found,
        "lines": lines,
        "counted": any(line.runs is not None for line in lines),
        "draft": draft,
        "draft_by": audit_queries.actor_names([draft.updated_by])[draft.updated_by] if draft else "",
        "shown": shown,
        **_pictured(read, runs, shown),
        "fault": fault,
        "waiting": waiting,
        "barred": actor_of(request) in barred,
        "approvers": review_queries.approvers(barred) if waiting else "",
        "rule": queries.BARRED,
    }
    return render(request, "plans/plan.html", context(request, found.title or found.key, **more))


def _pictured(
    read: document.Plan | None, runs: impact.Impact | None, version: models.PlanVersion | None
) -> dict[str, Any]:
    """Return the picture of a version with the runs that stand at its steps, and the same as a list, most first."""
    standing = runs.of(version.pk).steps if runs and version else {}
    most_first = sorted(standing.items(), key=lambda each: (-each[1], each[0]))
    return {"picture": pages.picture(read, standing), "standing": most_first}


@permission_required("plans.view_plan", raise_exception=True)
@require_safe
def version(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Show one version: picture, steps, document, hash."""
    return _version_page(request, _version(key, number))


def _version_page(
    request: HttpRequest, version: models.PlanVersion, *, refused: str = "", status: int = 200
) -> HttpResponse:
    found, fault = queries.readable(version)
    newest = version.plan.versions.order_by("-number").values_list("number", flat=True)[0]
    line = review_queries.lines([version], newest)[0]
    barred = queries.barred(version) if line.state == "waiting" else []
    more = {
        "plan": version.plan,
        "version": version,
        "line": line,
        "newest": newest,
        "found": found,
        **_pictured(found, impact.of_plan(version.plan.key), version),
        "fault": fault,
        "steps": pages.steps(found) if found else [],
        "exits": pages.exits(found) if found else [],
        "text": written.laid_out(document.export(version.body, version.meta)),
        "barred": actor_of(request) in barred,
        "approvers": review_queries.approvers(barred) if line.state == "waiting" else "",
        "rule": queries.BARRED,
        "refusal": queries.activation_refusal(version, actor_of(request)) if line.state == "was_in_force" else "",
        "refused": refused,
    }
    title = f"{version.plan.title or version.plan.key} v{version.number}"
    return render(request, "plans/version.html", context(request, title, **more), status=status)


@permission_required("plans.view_plan", raise_exception=True)
@require_safe
def export(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Hand out the canonical document, byte for byte what an import takes back."""
    found = _version(key, number)
    answer = HttpResponse(document.export(found.body, found.meta), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="{key}-v{number}.json"'
    return answer


@permission_required("plans.activate_plan", raise_exception=True)
@require_POST
def activate(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Let new runs start on a version, unless a rule forbids it to this person."""
    found = _version(key, number)
    try:
        operations.activate_version(plan_key=key, number=number, actor=actor_of(request))
    except operations.Refused as error:
        return _version_page(request, found, refused=str(error), status=422)
    messages.success(request, f"Version {number} of {key} is active: new runs start on it.")
    return redirect("plans:plan", key)


@permission_required("plans.activate_plan", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def retire(request: HttpRequest, key: str) -> HttpResponse:
    """Ask why, then let no new run start on a plan."""
    found = get_object_or_404(models.Plan, key=key)
    form = RetireForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            operations.retire_plan(plan_key=key, actor=actor_of(request), note=form.cleaned_data["note"])
        except operations.Refused as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{key} is retired: no new run starts on it. Open runs go on.")
            return redirect("plans:plan", key)
    status = 422 if form.errors else 200
    return render(request, "plans/retire.html", context(request, f"Retire {key}", plan=found, form=form), status=status)


def _version(key: str, number: int) -> models.PlanVersion:
    versions = models.PlanVersion.objects.select_related("plan__active_version", "review")
    versions = versions.prefetch_related("activations")
    return get_object_or_404(versions, plan__key=key, number=number)
