"""`manage.py enrol PLAN (--all | --contacts FILE)`: ask for one run of the plan for each contact."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from policies.models import Contact
from runs import operations


class Command(BaseCommand):
    help = "Put one request for each contact into the inbox; the engine starts the runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("plan")
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--all", action="store_true", help="every active contact")
        who.add_argument("--contacts", metavar="FILE", help="one reference a line")

    def handle(self, *_: Any, **options: Any) -> None:
        refs = _everybody() if options["all"] else _listed(Path(options["contacts"]))
        try:
            new = operations.enrol(plan_key=options["plan"], contact_refs=refs, actor="cli")
        except operations.Refused as error:
            raise CommandError(str(error)) from None
        repeats = f", {len(refs) - new} were enrolled before" if new < len(refs) else ""
        self.stdout.write(f"{new} contacts will be started on {options['plan']}{repeats}.")


def _everybody() -> list[str]:
    return list(Contact.objects.filter(state="active").order_by("id").values_list("ref", flat=True))


def _listed(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None
    return [line.strip() for line in lines if line.strip()]
