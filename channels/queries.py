"""What do the pages of this room read? One page of the mailbox, a message's future, and how the adapters are doing."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q, QuerySet

from channels.kinds import Channel
from channels.messages import OutcomeKind
from channels.models import OutboxMessage, Reaction

PAGE = 50
RECENT = 1000
_RUN = re.compile(r"(?:run[-/])?([1-9][0-9]{0,17})")
_MOST_REACTIONS = 8


@dataclass(frozen=True, slots=True)
class Page:
    """Messages, newest first. older: the `before` of the next page, or "" when this is the last one."""

    messages: Sequence[OutboxMessage]
    older: str


def mailbox(*, channel: str, text: str, before: str, readable: bool) -> Page:
    """Return one page of messages.

    text: a run (`run-12`), an intent, or, when readable, a part of a recipient or subject. before: `older` of the page
    that came before; anything else starts at the newest. Two pages never share or miss a message, however many arrive
    between them, and none costs more than another.
    """
    found = OutboxMessage.objects.defer("body", "salt").order_by("-created_at", "-intent")
    if channel:
        found = found.filter(channel=channel)
    if text:
        found = found.filter(_matches(text, readable))
    rows = list(_older_than(found, before)[: PAGE + 1])
    older = _mark(rows[PAGE - 1]) if len(rows) > PAGE else ""
    return Page(rows[:PAGE], older)


def _matches(text: str, readable: bool) -> Q:
    run = _RUN.fullmatch(text)
    wanted = Q(intent=text) | Q(run=f"run/{run[1]}") if run else Q(intent=text)
    return wanted | Q(to_address__icontains=text) | Q(subject__icontains=text) if readable else wanted


def _mark(message: OutboxMessage) -> str:
    return f"{message.created_at.isoformat()}~{message.intent}"


def _older_than(found: QuerySet[OutboxMessage], mark: str) -> QuerySet[OutboxMessage]:
    stamp, _, intent = mark.partition("~")
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError:
        return found
    if at.tzinfo is None:
        return found
    return found.filter(Q(created_at__lt=at) | Q(created_at=at, intent__lt=intent))


@dataclass(frozen=True, slots=True)
class Simulated:
    """One thing a simulated recipient does: when on the lane clock, what, and whether the engine took it already."""

    due: int
    event: str
    released: bool


def reactions(message: OutboxMessage) -> list[Simulated]:
    """Return what follows this message in the sandbox, in order; nothing for messages that really left."""
    names = [f"{message.intent}/{at}" for at in range(_MOST_REACTIONS)]
    rows = Reaction.objects.filter(source=f"hook:{message.adapter}", external_id__in=names).order_by("due", "id")
    return [Simulated(row.due, json.loads(row.body)["event"], row.released) for row in rows]


@dataclass(slots=True)
class Health:
    """What became of one channel's messages among the last RECENT of all channels."""

    outcomes: Counter[str] = field(default_factory=Counter)
    last_good: datetime | None = None
    last_failed: datetime | None = None


_GOOD = (OutcomeKind.ACCEPTED, OutcomeKind.DELIVERED, OutcomeKind.LABEL)
_FAILED = (OutcomeKind.NOT_SENT, OutcomeKind.UNKNOWN)


def health() -> dict[Channel, Health]:
    """Return how every channel did lately, read from one range of the newest messages."""
    found = {channel: Health() for channel in Channel}
    newest = OutboxMessage.objects.order_by("-created_at", "-intent")
    for channel, outcome, at in newest.values_list("channel", "outcome", "created_at")[:RECENT]:
        state = found[Channel(channel)]
        state.outcomes[outcome] += 1
        if outcome in _GOOD and state.last_good is None:
            state.last_good = at
        if outcome in _FAILED and state.last_failed is None:
            state.last_failed = at
    return found
