"""Is this text a policy, and what does it say? Strict reading of `dee.policy/1`: all problems at once, or a Policy.

Pure. Whether a time zone exists is not asked here; that needs the zone database (`policies.hours.is_zone`).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from audit import canon
from channels.kinds import CERTAIN, UNKNOWN, Channel
from policies.rules import budget, limits, recovery
from policies.rules.reading import Check, Problem, Reader

SCHEMA = "dee.policy/1"
DAY = "day"  # daily limits; budgets have one of PERIODS
PERIODS = ("month", "lifetime")
ANY_PURPOSE = "*"
CHANNELS = tuple(channel.value for channel in Channel)
ACTIONS = (recovery.RETRY, recovery.REDISPATCH, recovery.RESOLVE_ON_EVIDENCE)
NO_RESULT = "no_result"  # a call that was placed, and of which nobody told how it went
MAX_ATTEMPTS = 10  # of one recovery rule, and waits it may name
MAX_WAIT_S = 7 * 86400
# Taken: a stream of its own in the log, and the address of the page that makes a policy.
RESERVED_KEYS = ("suppressions", "new")

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")
_PURPOSE = re.compile(r"[a-z][a-z0-9_-]{0,47}")
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_FROM = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_TO = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_CODES = frozenset({*CERTAIN, *UNKNOWN, NO_RESULT})


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


class _Checker(Reader):
    """Walks one policy document."""

    def run(self, body: Any) -> list[Problem]:
        """Return everything that is wrong with a document."""
        fields: dict[str, Check] = {
            "schema": self._schema,
            "key": self._policy_key,
            "zone": self.text(_ZONE, 'write a time zone such as "America/New_York"'),
            "currency": self.text(_CURRENCY, 'write a currency of three capital letters, such as "EUR"'),
            "prices": self._prices,
            "daily_limits": self._daily_limits,
            "budgets": self._budgets,
            "calling_hours": self._calling_hours,
            "recovery": self._recovery,
        }
        self.record(body, "", fields, optional=["recovery"])
        return self.problems

    def _schema(self, value: Any, at: str) -> None:
        if value != SCHEMA:
            self.add(at, f'write "{SCHEMA}"; other schemas are not understood')

    def _policy_key(self, value: Any, at: str) -> None:
        self._key_text(value, at)
        if value in RESERVED_KEYS:
            self.add(at, f"the key {value} is reserved; choose another")

    def _key_text(self, value: Any, at: str) -> None:
        self.text(_KEY, "write a key of lower-case letters, digits, - and _ (at most 48)")(value, at)

    def _prices(self, value: Any, at: str) -> None:
        if not isinstance(value, dict):
            self.add(at, "write an object of channel and price in micro-units")
            return
        for channel, price in value.items():
            if channel not in CHANNELS:
                self.add(f"{at}/{channel}", f"is not a channel; channels are {', '.join(CHANNELS)}")
            self.number(0)(price, f"{at}/{channel}")

    def _daily_limits(self, value: Any, at: str) -> None:
        self._keyed(value, at, {"key": self._key_text, "channel": self.one_of(CHANNELS), "limit": self.number(0)})

    def _budgets(self, value: Any, at: str) -> None:
        self._keyed(value, at, {"key": self._key_text, "limit": self.number(0), "period": self.one_of(PERIODS)})

    def _keyed(self, value: Any, at: str, fields: Mapping[str, Check]) -> None:
        seen: set[str] = set()
        for index, item in enumerate(self.items(value, at, empty=True)):
            if self.record(item, f"{at}/{index}", fields) and isinstance(item["key"], str):
                if item["key"] in seen:
                    self.add(f"{at}/{index}/key", f"the key {item['key']} stands twice; each needs its own counter")
                seen.add(item["key"])

    def _calling_hours(self, value: Any, at: str) -> None:
        seen: dict[tuple[str, str], int] = {}
        fields = {"channels": self._channels, "purposes": self._purposes, "windows": self._windows}
        for index, item in enumerate(self.items(value, at, empty=True)):
            before = len(self.problems)
            self.record(item, f"{at}/{index}", fields)
            if len(self.problems) > before:
                continue
            for pair in [(channel, purpose) for channel in item["channels"] for purpose in item["purposes"]]:
                if pair in seen:
                    self.add(
                        f"{at}/{index}",
                        f"{pair[0]} for {pair[1]} already has windows in item {seen[pair]}; join the two",
                    )
                seen[pair] = index

    def _channels(self, value: Any, at: str) -> None:
        self.distinct(value, at, self.one_of(CHANNELS))

    def _purposes(self, value: Any, at: str) -> None:
        if value != [ANY_PURPOSE]:
            self.distinct(value, at, self.text(_PURPOSE, 'write a lower-case word; "*" stands alone'))

    def _windows(self, value: Any, at: str) -> None:
        def day(day: Any, where: str) -> None:
            if type(day) is not int or not 1 <= day <= 7:
                self.add(where, "write a weekday from 1 (Monday) to 7 (Sunday)")

        fields: dict[str, Check] = {
            "days": lambda days, where: self.distinct(days, where, day),
            "from": self.text(_FROM, 'write a time such as "09:00"'),
            "to": self.text(_TO, 'write a time such as "20:00"; the end of the day is "24:00"'),
        }
        for index, item in enumerate(self.items(value, at)):
            before = len(self.problems)
            self.record(item, f"{at}/{index}", fields)
            if len(self.problems) == before and item["from"] >= item["to"]:
                self.add(f"{at}/{index}", "from must be before to; split a window that crosses midnight in two")

    def _recovery(self, value: Any, at: str) -> None:
        for index, rule in enumerate(self.items(value, at, empty=True)):
            self._recovery_rule(rule, f"{at}/{index}")

    def _recovery_rule(self, rule: Any, at: str) -> None:
        action = rule.get("action") if isinstance(rule, dict) else None
        fields: dict[str, Check] = {
            "on": lambda codes, where: self.distinct(codes, where, self._code_for(action)),
            "channels": self._channels,
            "action": self.one_of(ACTIONS),
        }
        tries: dict[str, Check] = {
            "max_attempts": self.number(1, MAX_ATTEMPTS),
            "backoff_ticks": self._waits,
        }
        if action == recovery.RESOLVE_ON_EVIDENCE:
            tries = dict.fromkeys(tries, self._needless)
        tried = action in (recovery.RETRY, recovery.REDISPATCH)
        self.record(rule, at, fields | tries, optional=["channels"] if tried else ["channels", *tries])

    def _code_for(self, action: Any) -> Check:
        def check(code: Any, at: str) -> None:
            if not isinstance(code, str) or code not in _CODES:
                self.add(at, "write a failure code such as rate_limited or smtp_timeout_after_data")
            elif action in ACTIONS and (unfit := _unfit(action, code)):
                self.add(at, unfit)

        return check

    def _waits(self, value: Any, at: str) -> None:
        for index, wait in enumerate(self.items(value, at, most=MAX_ATTEMPTS)):
            self.number(1, MAX_WAIT_S)(wait, f"{at}/{index}")

    def _needless(self, _value: Any, at: str) -> None:
        self.add(at, f"remove it: {recovery.RESOLVE_ON_EVIDENCE} tries nothing again, it goes by what becomes known")


def _unfit(action: str, code: str) -> str:
    """Return why an action may not answer a failure code, or ""."""
    unknown = code == NO_RESULT or code in UNKNOWN
    if action == recovery.RETRY and unknown:
        return (
            f"with {code} nobody knows whether the message left, so a retry could send it twice; "
            f"use {recovery.RESOLVE_ON_EVIDENCE}"
            + ("" if code == NO_RESULT else f", or {recovery.REDISPATCH} (the same message under the same key)")
        )
    if action == recovery.REDISPATCH and code == NO_RESULT:
        return f"with {code} the call was placed, so nothing is sent again; use {recovery.RESOLVE_ON_EVIDENCE}"
    if action != recovery.RETRY and not unknown:
        return f"with {code} the message certainly did not leave; use {recovery.RETRY}"
    return ""
