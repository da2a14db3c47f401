"""Where can a process die, and where can the database fail it? Every commit and every send passes here."""

from collections import Counter
from collections.abc import Callable, Iterable
from random import Random

from django.db import OperationalError

from tests.simulator.tables import Database

# What a commit is for.
COMMITS = ("T1", "T2", "a recovery", "a lease", "other work", "a page")
TAKEN_OVER = "another engine takes over in the middle of the sends"
POINTS = (
    *(f"{when} {what}" for what in COMMITS for when in ("before the commit of", "after the commit of")),
    *(f"the answer to the commit of {what} is lost" for what in COMMITS),
    *(f"the database refuses the commit of {what}" for what in COMMITS),
    "before the wave",
    "before a send",
    "after a send",
    "after the wave",
    TAKEN_OVER,
)
AGAIN = [point for point in POINTS if "recovery" in point or "lease" in point]
_TYPES = {
    "send.intended": "T1",
    "send.redispatched": "T1",
    "send.outcome": "T2",
    "send.voided": "T2",
    "engine.started": "a recovery",
}


class Crash(BaseException):
    """The process is gone at this point; whatever was in memory is lost."""


class Faults:
    """Which faults are prepared, and when they come."""

    def __init__(self, database: Database, rng: Random, seen: Counter[str]) -> None:
        self.database = database
        self.rng = rng
        self.seen = seen
        self.armed: dict[str, int] = {}
        self.look: Callable[[], None] = lambda: None  # what is looked at just before a commit

    def arm(self, point: str, after: int = 0) -> None:
        """Let a process die (or the database fail) at the next but `after` time that it gets to this point."""
        self.armed[point] = after

    def met(self, point: str) -> bool:
        """Return whether it happens here and now."""
        left = self.armed.get(point)
        if left is None:
            return False
        if left:
            self.armed[point] = left - 1
            return False
        del self.armed[point]
        self.seen[point] += 1
        if self.rng.random() < 0.4:
            self.arm(self.rng.choice(AGAIN))  # and once more while it recovers
        return True

    def point(self, label: str) -> None:
        """Die here if that is prepared."""
        if self.met(label):
            raise Crash(label)

    def commit(self, commit: Callable[[], None], kinds: Iterable[str]) -> None:
        """Commit, unless the process dies before it or the database refuses; its answer may get lost as well."""
        for kind in kinds:
            self.point(f"before the commit of {kind}")
            if self.met(f"the database refuses the commit of {kind}"):
                raise OperationalError("the database refuses the commit")
        self.look()
        commit()
        for kind in kinds:
            if self.met(f"the answer to the commit of {kind} is lost"):
                raise OperationalError("the connection is lost")
            self.point(f"after the commit of {kind}")

    def engine_work(self) -> list[str]:
        """Return what the open transaction of the engine is for."""
        found = set()
        for table, old, row in self.database.written():
            if table == "audit_entry" and row["type"] in _TYPES:
                found.add(_TYPES[row["type"]])
            elif table == "audit_head" and old is not None and old["epoch"] != row["epoch"]:
                found.add("a lease")
        return sorted(found) or ["other work"]
