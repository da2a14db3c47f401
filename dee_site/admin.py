"""The admin site of DEE: its menu, what every page's header says, and the overview as its first page."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from audit import desk
from audit.templatetags.dee import count
from dee_site import help, menu, overview
from plans import queries as plan_queries
from runs import engine_state, queries


class DeeAdminSite(admin.AdminSite):
    """The stock admin with our menu in place of its sidebar."""

    site_header = "DEE"
    site_title = "DEE"
    site_url = None
    enable_nav_sidebar = (
        False  # the stock sidebar marks its items by a part of the path; ours is admin/nav_sidebar.html
    )

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page needs: beside the stock values the menu, the engine's state and the FAILED count."""
        context = super().each_context(request)
        if not context["has_permission"]:
            return context
        now = queries.desk()
        failed = count(now.failed) if request.user.has_perm("runs.view_run") and now.failed else ""
        header = {
            "engine": engine_state.of(now),
            "engine_url": reverse("runs:engine"),
            "failed": failed,
            "failures_url": reverse("runs:failures"),
        }
        return {
            **context,
            "desk": header if request.user.has_perm("runs.view_run") else None,
            "menu": menu.menu(request, {menu.FAILURES: failed, menu.REVIEWS: _reviews(request)}),
            "help": help.shown_on(request),
        }

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the overview in place of the stock list of models."""
        context = {
            **self.each_context(request),
            "title": "Overview",
            **overview.context(request),
            **(extra_context or {}),
        }
        template = "admin/overview/body.html" if desk.wants_part(request) else "admin/overview/page.html"
        return TemplateResponse(request, template, context)


def _reviews(request: HttpRequest) -> str:
    """Return how many versions wait for this very person, "" for none."""
    if not request.user.has_perm("plans.activate_plan"):
        return ""
    waiting = plan_queries.reviewable_by(f"user:{request.user.pk}").order_by().count()
    return f"{waiting}" if waiting else ""
