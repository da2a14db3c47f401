"""Which tables of the log may the stock admin list? The finished checks; entries have pages of their own."""

from django.contrib import admin
from django.http import HttpRequest

from audit.models import Verification


@admin.register(Verification)
class VerificationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Past checks, to look at only."""

    list_display = ("at", "scope", "verdict", "checked", "by")
    list_filter = ("verdict",)
    actions = None
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
