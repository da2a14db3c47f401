"""How are times, durations, money and hashes written on a page? Filters only: nothing here reads anything."""

from datetime import UTC, datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

DAY_S, HOUR_S, MINUTE_S = 86400, 3600, 60


@register.filter
def lane_time(seconds: int | str | None) -> SafeString | str:
    """Return a <time> for whole seconds since the epoch; dee.js shows it in local time with UTC on hover."""
    return "" if seconds in (None, "") else _time(datetime.fromtimestamp(int(seconds), UTC))


@register.filter
def wall_time(at: datetime | str | None) -> SafeString | str:
    """Return a <time> for an aware datetime, or for the text of one (`2026-11-22T20:19:05.123456Z`)."""
    if not at:
        return ""
    return _time(datetime.fromisoformat(at) if isinstance(at, str) else at.astimezone(UTC))


def _time(at: datetime) -> SafeString:
    # strftime("%-d") is not portable; the day is written with an f-string instead.
    shown = f"{at.day} {at:%b %Y %H:%M:%S} UTC"
    return format_html('<time datetime="{}">{}</time>', at.strftime("%Y-%m-%dT%H:%M:%SZ"), shown)


@register.filter
def duration(seconds: int | None) -> str:
    """Return e.g. "3 d 00:06", "3 d 00:06:01", and under a day always with seconds: "00:06:00"."""
    if seconds is None:
        return ""
    days, rest = divmod(abs(int(seconds)), DAY_S)
    hours, rest = divmod(rest, HOUR_S)
    minutes, left = divmod(rest, MINUTE_S)
    clock = f"{hours:02}:{minutes:02}" + (f":{left:02}" if left or not days else "")
    return f"{days} d {clock}" if days else clock


@register.filter
def roughly(seconds: int | None) -> str:
    """Return a length of time in its two largest units: "3 d 2 h", "2 min", "14 s"."""
    if seconds is None:
        return ""
    left, parts = abs(int(seconds)), []
    for size, unit in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


@register.filter
def money(micros: int | None, currency: str = "") -> str:
    """Return micro-units as an amount: 1600000 → "1.60 EUR"; more decimals only when they are not zero."""
    if micros is None:
        return ""
    whole, rest = divmod(abs(int(micros)), 1_000_000)
    decimals = f"{rest:06}".rstrip("0").ljust(2, "0")
    sign = "-" if micros < 0 else ""
    return f"{sign}{whole}.{decimals} {currency}".rstrip()


@register.filter
def count(number: int | None) -> str:
    """Return a number with thin groups: 1204331 → "1 204 331" (with no-break spaces)."""
    return "" if number is None else f"{int(number):,}".replace(",", "\u00a0")


@register.filter
def hex(value: bytes | memoryview | str | None) -> str:
    """Return the hex digits of a hash, given as bytes or already as hex."""
    if value is None:
        return ""
    return value if isinstance(value, str) else bytes(value).hex()


@register.filter
def short_hash(value: bytes | memoryview | str | None) -> str:
    """Return the first eight hex digits of a hash."""
    return hex(value)[:8]
