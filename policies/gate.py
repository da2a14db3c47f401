"""What is true about a send right now? Facts for `rules.evaluate`, and the ledger of what sends have used.

One `Ledger` is one engine transaction's view of policy state. The caller holds the log head lock (it is inside
`audit.log.writing`), so nobody else changes consents, suppressions, policies, switches or counters meanwhile. That is
why counters are read once, changed in memory and put down as absolute values in one statement at the end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policies import hours, lookups, periods, zones
from policies.rules import consent, document, kill_switch, states, suppression
from policies.rules import hours as hours_rule
from policies.rules.values import Decision

Facts = dict[str, Any]
Reserved = Mapping[str, Any]  # {"key", "amount"}, as recorded in the intent

_UNKNOWN_CONSENT = {"status": "unknown", "version": 0, "kind": ""}
_MISSING = lookups.ContactRow(0, "missing", "", "", "")
_MAX_LOADED = 256


@dataclass(frozen=True, slots=True)
class Ask:
    """May we contact this person, on this channel, for this purpose? late_by: seconds behind the due instant."""

    contact_id: int
    channel: str
    purpose: str
    plan_key: str
    plan_state: str
    policy_key: str
    late_by: int = field(default=0, compare=False)  # grows while a run waits; what has to be read stays the same
    again: bool = field(default=False, compare=False)  # a redispatch: its reservation stands since the first dispatch


class OverLimit(AssertionError):
    """A reservation was tried without an ALLOW on these facts. This cannot happen unless a caller skips the gate."""


class Ledger:
    """One engine transaction's view of policy state. prefetch, then facts and reservations, then flush."""

    def __init__(self) -> None:
        self._contacts: dict[int, lookups.ContactRow] = {}
        self._consents: dict[tuple[int, str, str], dict[str, Any]] = {}
        self._suppressions: dict[str, list[lookups.SuppressionRow]] = {}
        self._policies: dict[str, _Loaded] = {}
        self._switches: list[tuple[str, str]] = []
        self._counters: dict[str, _Counter] = {}

    def prefetch(self, asks: Sequence[Ask]) -> None:
        """Read what these asks need, in five statements (six when a policy version is new to this process)."""
        self._read_people({ask.contact_id for ask in asks})
        self._policies.update(_load_policies({ask.policy_key for ask in asks}))

    def _read_people(self, ids: set[int]) -> None:
        found = lookups.contacts(ids)
        self._contacts.update(dict.fromkeys(ids, _MISSING))
        self._contacts.update({row.id: row for row in found})
        for contact, channel, purpose, status, version, kind in lookups.consents(ids):
            newest = {"status": status, "version": version, "kind": kind}
            self._consents[contact, channel, purpose] = newest
        addresses = {address for row in found for address in (row.email, row.phone) if address}
        self._suppressions.update({address: [] for address in addresses})
        for entry in lookups.suppressions(addresses):
            self._suppressions[entry.address].append(entry)
        self._switches = lookups.engaged_switches()

    def refresh(self) -> None:
        """Read again what was prefetched: needed after an opt-out or a bounce inside the same transaction."""
        self._consents.clear()
        self._read_people(set(self._contacts))

    def policy(self, key: str) -> Mapping[str, Any]:
        """Return the active document of a prefetched policy, for `rules.evaluate`; empty when there is none."""
        return self._policies[key].body

    def policy_hash(self, key: str) -> str:
        """Return the hash of a prefetched policy's active version, or the empty string."""
        return self._policies[key].hash

    def zone(self, contact_id: int) -> str:
        """Return the zone of a contact's own clock, or the empty string when nobody knows it."""
        if contact_id not in self._contacts:
            self._read_people({contact_id})
        contact = self._contacts[contact_id]
        return zones.zone_of(contact.zone, contact.phone)

    def facts(self, ask: Ask, *, now: int) -> Facts:
        """Return everything the rules may look at, canonical and without personal data. now: lane clock.

        Raises: KeyError when its contact or policy was not prefetched.
        """
        contact = self._contacts[ask.contact_id]
        policy = self._policies[ask.policy_key]
        lane = policy.lane(ask.channel, ask.purpose)
        facts = {
            "at": now,
            "channel": str(ask.channel),  # an enum member is no plain text to the log
            "purpose": ask.purpose,
            "plan": ask.plan_key,
            "policy": {"key": ask.policy_key, "hash": policy.hash},
            "plan_state": ask.plan_state,
            **self._standing(ask, contact, now),
            "hours": _hours_facts(lane, contact, now),
            "tzdata": hours.TZDATA_VERSION,
            "counters": [] if ask.again else self._counter_facts(policy, lane, now),
            "price": lane.price,
            "currency": policy.currency,
            "late_by": ask.late_by,
        }
        return {**facts, "again": True} if ask.again else facts

    def reserve(self, counters: Sequence[Mapping[str, Any]], *, now: int) -> list[dict[str, Any]]:
        """Take the units of an allowed send. counters: from its facts; returns [{"key", "amount"}] for the intent.

        Raises: OverLimit when they no longer fit.
        """
        reserved = []
        for fact in counters:
            counter = self._counter(fact["key"])
            if counter.used(now) + fact["amount"] > fact["limit"]:
                raise OverLimit(f"{fact['key']} has {counter.used(now)} of {fact['limit']} used")
            counter.limit = fact["limit"]
            counter.reserved += fact["amount"]
            counter.touched = True
            reserved.append({"key": fact["key"], "amount": fact["amount"]})
        return reserved

    def post(self, reserved: Iterable[Reserved], *, now: int, actual_micros: int | None = None) -> None:
        """Settle a reservation after a success. actual_micros: the real cost when it is known; else what was reserved.

        What turns out cheaper is free from the next second on; what turns out dearer counts as used from now on.
        """
        for item in reserved:
            counter = self._counter(item["key"])
            amount = item["amount"]
            actual = amount
            if actual_micros is not None and item["key"].startswith(periods.BUDGET):
                actual = actual_micros
            counter.reserved -= amount
            counter.posted += min(actual, amount)
            counter.overrun += max(actual - amount, 0)
            counter.free(max(amount - actual, 0), now)
            counter.touched = True

    def void(self, reserved: Iterable[Reserved], *, now: int) -> None:
        """Give back a reservation: only when the message certainly did not leave. Free from the next second on."""
        for item in reserved:
            counter = self._counter(item["key"])
            counter.reserved -= item["amount"]
            counter.free(item["amount"], now)
            counter.touched = True

    def flush(self) -> None:
        """Put down every counter that changed, in one statement; none when nothing changed."""
        rows = [counter.row(key) for key, counter in sorted(self._counters.items()) if counter.touched]
        if rows:
            lookups.write_counters(rows)
        for counter in self._counters.values():
            counter.touched = False

    def _standing(self, ask: Ask, contact: lookups.ContactRow, now: int) -> Facts:
        """Return the facts that are looked at once more just before the socket."""
        return {
            "kill": self._kill_facts(ask),
            "contact_state": contact.state,
            "address": bool(contact.email if ask.channel == "email" else contact.phone),
            "suppressions": self._suppression_facts(ask, contact, now),
            "consent": self._consents.get((ask.contact_id, ask.channel, ask.purpose), _UNKNOWN_CONSENT),
        }

    def recheck(self, asks: Sequence[Ask], *, now: int) -> list[str | None]:
        """Return, for each ask, the first of the rules checked twice that now fails, or None."""
        self._read_people({ask.contact_id for ask in asks})
        failing: list[str | None] = []
        for ask in asks:
            standing = self._standing(ask, self._contacts[ask.contact_id], now)
            verdicts = (check({"at": now, **standing}) for check in _CHECKED_TWICE)
            failing.append(next((v.rule for v in verdicts if v.decision is not Decision.ALLOW), None))
        return failing

    def _kill_facts(self, ask: Ask) -> list[dict[str, str]]:
        own = {"global": "", "channel": ask.channel, "plan": ask.plan_key}
        return [{"scope": scope, "key": key} for scope, key in self._switches if own[scope] == key]

    def _suppression_facts(self, ask: Ask, contact: lookups.ContactRow, now: int) -> list[dict[str, Any]]:
        # Both addresses count: a global entry for somebody's email stops the calls too.
        return [
            {"id": entry.id, "scope": entry.scope, "reason": entry.reason}
            for address in (contact.email, contact.phone)
            for entry in self._suppressions.get(address, ())
            if (entry.expires_at is None or now < entry.expires_at)
            and suppression.covers(
                scope=entry.scope,
                on_channel=entry.channel,
                on_plan=entry.plan_key,
                channel=ask.channel,
                plan=ask.plan_key,
            )
        ]

    def _counter_facts(self, policy: "_Loaded", lane: "_Lane", now: int) -> list[dict[str, Any]]:
        facts = []
        for amount, (key, resets_at) in zip(lane.amounts, policy.counter_keys(lane, now), strict=True):
            counter = self._counters.get(key) or self._counter(key)
            facts.append(
                {
                    "key": key,
                    "rule": amount.rule,
                    "limit": amount.limit,
                    "used": counter.used(now),
                    "amount": amount.units,
                    "resets_at": resets_at,
                }
            )
        return facts

    def _counter(self, key: str) -> "_Counter":
        counter = self._counters.get(key)
        if counter is None:
            rows = lookups.counters([key])
            counter = self._counters[key] = _Counter(*rows[0][1:]) if rows else _Counter()
        return counter


