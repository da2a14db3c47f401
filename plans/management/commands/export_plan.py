"""`export_plan KEY`: write a plan's canonical document, byte for byte what `load_plan` takes back."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plans import document, models


class Command(BaseCommand):
    help = "Write the canonical document of a plan's active version, or of the version named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key")
        parser.add_argument("--version-number", type=int, help="this version instead of the active one")
        parser.add_argument("-o", "--output", type=Path, help="write to this file instead of the standard output")

    def handle(self, *args: Any, key: str, output: Path | None, **options: Any) -> None:
        number = options["version_number"]
        plan = models.Plan.objects.select_related("active_version").filter(key=key).first()
        if plan is None:
            raise CommandError(f'There is no plan "{key}".')
        version = plan.active_version if number is None else plan.versions.filter(number=number).first()
        if version is None:
            missing = "no active version; name one with --version-number" if number is None else f"no version {number}"
            raise CommandError(f'The plan "{key}" has {missing}.')
        text = document.export(version.body, version.meta)
        if output:
            output.write_bytes(text.encode())
        else:
            self.stdout.write(text, ending="")
