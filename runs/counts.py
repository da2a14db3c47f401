"""What does the overview count? Runs per day, what comes up, what the gate stopped, how messages fared."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Count, F, JSONField, Min
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast

from audit.models import Entry, Head
from channels.models import OutboxMessage
from runs.models import Inbox, Run

WINDOW = 5_000  # entries that one look reads for what the gate stopped
TAKEN = ("accepted", "delivered", "label")
MANY = 10_000  # counts stop here: "10 000 or more" is all a person needs to know


@dataclass(frozen=True, slots=True)
class Day:
    """Runs started on one UTC day of the lane clock, by where they stand now."""

    day: int  # days since the epoch
    counts: Mapping[str, int] = field(default_factory=dict)


STANDS = {"COMPLETED": "done", "FAILED": "failed", "STOPPED": "stopped"}  # everything else is open


def runs_per_day(lane: int, days: int = 14) -> list[Day]:
    """Return the last `days` days, oldest first, with counts of done, open, failed and stopped runs."""
    today = lane // 86400
    rows = (
        Run.objects.filter(start_at__gte=(today - days + 1) * 86400)
        .order_by()
        .values("status", day=F("start_at") / 86400)
        .annotate(c=Count("pk"))
    )
    found: dict[int, dict[str, int]] = {}
    for row in rows:
        stands = STANDS.get(row["status"], "open")
        of_day = found.setdefault(row["day"], {})
        of_day[stands] = of_day.get(stands, 0) + row["c"]
    return [Day(day, found.get(day, {})) for day in range(today - days + 1, today + 1)]


@dataclass(frozen=True, slots=True)
class Ahead:
    """How many runs act next within the hour and the day. Counts stop at MANY."""

    hour: int
    day: int


def ahead(lane: int) -> Ahead:
    """Return what is coming up, from the index of due runs."""
    return Ahead(_due_within(lane + 3600), _due_within(lane + 86400))


def held(limit: int = 6) -> list[dict[str, Any]]:
    """Return {reason, runs, until} of runs a policy holds, the largest group first; until: when the first goes on."""
    groups = Run.objects.filter(status="PAUSED").order_by().values("reason")
    rows = groups.annotate(runs=Count("pk"), until=Min("due_at")).order_by("-runs", "reason")[:limit]
    return [dict(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Stopped:
    """What the gate refused or held on the lane clock's present day. complete: the whole day was looked through."""

    rules: Sequence[Mapping[str, Any]]
    complete: bool


def stopped_today(lane: int) -> Stopped:
    """Return {verdict, rule, code, sends} since midnight UTC, from the newest WINDOW entries of the log."""
    size = Head.objects.values_list("size", flat=True).get(id=1)
    data = KeyTransform("data", Cast("body", JSONField()))
    day = (
        Entry.objects.filter(seq__gte=size - WINDOW, type="gate.decided")
        .exclude(body__contains='"verdict":"allow"')
        .annotate(at=Cast(KeyTextTransform("at", KeyTransform("facts", data)), BigIntegerField()))
        .filter(at__gte=lane - lane % 86400)
        .annotate(
            verdict=KeyTextTransform("verdict", data),
            rule=KeyTextTransform("rule", data),
            code=KeyTextTransform("code", data),
        )
    )
    rows = day.order_by().values("verdict", "rule", "code").annotate(sends=Count("seq"))
    return Stopped([dict(row) for row in rows.order_by("-sends", "rule", "code")[:8]], size <= WINDOW)


@dataclass(frozen=True, slots=True)
class Traffic:
    """The newest messages of a channel: how many, how many came to what, and when the last one was taken."""

    messages: int
    outcomes: Mapping[str, int]
    last_taken: datetime | None


def traffic(newest: int = 200) -> dict[str, Traffic]:
    """Return {channel: traffic} of the newest messages over all channels."""
    rows = OutboxMessage.objects.order_by("-created_at", "-intent").values_list("channel", "outcome", "created_at")
    found: dict[str, list[tuple[str, datetime]]] = {}
    for channel, outcome, at in rows[:newest]:
        found.setdefault(channel, []).append((outcome, at))
    return {
        channel: Traffic(
            len(sent),
            dict(Counter(outcome.replace("_", " ") or "on its way" for outcome, _ in sent)),
            next((at for outcome, at in sent if outcome in TAKEN), None),
        )
        for channel, sent in found.items()
    }


def _due_within(until: int) -> int:
    return Run.objects.filter(due_at__isnull=False, due_at__lte=until).order_by("due_at")[:MANY].count()


def recently_refused(since: datetime) -> int:
    """Return how many inputs the engine refused or could not match since an instant."""
    rows = Inbox.objects.filter(received_at__gte=since, verdict__in=["refused", "unmatched"])
    return rows.order_by("-id")[:MANY].count()
