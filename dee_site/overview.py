"""What does an operator have to see first? What needs them, what limits them, what is coming, what is proved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Value
from django.http import HttpRequest

from audit import queries as audit_queries
from channels import registry
from channels.kinds import Channel
from dee_site import chart, needs, tour
from plans import queries as plan_queries
from policies import pages as policy_pages
from policies import queries as policy_queries
from runs import counts, engine_state, upcoming
from runs import queries as run_queries
from runs.showing import reasons

DAYS, MESSAGE_DAYS = 14, 7
REVIEWS = 5
BARS = 8  # more than these stand on the page of limits
VERIFIED = {"consistent": "info", "verified": "ok", "nothing": "warn"}
STOPS = ("policies.manage_policies", "policies.manage_suppressions")  # either may engage the kill switch


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit as the overview draws it. level: "" below 80 %, is-warn from there, is-bad when it is used up."""

    name: str
    policy: str
    what: str
    used: int
    limit: int
    percent: int
    currency: str  # set for budgets, whose numbers are micro-units
    resets_at: int | None
    level: str


def context(request: HttpRequest) -> dict[str, Any]:
    """Return what the overview shows; each card only to people who may see what it links to."""
    desk = run_queries.desk()
    user = request.user
    state = engine_state.of(desk)
    shown: dict[str, Any] = {
        "facts": desk,
        "state": state,
        "lag": engine_state.lag_s(desk),
        "now": desk.now or datetime.fromtimestamp(0, UTC),
        "adapters": _adapters(),
        "sandbox": registry.all_sandbox(),
        "may_stop": any(user.has_perm(right) for right in STOPS),
        "tour": tour.shown_to(request, desk),
    }
    found = needs.of_engine(state)
    if user.has_perm("runs.view_run"):
        shown |= _runs(desk)
        found += needs.of_runs(desk, shown["causes"], shown["refused"])
    if user.has_perm("plans.view_plan"):
        found += _reviews(request)
    if user.has_perm("policies.view_policy"):
        every = bars(desk.lane)
        shown |= {"bars": every[:BARS], "more_bars": every[BARS:]}
        found += needs.of_limits(every)
    if user.has_perm("policies.view_killswitch"):
        shown["engaged"] = _engaged()
    if user.has_perm("audit.view_entry"):
        shown |= _evidence()
        found += needs.of_evidence(shown["size"], shown["last_check"], shown["bad_checks"])
    return shown | {"needs": needs.parted(found, user.has_perm)}


def _runs(desk: run_queries.Desk) -> dict[str, Any]:
    causes = run_queries.causes(limit=5)
    yesterday = (desk.now or datetime.fromtimestamp(0, UTC)) - timedelta(days=1)
    days = counts.runs_per_day(desk.lane, DAYS)
    return {
        "causes": [(cause, reasons.cause(cause.reason)) for cause in causes],
        "refused": counts.recently_refused(yesterday),
        "ahead": upcoming.ahead(engine_state.wall_s(desk)),
        "stopped": _stopped(desk.lane),
        "held": [(held, reasons.held(held["reason"])) for held in counts.held()],
        "days": days,
        "chart": chart.stacked([(day.day * 86400, day.counts) for day in days]),
        "series": chart.RUNS.series,
        "any_runs": any(day.counts for day in days),
        "messages_made": _messages(desk.lane),
    }


def _reviews(request: HttpRequest) -> list[needs.Need]:
    actor = policy_pages.actor(request)
    mine = plan_queries.reviewable_by(actor).filter(pk=OuterRef("pk")) if request.user.has_perm(needs.REVIEW) else None
    rows = plan_queries.waiting_for_review()
    waiting = list(rows.annotate(mine=Exists(mine) if mine is not None else Value(False))[:REVIEWS])
    names = audit_queries.actor_names(version.published_by for version in waiting)
    return needs.of_reviews([(version, version.mine) for version in waiting], names)


def _messages(lane: int) -> dict[str, Any]:
    """Return one small chart for each channel, and one table for both."""
    found = counts.messages_per_day(lane, MESSAGE_DAYS)
    charts = []
    for channel in Channel:
        days = [(day * 86400, channels.get(channel, {})) for day, channels in found.days]
        drawn = chart.stacked(days, chart.MESSAGES, f"{channel.capitalize()} messages")
        charts.append((channel, drawn))
    rows = [
        (drawn.labels[at].text, channel, drawn.labels[at].numbers)
        for at in range(len(found.days))
        for channel, drawn in charts
    ]
    return {
        "charts": charts,
        "rows": rows,
        "series": chart.MESSAGES.series,
        "any": any(channels for _, channels in found.days),
        "complete": found.complete,
        "days": MESSAGE_DAYS,
        "newest": counts.NEWEST,
    }


def _stopped(lane: int) -> dict[str, Any]:
    today = counts.stopped_today(lane)
    rows = [{**row, "words": reasons.RULE_CODES.get(row["code"], row["code"])} for row in today.rules]
    return {"rows": rows, "complete": today.complete}


def _adapters() -> list[dict[str, Any]]:
    traffic = counts.traffic()
    return [
        {
            "adapter": registry.adapter_for(channel),
            "traffic": traffic.get(channel),
            "level": _fares(traffic.get(channel)),
        }
        for channel in Channel
    ]


def _fares(traffic: counts.Traffic | None) -> str:
    """Return how a channel does: worse from one lost message in ten on."""
    return "info" if traffic is None else "warn" if traffic.lost_percent >= 10 else "ok"


def _engaged() -> list[tuple[Any, str, str]]:
    """Return (switch, who engaged it, why) of every engaged kill switch."""
    switches = policy_queries.engaged_switches()
    said = policy_pages.words(switches)
    return [(switch, said.name(switch.changed_by), said.note(switch.reason_ref)) for switch in switches]


def bars(lane: int) -> Sequence[Bar]:
    """Return today's limits and the present budgets, the fullest first."""
    found = []
    for state in policy_queries.policy_states(lane):
        for usage in state.usages:
            level = "is-bad" if usage.percent >= 100 else "is-warn" if usage.percent >= 80 else ""
            about = (usage.key, state.policy.key, usage.what, usage.used, usage.limit, usage.percent)
            found.append(Bar(*about, usage.currency, usage.resets_at, level))
    return sorted(found, key=lambda bar: (-bar.percent, bar.name))


def _evidence() -> dict[str, Any]:
    whole, size = audit_queries.last_whole_check(), audit_queries.size()
    return {
        "size": size,
        "last_check": whole,
        "last_level": VERIFIED.get(whole.verdict, "bad") if whole else "warn",
        "newer": max(0, size - whole.checked) if whole else 0,
        "bad_checks": [check for check in audit_queries.last_checks() if check.verdict in needs.BROKEN],
    }
