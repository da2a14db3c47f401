"""Which address belongs to which page of evidence?"""

from django.contrib import admin
from django.urls import path

from audit import views

view = admin.site.admin_view
app_name = "audit"
urlpatterns = [
    path("audit/", view(views.log), name="log"),
    path("audit/verify/", view(views.verify_page), name="verify"),
    path("audit/chain.ndjson", view(views.chain_ndjson), name="chain"),
    path("audit/entry/<path:st>/<int:n>/", view(views.entry), name="entry"),
    path("audit/stream/<path:st>/", view(views.stream), name="stream"),
]
