"""What does the overview count? Runs and messages per day, what the gate stopped, how messages fared."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import connection
from django.db.models import BigIntegerField, Count, F, JSONField, Min
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast

from audit.models import Entry, Head
from channels.models import OutboxMessage
from runs.models import Inbox, Run

WINDOW = 5_000  # entries that one look reads for what the gate stopped
TAKEN = ("accepted", "delivered", "label")
LOST = ("not_sent", "unknown")
SHOWN = 3  # runs that are named beside a number
MANY = 10_000  # counts stop here: "10 000 or more" is all a person needs to know
NEWEST = 10_000  # messages that one look counts per day


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
    """Return {verdict, rule, code, sends, newest} since midnight UTC, from the newest WINDOW entries of the log.

    newest: the numbers of the last SHOWN runs it happened to.
    """
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
    rows = (
        day.order_by()
        .values("verdict", "rule", "code")
        .annotate(sends=Count("seq"), streams=ArrayAgg("st", order_by="-seq"))
    )
    found = [{**row, "newest": _run_numbers(row["streams"])} for row in rows.order_by("-sends", "rule", "code")[:8]]
    return Stopped(found, size <= WINDOW)


def _run_numbers(streams: Sequence[str]) -> list[int]:
    return [int(st.removeprefix("run/")) for st in list(dict.fromkeys(streams))[:SHOWN]]


@dataclass(frozen=True, slots=True)
class MessageDays:
    """Messages of the last days by channel. days: (day since the epoch, {channel: {what became of it: number}}).

    complete: no day was cut because there were more than NEWEST.
    """

    days: Sequence[tuple[int, Mapping[str, Mapping[str, int]]]]
    complete: bool


# What an outcome is in the chart; a message without one is on its way.
FARED = {"": "underway", "unknown": "unknown", "not_sent": "unsent", "voided": "unsent"}

_MESSAGES = """
    SELECT floor(extract(epoch FROM created_at) / 86400)::bigint, channel, outcome, count(*)
      FROM (SELECT created_at, channel, outcome FROM channels_outboxmessage
             WHERE created_at >= to_timestamp(%s) ORDER BY created_at DESC, intent DESC LIMIT %s) AS newest
     GROUP BY 1, 2, 3
"""


def messages_per_day(lane: int, days: int = 7) -> MessageDays:
    """Return the last `days` days, oldest first, with what became of each channel's messages."""
    first = lane // 86400 - days + 1
    with connection.cursor() as cursor:
        cursor.execute(_MESSAGES, [first * 86400, NEWEST])
        rows = cursor.fetchall()
    found: dict[int, dict[str, dict[str, int]]] = {day: {} for day in range(first, first + days)}
    for day, channel, outcome, count in rows:
        of_channel = found.get(day, {}).setdefault(channel, {})
        fared = FARED.get(outcome, "sent")
        of_channel[fared] = of_channel.get(fared, 0) + count
    return MessageDays(list(found.items()), sum(row[3] for row in rows) < NEWEST)


@dataclass(frozen=True, slots=True)
class Traffic:
    """The newest messages of a channel: how many, how many came to what, and when one was last taken or lost."""

    messages: int
    outcomes: Mapping[str, int]
    last_taken: datetime | None
    last_lost: datetime | None
    lost: int

    @property
    def lost_percent(self) -> int:
        """Return how many in a hundred were not sent or are of unknown fate, at least 1 when any was."""
        return -(-100 * self.lost // self.messages)


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
            next((at for outcome, at in sent if outcome in LOST), None),
            sum(outcome in LOST for outcome, _ in sent),
        )
        for channel, sent in found.items()
    }


def recently_refused(since: datetime) -> int:
    """Return how many inputs the engine refused or could not match since an instant."""
    rows = Inbox.objects.filter(received_at__gte=since, verdict__in=["refused", "unmatched"])
    return rows.order_by("-id")[:MANY].count()
