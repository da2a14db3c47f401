"""Pages of the guardrails: limits and budgets, calling hours, versions of policies, and the kill switch."""

import json
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from policies import forms, pages, publishing, queries, recovery_words
from policies.models import KillSwitch, Policy, PolicyVersion
from policies.operations import SUPPRESSIONS, Refused
from policies.rules import document

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
NEW_POLICY = {
    "schema": document.SCHEMA,
    "key": "my-policy",
    "zone": "America/New_York",
    "currency": "EUR",
    "prices": {"email": 1000},
    "daily_limits": [{"key": "my-policy-email-day", "channel": "email", "limit": 100}],
    "budgets": [{"key": "my-policy-month", "limit": 10_000_000, "period": "month"}],
    "calling_hours": [],
}


@require_safe
@permission_required("policies.view_policy", raise_exception=True)
def limits(request: HttpRequest) -> HttpResponse:
    """Show how much of every limit and budget is used, and when it starts anew."""
    now = queries.lane_clock()
    context = pages.context(request, "Limits & budgets", states=queries.policy_states(now), now=now)
    return render(request, "policies/limits.html", context)


@require_safe
@permission_required("policies.view_policy", raise_exception=True)
def hours(request: HttpRequest) -> HttpResponse:
    """Show when which messages may go, in words."""
    policies = [(state.policy, readable_hours(state.body)) for state in queries.policy_states(queries.lane_clock())]
    return render(request, "policies/hours.html", pages.context(request, "Calling hours", policies=policies))


@require_safe
@permission_required("policies.view_policy", raise_exception=True)
def policy(request: HttpRequest, key: str) -> HttpResponse:
    """Show one policy: its limits, prices, hours, recovery rules and versions."""
    if f"policy/{key}" == SUPPRESSIONS:
        return redirect("policies:suppressions")
    now = queries.lane_clock()
    state = next((state for state in queries.policy_states(now) if state.policy.key == key), None)
    if state is None:
        raise Http404(f"There is no policy {key}.")
    versions = list(PolicyVersion.objects.filter(policy=state.policy).order_by("-number"))
    said = pages.words(versions)
    context = pages.context(
        request,
        f"Policy {key}",
        state=state,
        now=now,
        hours=readable_hours(state.body),
        recovery=recovery_words.sentences(state.body),
        versions=[(version, said.name(version.published_by), said.note(version.reason_ref)) for version in versions],
    )
    return render(request, "policies/policy.html", context)


