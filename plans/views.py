"""The pages of published plans: the list, a plan with its versions, a version, and coming into force."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit import queries as audit_queries
from plans import document, models, operations, pages, queries
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
    """Show a plan: its versions, its draft, and the picture of what is in force."""
    return _plan_page(request, get_object_or_404(queries.plan_list(), key=key))


def _plan_page(request: HttpRequest, plan: models.Plan, *, refused: str = "", status: int = 200) -> HttpResponse:
    versions = queries.version_list(plan)
    shown = plan.active_version or (versions[0] if versions else None)
    newest = versions[0] if versions else None
    draft = getattr(plan, "draft", None)
    found, fault = queries.readable(shown) if shown else (None, "")
    waiting = newest if newest and newest.pk != plan.active_version_id else None
    more = {
        "plan": plan,
        "rows": pages.version_rows(plan, versions),
        "draft": draft,
        "draft_by": audit_queries.actor_names([draft.updated_by])[draft.updated_by] if draft else "",
        "shown": shown,
        "picture": pages.picture(found),
        "fault": fault,
        "waiting": waiting,
        "refusal": queries.activation_refusal(waiting, actor_of(request)) if waiting else "",
        "refused": refused,
    }
    return render(request, "plans/plan.html", context(request, plan.title or plan.key, **more), status=status)


@permission_required("plans.view_plan", raise_exception=True)
@require_safe
def version(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Show one version: picture, steps, document, hash."""
    return _version_page(request, _version(key, number))


def _version_page(
    request: HttpRequest, version: models.PlanVersion, *, refused: str = "", status: int = 200
) -> HttpResponse:
    found, fault = queries.readable(version)
    active = version.plan.state == "active" and version.plan.active_version_id == version.pk
    more = {
        "plan": version.plan,
        "version": version,
        "row": pages.version_rows(version.plan, [version])[0],
        "found": found,
        "picture": pages.picture(found),
        "fault": fault,
        "steps": pages.steps(found) if found else [],
        "exits": pages.exits(found) if found else [],
        "text": pages.laid_out(document.export(version.body, version.meta)),
        "active": active,
        "refusal": "" if active else queries.activation_refusal(version, actor_of(request)),
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
    versions = models.PlanVersion.objects.select_related("plan").prefetch_related("activations")
    return get_object_or_404(versions, plan__key=key, number=number)
