"""What must each recorded decision have seen? The facts of every gate, told anew from all that the log said before it.

Zones and calendar days need the zone database: what was measured with another version of it is said, not compared.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plans.document import Plan
from plans.steps import CHANNELS, WaitUntil
from policies import hours, periods, zones
from policies.rules import document, suppression
from policies.rules import hours as hours_rule
from runs.rebuild.ledger import Ledger
from runs.rebuild.report import GONE, Gone, Report, parting
from runs.rebuild.texts import Texts
from runs.rebuild.world import Contact, Entry, World

DECISIONS, WAITS, RECOVERIES = "decisions", "local times", "recoveries"

_UNKNOWN_CONSENT = {"status": "unknown", "version": 0, "kind": ""}
_MISSING = Contact("missing", 0, fields={"email": "", "phone": "", "zone": ""})
_BY_ZONES = re.compile(r"/data/(facts/(tzdata|hours/(zones|opens_at).*|counters/\d+/(key|resets_at))|tzdata|until)")


@dataclass(frozen=True, slots=True)
class Walker:
    """What is known of a run at its start, and what its decisions are about."""

    start_at: int
    contact: str
    plan: Plan | None


class Decisions:
    """Follows the entries of all runs in the order of the log, and compares what each decision saw."""

    def __init__(self, world: World, texts: Texts, report: Report) -> None:
        self.world = world
        self.texts = texts
        self.report = report
        self.ledger = Ledger()
        self.walkers: dict[str, Walker] = {}

    def take(self, entry: Entry) -> None:
        """Compare what an entry of a run saw, and fold what it did to the counters."""
        if entry.type == "run.started":
            data = entry.data
            plan = self.texts.plan(data["plan"]["key"], data["plan"]["version"], data["plan"]["hash"])
            self.walkers[entry.st] = Walker(data["start_at"], data["contact"]["ref"], plan)
            return
        walker = self.walkers[entry.st]
        now = walker.start_at + entry.tick
        if walker.plan is not None:
            self._compare(entry, walker, walker.plan, now)
        self.ledger.take(entry.st, entry.type, entry.data, now)

    def _compare(self, entry: Entry, walker: Walker, plan: Plan, now: int) -> None:
        if entry.type == "gate.decided":
            self._gate(entry, walker, plan, now)
        elif entry.type == "time.resolved":
            self._wait(entry, walker, plan, now)
        elif entry.type in ("recovery.applied", "recovery.exhausted"):
            policy = {"key": plan.policy, "hash": self.world.policy_hash(plan.policy)}
            self._note(RECOVERIES, entry, (entry.data["policy"], policy), "/data/policy")

    def _gate(self, entry: Entry, walker: Walker, plan: Plan, now: int) -> None:
        facts = entry.data["facts"]
        body = self.texts.policies.get(self.world.policy_hash(plan.policy), {})
        if self.world.policy_hash(plan.policy) and not body:
            self.report.skip(f"{entry.st} entry {entry.n}", "the text of its policy is not what the log says")
            return
        expected = self._expected(entry, walker, plan, body, now)
        recorded = {name: facts[name] for name in facts if name != "late_by"}  # the run's replay compares late_by
        if facts["tzdata"] != hours.TZDATA_VERSION:
            self._keys_as_recorded(recorded, expected, now)
        self._note(DECISIONS, entry, (recorded, expected), "/data/facts")

    def _note(self, area: str, entry: Entry, pair: tuple[Any, Any], at: str) -> None:
        """Compare what is recorded with what is expected; what another zone database told is counted and left alone."""
        self.report.compared[area] += 1
        tzdata = entry.data.get("tzdata") or entry.data.get("facts", {}).get("tzdata", hours.TZDATA_VERSION)
        if tzdata != hours.TZDATA_VERSION:
            self.report.other_tzdata[tzdata] += 1
        where, stream = f"{entry.st} entry {entry.n}", f"contact/{self.walkers[entry.st].contact}"
        for pointer, recorded, expected in parting(*pair, at):
            if GONE in (recorded, expected):
                self.report.lack(f"{area}: {pointer}", stream)
            elif tzdata == hours.TZDATA_VERSION or not _BY_ZONES.fullmatch(pointer):
                self.report.differ(area, where, pointer, recorded, expected)

    def _expected(self, entry: Entry, walker: Walker, plan: Plan, body: Mapping[str, Any], now: int) -> dict[str, Any]:
        world, contact = self.world, self.world.contacts.get(walker.contact, _MISSING)
        step = plan.steps.get(entry.step)
        channel = str(CHANNELS[step.kind]) if step is not None and step.kind in CHANNELS else ""
        again = bool(entry.data["facts"].get("again"))  # which the run's replay compares
        facts = {
            "at": now,
            "channel": channel,
            "purpose": plan.purpose,
            "plan": plan.key,
            "policy": {"key": plan.policy, "hash": world.policy_hash(plan.policy)},
            "kill": world.engaged(channel, plan.key),
            "plan_state": world.plans[plan.key].state if plan.key in world.plans else "",
            "contact_state": contact.state,
            "address": contact.fields["email" if channel == "email" else "phone"] != "",
            "suppressions": self._suppressions(entry, contact, (channel, plan.key), now),
            "consent": world.newest.get((walker.contact, channel, plan.purpose), _UNKNOWN_CONSENT),
            "hours": _hours(body, contact, (channel, plan.purpose), now),
            "tzdata": hours.TZDATA_VERSION,
            "counters": [] if again else list(self._counters(body, channel, now)),
            "price": body["prices"].get(channel) if body else None,
            "currency": body["currency"] if body else "",
        }
        return {**facts, "again": True} if again else facts

    def _suppressions(
        self, entry: Entry, contact: Contact, lane: tuple[str, str], now: int
    ) -> list[dict[str, Any]] | Gone:
        addresses = [contact.fields["email"], contact.fields["phone"]]
        if GONE in addresses or any(self._is_veiled(hit["id"]) for hit in entry.data["facts"]["suppressions"]):
            return GONE
        hits = []
        for number in (number for address in addresses for number in self.world.standing.get(address, ())):
            row = self.world.suppressions[number].row
            place = {"scope": row["scope"], "on_channel": row["channel"], "on_plan": row["plan_key"]}
            lapsed = row["expires_at"] is not None and now >= row["expires_at"]
            if not lapsed and suppression.covers(**place, channel=lane[0], plan=lane[1]):
                hits.append({"id": number, "scope": row["scope"], "reason": row["reason"]})
        return hits

    def _is_veiled(self, number: int) -> bool:
        found = self.world.suppressions.get(number)
        return found is not None and isinstance(found.address, Gone)

    def _counters(self, body: Mapping[str, Any], channel: str, now: int) -> Iterator[dict[str, Any]]:
        for amount in document.amounts_for(body, channel) if body else ():
            key, resets_at = periods.counter(amount, body["zone"], now)
            yield {
                "key": key,
                "rule": amount.rule,
                "limit": amount.limit,
                "used": self.ledger.used(key, now),
                "amount": amount.units,
                "resets_at": resets_at,
            }

    def _keys_as_recorded(self, recorded: Mapping[str, Any], expected: Mapping[str, Any], now: int) -> None:
        """Another zone database may begin a day elsewhere: ask how much of the recorded counter was used."""
        for one, other in zip(recorded["counters"], expected["counters"], strict=False):
            if one["key"].rpartition(":")[0] == other["key"].rpartition(":")[0]:
                other["used"] = self.ledger.used(one["key"], now)

    def _wait(self, entry: Entry, walker: Walker, plan: Plan, now: int) -> None:
        contact = self.world.contacts.get(walker.contact, _MISSING)
        step, phone = plan.steps.get(entry.step), contact.fields["phone"]
        expected: dict[str, Any] = {"zone": GONE, "until": GONE, "tzdata": hours.TZDATA_VERSION}
        if isinstance(step, WaitUntil) and not isinstance(phone, Gone):
            zone = zones.zone_of(contact.fields["zone"], phone)
            until = hours.next_local(zone, step.minute, step.days, now) if zone else None
            expected |= {"zone": zone, "until": until}
        self._note(WAITS, entry, (dict(entry.data), expected), "/data")


def _hours(body: Mapping[str, Any], contact: Contact, lane: tuple[str, str], now: int) -> dict[str, Any]:
    windows = document.windows_for(body, *lane) if body else None
    facts: dict[str, Any] = {"windows": windows or [], "zones": [], "opens_at": None}
    if not hours_rule.applies(lane[0], windows):
        return {"applies": False, **facts}
    phone = contact.fields["phone"]
    if isinstance(phone, Gone):
        return {"applies": True, **facts, "zones": GONE, "opens_at": GONE}
    names = zones.candidate_zones(contact.fields["zone"], phone)
    opens_at = hours.next_opening(names, hours_rule.week(windows or []), now) if names else None
    return {"applies": True, **facts, "zones": [hours.local(name, now) for name in names], "opens_at": opens_at}
