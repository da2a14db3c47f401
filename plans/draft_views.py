"""The pages where plans are written: the new plan, and the draft with its live checks."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from audit import queries as audit_queries
from plans import document, drafts, models, operations, pages, queries, review_queries
from plans.forms import DraftForm, NewPlanForm
from plans.views import actor_of, context


@permission_required("plans.edit_plan", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Make a plan, empty or from an uploaded document; it starts as a draft."""
    form = NewPlanForm(request.POST, request.FILES) if request.method == "POST" else NewPlanForm()
    problems: tuple[document.Problem, ...] = ()
    if request.method == "POST" and form.is_valid():
        key, title, body = form.cleaned_data["key"], form.cleaned_data["title"], form.cleaned_data["file"]
        found = document.inspect(body) if body else None
        if found is not None and found.plan is None:
            problems = found.problems
        else:
            if found is not None and found.plan is not None:
                key, title = found.plan.key or key, title or found.plan.title
            try:
                operations.create_plan(
                    key=key, title=title, body=body or pages.starting_text(key, title), actor=actor_of(request)
                )
            except operations.Refused as error:
                form.add_error("key", str(error))
            else:
                messages.success(request, f"{key} was made. It is a draft until somebody submits and approves it.")
                return redirect("plans:design", key)
    status = 422 if form.errors or problems else 200
    return render(request, "plans/new.html", context(request, "New plan", form=form, problems=problems), status=status)


@permission_required("plans.edit_plan", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def draft(request: HttpRequest, key: str) -> HttpResponse:
    """Edit the draft of a plan: check, save, or save and submit for review."""
    plan = get_object_or_404(queries.plan_list(), key=key)
    if request.method != "POST":
        draft = drafts.opened(plan)
        return _page(request, plan, DraftForm(initial={"body": draft.body, "revision": draft.revision}), draft.body)
    form = DraftForm(request.POST)
    if not form.is_valid():
        return _page(request, plan, form, request.POST.get("body", ""), status=422)
    text, revision, actor = form.cleaned_data["body"], form.cleaned_data["revision"], actor_of(request)
    try:
        saved = drafts.save_text(plan_key=key, body=text, expected_revision=revision, actor=actor)
    except drafts.Stale as error:
        return _page(request, plan, form, text, stale=str(error), status=409)
    except operations.Refused as error:
        return _page(request, plan, form, text, refused=str(error), status=422)
    if request.POST.get("action") == "publish":
        return _publish(request, plan, saved)
    messages.success(request, f"Saved as r{saved.revision}.")
    return redirect("plans:draft", key)


def _publish(request: HttpRequest, plan: models.Plan, saved: models.PlanDraft) -> HttpResponse:
    form = DraftForm(initial={"body": saved.body, "revision": saved.revision})
    try:
        version = operations.publish_draft(plan_key=plan.key, expected_revision=saved.revision, actor=actor_of(request))
    except document.Invalid:
        refused = f"Saved as r{saved.revision}, but not submitted: mend what the checks say first."
        return _page(request, plan, form, saved.body, refused=refused, status=422)
    except drafts.Stale as error:
        return _page(request, plan, form, saved.body, stale=str(error), status=409)
    except operations.Refused as error:
        return _page(request, plan, form, saved.body, refused=str(error), status=422)
    messages.success(request, review_queries.waits(version))
    return redirect("plans:version", plan.key, version.number)


@permission_required("plans.edit_plan", raise_exception=True)
@require_POST
def check(request: HttpRequest, key: str) -> HttpResponse:
    """Answer what stands against publishing the text in the editor, and how it looks; nothing is saved."""
    plan = get_object_or_404(queries.plan_list(), key=key)
    text = request.POST.get("body", "").replace("\r\n", "\n")
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "plans/draft_checks.html", _checks(key, text))
    form = DraftForm(initial={"body": text, "revision": request.POST.get("revision", 0)})
    return _page(request, plan, form, text)


def _page(
    request: HttpRequest,
    plan: models.Plan,
    form: DraftForm,
    text: str,
    *,
    stale: str = "",
    refused: str = "",
    status: int = 200,
) -> HttpResponse:
    stored = getattr(plan, "draft", None)
    more = {
        "plan": plan,
        "form": form,
        "draft": stored,
        "saved_by": audit_queries.actor_names([stored.updated_by])[stored.updated_by] if stored else "",
        "stale": stale,
        "refused": refused,
        "kinds": pages.kinds(),
        **_checks(plan.key, text),
    }
    page = context(request, f"Draft of {plan.title or plan.key}", **more)
    return render(request, "plans/draft.html", page, status=status)


def _checks(key: str, text: str) -> dict[str, object]:
    found = queries.review(text, key)
    return {"problems": found.problems, "picture": pages.picture(found.plan)}
