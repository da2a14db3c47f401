"""Which address belongs to which page of runs?"""

from django.contrib import admin
from django.urls import path

from runs import command_views, engine_views, replay_views, task_views, views
from runs.many import bulk_views, job_views
from runs.triaging import failures, triage_views
from runs.trying import rehearsal_views, what_if_views

view = admin.site.admin_view
app_name = "runs"
urlpatterns = [
    path("runs/", view(views.run_list), name="list"),
    path("runs/run-<int:no>/", view(views.run), name="run"),
    path("runs/run-<int:no>/act/<slug:command>/", view(command_views.act), name="act"),
    path("runs/run-<int:no>/replay/", view(replay_views.replay), name="replay"),
    path("runs/run-<int:no>/bundle.zip", view(replay_views.bundle), name="bundle"),
    path("runs/commands/<uuid:command_id>/", view(command_views.verdict), name="verdict"),
    path("plans/<slug:key>/draft/rehearse/", view(rehearsal_views.draft), name="rehearse"),
    path("plans/<slug:key>/v/<int:number>/rehearse/", view(rehearsal_views.version), name="rehearse_version"),
    path("plans/<slug:key>/draft/what-if/", view(what_if_views.draft), name="what_if"),
    path("plans/<slug:key>/v/<int:number>/what-if/", view(what_if_views.version), name="what_if_version"),
    path("runs/tasks/", view(task_views.tasks), name="tasks"),
    path("runs/enrol/", view(engine_views.enrol), name="enrol"),
    path("failures/", view(failures.failures), name="failures"),
    path("failures/failures.csv", view(failures.export), name="failures_csv"),
    path("failures/news/", view(failures.news), name="failures_news"),
    path("failures/triage/", view(triage_views.act), name="triage"),
    path("bulk/", view(bulk_views.many), name="bulks"),
    path("bulk/freeze/", view(bulk_views.freeze), name="freeze"),
    path("bulk/<uuid:bulk_id>/", view(bulk_views.one), name="bulk"),
    path("bulk/<uuid:bulk_id>/cancel/", view(job_views.cancel), name="bulk_cancel"),
    path("bulk/<uuid:bulk_id>/result.csv", view(job_views.export), name="bulk_csv"),
    path("inbox/", view(engine_views.inbox), name="inbox"),
    path("engine/", view(engine_views.engine), name="engine"),
    path("engine/confirm/", view(engine_views.confirm), name="confirm"),
    path("clock/", view(engine_views.clock_page), name="clock"),
    path("clock/advance/", view(engine_views.advance), name="advance"),
]
