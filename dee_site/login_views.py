"""The page about everybody's login: who has a second factor, who is locked out, and what an administrator can undo."""

from collections.abc import Callable

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django_otp.plugins.otp_totp.models import TOTPDevice

from dee_site import accounts, lockout, second_factor
from dee_site.account_forms import WhyForm
from dee_site.accounts import Refused

CHANGE = "auth.change_user"
MOST = 500


@permission_required("auth.view_user", raise_exception=True)
@require_safe
@never_cache
def logins(request: HttpRequest) -> HttpResponse:
    """List people with their roles and second factors, and names that are locked out."""
    with_factor = Exists(TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True))
    people = User.objects.annotate(has_factor=with_factor).prefetch_related("groups").order_by("username")[:MOST]
    context = {
        **admin.site.each_context(request),
        "title": "Logins",
        "people": people,
        "locked": accounts.locked(settings.AXES_FAILURE_LIMIT, lockout.since()),
        "lasts": lockout.length(),
        "limit": settings.AXES_FAILURE_LIMIT,
        "required": second_factor.required(),
        "may_change": request.user.has_perm(CHANGE),
    }
    return render(request, "account/logins.html", context)


@permission_required(CHANGE, raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def reset(request: HttpRequest, pk: int) -> HttpResponse:
    """Take away the second factor of somebody who lost it."""
    user = get_object_or_404(User, pk=pk)

    def act(reason: str) -> str:
        accounts.reset(actor=f"user:{request.user.pk}", user=user, reason=reason)
        return f"{user.get_username()} logs in with the password alone now, and can set up a new second factor."

    lead = f"{user.get_username()} will log in with the password alone until they set up a new one."
    return _answer(request, f"Reset the second factor of {user.get_username()}", "Reset", lead, act)


@permission_required(CHANGE, raise_exception=True)
@require_http_methods(["GET", "HEAD", "POST"])
def unlock(request: HttpRequest, pk: int) -> HttpResponse:
    """Let somebody try again who gave too many wrong passwords."""
    attempt = get_object_or_404(AccessAttempt, pk=pk)

    def act(reason: str) -> str:
        accounts.unlock(actor=f"user:{request.user.pk}", attempt_id=pk, reason=reason)
        return "The lock is gone: passwords are looked at again."

    lead = f"{attempt.failures_since_start} wrong passwords came from {attempt.ip_address}."
    return _answer(request, f"Unlock {attempt.username}", "Unlock", lead, act)


def _answer(request: HttpRequest, title: str, submit: str, lead: str, act: Callable[[str], str]) -> HttpResponse:
    form = WhyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            said = act(form.cleaned_data["reason"])
        except Refused as refused:
            form.add_error("reason", str(refused))
        else:
            messages.success(request, said)
            return redirect("account:logins")
    context = {**admin.site.each_context(request), "title": title, "submit": submit, "lead": lead, "form": form}
    return render(request, "account/form.html", context, status=422 if form.errors else 200)
