"""The failure inbox: failed runs by cause, what may be asked of one or many, and the same as a file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit import queries as audit_queries
from runs import clock, commands, csv_out, pages
from runs.many import bulk
from runs.showing import reasons
from runs.triaging import failure_filter, failure_queries, failure_rows, triage
from runs.triaging.failure_filter import AGES, FailureFilter

EXPORT = "audit.verify_log"  # the right to take evidence along
NO_EXPORT = "You may look at runs, but not export them; that takes the right “Can verify the log and export evidence”."
UNFOLDED = 6  # causes that are shown at once
COLUMNS = (
    "run", "contact", "plan", "version", "step", "reason", "what_happened", "failed_at", "age_s", "attempts",
    "assigned_to", "snoozed_until", "notes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What an act of triage came to, for the page that follows it."""

    done: str = ""
    left: Sequence[triage.Left] = ()
    wrong: str = ""


@permission_required("runs.view_run", raise_exception=True)
@require_safe
@never_cache
def failures(request: HttpRequest) -> HttpResponse:
    """Show failed runs by cause, and below them the runs of the chosen cause."""
    return page(request, request.GET, None, 200)


@permission_required("runs.view_run", raise_exception=True)
@require_safe
@never_cache
def news(request: HttpRequest) -> HttpResponse:
    """Say how many runs have failed since the page was shown, which `known` entries of the log went into."""
    wanted = failure_filter.read(request.GET, now=clock.state().wall, me=pages.actor(request))
    known = request.GET.get("known", "")
    new = failure_queries.failed_since(wanted, int(known)) if known.isdecimal() and len(known) < 16 else 0
    return render(request, "runs/failures/news.html", {"wanted": wanted, "new": new})


def page(request: HttpRequest, given: Mapping[str, str], said: Said | None, status: int) -> HttpResponse:
    """Answer with the inbox, whole or as the part that htmx asks for. given: the filter and the place on the list."""
    clocks = clock.state()
    wanted = failure_filter.read(given, now=clocks.wall, me=pages.actor(request))
    after = given.get("after", "")
    known = audit_queries.size()  # before anything else is read, so that nothing falls between
    groups = failure_queries.groups(wanted)
    found = failure_queries.failures(wanted, after)
    may_command = request.user.has_perm(triage.RIGHT)
    rows = failure_rows.rows(found.rows, wanted, lane=clocks.lane, may_command=may_command)
    causes = _causes(groups.groups, wanted)
    context = {
        "wanted": wanted,
        "known": known,
        "after": after,
        "causes": causes,
        "folded": sum(about["folded"] for _, about in causes),
        "found": groups,
        "oldest_s": max(0, wanted.now - groups.oldest) if groups.oldest is not None else None,
        "now": wanted.now,
        "ages": [(name, words) for name, (_, words) in AGES.items()],
        "people": triage.people(),
        "rows": rows,
        "page": found,
        "further": wanted.at(found.further) if found.further else "",
        "commands": commands.for_many(bulk.offered(wanted)),
        "all": bulk.all_of(wanted) if rows else None,
        "may_command": may_command,
        "no_right": commands.NO_RIGHT,
        "everybody": wanted.of_cause("", "", "").url,
        "no_export": "" if request.user.has_perm(EXPORT) else NO_EXPORT,
        "said": said,
        "command_id": pages.command_shown(request),
    }
    if pages.wants_part(request):
        return render(request, "runs/failures_body.html", context, status=status)
    frame = {**admin.site.each_context(request), "title": "Failure inbox"}
    return render(request, "runs/failures.html", {**frame, **context}, status=status)


def _causes(
    groups: Sequence[failure_queries.Group], wanted: FailureFilter
) -> list[tuple[failure_queries.Group, dict[str, Any]]]:
    """Return causes with their links; those that lie folded until somebody asks are the last of many, or the others."""
    meant = [wanted.of_cause(group.reason, group.step, group.plan_key) for group in groups]
    chosen = wanted in meant
    return [
        (
            group,
            {
                "words": reasons.cause(group.reason),
                "url": cause.url,
                "chosen": cause == wanted,
                "folded": cause != wanted if chosen else place >= UNFOLDED,
                "oldest_s": max(0, wanted.now - group.oldest),
            },
        )
        for place, (group, cause) in enumerate(zip(groups, meant, strict=True))
    ]


@permission_required(("runs.view_run", EXPORT), raise_exception=True)
@require_safe
@never_cache
def export(request: HttpRequest) -> StreamingHttpResponse:
    """Send the failed runs of a filter as CSV: references and codes only, no names and no addresses."""
    clocks = clock.state()
    wanted = failure_filter.read(request.GET, now=clocks.wall, me=pages.actor(request))
    return csv_out.response("failures.csv", COLUMNS, _lines(wanted))


def _lines(wanted: FailureFilter) -> Iterator[Sequence[object]]:
    names = dict(triage.people())
    run: Any  # a run with what the query adds to it
    for run in failure_queries.every_failure(wanted).defer("state").iterator(csv_out.PIECE):
        row = getattr(run, "triage", None)
        assignee = row.assignee if row else ""
        if assignee and assignee not in names:
            names |= audit_queries.actor_names([assignee])
        asleep = row is not None and triage.is_snoozed(row, run.failed_n, wanted.now)
        yield (
            run.ref, run.contact.ref, run.plan_key, run.plan_version.number, run.step, run.reason,
            reasons.cause(run.reason), _utc(run.failed_at), max(0, wanted.now - run.failed_at), run.attempts or 0,
            names.get(assignee, ""), _utc(row.snoozed_until) if row and asleep else "", row.notes if row else 0,
        )  # fmt: skip


def _utc(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
