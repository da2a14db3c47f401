"""`manage.py export_run REF -o FILE.zip [--redacted]`: write a run's evidence for `dee-replay` and `verify.py`."""

import hashlib
import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from runs import bundles, queries

_REF = re.compile(r"(?:run[-/])?([1-9][0-9]{0,17})")


class Command(BaseCommand):
    help = "Write the bundle of a run: entries, plan, policies and, unless redacted, the personal values behind them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ref", metavar="REF", help="run-17, run/17 or 17")
        parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.zip")
        parser.add_argument("--redacted", action="store_true", help="leave every personal value out")

    def handle(self, *_: Any, ref: str, output: Path, redacted: bool, **options: Any) -> None:
        number = _REF.fullmatch(ref)
        if number is None:
            raise CommandError(f"“{ref}” names no run; write run-17, run/17 or 17.")
        run = queries.run(int(number[1]))
        if run is None:
            raise CommandError(f"There is no run-{number[1]}.")
        try:
            data = bundles.export(run, redacted=redacted)
            output.write_bytes(data)
        except bundles.Refused as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from None
        digest = hashlib.sha256(data).hexdigest()
        kind = "Redacted: no personal value is in it." if redacted else "It holds personal values."
        self.stdout.write(f"{run.ref} as of entry {run.n} is in {output} (SHA-256 {digest}). {kind}")
