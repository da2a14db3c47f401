"""Which address belongs to which page of plans? Included under /admin/."""

from collections.abc import Callable

from django.contrib import admin
from django.http import HttpResponse
from django.urls import URLPattern, path

from plans import draft_views, review_views, template_views, views
from plans.designing import views as designer_views

app_name = "plans"


def _page(route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
    return path(route, admin.site.admin_view(view), name=name)


urlpatterns = [
    _page("plans/", views.plan_list, "list"),
    _page("plans/new/", draft_views.new, "new"),
    _page("plans/templates/", template_views.template_list, "templates"),
    _page("plans/templates/new/", template_views.new, "template_new"),
    _page("plans/templates/<slug:key>/<int:number>/", template_views.template, "template"),
    _page("plans/<slug:key>/", views.plan, "plan"),
    _page("plans/<slug:key>/retire/", views.retire, "retire"),
    _page("plans/<slug:key>/draft/", draft_views.draft, "draft"),
    _page("plans/<slug:key>/draft/check/", draft_views.check, "draft_check"),
    _page("plans/<slug:key>/design/", designer_views.designer, "design"),
    _page("plans/<slug:key>/design/panel/", designer_views.panel, "design_panel"),
    _page("plans/<slug:key>/design/publish/", designer_views.publish, "design_publish"),
    _page("plans/<slug:key>/design/act/", designer_views.act, "design_act"),
    _page("plans/<slug:key>/v/<int:number>/", views.version, "version"),
    _page("plans/<slug:key>/v/<int:number>/plan.json", views.export, "export"),
    _page("plans/<slug:key>/v/<int:number>/activate/", views.activate, "activate"),
    _page("plans/<slug:key>/v/<int:number>/review/", review_views.review, "review"),
    _page("plans/<slug:key>/v/<int:number>/open-again/", review_views.open_again, "open_again"),
    _page("plans/<slug:key>/compare/", review_views.compare, "compare"),
    _page("reviews/", review_views.reviews, "reviews"),
]
