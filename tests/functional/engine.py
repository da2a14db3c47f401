"""Helpers of the functional tests: the real engine on the real database, with its lease taken and let go."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from audit.models import Entry, Head
from runs import operations
from runs.models import Inbox, Run
from runs.tick import Engine


@contextmanager
def engine(**options: Any) -> Iterator[Engine]:
    """Yield an engine of this process."""
    made = Engine(**options)
    try:
        yield made
    finally:
        made.close()


def drain(**options: Any) -> None:
    """Work until nothing is left."""
    with engine(**options) as worker:
        while worker.drain():
            pass


def enrol(plan: str, *refs: str, again: str = "") -> None:
    operations.enrol(plan_key=plan, contact_refs=refs, actor="cli", again=again)


def advance(seconds: int, **options: Any) -> None:
    """Drive the sandbox clock and work until it has arrived."""
    operations.advance_clock(seconds=seconds, actor="cli")
    drain(**options)


def entries(no: int = 1) -> list[dict[str, Any]]:
    return [
        json.loads(body) for body in Entry.objects.filter(st=f"run/{no}").order_by("n").values_list("body", flat=True)
    ]


def types(no: int = 1) -> list[str]:
    return [entry["type"] for entry in entries(no)]


def last(type: str, no: int = 1) -> dict[str, Any]:
    """Return the data of a run's latest entry of a type."""
    return next(entry["data"] for entry in reversed(entries(no)) if entry["type"] == type)


def run(no: int = 1) -> Run:
    return Run.objects.get(no=no)


def clock() -> int:
    return Head.objects.get().clock


def verdicts() -> list[tuple[str, str]]:
    return list(Inbox.objects.order_by("place").values_list("kind", "verdict"))
