"""What does an operator have to see first? What needs them, what limits them, what is coming, what is proved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from audit import queries as audit_queries
from channels import registry
from channels.kinds import Channel
from dee_site import chart
from policies import queries as policy_queries
from runs import counts, engine_state, reasons
from runs import queries as run_queries

DAYS = 14
VERIFIED = {"consistent": "info", "verified": "ok", "nothing": "warn"}


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit as the overview draws it. level: "" below 80 %, is-warn from there, is-bad when it is used up."""

    name: str
    what: str
    used: int
    limit: int
    currency: str  # set for budgets, whose numbers are micro-units
    resets_at: int | None
    level: str


def context(request: HttpRequest) -> dict[str, Any]:
    """Return what the overview shows; each card only to people who may see what it links to."""
    desk = run_queries.desk()
    user = request.user
    shown: dict[str, Any] = {
        "facts": desk,
        "state": engine_state.of(desk),
        "lag": engine_state.lag_s(desk),
        "now": desk.now or datetime.fromtimestamp(0, UTC),
    }
    if user.has_perm("runs.view_run"):
        shown |= _runs(desk)
    if user.has_perm("policies.view_policy"):
        shown["bars"] = bars(desk.lane)
        shown["engaged"] = policy_queries.engaged_switches()
    if user.has_perm("audit.view_entry"):
        shown |= _evidence()
    traffic = counts.traffic()
    shown["adapters"] = [(registry.adapter_for(channel), traffic.get(channel)) for channel in Channel]
    shown["sandbox"] = registry.all_sandbox()
    shown["clock_url"] = reverse("runs:clock")
    return shown


def _runs(desk: run_queries.Desk) -> dict[str, Any]:
    causes = run_queries.causes(limit=5)
    yesterday = (desk.now or datetime.fromtimestamp(0, UTC)) - timedelta(days=1)
    days = counts.runs_per_day(desk.lane, DAYS)
    return {
        "causes": [(cause, reasons.cause(cause.reason)) for cause in causes],
        "refused": counts.recently_refused(yesterday),
        "ahead": counts.ahead(desk.lane),
        "stopped": _stopped(desk.lane),
        "held": [(held, reasons.held(held["reason"])) for held in counts.held()],
        "days": days,
        "chart": chart.stacked([(day.day * 86400, day.counts) for day in days]),
        "series": chart.SERIES,
        "any_runs": any(day.counts for day in days),
    }


def _stopped(lane: int) -> dict[str, Any]:
    today = counts.stopped_today(lane)
    rows = [{**row, "words": reasons.RULE_CODES.get(row["code"], row["code"])} for row in today.rules]
    return {"rows": rows, "complete": today.complete}


def bars(lane: int) -> Sequence[Bar]:
    """Return today's limits and the present budgets, the fullest first."""
    found = []
    for state in policy_queries.policy_states(lane):
        for usage in state.usages:
            level = "is-bad" if usage.percent >= 100 else "is-warn" if usage.percent >= 80 else ""
            bar = Bar(usage.key, usage.what, usage.used, usage.limit, usage.currency, usage.resets_at, level)
            found.append((usage.percent, bar))
    return [bar for _, bar in sorted(found, key=lambda pair: (-pair[0], pair[1].name))]


def _evidence() -> dict[str, Any]:
    checks = audit_queries.verifications(limit=50)
    whole = next((check for check in checks if check.scope == "log"), None)
    return {
        "size": audit_queries.size(),
        "last_check": whole,
        "last_level": VERIFIED.get(whole.verdict, "bad") if whole else "warn",
        "newer": max(0, audit_queries.size() - whole.checked) if whole else 0,
    }
