"""Local minutes, next openings and calendar days: against brute force, over clock changes, gaps and folds."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import hours
from policies.rules.hours import Week, inside, week

NEW_YORK, CHICAGO, BERLIN = "America/New_York", "America/Chicago", "Europe/Berlin"
DAYTIME = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "08:00", "to": "21:00"}]
OFFICE = [{"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "17:30"}]
NIGHT = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "01:30", "to": "02:30"}]
GAP = [{"days": [7], "from": "02:00", "to": "03:00"}]  # exists on no Sunday in March
ODD_ZONES = ["Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "America/Havana", "Pacific/Apia"]


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def at_home(zone: str, text: str, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def open_everywhere(zones: tuple[str, ...], windows: list[dict], at: int) -> bool:
    here = [hours.local(zone, at) for zone in zones]
    return all(inside(windows, fact["weekday"], fact["minute"]) for fact in here)


def minute_by_minute(zones: tuple[str, ...], windows: list[dict], at: int) -> int | None:
    """The same question answered without cleverness."""
    for instant in (at, *range((at // 60 + 1) * 60, at + hours.HORIZON_S + 1, 60)):
        if open_everywhere(zones, windows, instant):
            return instant
    return None


@pytest.mark.parametrize(
    ("zone", "at", "offset_s", "weekday", "minute"),
    [
        (NEW_YORK, utc("2025-03-09T06:59:59"), -18000, 7, 119),
        (NEW_YORK, utc("2025-03-09T07:00:00"), -14400, 7, 180),  # 02:00 to 03:00 does not exist
        (NEW_YORK, utc("2025-11-02T05:59:00"), -14400, 7, 119),
        (NEW_YORK, utc("2025-11-02T06:00:00"), -18000, 7, 60),  # 01:00 again
        ("Asia/Kathmandu", utc("2026-01-01T00:00:00"), 20700, 4, 345),
    ],
)
def test_local_minute_of_an_instant(zone: str, at: int, offset_s: int, weekday: int, minute: int) -> None:
    assert hours.local(zone, at) == {"name": zone, "offset_s": offset_s, "weekday": weekday, "minute": minute}


@pytest.mark.parametrize("day", ["2025-03-09", "2025-11-02", "2025-06-15"])
@pytest.mark.parametrize("zone", [NEW_YORK, CHICAGO, "America/Phoenix"])
@pytest.mark.parametrize(
    ("time", "open_now"), [("07:59:59", False), ("08:00:00", True), ("20:59:59", True), ("21:00:00", False)]
)
def test_window_edges_on_days_of_23_24_and_25_hours(day: str, zone: str, time: str, open_now: bool) -> None:
    at = at_home(zone, f"{day}T{time}")
    assert (hours.next_opening((zone,), week(DAYTIME), at) == at) is open_now


@pytest.mark.parametrize(
    ("day", "opens"),
    [
        ("2025-03-08", at_home(NEW_YORK, "2025-03-08T01:30")),
        ("2025-03-09", at_home(NEW_YORK, "2025-03-09T01:30")),  # open for 30 minutes, then the gap
        ("2025-11-02", at_home(NEW_YORK, "2025-11-02T01:30")),
    ],
)
def test_a_window_over_the_clock_change_opens_once(day: str, opens: int) -> None:
    assert hours.next_opening((NEW_YORK,), week(NIGHT), at_home(NEW_YORK, f"{day}T00:00")) == opens


def test_a_repeated_hour_is_open_twice_and_closed_between() -> None:
    first_end = at_home(NEW_YORK, "2025-11-02T01:59:59")
    repeated = at_home(NEW_YORK, "2025-11-02T01:00", fold=1)
    assert first_end + 1 == repeated
    assert hours.next_opening((NEW_YORK,), week(NIGHT), repeated) == at_home(NEW_YORK, "2025-11-02T01:30", fold=1)


def test_a_window_that_falls_into_the_gap_waits_for_the_next_week() -> None:
    before = at_home(NEW_YORK, "2025-03-08T12:00")
    assert hours.next_opening((NEW_YORK,), week(GAP), before) == at_home(NEW_YORK, "2025-03-16T02:00")


def test_nothing_within_eight_days_is_no_window() -> None:
    assert hours.next_opening((NEW_YORK,), week([]), utc("2026-01-01T00:00")) is None
    short = [{"days": [1], "from": "09:00", "to": "10:00"}]
    apart = ("America/New_York", "Pacific/Auckland")
    assert hours.next_opening(apart, week(short), utc("2026-01-01T00:00")) is None


def test_all_states_and_territories_leave_a_common_window() -> None:
    everywhere = ("America/New_York", "America/Los_Angeles", "Pacific/Honolulu", "Pacific/Guam", "Pacific/Pago_Pago")
    opens = hours.next_opening(everywhere, week(DAYTIME), utc("2026-06-01T00:00"))
    assert opens == minute_by_minute(everywhere, DAYTIME, utc("2026-06-01T00:00")) is not None


around_changes = st.one_of(
    st.integers(utc("2025-03-07T00:00"), utc("2025-03-11T00:00")),
    st.integers(utc("2025-10-24T00:00"), utc("2025-11-04T00:00")),
    st.integers(utc("2025-04-04T00:00"), utc("2025-04-07T00:00")),
)
some_zones = st.lists(st.sampled_from([NEW_YORK, CHICAGO, BERLIN, *ODD_ZONES]), min_size=1, max_size=3, unique=True)


@given(at=around_changes, zones=some_zones, windows=st.sampled_from([DAYTIME, OFFICE, NIGHT]))
def test_the_search_finds_what_a_walk_minute_by_minute_finds(at: int, zones: list[str], windows: list[dict]) -> None:
    # The walk is slow, so it only checks that nothing before the answer is open, at every quarter of an hour.
    names = tuple(sorted(zones))
    opens = hours.next_opening(names, week(windows), at)
    end = at + hours.HORIZON_S if opens is None else opens
    assert opens is None or open_everywhere(names, windows, opens)
    assert not any(open_everywhere(names, windows, instant) for instant in range(at, end, 900))
    if opens is not None and opens > at:
        assert not open_everywhere(names, windows, opens - 1)


@pytest.mark.parametrize("start", ["2025-03-08T20:15:20", "2025-11-01T22:40:59", "2025-10-25T23:10:00"])
@pytest.mark.parametrize("windows", [DAYTIME, NIGHT])
def test_the_search_equals_the_walk_exactly(start: str, windows: list[dict]) -> None:
    for zones in [(NEW_YORK,), (CHICAGO, NEW_YORK), (BERLIN,)]:
        assert hours.next_opening(zones, week(windows), utc(start)) == minute_by_minute(zones, windows, utc(start))


@pytest.mark.parametrize(
    ("day", "length_h"), [("2025-03-09", 23), ("2025-03-10", 24), ("2025-11-02", 25), ("2025-11-03", 24)]
)
def test_a_day_of_the_policy_lasts_as_long_as_its_zone_says(day: str, length_h: int) -> None:
    noon = hours.day(NEW_YORK, at_home(NEW_YORK, f"{day}T12:00"))
    assert noon.label == day and noon.end - noon.start == length_h * 3600
    assert hours.day(NEW_YORK, noon.start) == hours.day(NEW_YORK, noon.end - 1) == noon
    assert hours.day(NEW_YORK, noon.end).start == noon.end


def test_a_midnight_the_clock_jumps_over_is_the_instant_of_the_jump() -> None:
    # Beirut, 2025-03-30: 00:00 becomes 01:00.
    span = hours.day("Asia/Beirut", at_home("Asia/Beirut", "2025-03-30T12:00"))
    assert (span.label, span.end - span.start) == ("2025-03-30", 23 * 3600)
    assert hours.local("Asia/Beirut", span.start)["minute"] == 60
    assert hours.day("Asia/Beirut", span.start - 1).label == "2025-03-29"


@given(st.integers(utc("2024-01-01T00:00"), utc("2028-01-01T00:00")), st.sampled_from([NEW_YORK, *ODD_ZONES]))
def test_every_instant_lies_in_its_day_and_month(at: int, zone: str) -> None:
    day, month = hours.day(zone, at), hours.month(zone, at)
    assert day.start <= at < day.end and month.start <= day.start and day.end <= month.end
    assert day.label.startswith(month.label)


def test_months_follow_each_other() -> None:
    december = hours.month(NEW_YORK, at_home(NEW_YORK, "2026-12-31T23:59:59"))
    assert (december.label, december.end) == ("2026-12", at_home(NEW_YORK, "2027-01-01T00:00"))


def test_zones_come_from_the_pinned_package_only() -> None:
    assert hours.is_zone(NEW_YORK) and not hours.is_zone("Mars/Olympus") and not hours.is_zone("localtime")
    assert hours.TZDATA_VERSION.startswith("20")


def test_week_joins_touching_windows() -> None:
    joined: Week = week(
        [{"days": [1], "from": "09:00", "to": "12:00"}, {"days": [1, 2], "from": "12:00", "to": "13:00"}]
    )
    assert joined[0] == ((540, 780),) and joined[1] == ((720, 780),) and joined[2] == ()
