"""What does somebody see who is locked out, and until when does it last? The same for names that nobody has."""

from datetime import datetime, timedelta
from typing import Any

from axes.helpers import get_client_ip_address, get_client_username, get_cool_off
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from audit import desk
from dee_site import request_id


def locked_out(request: HttpRequest, response: HttpResponse, credentials: Any = None) -> HttpResponse:
    """Answer 429 to a password that is not looked at any more, right or wrong; axes calls this."""
    until = _until(request, credentials)
    context = {
        **admin.site.each_context(request),
        "title": "Too many wrong passwords",
        "until": until,
        "minutes": int(length().total_seconds() // 60),
        "limit": settings.AXES_FAILURE_LIMIT,
        "reference": request_id.of(request),
    }
    template = "account/locked_part.html" if desk.wants_part(request) else "account/locked.html"
    answer = render(request, template, context, status=429)
    answer.headers["Retry-After"] = str(int(length().total_seconds()))
    return answer


def length() -> timedelta:
    """Return how long a lock holds."""
    lasting: timedelta = get_cool_off()
    return lasting


def since() -> datetime:
    """Return the instant since which a wrong password still counts."""
    return timezone.now() - length()  # noqa: TID251 (the lock is measured by axes, on this clock)


def _until(request: HttpRequest, credentials: Any) -> datetime | None:
    name, place = get_client_username(request, credentials), get_client_ip_address(request)
    last = AccessAttempt.objects.filter(username=name, ip_address=place).order_by("-attempt_time").first()
    return last.attempt_time + length() if last else None
