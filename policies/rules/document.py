"""Is this text a policy, and what does it say? Strict reading of `dee.policy/1`: all problems at once, or a Policy.

Pure. Whether a time zone exists is not asked here; that needs the zone database (`policies.hours.is_zone`).
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from audit import canon
from channels.kinds import Channel
from policies.rules import budget, limits

SCHEMA = "dee.policy/1"
DAY = "day"  # daily limits; budgets have one of PERIODS
PERIODS = ("month", "lifetime")
ANY_PURPOSE = "*"
CHANNELS = tuple(channel.value for channel in Channel)
MAX_ITEMS = 32
# Taken: a stream of its own in the log, and the address of the page that makes a policy.
RESERVED_KEYS = ("suppressions", "new")

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")
_PURPOSE = re.compile(r"[a-z][a-z0-9_-]{0,47}")
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_FROM = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_TO = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a document: where (JSON pointer) and a sentence that says what to do."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message}"


class Amount(NamedTuple):
    """What one send takes from one limit: 1 message, or the channel's price in micro-units (0 when there is none)."""

    rule: str
    key: str
    limit: int
    units: int
    period: str


class Invalid(ValueError):
    """The text is not a policy. problems: everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a policy. text: canonical; hash: hex SHA-256 over it; body: the same as dictionaries."""

    key: str
    hash: str
    text: str
    body: Mapping[str, Any]


def parse(text: str) -> Policy:
    """Return the policy written in a text. Raises: Invalid with every problem."""
    try:
        body = canon.decode(text, canon.DOCUMENT)
    except canon.NotCanonical as error:
        raise Invalid([Problem("", str(error))]) from None
    problems = _Checker().run(body)
    if problems:
        raise Invalid(problems)
    canonical = canon.encode(body, canon.DOCUMENT)
    return Policy(body["key"], document_hash(canonical), canonical, body)


def document_hash(canonical: str) -> str:
    """Return the hex SHA-256 that names a policy version; the database recomputes it in a CHECK."""
    return hashlib.sha256(f"{SCHEMA}\n{canonical}".encode()).hexdigest()


def is_key(word: str) -> bool:
    """Say whether a word can name a policy, a limit or a budget."""
    return _KEY.fullmatch(word) is not None


def is_purpose(word: str) -> bool:
    """Say whether a word can be a purpose."""
    return _PURPOSE.fullmatch(word) is not None


def windows_for(policy: Mapping[str, Any], channel: str, purpose: str) -> list[dict[str, Any]] | None:
    """Return the windows for a send, or None when the policy names none. A named purpose beats "*"."""
    fallback = None
    for rule in policy["calling_hours"]:
        if channel in rule["channels"]:
            if purpose in rule["purposes"]:
                return list(rule["windows"])
            if ANY_PURPOSE in rule["purposes"]:
                fallback = list(rule["windows"])
    return fallback


def amounts_for(policy: Mapping[str, Any], channel: str) -> list[Amount]:
    """Return what one send on a channel takes from every limit and budget of the policy, in the rules' order."""
    price = policy["prices"].get(channel) or 0
    counted = [
        Amount(limits.RULE, item["key"], item["limit"], 1, DAY)
        for item in policy["daily_limits"]
        if item["channel"] == channel
    ]
    return counted + [
        Amount(budget.RULE, item["key"], item["limit"], price, item["period"]) for item in policy["budgets"]
    ]


def gaps(policy: Mapping[str, Any], channel: str, purpose: str) -> list[str]:
    """Return sentences for what a policy lacks before a plan may send on a channel; empty when nothing is missing."""
    missing = []
    if policy["prices"].get(channel) is None:
        missing.append(f"policy {policy['key']} has no price for {channel}; add one under prices")
    if not any(limit["channel"] == channel for limit in policy["daily_limits"]):
        missing.append(f"policy {policy['key']} has no daily limit for {channel}; add one under daily_limits")
    if not policy["budgets"]:
        missing.append(f"policy {policy['key']} has no budget; add one under budgets")
    if channel == Channel.VOICE and windows_for(policy, channel, purpose) is None:
        missing.append(
            f"policy {policy['key']} names no calling hours for {purpose} calls; "
            "add windows under calling_hours (00:00 to 24:00 on all days when any hour is allowed)"
        )
    return missing


