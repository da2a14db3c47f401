"""An engine in a process of its own, which stands still at a point that a test names, so that it can be killed there.

`python -m tests.engine_process POINT` patches what the point needs, then works as the Celery worker does. When it first
comes to the point it prints a line, and goes on when it is given one. Production code has no such points: everything is
patched here, from outside.
"""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import django
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

django.setup()

from channels import registry  # noqa: E402 (settings must be there first)
from runs import dispatch, service  # noqa: E402
from runs.batch import Batch  # noqa: E402
from runs.engine import machine  # noqa: E402
from runs.engine.values import Facts, RunState  # noqa: E402
from runs.tick import Engine  # noqa: E402

STANDING = "standing"
BROKEN = "run/2"  # the run that the point `a run that breaks the core` is about
logger = logging.getLogger(__name__)


class Now:
    """What the process and its transaction are at, as far as a point wants to know."""

    has_stood = False
    recovering = False
    wave = False  # it puts intents down
    outcomes = False  # it puts outcomes down


def stand_still() -> None:
    """Tell the test that the point is reached, and wait for its word or for the end; once."""
    if not Now.has_stood:
        Now.has_stood = True
        print(STANDING, flush=True)
        sys.stdin.readline()


def watch_transactions() -> None:
    """Keep `Now` up to date."""
    flush, recover = Batch.flush, Engine._recover

    def watched_flush(batch: Batch, *given: Any) -> None:
        flush(batch, *given)
        Now.wave, Now.outcomes = bool(batch.wave), bool(batch.outcomes)

    def watched_recover(engine: Engine) -> None:
        Now.recovering = True
        try:
            recover(engine)
        finally:
            Now.recovering = False

    Batch.flush = watched_flush  # type: ignore[assignment, method-assign]
    Engine._recover = watched_recover  # type: ignore[assignment, method-assign]


def at_commit(what: Callable[[], bool], *, after: bool) -> None:
    """Stand still beside the COMMIT of such a transaction: everything is written; with `after` it is acknowledged."""
    commit = BaseDatabaseWrapper.commit
    watch_transactions()

    def watched_commit(wrapper: BaseDatabaseWrapper) -> None:
        meant = what()
        if meant and not after:
            stand_still()
        commit(wrapper)
        if meant:
            stand_still()
        Now.wave = Now.outcomes = False

    BaseDatabaseWrapper.commit = watched_commit  # type: ignore[assignment, method-assign]


def t1() -> bool:
    return Now.wave


def t2() -> bool:
    return Now.outcomes and not Now.recovering


def recovery() -> bool:
    return Now.outcomes and Now.recovering


def around_the_call(*, after: bool) -> None:
    """Stand still beside the adapter's one call for the first message."""
    adapter = registry.adapter_for("email")
    send = adapter.send

    def watched_send(message: Any, key: str) -> Any:
        if not after:
            stand_still()
        outcome = send(message, key)
        stand_still()
        return outcome

    adapter.send = watched_send  # type: ignore[assignment, method-assign]


def break_the_core() -> None:
    """Let the core raise when one run comes to the gate: a handler that its plan or its state breaks."""
    step = machine.step

    def breaking_step(plan: Any, state: RunState, given: Any) -> Any:
        if state.st == BROKEN and isinstance(given, Facts):
            raise ZeroDivisionError
        return step(plan, state, given)

    machine.step = breaking_step


def before_the_recheck() -> None:
    """Stand still between T1's acknowledgement and the last look before the sockets."""
    send = dispatch.send

    def watched_send(*given: Any, **more: Any) -> Any:
        stand_still()
        return send(*given, **more)

    dispatch.send = watched_send


def lose_patience() -> None:
    """Stand still before the last look, and let the commit be too old for it after a second."""
    dispatch.LATENESS_TOLERANCE_S = 1
    before_the_recheck()


POINTS: dict[str, Callable[[], None]] = {
    "nowhere": lambda: None,
    "before the commit of T1": lambda: at_commit(t1, after=False),
    "after the commit of T1": lambda: at_commit(t1, after=True),
    "before the last look": before_the_recheck,
    "before the last look, which is impatient": lose_patience,
    "at the socket": lambda: around_the_call(after=False),
    "after the call": lambda: around_the_call(after=True),
    "before the commit of T2": lambda: at_commit(t2, after=False),
    "after the commit of T2": lambda: at_commit(t2, after=True),
    "before the commit of a recovery": lambda: at_commit(recovery, after=False),
    "after the commit of a recovery": lambda: at_commit(recovery, after=True),
    "a run that breaks the core": break_the_core,
}


def main(point: str) -> None:
    """Be the engine until killed. A task that fails is over; the next ring of the doorbell finds a fresh connection."""
    POINTS[point]()
    while True:
        try:
            service.slice_of_work()
        except DatabaseError:
            logger.exception("this slice of work is lost")
            connection.close()
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1])
