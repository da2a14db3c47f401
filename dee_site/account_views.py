"""The pages where people log in and look after their own login: password first, then a code."""

from typing import Any

import django_otp
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import login as log_in
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_otp.util import random_hex

from dee_site import accounts, qr, second_factor
from dee_site.account_forms import CodeForm, ConfirmForm, ProofForm
from dee_site.accounts import Refused

KEY = "dee_new_key"


class Login(LoginView):
    """The first page: name and password. Whoever has a second factor is not logged in by it, but asked for a code."""

    template_name = "admin/login.html"
    authentication_form = AdminAuthenticationForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "GET" and admin.site.has_permission(request):
            return redirect("admin:index")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        if accounts.has_second_factor(user):
            second_factor.hold(self.request, user, self.get_success_url())
            return redirect("account:code")
        return super().form_valid(form)

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        more = {"title": "Log in", "app_path": self.request.get_full_path()}
        more["username"] = self.request.user.get_username()
        return super().get_context_data(**{**admin.site.each_context(self.request), **more, **kwargs})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def code(request: HttpRequest) -> HttpResponse:
    """The second page: a code of the app, or a recovery code. Also for a session that began without one."""
    inside = _person(request) if admin.site.has_permission(request) else None
    if inside is not None and (_is_verified(inside) or not accounts.has_second_factor(inside)):
        return redirect("admin:index")
    found = second_factor.held(request) or ((inside, reverse("admin:index")) if inside else None)
    if found is None:
        messages.warning(request, "The password was given too long ago, or not here. Log in again.")
        return redirect("admin:login")
    user, to = found
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            device = accounts.pass_second_factor(user=user, code=form.cleaned_data["code"])
        except Refused as refused:
            form.add_error("code", str(refused))
        else:
            second_factor.let_go(request)
            if inside is None:
                # django-otp notes it in the session that `log_in` begins.
                user.otp_device = device  # type: ignore[attr-defined]
                log_in(request, user)
            else:
                django_otp.login(request, device)
            _warn_of_last_codes(request, user)
            return HttpResponseRedirect(to)
    context = {"title": "One more step", "form": form, "site_header": admin.site.site_header}
    return render(request, "account/code.html", context, status=422 if form.errors else 200)


@require_safe
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """Show a person's own account: who they are, what they may do, and their second factor."""
    return _page(request, ConfirmForm())


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Make a key that is only offered: it counts once a code proves that an app holds it."""
    request.session[KEY] = random_hex(20)
    return redirect(f"{reverse('account:page')}#two-factor")


@require_POST
@never_cache
def confirm(request: HttpRequest) -> HttpResponse:
    """Switch the second factor on with the first code, and show the recovery codes, once."""
    form, user, key = ConfirmForm(request.POST), _person(request), request.session.get(KEY, "")
    if not key:
        messages.warning(request, "The key was not kept. Begin again.")
        return redirect("account:page")
    if form.is_valid():
        try:
            device, codes = accounts.switch_on(user=user, key=key, code=form.cleaned_data["code"])
        except Refused as refused:
            form.add_error("code", str(refused))
        else:
            del request.session[KEY]
            django_otp.login(request, device)
            return _codes(request, codes, "Two-factor login is on. From now on a code is asked for after the password.")
    return _page(request, form, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def codes(request: HttpRequest) -> HttpResponse:
    """Make new recovery codes; the old ones are worthless from then on."""

    def act(data: dict[str, str]) -> HttpResponse:
        return _codes(request, accounts.renew_codes(user=_person(request), **data), "These replace all earlier codes.")

    return _proved(request, "New recovery codes", "Make new codes", act)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def off(request: HttpRequest) -> HttpResponse:
    """Take the second factor away."""

    def act(data: dict[str, str]) -> HttpResponse:
        accounts.switch_off(user=_person(request), **data)
        messages.success(request, "Two-factor login is off. The password alone logs you in.")
        return redirect("account:page")

    return _proved(request, "Switch two-factor login off", "Switch it off", act)


def _proved(request: HttpRequest, title: str, submit: str, act: Any) -> HttpResponse:
    """Show the form that asks for password and code, or do what it stands for."""
    if not accounts.has_second_factor(_person(request)):
        messages.info(request, "Two-factor login is off: there is nothing to change.")
        return redirect("account:page")
    form = ProofForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            done: HttpResponse = act(form.cleaned_data)
        except Refused as refused:
            form.add_error(refused.field, str(refused))
        else:
            return done
    context = {**admin.site.each_context(request), "title": title, "submit": submit, "form": form}
    return render(request, "account/form.html", context, status=422 if form.errors else 200)


def _page(request: HttpRequest, form: Form, status: int = 200) -> HttpResponse:
    user, key = _person(request), request.session.get(KEY, "")
    context = {
        **admin.site.each_context(request),
        "title": "Your account",
        "roles": list(user.groups.order_by("name").values_list("name", flat=True)),
        "on": accounts.has_second_factor(user),
        "codes_left": accounts.codes_left(user),
        "required": second_factor.required(),
        "offer": qr.offer(user, key) if key else None,
        "form": form,
    }
    if second_factor.required() and not _is_verified(user):
        context |= {"menu": [], "desk": None}  # nothing of it opens yet, and its counts are none of their business
    return render(request, "account/page.html", context, status=status)


def _codes(request: HttpRequest, codes: list[str], said: str) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": "Your recovery codes", "codes": codes, "said": said}
    return render(request, "account/codes.html", context)


def _warn_of_last_codes(request: HttpRequest, user: User) -> None:
    left = accounts.codes_left(user)
    if left <= accounts.FEW:
        messages.warning(request, f"You have {left} recovery codes left. Make new ones under Your account.")


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # every page here is for people who are logged in
    return request.user


def _is_verified(user: Any) -> bool:
    """Return whether this session has passed the second factor (`django_otp.middleware`)."""
    return bool(user.is_verified())
