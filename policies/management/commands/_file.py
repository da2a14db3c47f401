"""How does a command read a file that may be refused? Sentences on standard error and exit code 1."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import BaseCommand

from policies.csv_text import BadFile
from policies.operations import Refused

SHOWN = 100


@contextmanager
def taking(command: BaseCommand, name: str) -> Iterator[bytes]:
    """Yield the bytes of a file; when it is refused inside, print why and exit with 1."""
    try:
        raw = Path(name).read_bytes()
    except OSError as error:
        command.stderr.write(f"{name} cannot be read: {error.strerror}.")
        sys.exit(1)
    try:
        yield raw
    except BadFile as error:
        for problem in error.problems[:SHOWN]:
            command.stderr.write(f"{name}: {problem}")
        if len(error.problems) > SHOWN:
            command.stderr.write(f"… and {len(error.problems) - SHOWN} more problems.")
        command.stderr.write("Nothing was changed. Correct the file and import it again.")
        sys.exit(1)
    except Refused as error:
        command.stderr.write(f"Stopped: {error} What came before is in; importing the file again is safe.")
        sys.exit(1)
