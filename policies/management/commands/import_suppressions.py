"""Bring in suppressed addresses from a file: all of it, or nothing and every bad line by its number."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from policies import imports
from policies.management.commands import _file
from policies.rules import suppression


class Command(BaseCommand):
    help = "Import suppressions: one address a line, or a CSV with address, scope, channel, plan, reason, expires."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file")
        parser.add_argument("--scope", choices=suppression.SCOPES, default="global", help="for lines that do not say")
        parser.add_argument("--reason", choices=suppression.REASONS, default="manual", help="for lines that do not say")

    def handle(self, *args: Any, **options: Any) -> None:
        defaults = {"scope": options["scope"], "reason": options["reason"]}
        with _file.taking(self, options["file"]) as raw:
            new, known = imports.import_suppressions(actor="cli", raw=raw, **defaults)
        self.stdout.write(f"{new} added, {known} known already.")