def recheck(ask: Ask, now: int) -> str | None:
    """Look once more just before the socket; return the rule that now fails, or None. One ask; see `recheck_all`."""
    return recheck_all([ask], now)[0]


def recheck_all(asks: Sequence[Ask], now: int) -> list[str | None]:
    """Look once more, for a whole wave in four statements; the failing rule of each ask, or None."""
    return Ledger().recheck(asks, now=now)


_CHECKED_TWICE = (kill_switch.check, states.check_contact, suppression.check, consent.check)


@dataclass(frozen=True, slots=True)
class _Lane:
    """What a policy says about one channel and purpose, worked out once."""

    windows: list[dict[str, Any]]
    week: hours_rule.Week
    applies: bool
    price: int | None
    amounts: tuple[document.Amount, ...]


class _Loaded:
    """A policy version read once per process."""

    def __init__(self, body: Mapping[str, Any], hash: str) -> None:
        self.body = body
        self.hash = hash
        self.currency: str = body["currency"] if body else ""
        self._zone: str = body["zone"] if body else "UTC"
        self._lanes: dict[tuple[str, str], _Lane] = {}

    def lane(self, channel: str, purpose: str) -> _Lane:
        """Return what this version says about a channel and purpose."""
        lane = self._lanes.get((channel, purpose))
        if lane is None:
            lane = self._lanes[channel, purpose] = self._work_out(channel, purpose)
        return lane

    def counter_keys(self, lane: _Lane, now: int) -> list[tuple[str, int | None]]:
        """Return (counter key, instant of its reset) for each amount of a lane."""
        return [periods.counter(amount, self._zone, now) for amount in lane.amounts]

    def _work_out(self, channel: str, purpose: str) -> _Lane:
        if not self.body:
            return _Lane([], hours_rule.week([]), hours_rule.applies(channel, None), None, ())
        windows = document.windows_for(self.body, channel, purpose)
        week = hours_rule.week(windows or [])
        applies = hours_rule.applies(channel, windows)
        amounts = tuple(document.amounts_for(self.body, channel))
        return _Lane(windows or [], week, applies, self.body["prices"].get(channel), amounts)


