"""What do the pages of runs read? Every function is a fixed number of queries, whatever the number of rows shown."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import (
    Count,
    Exists,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Now
from django.http import Http404

from audit.models import Entry, Head
from plans.models import Plan
from policies.models import Contact, PolicyVersion
from runs.engine import transitions
from runs.models import Engine, Inbox, Run

PAGE = 50


@dataclass(frozen=True, slots=True)
class Desk:
    """What every page's header needs, in one query."""

    failed: int = 0
    tasks: int = 0
    halted: str = ""
    holder: str = ""
    beat_at: datetime | None = None
    now: datetime | None = None
    lane: int = 0
    offset_s: int = 0
    target: int | None = None
    next_due: int | None = None
    waiting: int = 0


def desk() -> Desk:
    """Return the engine's state, its queue, and how many runs have FAILED or wait for a person."""
    failed = Run.objects.filter(status="FAILED").order_by().values("status").annotate(c=Count("pk")).values("c")
    waiting = Inbox.objects.filter(place=None).order_by().values("place").annotate(c=Count("pk")).values("c")
    waits = Run.objects.filter(status="WAITING", reason=transitions.TASK)
    tasks = waits.order_by().values("status").annotate(c=Count("pk")).values("c")
    due = Run.objects.filter(due_at__isnull=False).order_by("due_at").values("due_at")[:1]
    row = (
        Engine.objects.filter(id=1)
        .annotate(
            now=Now(),
            lane=Subquery(Head.objects.filter(id=1).values("clock")),
            failed=Subquery(failed, output_field=IntegerField()),
            tasks=Subquery(tasks, output_field=IntegerField()),
            waiting=Subquery(waiting, output_field=IntegerField()),
            next_due=Subquery(due),
        )
        .values(*Desk.__dataclass_fields__)
        .first()
    )
    known: dict[str, Any] = {name: value for name, value in (row or {}).items() if value is not None}
    return Desk(**known)


# Runs


RUN_FILTERS = ("status", "plan", "reason", "step", "q")


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What the list of runs is narrowed to; empty text means no restriction."""

    status: str = ""
    plan: str = ""
    reason: str = ""
    step: str = ""
    q: str = ""

    def apply(self, runs: QuerySet[Run]) -> QuerySet[Run]:
        if self.status:
            runs = runs.filter(status=self.status)
        if self.plan:
            runs = runs.filter(plan_key=self.plan)
        if self.reason:
            runs = runs.filter(Q(reason=self.reason) | Q(reason__startswith=f"{self.reason}:"))
        if self.step:
            runs = runs.filter(step=self.step)
        return _search(runs, self.q.strip()) if self.q.strip() else runs

    def given(self) -> dict[str, str]:
        """Return the parts that are set, for links."""
        return {name: value for name in RUN_FILTERS if (value := getattr(self, name))}


def _search(runs: QuerySet[Run], text: str) -> QuerySet[Run]:
    number = text.lower().removeprefix("run-").removeprefix("run/")
    if number.isascii() and number.isdigit() and len(number) < 19:
        by_ref = Contact.objects.filter(ref=text).values("pk")
        return runs.filter(Q(no=int(number)) | Q(contact__in=by_ref))
    return runs.filter(contact__in=Contact.objects.filter(ref__startswith=text).values("pk"))


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list ordered by a falling number, and the number to go on from."""

    rows: Sequence[Any]
    older: int | None  # give it as `before` for the next page
    first: bool


def page_of(rows: QuerySet[Any], key: str, before: int | None, size: int = PAGE) -> Page:
    """Return up to size rows with the largest keys below `before`; costs the same on page 1 and page 1000."""
    if before is not None:
        rows = rows.filter(**{f"{key}__lt": before})
    found = list(rows.order_by(f"-{key}")[: size + 1])
    older = getattr(found[size - 1], key) if len(found) > size else None
    return Page(found[:size], older, first=before is None)


def _shown() -> QuerySet[Run]:
    return Run.objects.select_related("contact", "plan_version").defer(
        "state", "plan_version__body", "contact__attributes"
    )