@require_safe
@permission_required("policies.view_policy", raise_exception=True)
def policy_version(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """Show the document of one version; ?raw=1 gives the exact bytes that were hashed."""
    version = get_object_or_404(PolicyVersion.objects.select_related("policy"), policy__key=key, number=number)
    if request.GET.get("raw"):
        return HttpResponse(version.body, content_type="application/json")
    said = pages.words([version])
    text = json.dumps(json.loads(version.body), indent=2, ensure_ascii=False)
    context = pages.context(
        request,
        f"{key} version {number}",
        version=version,
        text=text,
        recovery=recovery_words.sentences(json.loads(version.body)),
        by=said.name(version.published_by),
        reason=said.note(version.reason_ref),
    )
    return render(request, "policies/policy_version.html", context)


@require_http_methods(["GET", "POST"])
@permission_required("policies.manage_policies", raise_exception=True)
def policy_edit(request: HttpRequest, key: str) -> HttpResponse:
    """Change the numbers of a policy: publishes a new version."""
    active = _active(key)
    form = forms.LimitsForm(pages.posted(request), body=json.loads(active.body), initial={"expected": active.number})

    def act(data: dict[str, Any]) -> tuple[str, str]:
        return _publish(request, json.dumps(form.document()), data, active)

    page = pages.FormPage(
        f"Change the limits of {key}",
        "Publish new version",
        _page(key),
        [("Limits & budgets", reverse("policies:limits")), (key, _page(key))],
        "Publishing makes a new version that counts from now on; what is already used stays used.",
    )
    return pages.answer(request, page, form, act)


@require_http_methods(["GET", "POST"])
@permission_required("policies.manage_policies", raise_exception=True)
def policy_document(request: HttpRequest, key: str) -> HttpResponse:
    """Change the whole document of a policy: publishes a new version."""
    active = _active(key)
    text = json.dumps(json.loads(active.body), indent=2, ensure_ascii=False)
    form = forms.PolicyForm(pages.posted(request), initial={"text": text, "expected": active.number})

    def act(data: dict[str, Any]) -> tuple[str, str]:
        _check_key(data["text"], key)
        return _publish(request, data["text"], data, active)

    page = pages.FormPage(
        f"Edit {key}",
        "Publish new version",
        _page(key),
        [("Limits & budgets", reverse("policies:limits")), (key, _page(key))],
    )
    return pages.answer(request, page, form, act)


@require_http_methods(["GET", "POST"])
@permission_required("policies.manage_policies", raise_exception=True)
def policy_new(request: HttpRequest) -> HttpResponse:
    """Publish the first version of a policy."""
    text = json.dumps(NEW_POLICY, indent=2)
    form = forms.PolicyForm(pages.posted(request), initial={"text": text, "expected": 0})

    def act(data: dict[str, Any]) -> tuple[str, str]:
        return _publish(request, data["text"], data, None)

    to = reverse("policies:limits")
    return pages.answer(request, pages.FormPage("New policy", "Publish", to, [("Limits & budgets", to)]), form, act)


@require_safe
@permission_required("policies.view_killswitch", raise_exception=True)
def kill_switches(request: HttpRequest) -> HttpResponse:
    """Show what is stopped, since when, by whom and why."""
    switches = list(KillSwitch.objects.order_by("-engaged", "-changed_at", "scope", "key"))
    said = pages.words(switches)
    rows = [(switch, said.name(switch.changed_by), said.note(switch.reason_ref)) for switch in switches]
    may = {"may_engage": _may_engage(request), "may_release": request.user.has_perm("policies.manage_policies")}
    engaged = [switch for switch in switches if switch.engaged]
    context = pages.context(request, "Kill switch", rows=rows, engaged=engaged, **may)
    return render(request, "policies/kill_switches.html", context)


@require_http_methods(["GET", "POST"])
def kill_switch_engage(request: HttpRequest) -> HttpResponse:
    """Stop sending at once."""
    if not _may_engage(request):
        raise PermissionDenied

    def act(data: dict[str, Any]) -> tuple[str, str]:
        switch = publishing.engage_kill_switch(
            actor=pages.actor(request), scope=data["scope"], key=data["key"], reason=data["reason"]
        )
        return (
            f"Stopped: {switch_name(switch)}. Runs that want to send are held until the switch is released.",
            _switches(),
        )

    page = pages.FormPage(
        "Stop sending",
        "Stop sending now",
        _switches(),
        [("Kill switch", _switches())],
        "Nothing more leaves from the moment this is saved. Runs are held, none is skipped or failed.",
        danger=True,
    )
    return pages.answer(request, page, forms.SwitchForm(pages.posted(request)), act)


@require_http_methods(["GET", "POST"])
@permission_required("policies.manage_policies", raise_exception=True)
def kill_switch_release(request: HttpRequest, pk: int) -> HttpResponse:
    """Let sending go on."""
    switch = get_object_or_404(KillSwitch, pk=pk)

    def act(data: dict[str, Any]) -> tuple[str, str]:
        publishing.release_kill_switch(
            actor=pages.actor(request), scope=switch.scope, key=switch.key, reason=data["reason"]
        )
        return f"Released: {switch_name(switch)}. Held runs pass the whole gate again.", _switches()

    page = pages.FormPage(f"Release: {switch_name(switch)}", "Release", _switches(), [("Kill switch", _switches())])
    return pages.answer(request, page, forms.ReasonForm(pages.posted(request)), act)


def readable_hours(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the calling hours of a policy as words."""
    return [
        {
            "channels": ", ".join(rule["channels"]),
            "purposes": ", ".join("every other purpose" if p == document.ANY_PURPOSE else p for p in rule["purposes"]),
            "windows": [f"{_days(w['days'])} {w['from']} to {w['to']}" for w in rule["windows"]],
        }
        for rule in body["calling_hours"]
    ]


def switch_name(switch: KillSwitch) -> str:
    """Return what a switch stops, in words."""
    return "everything" if switch.scope == "global" else f"{switch.scope} {switch.key}"


def _days(days: list[int]) -> str:
    days = sorted(days)
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        return f"{DAY_NAMES[days[0] - 1]} to {DAY_NAMES[days[-1] - 1]}"
    return ", ".join(DAY_NAMES[day - 1] for day in days)


def _may_engage(request: HttpRequest) -> bool:
    # Stopping is the safe direction: whoever may suppress one address may stop the rest. Releasing takes more.
    return request.user.has_perm("policies.manage_policies") or request.user.has_perm("policies.manage_suppressions")


def _publish(request: HttpRequest, text: str, data: dict[str, Any], active: PolicyVersion | None) -> tuple[str, str]:
    version = publishing.publish_policy(
        actor=pages.actor(request), text=text, reason=data["reason"], expected_number=data["expected"]
    )
    to = _page(version.policy.key)
    if active and version.pk == active.pk:
        return "Nothing differs from the active version, so nothing was published.", to
    return f"Version {version.number} of {version.policy.key} counts from now on.", to


def _check_key(text: str, key: str) -> None:
    if document.parse(text).key != key:
        raise Refused(f"The key must stay {key}; publish another policy on its own page.", "text")


def _active(key: str) -> PolicyVersion:
    found = get_object_or_404(Policy.objects.select_related("active_version"), key=key, active_version__isnull=False)
    assert found.active_version is not None
    return found.active_version


def _page(key: str) -> str:
    return reverse("policies:policy", args=[key])


def _switches() -> str:
    return reverse("policies:kill_switches")
