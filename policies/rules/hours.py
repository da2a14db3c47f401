"""Is it a permitted hour in every zone where this person may be? Per instant; start inclusive, end exclusive.

Pure: offsets and the next opening are facts that `policies.hours` measured; this file only compares local minutes.

Source: 47 CFR 64.1200(c)(1), 12 CFR 1006.6(b); study/product.md §3 and §4.2.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from channels.kinds import Channel
from policies.rules.values import Code, Facts, RuleVerdict, allow, deny, pause

RULE = "calling_hours"

DAY_MINUTES = 24 * 60
# Seven days, Monday first; each a sorted tuple of disjoint (from, to) in minutes of the local day.
Week = tuple[tuple[tuple[int, int], ...], ...]

_ALLOW = allow(RULE)


@lru_cache(maxsize=DAY_MINUTES + 1)
def minutes(clock: str) -> int:
    """Return the minute of the day of "HH:MM"; "24:00" is the end of the day."""
    return int(clock[:2]) * 60 + int(clock[3:])


def week(windows: Sequence[Mapping[str, Any]]) -> Week:
    """Return the windows of a policy as minutes per weekday, touching windows merged."""
    days: list[list[tuple[int, int]]] = [[] for _ in range(7)]
    for window in windows:
        for day in window["days"]:
            days[day - 1].append((minutes(window["from"]), minutes(window["to"])))
    return tuple(_merged(sorted(spans)) for spans in days)


def whole_week(open_hours: Week) -> bool:
    """Say whether the windows leave out no minute, so that no time zone could matter."""
    return all(spans == ((0, DAY_MINUTES),) for spans in open_hours)


def applies(channel: str, windows: Sequence[Mapping[str, Any]] | None) -> bool:
    """Say whether the local time matters for a send. windows: None when the policy names none for it.

    A call without stated windows is never free to ring at any hour: hours apply, and no minute is inside.
    """
    if windows is None:
        return channel == Channel.VOICE
    return not whole_week(week(windows))


def inside(windows: Sequence[Mapping[str, Any]], weekday: int, minute: int) -> bool:
    """Say whether a local minute lies in a window. weekday: 1 = Monday; minute: 0..1439."""
    return any(
        weekday in window["days"] and minutes(window["from"]) <= minute < minutes(window["to"]) for window in windows
    )


def check(facts: Facts) -> RuleVerdict:
    """Pause until the next common opening when one zone is outside; deny when there is no zone or no opening."""
    hours = facts["hours"]
    if not hours["applies"]:
        return _ALLOW
    zones = hours["zones"]
    if not zones:
        return deny(RULE, Code.TIMEZONE_UNRESOLVED)
    if all(inside(hours["windows"], zone["weekday"], zone["minute"]) for zone in zones):
        return _ALLOW
    if hours["opens_at"] is None:
        return deny(RULE, Code.NO_WINDOW)
    return pause(RULE, Code.OUTSIDE_HOURS, hours["opens_at"])


def _merged(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
