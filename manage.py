"""Which command-line door does Django have? `python3 dev.py manage …` calls it with the servers running."""

import os
import sys

from django.core.management import execute_from_command_line

from dee_site.env import Misconfigured


def main() -> None:
    """Run one management command; a wrong environment ends in a sentence, not in a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dee_site.settings")
    try:
        execute_from_command_line(sys.argv)
    except Misconfigured as error:
        sys.exit(f"dee: {error}")


if __name__ == "__main__":
    main()
