"""Which pages does the menu offer, in which order, and which of them is this one?

An item shows to people who may open it. Of its addresses the first that exists is taken, so a page of our own wins
over the stock list of the same things.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True, slots=True)
class Page:
    """A menu item: its label, the right it needs ("" for every operator), its url names, and its key after `g`."""

    label: str
    permission: str
    names: tuple[str, ...]
    key: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A menu item of this request. current: "page" on that very page, "true" on a page beneath it, or ""."""

    label: str
    url: str
    current: str
    badge: str
    key: str


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    items: tuple[Item, ...]


FAILURES = "Failure inbox"
REVIEWS = "Reviews"

GROUPS: tuple[tuple[str, tuple[Page, ...]], ...] = (
    (
        "OPERATE",
        (
            Page("Overview", "", ("admin:index",)),
            Page(FAILURES, "runs.view_run", ("runs:failures",), "f"),
            Page("Runs", "runs.view_run", ("runs:list",), "r"),
            Page("Tasks", "runs.view_run", ("runs:tasks",), "t"),
            Page("Bulk actions", "runs.view_run", ("runs:bulks",)),
        ),
    ),
    (
        "DESIGN",
        (
            Page("Plans", "plans.view_plan", ("plans:list", "admin:plans_plan_changelist"), "p"),
            Page(REVIEWS, "plans.view_plan", ("plans:reviews",), "v"),
            Page("Templates", "plans.view_template", ("plans:templates", "admin:plans_template_changelist")),
        ),
    ),
    (
        "PEOPLE",
        (
            Page("Contacts", "policies.view_contact", ("policies:contacts", "admin:policies_contact_changelist")),
            Page("Consent", "policies.view_consent", ("policies:consents", "admin:policies_consent_changelist")),
            Page(
                "Suppressions",
                "policies.view_suppression",
                ("policies:suppressions", "admin:policies_suppression_changelist"),
            ),
        ),
    ),
    (
        "GUARDRAILS",
        (
            Page("Limits & budgets", "policies.view_policy", ("policies:limits", "admin:policies_policy_changelist")),
            Page("Calling hours", "policies.view_policy", ("policies:hours",)),
            Page(
                "Kill switch",
                "policies.view_killswitch",
                ("policies:kill_switches", "admin:policies_killswitch_changelist"),
            ),
        ),
    ),
    (
        "EVIDENCE",
        (
            Page("Audit log", "audit.view_entry", ("audit:log",), "a"),
            Page("Verify", "audit.verify_log", ("audit:verify",)),
        ),
    ),
    (
        "SANDBOX",
        (
            Page("Mailbox", "channels.view_outboxmessage", ("channels:mailbox",)),
            Page("Clock", "runs.view_run", ("runs:clock",)),
        ),
    ),
    (
        "SYSTEM",
        (
            Page("Channels", "channels.view_outboxmessage", ("channels:adapters",)),
            Page("Inbox", "runs.view_inbox", ("runs:inbox",)),
            Page("Engine", "runs.view_run", ("runs:engine",)),
            Page("Logins", "auth.view_user", ("account:logins",)),
            Page("Users", "auth.view_user", ("admin:auth_user_changelist",)),
            Page("Groups", "auth.view_group", ("admin:auth_group_changelist",)),
            Page("Help", "", ("help",)),
        ),
    ),
)


def menu(request: HttpRequest, badges: dict[str, str]) -> list[Group]:
    """Return the menu for this person and this page. badges: {label: text} for items that carry a count."""
    found: list[tuple[str, list[tuple[Page, str]]]] = []
    for name, pages in GROUPS:
        allowed = [page for page in pages if not page.permission or request.user.has_perm(page.permission)]
        found.append((name, [(page, url) for page in allowed if (url := _first_url(page.names))]))
    current = _current(request.path, [url for _, pages in found for _, url in pages])
    return [
        Group(
            name,
            tuple(
                Item(page.label, url, _mark(url, current, request.path), badges.get(page.label, ""), page.key)
                for page, url in pages
            ),
        )
        for name, pages in found
        if pages
    ]


def _first_url(names: Sequence[str]) -> str:
    for name in names:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return ""


def _current(path: str, urls: Sequence[str]) -> str:
    """Return the menu address this path belongs to: the longest one that is the path or a folder above it.

    Compared by whole parts of the path. The root of the site contains every page, so it counts for itself only.
    """
    root = min(urls, key=len, default="")
    above = [url for url in urls if path == url or (url != root and path.startswith(url))]
    return max(above, key=len, default="")


def _mark(url: str, current: str, path: str) -> str:
    if url != current:
        return ""
    return "page" if url == path else "true"