@dataclass(slots=True)
class _Counter:
    """A counter in memory, with this transaction's changes."""

    limit: int = 0
    reserved: int = 0
    posted: int = 0
    overrun: int = 0
    freed: int = 0
    freed_at: int = 0
    touched: bool = False

    def used(self, now: int) -> int:
        """Return the units that are not free. Units freed in this very second count, whatever the wave size."""
        return self.reserved + self.posted + self.overrun + (self.freed if self.freed_at == now else 0)

    def free(self, amount: int, now: int) -> None:
        """Remember units given back in this second."""
        self.freed = amount + (self.freed if self.freed_at == now else 0)
        self.freed_at = now

    def row(self, key: str) -> tuple[str, int, int, int, int, int, int]:
        """Return the row as it lies in the database."""
        return (key, self.limit, self.reserved, self.posted, self.overrun, self.freed, self.freed_at)


_loaded: dict[str, _Loaded] = {}


def _load_policies(keys: set[str]) -> dict[str, _Loaded]:
    hashes = dict(lookups.active_policies(keys))
    unread = set(hashes.values()) - _loaded.keys()
    if unread:
        if len(_loaded) + len(unread) > _MAX_LOADED:
            _loaded.clear()
            unread = set(hashes.values())
        for hash, text in lookups.policy_texts(unread):
            _loaded[hash] = _Loaded(document.parse(text).body, hash)
    return {key: _loaded[hashes[key]] if key in hashes else _Loaded({}, "") for key in keys}


def _hours_facts(lane: _Lane, contact: lookups.ContactRow, now: int) -> dict[str, Any]:
    if not lane.applies:
        return {"applies": False, "windows": lane.windows, "zones": [], "opens_at": None}
    names = zones.candidate_zones(contact.zone, contact.phone)
    opens_at = hours.next_opening(names, lane.week, now) if names else None
    here = [hours.local(name, now) for name in names]
    return {"applies": True, "windows": lane.windows, "zones": here, "opens_at": opens_at}
