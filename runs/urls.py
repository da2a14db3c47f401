"""Which address belongs to which page of runs?"""

from django.contrib import admin
from django.urls import path

from runs import engine_views, failures, views

view = admin.site.admin_view
app_name = "runs"
urlpatterns = [
    path("runs/", view(views.run_list), name="list"),
    path("runs/run-<int:no>/", view(views.run), name="run"),
    path("runs/run-<int:no>/act/<slug:command>/", view(views.act), name="act"),
    path("runs/commands/<uuid:command_id>/", view(views.verdict), name="verdict"),
    path("runs/enrol/", view(engine_views.enrol), name="enrol"),
    path("failures/", view(failures.failures), name="failures"),
    path("failures/bulk/", view(failures.bulk), name="bulk"),
    path("failures/bulk/result/", view(failures.bulk_result), name="bulk_result"),
    path("inbox/", view(engine_views.inbox), name="inbox"),
    path("engine/", view(engine_views.engine), name="engine"),
    path("engine/confirm/", view(engine_views.confirm), name="confirm"),
    path("clock/", view(engine_views.clock_page), name="clock"),
    path("clock/advance/", view(engine_views.advance), name="advance"),
]
