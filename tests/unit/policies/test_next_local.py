"""The next time a clock shows a minute: by hand around changes of the clock, and against a walk minute by minute."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import hours

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
SYDNEY, LORD_HOWE, NEWFOUNDLAND = "Australia/Sydney", "Australia/Lord_Howe", "America/St_Johns"
ZONES = [
    "America/New_York",
    "Europe/Berlin",
    SYDNEY,
    LORD_HOWE,
    NEWFOUNDLAND,
    "Asia/Kathmandu",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Pacific/Chatham",
    "Etc/UTC",
]


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def told(zone: str, minute: int, days: tuple[int, ...], at: str) -> str:
    found = hours.next_local(zone, minute, days, utc(at))
    return f"{datetime.fromtimestamp(found, UTC):%Y-%m-%dT%H:%M:%S}"


def minute_by_minute(zone: str, minute: int, days: tuple[int, ...], at: int) -> int:
    """The same question without cleverness: the first minute at which the clock has reached each day's target."""
    here = ZoneInfo(zone)
    begin = at // 60 * 60 - 3 * 86_400
    today = datetime.fromtimestamp(at, here).date()
    targets = [(today + timedelta(days=n), minute // 60, minute % 60) for n in range(-1, 12)]
    targets = [target for target in targets if target[0].isoweekday() in days]
    for instant in range(begin, at + 12 * 86_400, 60):
        clock = datetime.fromtimestamp(instant, here)
        while targets and (clock.date(), clock.hour, clock.minute) >= targets[0]:
            if instant >= at:
                return instant
            targets.pop(0)
    raise AssertionError("no such minute")


@pytest.mark.parametrize(
    ("at", "found"),
    [
        ("2026-06-03T12:59:59", "2026-06-03T13:00:00"),
        ("2026-06-03T13:00:00", "2026-06-03T13:00:00"),
        ("2026-06-03T13:00:01", "2026-06-04T13:00:00"),
        ("2026-06-03T13:00:59", "2026-06-04T13:00:00"),
        ("2026-06-04T02:00:00", "2026-06-04T13:00:00"),  # still the third in New York
    ],
)
def test_the_minute_itself_counts_and_a_second_later_it_has_passed(at: str, found: str) -> None:
    assert told("America/New_York", 9 * 60, EVERY_DAY, at) == found


@pytest.mark.parametrize(
    ("days", "found"),
    [
        ((1, 2, 3, 4, 5), "2026-06-08T13:00:00"),  # Friday, 6 in the evening
        ((5,), "2026-06-12T13:00:00"),
        ((7, 6), "2026-06-06T13:00:00"),
        (EVERY_DAY, "2026-06-06T13:00:00"),
    ],
)
def test_only_the_days_named_count(days: tuple[int, ...], found: str) -> None:
    assert told("America/New_York", 9 * 60, days, "2026-06-05T22:00:00") == found


def test_the_weekday_is_the_one_at_that_place() -> None:
    # Monday 00:15 in Kathmandu is Sunday evening in UTC, a quarter of an hour beside every other zone.
    assert told("Asia/Kathmandu", 15, (1,), "2026-06-07T00:00:00") == "2026-06-07T18:30:00"


@pytest.mark.parametrize(
    ("zone", "minute", "at", "found"),
    [
        # North: 02:00 to 03:00 does not exist on 2026-03-08.
        ("America/New_York", 150, "2026-03-07T08:00:00", "2026-03-08T07:00:00"),
        ("America/New_York", 120, "2026-03-07T08:00:00", "2026-03-08T07:00:00"),
        ("America/New_York", 119, "2026-03-07T08:00:00", "2026-03-08T06:59:00"),
        ("America/New_York", 150, "2026-03-08T07:00:00", "2026-03-08T07:00:00"),
        ("America/New_York", 150, "2026-03-08T07:00:01", "2026-03-09T06:30:00"),
        ("Europe/Berlin", 150, "2026-03-29T00:00:00", "2026-03-29T01:00:00"),
        (NEWFOUNDLAND, 150, "2026-03-08T00:00:00", "2026-03-08T05:30:00"),
        # South: 02:00 to 03:00 does not exist on 2026-10-04; on Lord Howe only 02:00 to 02:30.
        (SYDNEY, 150, "2026-10-03T00:00:00", "2026-10-03T16:00:00"),
        (LORD_HOWE, 135, "2026-10-03T00:00:00", "2026-10-03T15:30:00"),
        (LORD_HOWE, 150, "2026-10-03T00:00:00", "2026-10-03T15:30:00"),
        (LORD_HOWE, 151, "2026-10-03T00:00:00", "2026-10-03T15:31:00"),
        # At midnight: 00:00 to 01:00 does not exist in Beirut on 2026-03-29.
        ("Asia/Beirut", 0, "2026-03-28T12:00:00", "2026-03-28T22:00:00"),
    ],
)
def test_a_minute_skipped_in_spring_is_the_first_instant_after_the_gap(
    zone: str, minute: int, at: str, found: str
) -> None:
    assert told(zone, minute, EVERY_DAY, at) == found


@pytest.mark.parametrize(
    ("zone", "minute", "at", "found"),
    [
        # North: 01:00 to 02:00 happens twice on 2026-11-01.
        ("America/New_York", 90, "2026-10-31T12:00:00", "2026-11-01T05:30:00"),
        ("America/New_York", 90, "2026-11-01T05:30:00", "2026-11-01T05:30:00"),
        ("America/New_York", 90, "2026-11-01T05:30:01", "2026-11-02T06:30:00"),
        ("America/New_York", 90, "2026-11-01T06:30:00", "2026-11-02T06:30:00"),  # the second one does not count
        (NEWFOUNDLAND, 90, "2026-11-01T00:00:00", "2026-11-01T04:00:00"),
        # South: 02:00 to 03:00 twice on 2026-04-05; on Lord Howe 01:30 to 02:00.
        (SYDNEY, 150, "2026-04-04T00:00:00", "2026-04-04T15:30:00"),
        (SYDNEY, 150, "2026-04-04T16:30:00", "2026-04-05T16:30:00"),
        (LORD_HOWE, 105, "2026-04-04T00:00:00", "2026-04-04T14:45:00"),
        (LORD_HOWE, 105, "2026-04-04T15:15:00", "2026-04-05T15:15:00"),
        # From midnight on: in Havana 00:00 to 01:00 happened twice on 2024-11-03.
        ("America/Havana", 15, "2024-11-02T12:00:00", "2024-11-03T04:15:00"),
        ("America/Havana", 15, "2024-11-03T05:00:00", "2024-11-04T05:15:00"),
    ],
)
def test_a_minute_repeated_in_autumn_is_the_first_of_the_two(zone: str, minute: int, at: str, found: str) -> None:
    assert told(zone, minute, EVERY_DAY, at) == found


def test_a_day_that_a_zone_skipped_as_a_whole_ends_the_wait_when_it_would_have_begun() -> None:
    # Samoa had no Friday 2011-12-30.
    for at in ("2011-12-29T12:00:00", "2011-12-30T10:00:00"):
        assert told("Pacific/Apia", 9 * 60, (5,), at) == "2011-12-30T10:00:00"
    assert told("Pacific/Apia", 9 * 60, (5,), "2011-12-30T10:00:01") == "2012-01-05T19:00:00"


around_changes = st.one_of(
    st.integers(utc("2026-03-05T00:00"), utc("2026-04-07T00:00")),
    st.integers(utc("2026-10-02T00:00"), utc("2026-11-03T00:00")),
    st.integers(utc("2024-11-01T00:00"), utc("2024-11-05T00:00")),
)
some_days = st.lists(st.sampled_from(EVERY_DAY), min_size=1, max_size=7, unique=True).map(tuple)


@given(
    at=around_changes,
    zone=st.sampled_from(ZONES),
    minute=st.one_of(st.integers(0, 1439), st.integers(0, 185)),
    days=some_days,
)
def test_the_answer_is_what_a_walk_minute_by_minute_finds(at: int, zone: str, minute: int, days: tuple) -> None:
    assert hours.next_local(zone, minute, days, at) == minute_by_minute(zone, minute, days, at)
