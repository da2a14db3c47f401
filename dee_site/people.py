"""Who belongs to the desk, and in which role? The stock pages of users and groups, as far as they may go.

Every change of a person is an entry of desk/accounts, in the same transaction. Nobody is deleted, because the log names
people by number: they are put out instead. The groups of the six roles are what `dee_site.roles` says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit import log
from dee_site import accounts, roles

ABOVE = ("is_superuser", "user_permissions")  # what only a superuser gives: it goes past every role
WRITER = "dee_writer"

for model in (User, Group, TOTPDevice, StaticDevice):  # the last two would show keys; their page is `login_views`
    admin.site.unregister(model)


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    """People of the desk."""

    list_display = ("username", "first_name", "last_name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("groups", "is_active")
    actions = None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """List the people of the desk."""
        return super().changelist_view(request, {"title": "Users", **(extra_context or {})})

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, *ABOVE)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Show the form, or add a person in one transaction with its entry."""
        with _written(request):
            return super().add_view(request, *args, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Show the form, or change a person in one transaction with its entry."""
        with _written(request):
            return super().changeform_view(request, *args, **kwargs)

    def save_related(self, request: HttpRequest, form: "ModelForm[Any]", formsets: Any, change: bool) -> None:
        """Save the groups too, and write down what the person is now: field names and roles, no names."""
        super().save_related(request, form, formsets, change)
        user = form.instance
        said = {
            "user": user.pk,
            "changed": sorted(form.changed_data),
            "groups": sorted(user.groups.values_list("name", flat=True)),
            "active": user.is_active,
            "staff": user.is_staff,
            "superuser": user.is_superuser,
        }
        getattr(request, WRITER).append(accounts.STREAM, "account.changed" if change else "account.added", said)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Set somebody's password, with its entry."""
        if request.method != "POST":
            return super().user_change_password(request, id, form_url)
        with log.writing(by=f"user:{request.user.pk}") as writer:
            answer = super().user_change_password(request, id, form_url)
            if answer.status_code == 302:
                writer.append(accounts.STREAM, "account.password_set", {"user": int(id)})
            return answer


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """Roles, to look at; and groups of the house's own making, which stay as they are made."""

    actions = None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """List the six roles and the house's own groups."""
        return super().changelist_view(request, {"title": "Roles", **(extra_context or {})})

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _is_role(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _is_role(obj) and super().has_delete_permission(request, obj)


@contextmanager
def _written(request: HttpRequest) -> Iterator[None]:
    """Open the log around what a form sends, once: the stock pages call each other."""
    if request.method != "POST" or hasattr(request, WRITER):
        yield
        return
    with log.writing(by=f"user:{request.user.pk}") as writer:
        setattr(request, WRITER, writer)
        yield


def _is_role(group: Group | None) -> bool:
    return group is not None and group.name in roles.ROLES
