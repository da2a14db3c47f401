"""Which rows of runs may the stock admin list? Inputs and intents, to look at; everything is written by the engine."""

from django.contrib import admin
from django.http import HttpRequest

from runs.models import Intent


class ReadOnly(admin.ModelAdmin):
    """A list to look at: no add, no change, no delete, no actions."""

    actions = None
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Intent)
class IntentAdmin(ReadOnly):
    list_display = ("id", "run", "step", "visit", "attempt", "channel", "n")
    list_filter = ("channel",)
    list_select_related = ("run",)
    search_fields = ("=id", "=run__no")
    search_help_text = "An intent's id or a run's number"
