"""The stock list of simulated reactions. Messages have pages of their own, in `views`."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from channels.models import Reaction


@admin.register(Reaction)
class ReactionAdmin(admin.ModelAdmin):
    """Read-only: the engine writes these rows."""

    list_display = ["due", "source", "external_id", "body", "released"]
    list_filter = ["released"]
    search_fields = ["external_id"]
    ordering = ["released", "due", "id"]
    show_full_result_count = False
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
