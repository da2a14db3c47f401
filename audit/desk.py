"""What do the pages of the log need beside reading it? Links, the home of a stream, and noting a finished check."""

from typing import Any

from django.db.models.functions import Now
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from audit import verify
from audit.models import Verification

LEVELS = {"VERIFIED": "ok", "CONSISTENT": "info", "BROKEN": "bad", "CONTRADICTS": "bad", "NOTHING": "warn"}

# Where the subject of a stream has a page of its own. Names only: this app knows nothing of the apps above it.
HOMES = {
    "run": "runs:run",
    "triage": "runs:run",
    "bulk": "runs:bulk",
    "plan": "plans:plan",
    "contact": "policies:contact",
    "policy": "policies:policy",
}


def wants_part(request: HttpRequest) -> bool:
    """Return whether htmx asks for the part of a page it refreshes. Same address for page and part."""
    return request.headers.get("HX-Request") == "true"


def link(request: HttpRequest, **changes: Any) -> str:
    """Return this page's address with some query parameters changed; None or empty takes one away."""
    query = request.GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value not in (None, ""):
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else request.path


def page_of(st: str) -> str:
    """Return the address of the page about a stream's subject, or "" when there is none."""
    kind, _, key = st.partition("/")
    try:
        return reverse(HOMES[kind], args=[int(key) if kind in ("run", "triage") else key])
    except (KeyError, NoReverseMatch, ValueError):
        return ""


def verify_and_note(st: str, *, by: str) -> verify.Report:
    """Check a stream ("" for the whole log) and keep the result, so that the desk can say when that was."""
    report = verify.check(st or None)
    Verification.objects.create(
        at=Now(),
        by=by,
        scope=report.scope,
        verdict=report.verdict.name.lower(),
        checked=report.checked,
        message=report.message,
    )
    return report
