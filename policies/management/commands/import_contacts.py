"""Bring in contacts from a CSV file: all of it, or nothing and every bad line by its number."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from policies import contact_file, imports
from policies.management.commands import _file


class Command(BaseCommand):
    help = f"Import contacts from a CSV file. {contact_file.__doc__}"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file")
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="HEADER=NAME",
            help="what a header means, e.g. Kundennr=ref",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        mapping = dict(pair.split("=", 1) for pair in options["column"] if "=" in pair)
        with _file.taking(self, options["file"]) as raw:
            done = imports.import_contacts(actor="cli", raw=raw, mapping=mapping)
        for notice in done.notices:
            self.stdout.write(str(notice))
        contacts = f"{done.created} added, {done.changed} changed, {done.unchanged} unchanged"
        self.stdout.write(f"{contacts}; {done.granted} consents recorded.")
