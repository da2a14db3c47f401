"""How do the recovery rules of a policy read? One sentence each, in the order in which they are tried."""

from collections.abc import Mapping, Sequence
from typing import Any

from policies.rules import document, recovery

_SENDS = {"email": "a mail", "voice": "a call"}
_UNITS = ((86400, "day", "days"), (3600, "h", "h"), (60, "min", "min"), (1, "s", "s"))


def sentences(body: Mapping[str, Any]) -> list[str]:
    """Return what a policy document does about failures; nothing when it leaves all of them to a person."""
    return [_sentence(rule) for rule in body.get("recovery", ())]


def _sentence(rule: Mapping[str, Any]) -> str:
    sends = _either([_SENDS[channel] for channel in rule.get("channels", document.CHANNELS)])
    fails = f"When {sends} fails with {_either(rule['on'])}"
    if rule["action"] == recovery.RESOLVE_ON_EVIDENCE:
        return f"{fails}: stay failed until something shows what became of it, and then go on along that outcome."
    done = "retry" if rule["action"] == recovery.RETRY else "send the very same message again under the same key"
    most = rule["max_attempts"]
    times, gate = ("once", "then") if most == 1 else (f"up to {most} times", "each time")
    return f"{fails}: {done} {times}, after {_waits(rule['backoff_ticks'], most)}; {gate} the full gate again."


def _waits(waits: Sequence[int], most: int) -> str:
    named = [_duration(seconds) for seconds in waits[:most]]
    if len(named) == most:
        return ", ".join(named)
    if len(named) == 1:
        return f"{named[0]} each time"
    return f"{', '.join(named[:-1])} and then {named[-1]} each time"


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _duration(seconds: int) -> str:
    parts = []
    for size, one, many in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {one if count == 1 else many}")
    return " ".join(parts)
