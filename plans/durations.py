"""How long is that, in words? Pure: durations are integer seconds everywhere; only pages and messages need words."""

_UNITS = ((86400, "day", "days"), (3600, "h", "h"), (60, "min", "min"), (1, "s", "s"))


def text(seconds: int) -> str:
    """Return an exact duration in words, such as "3 days", "1 h 30 min" or "0 s". seconds: not negative."""
    parts = []
    rest = seconds
    for size, one, many in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {one if count == 1 else many}")
    return " ".join(parts) or "0 s"