def run_list(wanted: RunFilter, before: int | None) -> Page:
    """Return a page of runs, newest first, with contact and plan version."""
    return page_of(wanted.apply(_shown()), "no", before)


def run(no: int) -> Run | None:
    """Return a run with its contact and plan version, or None."""
    return Run.objects.select_related("contact", "plan_version__plan").filter(no=no).first()


def run_or_404(no: int) -> Run:
    """Return a run with its contact and plan version. Raises: Http404."""
    found = run(no)
    if found is None:
        raise Http404(f"There is no run-{no}.")
    return found


def entries(run: Run, *, after: int = 0, limit: int = 400) -> list[Entry]:
    """Return entries of a run, oldest first."""
    return list(Entry.objects.filter(st=run.stream, n__gt=after).order_by("n")[:limit])


# Failures


@dataclass(frozen=True, slots=True)
class Cause:
    """Failed runs that share reason, step and plan. share: percent of the largest group, for the bar."""

    reason: str
    step: str
    plan_key: str
    runs: int
    oldest: int
    share: int = 0


def causes(wanted: RunFilter | None = None, limit: int = 50) -> list[Cause]:
    """Return groups of failed runs, the largest first."""
    failed = Run.objects.filter(status="FAILED")
    if wanted is not None:
        failed = wanted.apply(failed)
    groups = list(
        failed.order_by()
        .values("reason", "step", "plan_key")
        .annotate(runs=Count("pk"), oldest=Min("no"))
        .order_by("-runs", "reason", "plan_key", "step")[:limit]
    )
    most = max((group["runs"] for group in groups), default=1)
    return [Cause(**group, share=max(2, round(100 * group["runs"] / most))) for group in groups]


# Tasks


def open_tasks(after: tuple[int, int] | None, limit: int = PAGE) -> list[Run]:
    """Return up to limit + 1 runs that wait for a person, by deadline. after: (deadline, number) last seen."""
    tasks = Run.objects.filter(status="WAITING", reason=transitions.TASK)
    if after is not None:
        due, no = after
        tasks = tasks.filter(Q(due_at__gt=due) | Q(due_at=due, no__gt=no))
    rows = tasks.select_related("contact", "plan_version").defer("state", "plan_version__body", "contact__attributes")
    return list(rows.order_by("due_at", "no")[: limit + 1])


# Inputs


def input_list(verdict: str, kind: str, before: int | None) -> Page:
    """Return a page of inputs, newest first. verdict: one of the four, "new" for those without, or empty for all."""
    rows = Inbox.objects.select_related(None)
    if verdict:
        rows = rows.filter(verdict="" if verdict == "new" else verdict)
    if kind:
        rows = rows.filter(kind=kind)
    return page_of(rows, "id", before)


def command_input(command_id: str) -> Inbox | None:
    """Return the inbox row of a command."""
    return Inbox.objects.filter(source="command", external_id=command_id).first()


# Choices


def plan_keys() -> list[str]:
    """Return the keys of all plans, for a filter."""
    return list(Plan.objects.order_by("key").values_list("key", flat=True))


def active_plans() -> list[tuple[str, str]]:
    """Return (key, title) of plans that can be enrolled into."""
    rows = Plan.objects.filter(state="active", active_version__isnull=False).order_by("key")
    return list(rows.values_list("key", "title"))


def contacts_for(refs: Sequence[str] | None, plan_key: str) -> list[tuple[str, bool, bool]]:
    """Return (reference, active, has an open run of the plan) of contacts. refs None: every active contact."""
    contacts = Contact.objects.filter(state="active") if refs is None else Contact.objects.filter(ref__in=refs)
    running = Run.objects.filter(contact=OuterRef("pk"), plan_key=plan_key, status__in=transitions.OPEN)
    rows = contacts.annotate(running=Exists(running)).order_by("ref").values_list("ref", "state", "running")
    return [(ref, state == "active", open_run) for ref, state, open_run in rows]


def recovery_rules(hashes: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """Return {hash: recovery rules} of policy versions."""
    rows = PolicyVersion.objects.filter(hash__in=hashes).values_list("hash", "body")
    return {hash: json.loads(body).get("recovery", []) for hash, body in rows}
