"""The page of all help texts, where the "?" leads without a script."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from channels import registry
from dee_site import help, tour


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show every page's help, the words of DEE, the keys, and the way back to the tour."""
    context = {
        **admin.site.each_context(request),
        "title": "Help",
        "groups": help.every(),
        "words": help.WORDS,
        "tour_hidden": registry.all_sandbox() and request.COOKIES.get(tour.COOKIE) == tour.HIDDEN,
    }
    return render(request, "admin/overview/help.html", context)
