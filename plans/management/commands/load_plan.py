"""`load_plan FILE`: publish and activate what a file holds, or say everything that is wrong with it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plans import operations
from plans.document import Invalid


class Command(BaseCommand):
    help = "Publish and activate a plan from a JSON file: a dee.plan/1 or dee.template/1 document, or a list of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            text = file.read_bytes().decode()
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.") from None
        except UnicodeDecodeError as error:
            raise CommandError(f"{file}: byte {error.start + 1} is not UTF-8; save the file as UTF-8.") from None
        try:
            done = operations.install_plan(text=text, actor="cli")
        except Invalid as error:
            lines = "\n".join(f"{file}: {problem}" for problem in error.problems)
            raise CommandError(f"{lines}\nNothing was changed.") from None
        except operations.Refused as error:
            raise CommandError(f"{file}: {error}\nNothing was changed.") from None
        for item in done:
            self.stdout.write(f"{item.ref}: {item.message}")
