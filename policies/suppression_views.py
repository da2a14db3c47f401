"""Pages of the do-not-contact list: is this address blocked, since when and why; adding, taking in files, removing."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from policies import addresses, forms, imports, operations, pages, queries
from policies.csv_text import BadFile, Problem, decode
from policies.models import Suppression

PER_PAGE = 50
SHOWN_PROBLEMS = 100

# How each reason reads after "because".
BECAUSE = {
    "unsubscribe": "the person unsubscribed",
    "complaint": "the person complained",
    "dnc": "the address is on a do-not-contact register",
    "cease": "the person told us to cease contact",
    "attorney": "the person is represented by an attorney",
    "erasure": "the person was erased",
    "hard_bounce": "the address does not work",
    "soft_bounce": "mail to it keeps coming back",
    "invalid": "the address is invalid",
    "manual": "somebody here decided so",
}


@require_safe
@permission_required("policies.view_suppression", raise_exception=True)
def suppressions(request: HttpRequest) -> HttpResponse:
    """Answer in one line whether an address is blocked; without a question list the newest entries."""
    text = pages.asked(request, "q")
    now = queries.lane_clock()
    shown: dict[str, Any] = {"q": text, "older": None}
    if text:
        try:
            shown["address"] = addresses.normal(text)
        except addresses.BadAddress as bad:
            shown["problem"] = str(bad)
        entries = queries.entries_for(shown["address"]) if "address" in shown else []
    else:
        entries = queries.newest_suppressions(request.GET.get("before", ""), PER_PAGE + 1)
        shown["older"] = entries[PER_PAGE - 1].pk if len(entries) > PER_PAGE else None
        entries = entries[:PER_PAGE]
    said = pages.words(entries)
    rows = [_row(request, entry, said, now) for entry in entries]
    shown["holding"] = [row for row in rows if row["holds"]]
    context = pages.context(request, "Suppressions", rows=rows, **shown)
    return render(request, "policies/suppressions.html", context)


@require_http_methods(["GET", "POST"])
@permission_required("policies.manage_suppressions", raise_exception=True)
def suppression_add(request: HttpRequest) -> HttpResponse:
    """Put one address on the list."""

    def act(data: dict[str, Any]) -> tuple[str, str]:
        entry, new = operations.add_suppression(actor=pages.actor(request), **data)
        to = f"{_list()}?{urlencode({'q': entry.address})}"
        return ("The address is suppressed from now on." if new else "It was suppressed already; nothing changed."), to

    page = pages.FormPage("Suppress an address", "Suppress", _list(), [("Suppressions", _list())])
    initial = {"address": request.GET.get("address", "")}
    return pages.answer(request, page, forms.SuppressionForm(pages.posted(request), initial=initial), act)


@require_http_methods(["GET", "POST"])
@permission_required("policies.manage_suppressions", raise_exception=True)
def suppressions_import(request: HttpRequest) -> HttpResponse:
    """Take many addresses: first what would happen, then, when confirmed, the valid lines are added."""
    form = forms.SuppressionsForm(pages.posted(request), pages.posted_files(request))
    shown: dict[str, Any] = {"form": form, "preview": None}
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            text = decode(data["file"].read()) if data["file"] else data["text"]
            read = imports.read_suppressions(text, scope=data["scope"], reason=data["reason"])
        except BadFile as bad:
            read = imports.SuppressionFile((), tuple(bad.problems))
            text = ""
        if request.POST.get("confirm") and read.entries:
            entries = [entry for _, entry in read.entries]
            new, known = imports.add_suppressions(actor=pages.actor(request), entries=entries)
            messages.success(request, f"{new} added, {known} known already, {len(read.problems)} lines left out.")
            return redirect(_list())
        shown["preview"] = _preview(read)
        # The confirmation sends the same text again, so that what was counted is what is added.
        shown["form"] = forms.SuppressionsForm({**request.POST.dict(), "text": text})
    status = 422 if form.errors or (shown["preview"] and not shown["preview"]["valid"]) else 200
    return render(
        request, "policies/suppressions_import.html", pages.context(request, "Suppress many", **shown), status=status
    )


@require_http_methods(["GET", "POST"])
@permission_required("policies.manage_suppressions", raise_exception=True)
def suppression_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an entry off the list, with a reason; some only by an approver."""
    entry = get_object_or_404(Suppression, pk=pk)
    approver = request.user.has_perm(operations.APPROVER)
    address = pages.shown_address(request, entry.address)
    barred = operations.removal_bar(entry.reason, approver)
    crumbs = [("Suppressions", _list())]
    if request.method == "GET" and barred:
        context = pages.context(request, f"Remove {address}", barred=barred, crumbs=crumbs, back=_list())
        return render(request, "policies/barred.html", context)

    def act(data: dict[str, Any]) -> tuple[str, str]:
        operations.remove_suppression(
            actor=pages.actor(request), suppression_id=pk, reason=data["reason"], approver=approver
        )
        return "Removed. Sending still needs consent; a withdrawn one stays withdrawn.", _list()

    because = BECAUSE[entry.reason]
    page = pages.FormPage(
        f"Remove {address}",
        "Remove suppression",
        _list(),
        crumbs,
        f"It is suppressed ({entry.scope}) because {because}. Once removed, this entry no longer stops messages to it.",
        danger=True,
    )
    return pages.answer(request, page, forms.ReasonForm(pages.posted(request)), act)


def _row(request: HttpRequest, entry: Suppression, said: pages.Words, now: int) -> dict[str, Any]:
    where = {"global": "everything", "channel": "email" if entry.channel == "email" else "calls"}
    return {
        "entry": entry,
        "address": pages.shown_address(request, entry.address),
        "where": where.get(entry.scope, f"the plan {entry.plan_key}"),
        "because": BECAUSE[entry.reason],
        "holds": entry.holds_at(now),
        "expired": entry.removed_at is None and not entry.holds_at(now),
        "note": said.note(entry.note_ref),
        "created_by": said.name(entry.created_by),
        "removed_by": said.name(entry.removed_by),
        "removed_note": said.note(entry.removed_ref),
        "bar": operations.removal_bar(entry.reason, request.user.has_perm(operations.APPROVER)),
    }


def _preview(read: imports.SuppressionFile) -> dict[str, Any]:
    known = imports.known_among(read.entries, queries.lane_clock())
    problems: list[Problem] = list(read.problems)
    return {
        "valid": len(read.entries),
        "new": len(read.entries) - known,
        "known": known,
        "invalid": len(problems),
        "problems": problems[:SHOWN_PROBLEMS],
        "more": max(0, len(problems) - SHOWN_PROBLEMS),
    }


def _list() -> str:
    return reverse("policies:suppressions")
