"""`manage.py advance_clock SECONDS`: drive the sandbox clock; what is due on the way happens at its own second."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from runs import operations


class Command(BaseCommand):
    help = "Drive the sandbox clock forward (only while every channel is a sandbox)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("seconds", type=int)

    def handle(self, *_: Any, seconds: int, **__: Any) -> None:
        try:
            operations.advance_clock(seconds=seconds, actor="cli")
        except operations.Refused as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"The engine will drive the clock by {seconds} seconds. `drain` waits until it has.")
