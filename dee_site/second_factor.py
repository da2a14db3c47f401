"""May this session go on without a second factor? Between password and code nobody is logged in.

Tokens of the API are not asked: they are keys of programs, made and replaced by an administrator on the machine.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from audit import desk
from dee_site import accounts

HALF_S = 600  # how long the password is good for while the code is looked up
_HALF = "dee_half"
_SALT = "dee.half-logged-in"
# What a person without a second factor may still open when one is required.
_OPEN = (
    *("account:login", "account:code", "account:page", "account:begin", "account:confirm"),
    *("admin:logout", "admin:password_change", "admin:password_change_done", "admin:jsi18n"),
    *("healthz", "readyz", "metrics"),
)


def required() -> bool:
    """Return whether everybody has to have a second factor here."""
    return bool(settings.DEE_REQUIRE_2FA)


class Asked:
    """Middleware: where a second factor is required, leads people without one to it and opens nothing else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user: Any = request.user
        if not required() or not user.is_authenticated or user.is_verified():
            return self.get_response(request)
        if request.path in {reverse(name) for name in _OPEN}:
            return self.get_response(request)
        to = reverse("account:code" if accounts.has_second_factor(user) else "account:page")
        if request.path.startswith("/api/"):
            said = f"This session has not passed a second factor. Log in with one at {to}, or send a token."
            return JsonResponse({"error": said, "fields": {}}, status=403)
        if desk.wants_part(request):  # a part of a page cannot hold the page of another address
            return HttpResponse(status=204, headers={"HX-Redirect": to})
        return redirect(to)


def hold(request: HttpRequest, user: User, next: str) -> None:
    """Remember in the session that this person gave the right password, for ten minutes, and where they want to go."""
    said = {"user": user.pk, "backend": getattr(user, "backend", ""), "hash": user.get_session_auth_hash()}
    request.session.cycle_key()
    request.session[_HALF] = signing.dumps({**said, "next": next}, salt=_SALT)


def held(request: HttpRequest) -> tuple[User, str] | None:
    """Return who gave the right password in this session a moment ago, and where they want to go; else None."""
    try:
        said = signing.loads(request.session.get(_HALF, ""), salt=_SALT, max_age=HALF_S)
    except signing.BadSignature:
        return None
    user = get_user_model().objects.filter(pk=said["user"], is_active=True).first()
    if user is None or not constant_time_compare(said["hash"], user.get_session_auth_hash()):
        return None
    user.backend = said["backend"]
    return user, said["next"]


def let_go(request: HttpRequest) -> None:
    """Forget that somebody gave the right password."""
    request.session.pop(_HALF, None)
