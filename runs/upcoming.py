"""How many messages are about to leave? From what is due, and from what each plan does next at that step.

An estimate and an upper bound: a branch may go another way, an event may come first, and the gate may refuse. What a
later wait holds back is not counted, so "within seven days" means the next message of each run, not all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from channels.kinds import Channel
from plans import document, queries
from plans.steps import CHANNELS, TIMEOUT, Kind, Plan

HOUR, DAY, WEEK = 3600, 86_400, 7 * 86_400
MANY = 10_000  # due runs that one look reads: "10 000 or more" is all a person needs to know

# The label by which a run goes on when what it waits for is a time, and the kinds that pass in the same second.
_GOES_ON = {Kind.WAIT: "completed", Kind.WAIT_UNTIL: "completed", Kind.WAIT_FOR_EVENT: TIMEOUT, Kind.TASK: TIMEOUT}
_PASSES = (Kind.BRANCH, Kind.SPLIT, Kind.RECORD_OPT_OUT)

_DUE = """
    SELECT plan_version_id, step, status = 'WAITING', reason,
           CASE WHEN due_at <= %(at)s THEN 0 WHEN due_at <= %(hour)s THEN 1 WHEN due_at <= %(day)s THEN 2 ELSE 3 END,
           count(*)
      FROM (SELECT plan_version_id, step, status, reason, due_at FROM runs_run
             WHERE due_at IS NOT NULL AND due_at <= %(week)s ORDER BY due_at LIMIT %(many)s) AS due
     GROUP BY 1, 2, 3, 4, 5
"""


@dataclass(frozen=True, slots=True)
class Within:
    """How many within the hour, the day and the week; each contains the one before."""

    hour: int = 0
    day: int = 0
    week: int = 0

    def plus(self, place: int, count: int) -> "Within":
        """Return the numbers with more of them in one place: 0 due now, 1 this hour, 2 this day, 3 this week."""
        return Within(
            self.hour + count * (place <= 1), self.day + count * (place <= 2), self.week + count * (place <= 3)
        )


@dataclass(frozen=True, slots=True)
class Ahead:
    """due: runs whose time has come. complete: everything due in the week was counted, not only the first MANY."""

    due: int
    runs: Within
    sends: Mapping[Channel, Within]
    complete: bool


def ahead(at: int) -> Ahead:
    """Return what acts from an instant of the lane clock on; one range of the index of due runs."""
    limits = {"at": at, "hour": at + HOUR, "day": at + DAY, "week": at + WEEK, "many": MANY}
    with connection.cursor() as cursor:
        cursor.execute(_DUE, limits)
        rows = cursor.fetchall()
    due, runs, sends = 0, Within(), dict.fromkeys(Channel, Within())
    for version, step, waiting, reason, place, count in rows:
        runs = runs.plus(place, count)
        due += count if place == 0 else 0
        for channel in _next_channels(version, step, waiting, reason):
            sends[channel] = sends[channel].plus(place, count)
    return Ahead(due, runs, sends, runs.week < MANY)


def _next_channels(version: int, step: str, waiting: bool, reason: str) -> set[Channel]:
    """Return the channels a run may send on when its time comes; none for a version that cannot be read."""
    try:
        plan = queries.parsed(version)
    except (queries.Corrupt, document.Invalid):
        return set()
    return channels_next(plan, step, waiting=waiting and reason != "result", stuck=waiting and reason == "result")


def channels_next(plan: Plan, step: str, *, waiting: bool, stuck: bool = False) -> set[Channel]:
    """Return the channels on which the next send from a step may be, before any further wait.

    waiting: the run's wait at this step ends. stuck: it waits for the result of a call, whose end is a failure.
    """
    if stuck or step not in plan.steps:
        return set()
    starts: Iterable[str] = [step]
    if waiting:
        here: Any = plan.steps[step]
        label = _GOES_ON.get(here.kind)
        starts = [here.on[label]] if label in here.on else []
    return _reached(plan, starts)


def _reached(plan: Plan, starts: Iterable[str]) -> set[Channel]:
    found: set[Channel] = set()
    seen: set[str] = set()
    todo = list(starts)
    while todo:
        name = todo.pop()
        if name in seen or name not in plan.steps:
            continue
        seen.add(name)
        step = plan.steps[name]
        if step.kind in CHANNELS:
            found.add(CHANNELS[step.kind])
        elif step.kind in _PASSES:
            todo += step.on.values()
    return found
