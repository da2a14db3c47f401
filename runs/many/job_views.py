"""What may be done with a bulk action that is under way: stop it, and take its result along."""

import uuid
from collections.abc import Iterator, Sequence

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from runs import csv_out, operations, pages
from runs.many import bulk, bulk_progress
from runs.models import Bulk
from runs.triaging.failures import EXPORT

COLUMNS = ("place", "run", "contact", "plan", "command", "result", "why", "stands_now", "reason_now")


@permission_required(("runs.view_run", "runs.command_run"), raise_exception=True)
@require_POST
def cancel(request: HttpRequest, bulk_id: uuid.UUID) -> HttpResponse:
    """Stop what the engine has not taken yet of a list."""
    if not Bulk.objects.filter(pk=bulk_id).exists():
        raise Http404("There is no such list.")
    try:
        bulk.cancel(bulk_id=bulk_id, actor=pages.actor(request))
    except operations.Refused as refused:
        messages.error(request, f"Nothing was stopped. {refused}")
    return redirect("runs:bulk", bulk_id)


@permission_required(("runs.view_run", EXPORT), raise_exception=True)
@require_safe
@never_cache
def export(request: HttpRequest, bulk_id: uuid.UUID) -> StreamingHttpResponse:
    """Send the result of every run of a confirmed list as CSV: references and codes only."""
    found = Bulk.objects.filter(pk=bulk_id).exclude(confirmed_at=None).first()
    if found is None:
        raise Http404("There is no such list, or nobody has confirmed it.")
    return csv_out.response(f"bulk-{found.pk}.csv", COLUMNS, _lines(found))


def _lines(found: Bulk) -> Iterator[Sequence[object]]:
    for item, outcome in bulk_progress.every(found, bulk_progress.outcomes(found)):
        run = item.run
        yield (
            item.place, run.ref, run.contact.ref, run.plan_key, found.command, outcome.result.value, outcome.why,
            run.status, run.reason,
        )  # fmt: skip