class _Checker:
    """Collects problems while walking one document."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def run(self, body: Any) -> list[Problem]:
        fields: dict[str, Callable[[Any, str], None]] = {
            "schema": self._schema,
            "key": self._policy_key,
            "zone": self._text(_ZONE, 'write a time zone such as "America/New_York"'),
            "currency": self._text(_CURRENCY, 'write a currency of three capital letters, such as "EUR"'),
            "prices": self._prices,
            "daily_limits": self._daily_limits,
            "budgets": self._budgets,
            "calling_hours": self._calling_hours,
        }
        self._object(body, "", fields)
        return self.problems

    def _add(self, pointer: str, message: str) -> None:
        self.problems.append(Problem(pointer, message))

    def _object(self, value: Any, at: str, fields: Mapping[str, Callable[[Any, str], None]]) -> bool:
        """Check an object that must have exactly these fields; say whether all were there."""
        if not isinstance(value, dict):
            self._add(at, f"write an object with {', '.join(fields)}")
            return False
        for name in sorted(value.keys() - fields.keys()):
            self._add(f"{at}/{name}", f"is not known here; known are {', '.join(fields)}")
        for name, check in fields.items():
            if name in value:
                check(value[name], f"{at}/{name}")
            else:
                self._add(f"{at}/{name}", "is missing")
        return fields.keys() <= value.keys()

    def _list(self, value: Any, at: str, *, empty: bool) -> list[Any]:
        if not isinstance(value, list):
            self._add(at, "write a list")
            return []
        if not value and not empty:
            self._add(at, "is empty; name at least one")
        if len(value) > MAX_ITEMS:
            self._add(at, f"holds {len(value)} items; at most {MAX_ITEMS} are allowed")
            return []
        return value

    def _text(self, pattern: re.Pattern[str], advice: str) -> Callable[[Any, str], None]:
        def check(value: Any, at: str) -> None:
            if not isinstance(value, str) or not pattern.fullmatch(value):
                self._add(at, advice)

        return check

    def _key_text(self, value: Any, at: str) -> None:
        self._text(_KEY, "write a key of lower-case letters, digits, - and _ (at most 48)")(value, at)

    def _one_of(self, words: Sequence[str]) -> Callable[[Any, str], None]:
        def check(value: Any, at: str) -> None:
            if value not in words:
                self._add(at, f"write one of {', '.join(words)}")

        return check

    def _count(self, value: Any, at: str) -> None:
        if type(value) is not int or value < 0:
            self._add(at, "write a whole number, 0 or more")

    def _schema(self, value: Any, at: str) -> None:
        if value != SCHEMA:
            self._add(at, f'write "{SCHEMA}"; other schemas are not understood')

    def _policy_key(self, value: Any, at: str) -> None:
        self._key_text(value, at)
        if value in RESERVED_KEYS:
            self._add(at, f"the key {value} is reserved; choose another")

    def _prices(self, value: Any, at: str) -> None:
        if not isinstance(value, dict):
            self._add(at, "write an object of channel and price in micro-units")
            return
        for channel, price in value.items():
            if channel not in CHANNELS:
                self._add(f"{at}/{channel}", f"is not a channel; channels are {', '.join(CHANNELS)}")
            self._count(price, f"{at}/{channel}")

    def _daily_limits(self, value: Any, at: str) -> None:
        fields = {"key": self._key_text, "channel": self._one_of(CHANNELS), "limit": self._count}
        self._keyed(value, at, fields)

    def _budgets(self, value: Any, at: str) -> None:
        fields = {"key": self._key_text, "limit": self._count, "period": self._one_of(PERIODS)}
        self._keyed(value, at, fields)

    def _keyed(self, value: Any, at: str, fields: Mapping[str, Callable[[Any, str], None]]) -> None:
        seen: set[str] = set()
        for index, item in enumerate(self._list(value, at, empty=True)):
            if self._object(item, f"{at}/{index}", fields) and isinstance(item["key"], str):
                if item["key"] in seen:
                    self._add(f"{at}/{index}/key", f"the key {item['key']} stands twice; each needs its own counter")
                seen.add(item["key"])

    def _calling_hours(self, value: Any, at: str) -> None:
        seen: dict[tuple[str, str], int] = {}
        fields = {"channels": self._channels, "purposes": self._purposes, "windows": self._windows}
        for index, item in enumerate(self._list(value, at, empty=True)):
            before = len(self.problems)
            self._object(item, f"{at}/{index}", fields)
            if len(self.problems) > before:
                continue
            for pair in [(channel, purpose) for channel in item["channels"] for purpose in item["purposes"]]:
                if pair in seen:
                    self._add(
                        f"{at}/{index}",
                        f"{pair[0]} for {pair[1]} already has windows in item {seen[pair]}; join the two",
                    )
                seen[pair] = index

    def _channels(self, value: Any, at: str) -> None:
        self._words(value, at, self._one_of(CHANNELS))

    def _purposes(self, value: Any, at: str) -> None:
        if value == [ANY_PURPOSE]:
            return
        self._words(value, at, self._text(_PURPOSE, 'write a lower-case word; "*" stands alone'))

    def _days(self, value: Any, at: str) -> None:
        def check(day: Any, where: str) -> None:
            if type(day) is not int or not 1 <= day <= 7:
                self._add(where, "write a weekday from 1 (Monday) to 7 (Sunday)")

        self._words(value, at, check)

    def _words(self, value: Any, at: str, check: Callable[[Any, str], None]) -> None:
        items = self._list(value, at, empty=False)
        for index, item in enumerate(items):
            check(item, f"{at}/{index}")
            if item in items[:index]:
                self._add(f"{at}/{index}", "stands twice")

    def _windows(self, value: Any, at: str) -> None:
        fields = {
            "days": self._days,
            "from": self._text(_FROM, 'write a time such as "09:00"'),
            "to": self._text(_TO, 'write a time such as "20:00"; the end of the day is "24:00"'),
        }
        for index, item in enumerate(self._list(value, at, empty=False)):
            before = len(self.problems)
            self._object(item, f"{at}/{index}", fields)
            if len(self.problems) == before and item["from"] >= item["to"]:
                self._add(f"{at}/{index}", "from must be before to; split a window that crosses midnight in two")
