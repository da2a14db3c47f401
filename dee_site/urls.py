"""Which address belongs to which page?"""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from channels import webhooks
from dee_site import health, help_views, tour
from runs import inbox

# Each room's pages come before the stock admin, whose last pattern catches everything.
urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("hooks/<slug:adapter>/", webhooks.receiver(store=inbox.put), name="hooks"),
    path("api/v1/", include("dee_site.api")),
    path("admin/help/", admin.site.admin_view(help_views.page), name="help"),
    path("admin/tour/", admin.site.admin_view(tour.choose), name="tour"),
    path("admin/", include("dee_site.account_urls")),
    path("admin/", include("plans.urls")),
    path("admin/", include("policies.urls")),
    path("admin/", include("channels.urls")),
    path("admin/", include("runs.urls")),
    path("admin/", include("audit.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "dee_site.errors.bad_request"
handler403 = "dee_site.errors.forbidden"
handler404 = "dee_site.errors.not_found"
handler500 = "dee_site.errors.server_error"
