"""The pages of this room: the mailbox, one message, and the adapters. They only read."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from audit import clear
from audit.templatetags.dee import roughly
from channels import queries, registry
from channels.adapters import script
from channels.adapters.base import Adapter
from channels.kinds import Channel
from channels.messages import OutcomeKind, masked, message_commitment
from channels.models import PENDING, VOIDED, OutboxMessage

# outcome -> (badge, words). Every outcome says what it means in words; the colour only repeats it.
BADGES = {
    PENDING: ("info", "on its way"),
    OutcomeKind.ACCEPTED: ("ok", "accepted"),
    OutcomeKind.DELIVERED: ("ok", "delivered"),
    OutcomeKind.LABEL: ("ok", "call result known"),
    OutcomeKind.NOT_SENT: ("bad", "not sent"),
    OutcomeKind.UNKNOWN: ("warn", "unknown: may have left"),
    VOIDED: ("muted", "voided before the send"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One message as a page shows it: recipient and subject only to those who may read them."""

    message: OutboxMessage
    to: str
    subject: str
    tone: str
    outcome: str

    @property
    def run_no(self) -> str:
        return self.message.run.removeprefix("run/")


def _row(message: OutboxMessage, readable: bool) -> Row:
    tone, words = BADGES[message.outcome]
    to = message.to_address if readable else masked(message.to_address)
    subject = message.subject if readable else ""
    return Row(message, to, subject, tone, words)


def _may_read(request: HttpRequest) -> bool:
    return clear.may_see(request.user)


@permission_required("channels.view_outboxmessage", raise_exception=True)
@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """The messages of every run, newest first."""
    readable = _may_read(request)
    channel = request.GET.get("channel", "")
    channel = channel if channel in tuple(Channel) else ""
    text = request.GET.get("q", "").strip()[:200]
    page = queries.mailbox(channel=channel, text=text, before=request.GET.get("before", ""), readable=readable)
    wanted = {name: value for name, value in (("channel", channel), ("q", text)) if value}
    context = {
        **admin.site.each_context(request),
        "title": "Mailbox",
        "rows": [_row(message, readable) for message in page.messages],
        "readable": readable,
        "channel": channel,
        "channels": list(Channel),
        "q": text,
        "newest": not request.GET.get("before"),
        "filtered": bool(wanted),
        "newest_query": urlencode(wanted),
        "older_query": urlencode({**wanted, "before": page.older}) if page.older else "",
        "all_sandbox": registry.all_sandbox(),
    }
    return render(request, "channels/mailbox.html", context)


@permission_required("channels.view_outboxmessage", raise_exception=True)
@require_safe
def message(request: HttpRequest, intent: str) -> HttpResponse:
    """One message: how it was addressed, what it said, and what the log holds of it."""
    found = get_object_or_404(OutboxMessage, pk=intent)
    readable = _may_read(request)
    context = {
        **admin.site.each_context(request),
        "title": "Call" if found.channel == Channel.VOICE else "Message",
        "row": _row(found, readable),
        "readable": readable,
        "is_call": found.channel == Channel.VOICE,
        "commitment": _commitment(found),
        "reactions": queries.reactions(found),
    }
    return render(request, "channels/message.html", context)


def _commitment(found: OutboxMessage) -> str:
    return message_commitment(
        bytes(found.salt), channel=found.channel, to=found.to_address, subject=found.subject, body=found.body
    )


@permission_required("channels.view_outboxmessage", raise_exception=True)
@require_safe
def adapters(request: HttpRequest) -> HttpResponse:
    """Which adapter carries each channel, what it can do, and how it did lately."""
    health = queries.health()
    cards = [_card(channel, health[channel]) for channel in Channel]
    context = {
        **admin.site.each_context(request),
        "title": "Channels",
        "cards": cards,
        "recent": queries.RECENT,
        "all_sandbox": registry.all_sandbox(),
        "hooks": sorted(getattr(settings, "DEE_HOOK_SECRETS", {})),
        "mail_tags": script.MAIL,
        "phone_ends": script.CALLS,
    }
    return render(request, "channels/adapters.html", context)


def _card(channel: Channel, health: queries.Health) -> dict[str, Any]:
    adapter = registry.adapter_for(channel)
    return {
        "channel": channel,
        "adapter": adapter,
        "idempotency": _idempotency(adapter),
        "callbacks": ", ".join(event.replace("_", " ") for event in adapter.callbacks),
        "outcomes": [(*BADGES[name], count) for name, count in sorted(health.outcomes.items())],
        "last_good": health.last_good,
        "last_failed": health.last_failed,
    }


def _idempotency(adapter: Adapter) -> str:
    if adapter.idempotency == "none":
        return "none: a repeated request is a second message"
    return f"keyed: the same key is sent once within {roughly(adapter.idempotency[1])}"
