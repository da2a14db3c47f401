"""The pages of templates and call scripts: the list, one version with a preview, and publishing a new one."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from audit import canon
from audit import queries as audit_queries
from plans import content, document, models, operations, pages, queries, template_document
from plans.forms import TemplateForm
from plans.views import actor_of, context


@permission_required("plans.view_template", raise_exception=True)
@require_safe
def template_list(request: HttpRequest) -> HttpResponse:
    """List every template version."""
    more = {"versions": queries.template_list()}
    return render(request, "plans/templates.html", context(request, "Templates", **more))


@permission_required("plans.view_template", raise_exception=True)
@require_safe
def template(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Show one template version as it is and as a made-up contact would get it."""
    found = get_object_or_404(models.TemplateVersion, key=key, number=number)
    subject, body = pages.preview(found)
    more = {
        "version": found,
        "numbers": models.TemplateVersion.objects.filter(key=key).order_by("-number").values_list("number", flat=True),
        "published_by": audit_queries.actor_names([found.published_by])[found.published_by],
        "subject": subject,
        "body": body,
    }
    return render(request, "plans/template.html", context(request, found.ref, **more))


@permission_required("plans.edit_plan", raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Publish a template's next version; `?from=welcome@1` starts with that text."""
    posted = request.POST if request.method == "POST" else None
    form = TemplateForm(posted, initial=_initial(request.GET.get("from", "")))
    if request.method == "POST" and form.is_valid():
        try:
            text = template_document.write(**form.cleaned_data)
            found = operations.publish_template(text=text, actor=actor_of(request))
        except document.Invalid as error:
            for problem in error.problems:
                field = problem.pointer.removeprefix("/")
                form.add_error(field if field in form.fields else None, problem.message)
        except canon.NotCanonical as error:
            form.add_error(None, f"This text cannot be stored: {error}.")
        else:
            messages.success(request, f"{found.ref} is published. Plans use it by that name.")
            return redirect("plans:template", found.key, found.number)
    status = 422 if form.errors else 200
    more = {"form": form, "fields": content.FIELDS}
    return render(request, "plans/template_new.html", context(request, "New template", **more), status=status)


def _initial(ref: str) -> dict[str, str]:
    key, _, number = ref.partition("@")
    found = models.TemplateVersion.objects.filter(key=key, number=int(number)).first() if number.isdecimal() else None
    if found is None:
        return {}
    return {"key": found.key, "channel": found.channel, "subject": found.subject, "body": found.body}
