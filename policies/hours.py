"""What time is it there, when does the next window open, and when does this day end? The only user of zoneinfo.

Everything is measured per instant: a local minute belongs to an instant, never an instant to a local minute. So a
minute skipped in spring does not exist, and one repeated in autumn counts twice. Zones come from the pinned `tzdata`
package and never from the machine, and its version is recorded with the facts.
Offsets are whole minutes, which holds for every zone since 1972.
"""

import importlib.metadata
import zoneinfo
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from policies.rules.hours import Week

zoneinfo.reset_tzpath(to=[])

TZDATA_VERSION = importlib.metadata.version("tzdata")
HORIZON_S = 8 * 86400  # a window that does not open within eight days is no window: a week plus a clock change

_HOUR_S = 3600
_DAY_S = 86400
_DAYS_AHEAD = 10  # a week, and the days around it that a change of the clock may touch
_HOURS_OF_UTC_DAY = range(0, _DAY_S + 1, _HOUR_S)


@cache
def zone_names() -> frozenset[str]:
    """Return every zone name of the pinned database."""
    return frozenset(zoneinfo.available_timezones() - {"Factory", "localtime"})


def is_zone(name: str) -> bool:
    """Say whether the pinned database has a zone of this name."""
    return name in zone_names()


def local(zone: str, at: int) -> dict[str, Any]:
    """Return the fact {"name", "offset_s", "weekday" (1 = Monday), "minute" (0..1439)} of a zone at an instant."""
    offset, weekday, minute = _local(zone, at // 60)
    return {"name": zone, "offset_s": offset, "weekday": weekday, "minute": minute}


def next_opening(zones: tuple[str, ...], open_hours: Week, at: int) -> int | None:
    """Return the first instant from `at` on that lies inside the windows in every zone, or None within eight days."""
    # Nothing changes within a minute, so instants of one minute share one search.
    found = _opening(zones, open_hours, at // 60)
    return None if found is None else max(found, at)


def next_local(zone: str, minute: int, days: Collection[int], at: int) -> int:
    """Return the first instant from `at` on at which a zone's clock shows a minute, second 00, on one of these days.

    minute: 0..1439; days: 1 = Monday, at least one. On a day that skips the minute it is the first instant after the
    gap; on a day that has it twice it is the first of the two, and never the second.
    """
    today = datetime.fromtimestamp(at, ZoneInfo(zone)).date()
    # A day that was skipped as a whole, or that begins twice, belongs to an instant of the day beside it.
    for step in range(-1, _DAYS_AHEAD):
        there = datetime.combine(today + timedelta(days=step), time(minute // 60, minute % 60), ZoneInfo(zone))
        if there.isoweekday() in days and (found := _first_instant(zone, there)) >= at:
            return found
    raise AssertionError("every weekday comes within ten days")


@dataclass(frozen=True, slots=True)
class Span:
    """A calendar day or month of a zone: its name and the instants [start, end) it covers; 23 or 25 h days included."""

    label: str
    start: int
    end: int


def day(zone: str, at: int) -> Span:
    """Return the calendar day of a zone that holds an instant; its end is when a daily limit starts anew."""
    return _span(zone, at // _HOUR_S, at, _day)


def month(zone: str, at: int) -> Span:
    """Return the calendar month of a zone that holds an instant."""
    return _span(zone, at // _HOUR_S, at, _month)


@lru_cache(maxsize=1 << 16)
def _local(zone: str, utc_minute: int) -> tuple[int, int, int]:
    here = datetime.fromtimestamp(utc_minute * 60, ZoneInfo(zone))
    return _seconds(here), here.isoweekday(), here.hour * 60 + here.minute


def _offset(zone: str, at: int) -> int:
    return _seconds(datetime.fromtimestamp(at, ZoneInfo(zone)))


def _seconds(here: datetime) -> int:
    return int((here.utcoffset() or timedelta()).total_seconds())


@lru_cache(maxsize=1 << 14)
def _opening(zones: tuple[str, ...], open_hours: Week, utc_minute: int) -> int | None:
    """Step each zone to its own next opening until all stand on one instant. zones: at least one."""
    start = utc_minute * 60
    at, agreed = start, 0
    while agreed < len(zones):
        agreed = 0
        for zone in zones:
            opens = _opening_of(zone, open_hours, at, start + HORIZON_S)
            if opens is None:
                return None
            # A zone that had to move makes the ones before it look again.
            agreed = agreed + 1 if opens == at else 1
            at = opens
    return at


def _opening_of(zone: str, open_hours: Week, at: int, horizon: int) -> int | None:
    """Return the first instant in [at, horizon] inside the windows of one zone.

    Within a stretch of constant offset local time is plain arithmetic; a clock change starts the next stretch.
    """
    while at <= horizon:
        offset, end = _stretch(zone, at)
        local_at = at + offset
        opens = _first_local(open_hours, local_at)
        if opens is None:
            return None
        if opens - offset < end:
            return opens - offset if opens - offset <= horizon else None
        at = end
    return None


def _first_local(open_hours: Week, local_at: int) -> int | None:
    """Return the first local second from local_at on inside the windows, as if the clock never changed."""
    first_day = local_at // _DAY_S
    for local_day in range(first_day, first_day + 9):
        # 1970-01-01 was a Thursday, index 3 of a week that starts on Monday.
        for opens, closes in open_hours[(local_day + 3) % 7]:
            if local_at < local_day * _DAY_S + closes * 60:
                return max(local_at, local_day * _DAY_S + opens * 60)
    return None


def _stretch(zone: str, at: int) -> tuple[int, int]:
    """Return (offset in seconds at an instant, an instant up to which it certainly does not change)."""
    utc_day = at // _DAY_S
    for start, end, offset in _stretches(zone, utc_day):
        if start <= at < end:
            return offset, end
    raise AssertionError("the stretches of a day cover the day")


@lru_cache(maxsize=1 << 14)
def _stretches(zone: str, utc_day: int) -> tuple[tuple[int, int, int], ...]:
    """Return (start, end, offset) of the constant stretches of one UTC day, found by hourly samples and bisection."""
    samples = [utc_day * _DAY_S + hour for hour in _HOURS_OF_UTC_DAY]
    found: list[tuple[int, int, int]] = []
    start, offset = samples[0], _offset(zone, samples[0])
    for before, after in pairwise(samples):
        changed = _offset(zone, after)
        if changed != offset:
            moment = _change(zone, before, after, offset)
            found.append((start, moment, offset))
            start, offset = moment, changed
    if start < samples[-1]:
        found.append((start, samples[-1], offset))
    return tuple(found)


def _change(zone: str, before: int, after: int, offset: int) -> int:
    """Return the first instant in (before, after] with another offset."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _first_instant(zone: str, there: datetime) -> int:
    """Return the first instant at which a zone's clock shows a local time or, in a gap, has passed it."""
    first, second = (int(there.replace(fold=fold).timestamp()) for fold in (0, 1))
    # Only in a gap does the reading with the offset after the change (fold 1) lie before the one with that before it.
    return _change(zone, second, first, _offset(zone, second)) if second < first else first


def _span(zone: str, hour: int, at: int, bounds: Callable[[str, date, int], Span]) -> Span:
    span = _span_at(zone, hour, bounds)
    # The cache is per hour; a midnight inside the hour is rare and gets its own look.
    return span if span.start <= at < span.end else _span_holding(zone, at, bounds)


@lru_cache(maxsize=1 << 12)
def _span_at(zone: str, hour: int, bounds: Callable[[str, date, int], Span]) -> Span:
    return _span_holding(zone, hour * _HOUR_S, bounds)


def _span_holding(zone: str, at: int, bounds: Callable[[str, date, int], Span]) -> Span:
    here = datetime.fromtimestamp(at, ZoneInfo(zone)).date()
    # Where the clock goes back over midnight, an evening minute comes after the next day has begun.
    for step in (0, 1, -1):
        span = bounds(zone, here, step)
        if span.start <= at < span.end:
            return span
    raise AssertionError("an instant lies in its own day or beside it")


def _day(zone: str, here: date, step: int) -> Span:
    this = here + timedelta(days=step)
    return Span(this.isoformat(), _midnight(zone, this), _midnight(zone, this + timedelta(days=1)))


def _month(zone: str, here: date, step: int) -> Span:
    first = _first_of_month(here, step)
    return Span(first.isoformat()[:7], _midnight(zone, first), _midnight(zone, _first_of_month(here, step + 1)))


def _first_of_month(here: date, step: int) -> date:
    months = here.year * 12 + here.month - 1 + step
    return date(months // 12, months % 12 + 1, 1)


def _midnight(zone: str, on: date) -> int:
    """Return the first instant of a local date; a midnight the clock jumps over is the instant of the jump."""
    there = datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(zone))
    return int(there.astimezone(UTC).timestamp())
