"""`manage.py state_diagram [--write]`: print the diagram of a run's statuses, or put it into ARCHITECTURE.md."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from runs.engine import diagram

BEGIN, END = "<!-- state diagram: made by manage.py state_diagram -->\n```mermaid\n", "\n```\n<!-- end -->"


class Command(BaseCommand):
    help = "Draw the table of legal moves."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", action="store_true", help="replace the diagram in ARCHITECTURE.md")

    def handle(self, *_: Any, write: bool, **__: Any) -> None:
        if not write:
            self.stdout.write(diagram.mermaid())
            return
        page = settings.BASE_DIR / "ARCHITECTURE.md"
        head, rest = page.read_text().split(BEGIN)
        page.write_text(head + BEGIN + diagram.mermaid() + END + rest.split(END, 1)[1])
