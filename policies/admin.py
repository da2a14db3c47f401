"""The stock list of the ledger's counters. Everything else has pages of its own, in the view modules."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from policies.models import Counter


@admin.register(Counter)
class CounterAdmin(admin.ModelAdmin):
    """Read-only: the gate writes these rows."""

    list_display = ["key", "limit", "reserved", "posted", "overrun", "freed"]
    search_fields = ["key"]
    ordering = ["key"]
    show_full_result_count = False
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
