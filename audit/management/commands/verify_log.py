"""`manage.py verify_log [--run REF] [--json]`: exit 10 consistent, 20 broken, 40 nothing to verify (see DESIGN §13)."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from audit import verify


class Command(BaseCommand):
    help = "Check that every entry of the log hashes, links and numbers correctly."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--run", metavar="REF", help="one run, such as run-17; without it the whole log")
        parser.add_argument("--stream", help="one stream, such as contact/c-1001")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        stream = options["stream"] or (
            options["run"] and "run/" + options["run"].removeprefix("run-").removeprefix("run/")
        )
        report = verify.check(stream)
        self.stdout.write(json.dumps(report.as_data(), ensure_ascii=False) if options["json"] else report.message)
        sys.exit(int(report.verdict))
