"""The page that replays a run on the server, and the download of its bundle for a replay anywhere else."""

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit import clear
from runs import bundles, manifest, queries
from runs.bundle_chain import Exit
from runs.bundle_check import Verdict, examine
from runs.models import Run

SERVER_LIMIT = 5_000  # entries that one request may replay; more is work for dee-replay
EXPORT = ("runs.view_run", "audit.verify_log")


@permission_required("runs.view_run", raise_exception=True)
@require_safe
@never_cache
def replay(request: HttpRequest, no: int) -> HttpResponse:
    """Replay a run as dee-replay does, on what the database holds of it."""
    found = queries.run_or_404(no)
    verdict, refused = _replayed(found)
    context = {
        **admin.site.each_context(request),
        "title": f"Replay of {found.ref}",
        "run": found,
        "verdict": verdict,
        "refused": refused,
        "identical": verdict is not None and verdict.exit in (Exit.IDENTICAL, Exit.REDACTED),
        "unsupported": verdict is not None and verdict.exit == Exit.UNSUPPORTED,
        "may_export": request.user.has_perms(EXPORT),
        "may_read": clear.may_see(request.user),
        "does_not_prove": manifest.DOES_NOT_PROVE,
    }
    return render(request, "runs/replay.html", context)


def _replayed(run: Run) -> tuple[Verdict | None, str]:
    """Return the verdict on a run's stored evidence, or the sentence why there is none."""
    if run.n > SERVER_LIMIT:
        return None, f"The run has {run.n} entries, more than a page may replay: export it and run dee-replay."
    try:
        return examine(bundles.members(run, redacted=True)), ""
    except bundles.Refused as error:
        return None, str(error)


@permission_required(EXPORT, raise_exception=True)
@require_safe
@never_cache
def bundle(request: HttpRequest, no: int) -> HttpResponse:
    """Send a run's bundle: redacted if it is asked for, and to everybody who may not read messages."""
    found = queries.run_or_404(no)
    redacted = "redacted" in request.GET or not clear.may_see(request.user)
    try:
        data = bundles.export(found, redacted=redacted)
    except bundles.Refused as error:
        return HttpResponse(str(error), status=409, content_type="text/plain; charset=utf-8")
    name = f"{found.ref}{'-redacted' if redacted else ''}.zip"
    return HttpResponse(
        data, content_type="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
