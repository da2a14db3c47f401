"""The designer: a page that draws a draft, and the one address to which every gesture is posted.

The answer to a gesture is the same page, or for htmx its moving parts. So everything also works as plain forms.
"""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from plans import document, drafts, models, operations, queries, review_queries
from plans.designing import desk, edits, gestures
from plans.views import actor_of, context


@permission_required("plans.edit_plan", raise_exception=True)
@require_safe
@never_cache
def designer(request: HttpRequest, key: str) -> HttpResponse:
    """Draw a plan's draft with the panel of one step (`step`), or of the plan itself."""
    plan = _plan(key)
    return _page(request, plan, desk.Shown(drafts.opened(plan), request.GET.get("step", "")))


@permission_required("plans.edit_plan", raise_exception=True)
@require_safe
@never_cache
def panel(request: HttpRequest, key: str) -> HttpResponse:
    """Show the panel of one step alone."""
    plan = _plan(key)
    found = desk.panel_of(plan, drafts.opened(plan), request.GET.get("step", ""))
    return render(request, "plans/designer/panel.html", found)


@permission_required("plans.edit_plan", raise_exception=True)
@require_POST
def act(request: HttpRequest, key: str) -> HttpResponse:
    """Make one edit, or take one back, and show what became of the draft."""
    plan = _plan(key)
    op, step, revision = (request.POST.get(name, "") for name in ("op", "step", "revision"))
    how: dict[str, Any] = {"plan_key": plan.key, "expected_revision": _number(revision), "actor": actor_of(request)}
    form = desk.FormChange(request.POST) if op in desk.FORMS else None
    try:
        if op in ("undo", "redo"):
            draft, done = (drafts.undo if op == "undo" else drafts.redo)(**how)
        else:
            draft, done = drafts.edit(change=form or gestures.change(request.POST), **how)
    except drafts.Stale as error:
        return _refused(request, plan, step, str(error), 409)
    except (drafts.Refused, edits.Impossible) as error:
        given = form.given if form else None
        # What a field could not mean is said beside it; everything else has no other place than the head of the page.
        sentence = "" if given and given.errors else f"Nothing was changed. {error}"
        shown = desk.Shown(drafts.opened(plan), step, refused=sentence, given=given)
        return _page(request, plan, shown, 422)
    if not request.htmx:  # type: ignore[attr-defined]
        messages.success(request, done.said)
        where = reverse("plans:design", args=[key])
        return redirect(f"{where}?{urlencode({'step': done.step})}" if done.step else where)
    given = form.given if form else None
    return _page(request, plan, desk.Shown(draft, done.step, done.said, redraw=op not in ("move", "tidy"), given=given))


def _number(text: str) -> int:
    """Return the revision that a form names, -1 for one that no draft has."""
    return int(text) if text.isdecimal() and len(text) < 10 else -1


@permission_required("plans.edit_plan", raise_exception=True)
@require_POST
def publish(request: HttpRequest, key: str) -> HttpResponse:
    """Make the draft, as the person saw it, the plan's next version."""
    plan = _plan(key)
    try:
        version = operations.publish_draft(
            plan_key=key, expected_revision=_number(request.POST.get("revision", "")), actor=actor_of(request)
        )
    except document.Invalid:
        return _refused(request, plan, "", "Nothing was submitted. Mend what the checks say first.", 422)
    except drafts.Stale as error:
        return _refused(request, plan, "", str(error), 409)
    except drafts.Refused as error:
        return _refused(request, plan, "", f"Nothing was submitted. {error}", 422)
    messages.success(request, review_queries.waits(version))
    return redirect("plans:version", key, version.number)


def _refused(request: HttpRequest, plan: models.Plan, step: str, sentence: str, status: int) -> HttpResponse:
    return _page(request, plan, desk.Shown(drafts.opened(plan), step, refused=sentence), status)


def _page(request: HttpRequest, plan: models.Plan, shown: desk.Shown, status: int = 200) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "plans/designer/answer.html", desk.of(plan, shown), status=status)
    page = context(request, f"Design {plan.title or plan.key}", **desk.of(plan, shown))
    return render(request, "plans/designer/page.html", page, status=status)


def _plan(key: str) -> models.Plan:
    return get_object_or_404(queries.plan_list(), key=key)
