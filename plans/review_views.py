"""The pages of reviews: what waits, one version beside the one in force, the verdict, and any two versions compared."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plans import activation, impact, models, operations, queries, review_pages, review_queries, reviewing
from plans.forms import ReviewForm
from plans.views import actor_of, context

DRAFT = "draft"
NO_RIGHT = (
    "You may look at plans, but not activate them."
    " An administrator can give you the right “Can activate and retire plan versions”."
)


@permission_required("plans.view_plan", raise_exception=True)
@require_safe
def reviews(request: HttpRequest) -> HttpResponse:
    """List what waits for a review, and what was said of late."""
    rows = review_queries.waiting(actor_of(request))
    more = {"rows": rows, "decided": review_queries.decided(), "no_right": NO_RIGHT}
    return render(request, "plans/review_list.html", context(request, "Reviews", **more))


@permission_required("plans.view_plan", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Show what a version changes, for whom, and whether anything speaks against it; POST says the verdict."""
    versions = _versions(key)
    version = _one(versions, number)
    if request.method != "POST":
        return _review_page(request, version, versions)
    if not request.user.has_perm(review_queries.RIGHT):
        raise PermissionDenied
    form = ReviewForm(request.POST)
    if form.is_valid():
        try:
            return _decide(request, version, form.cleaned_data)
        except reviewing.Decided as error:
            # What stands now is read afresh: somebody was faster.
            versions = _versions(key)
            return _review_page(request, _one(versions, number), versions, stale=str(error), status=409)
        except operations.Refused as error:
            form.add_error("note" if str(error) == reviewing.NO_COMMENT else None, str(error))
    return _review_page(request, version, versions, form=form, status=422)


def _decide(request: HttpRequest, version: models.PlanVersion, said: dict[str, Any]) -> HttpResponse:
    key, number, actor = version.plan.key, version.number, actor_of(request)
    if said["verdict"] == "approved":
        reviewing.approve(plan_key=key, number=number, actor=actor, note=said["note"], seen=said["seen"])
        messages.success(request, f"Version {number} of {key} is approved and in force: new runs start on it.")
        return redirect("plans:plan", key)
    reviewing.send_back(plan_key=key, number=number, actor=actor, note=said["note"])
    messages.success(request, f"Version {number} of {key} is sent back. Your comment stands with it.")
    return redirect("plans:version", key, number)


def _review_page(
    request: HttpRequest,
    version: models.PlanVersion,
    versions: Sequence[models.PlanVersion],
    *,
    form: ReviewForm | None = None,
    stale: str = "",
    status: int = 200,
) -> HttpResponse:
    plan, newest = version.plan, versions[0].number
    line = review_queries.lines([version], newest)[0]
    base = _compared_with(version, versions, line)
    found, fault = queries.readable(version)
    counted = impact.of_plan(plan.key)
    active = queries.in_force(plan)
    barred = queries.barred(version) if line.state == "waiting" else []
    more = {
        "plan": plan,
        "version": version,
        "line": line,
        "active": active,
        "base": base,
        "comparison": review_pages.compare(
            review_pages.side_of_version(base) if base else None, review_pages.side_of_version(version)
        ),
        "problems": review_pages.problems(version),
        "objections": [fault] if found is None else activation.problems(found),
        "counted": counted,
        "traces": impact.traces(found, version.number) if found else (),
        "staying": review_pages.staying(counted, versions, version) if counted else [],
        "approvers": review_queries.approvers(barred) if line.state == "waiting" else "",
        "barred": actor_of(request) in barred,
        "form": form or ReviewForm(initial={"seen": active.number if active else 0}),
        "stale": stale,
        "no_right": NO_RIGHT,
        "rule": queries.BARRED,
    }
    title = f"Review of {plan.title or plan.key} v{version.number}"
    return render(request, "plans/review.html", context(request, title, **more), status=status)


def _compared_with(
    version: models.PlanVersion, versions: Sequence[models.PlanVersion], line: review_queries.Line
) -> models.PlanVersion | None:
    """Return the version in force; for one that is or was in force itself, the one that was in force before it."""
    if line.state in ("in_force", "was_in_force"):
        earlier = [each for each in versions if each.number < version.number and each.activations.all()]
        return earlier[0] if earlier else None
    if version.plan.active_version_id is None:
        return None
    # A retired plan's last version is what a reader knows.
    return next(each for each in versions if each.pk == version.plan.active_version_id)


@permission_required("plans.edit_plan", raise_exception=True)
@require_POST
def open_again(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Let a version that was sent back be edited again, and say what is in the draft."""
    _one(_versions(key), number)
    try:
        said = reviewing.open_again(plan_key=key, number=number, actor=actor_of(request))
    except operations.Refused as error:
        messages.error(request, f"Nothing was changed. {error}")
        return redirect("plans:version", key, number)
    messages.success(request, said)
    return redirect("plans:design", key)


@permission_required("plans.view_plan", raise_exception=True)
@require_safe
def compare(request: HttpRequest, key: str) -> HttpResponse:
    """Show any two versions of a plan side by side, or the draft beside one, to people who may edit it.

    Without a choice: what is newest beside what came before it.
    """
    versions = _versions(key)
    plan = versions[0].plan
    offered = [(str(version.number), f"v{version.number}") for version in versions]
    draft = models.PlanDraft.objects.filter(plan=plan).first() if request.user.has_perm("plans.edit_plan") else None
    if draft is not None and draft.edited_by:
        offered.insert(0, (DRAFT, f"draft r{draft.revision}"))
    chosen, refused = _chosen(request, [value for value, _ in offered])
    more: dict[str, Any] = {"plan": plan, "offered": offered, "refused": refused}
    if chosen:
        old, new = (
            review_pages.side_of_draft(draft)
            if draft is not None and value == DRAFT
            else review_pages.side_of_version(_one(versions, int(value)))
            for value in chosen
        )
        more |= {"comparison": review_pages.compare(old, new), "old": chosen[0], "new": chosen[1]}
    title = f"Compare versions of {plan.title or key}"
    status = 422 if refused else 200
    return render(request, "plans/review_compare.html", context(request, title, **more), status=status)


def _chosen(request: HttpRequest, offered: Sequence[str]) -> tuple[tuple[str, str] | None, str]:
    """Return ((from, to), "") or (None, why not). offered: what there is, newest first."""
    old, new = (request.GET.get(name, "") for name in ("from", "to"))
    if not old and not new:
        return ((offered[1], offered[0]), "") if len(offered) > 1 else (None, "")
    missing = [value for value in (old, new) if value not in offered]
    if missing:
        names = " and no ".join(f"version “{value[:20]}”" for value in missing)
        return None, f"There is no {names} to compare; choose two that exist."
    return (old, new), ""


def _versions(key: str) -> list[models.PlanVersion]:
    """Return a plan's versions, newest first, at least one."""
    plan = get_object_or_404(models.Plan, key=key)
    versions = review_queries.versions_of(plan)
    if not versions:
        raise Http404("This plan has no published version yet; publish its draft first.")
    return versions


def _one(versions: Sequence[models.PlanVersion], number: int) -> models.PlanVersion:
    for version in versions:
        if version.number == number:
            return version
    raise Http404(f"This plan has no version {number}.")
