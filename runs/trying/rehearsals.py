"""In which world is a plan rehearsed? The facts of a real or a made-up contact, its messages and its clock. Reads only.

The clock is the rehearsal's own and may stand anywhere. A real contact's facts come from the gate's ledger, whose
reservations stay in memory: it is never flushed. A made-up contact's facts have the same shape. The plan is taken to be
active, for that is what is being tried out.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audit import canon
from channels import registry
from channels.kinds import Channel
from channels.messages import message_commitment
from plans import content
from plans import queries as plan_queries
from plans.document import Plan
from plans.steps import CHANNELS, Call, SendEmail, WaitUntil, channels
from policies import hours, periods, zones
from policies.gate import Ask, Ledger
from policies.rules import consent, document, suppression
from policies.rules import hours as hours_rule
from runs import compose
from runs.engine import rehearsal
from runs.engine.script import Message, Rehearsal, Script
from runs.engine.values import Recover, Resolved, RunState, Settle, intent_id
from runs.people import Person
from runs.store import Live

NOBODY = 0  # the id of a contact that does not exist
_SALT = bytes(32)  # a rehearsal commits to nothing, and the same script has to give the same bytes


@dataclass(frozen=True, slots=True)
class MadeUp:
    """What is true about a contact that does not exist. consents: by channel: granted, revoked or unknown."""

    consents: Mapping[str, str] = field(default_factory=dict)
    suppressed: bool = False
    state: str = "active"


def attributes(plan: Plan, person: Person) -> dict[str, Any]:
    """Return the attributes that a run of this plan would freeze at its start."""
    return {name: person.attributes[name] for name in sorted(plan.attributes) if name in person.attributes}


def contact_hash(plan: Plan, person: Person) -> str:
    """Return the hash of a contact as a run's start records it."""
    attrs = attributes(plan, person)
    snapshot = {"ref": person.ref, "zone": person.zone, "country": person.country, "attrs": attrs}
    return hashlib.sha256(b"dee.contact/1\n" + canon.encode(snapshot).encode()).hexdigest()


def rehearse(plan: Plan, script: Script, person: Person, made_up: MadeUp | None = None) -> Rehearsal:
    """Rehearse a plan for a contact. made_up: what is true about one that does not exist.

    Raises: runs.engine.script.Unplayable; audit.canon.NotCanonical for attributes that no log can hold.
    """
    return rehearsal.rehearse(plan, script, World(plan, person, made_up))


class World:
    """Answers what the core asks during one rehearsal; see `runs.engine.script.World`."""

    def __init__(self, plan: Plan, person: Person, made_up: MadeUp | None = None) -> None:
        self.plan, self.person, self.made_up = plan, person, made_up
        self.ledger = Ledger()
        self.ledger.prefetch([self._ask(channel) for channel in channels(plan)])
        self.used: Counter[str] = Counter()  # of a made-up contact's sends
        self.barred: list[tuple[str, str]] = []

    def facts(self, channel: str, *, at: int, late_by: int, again: bool) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return (policy document, facts) as the gate takes them, with what happened in the rehearsal itself."""
        if self.made_up is None:
            facts = self.ledger.facts(self._ask(channel, late_by, again), now=at)
        else:
            facts = self._invented(self.made_up, channel, at, late_by)
            facts |= {"counters": [], "again": True} if again else {}
        return self.ledger.policy(self.plan.policy), facts | self._learnt(channel, facts)

    def message(self, state: RunState, step: SendEmail | Call) -> Message:
        """Return the message of a step, rendered strictly."""
        template = plan_queries.template(step.template)
        run = Live(0, 0, self.plan, self.person.id, state, stored=False)
        values = compose.variables(run, self.person)
        channel = str(CHANNELS[step.kind])
        to = self.person.email if channel == Channel.EMAIL else self.person.phone
        try:
            subject, body = content.render(template.subject, values), content.render(template.body, values)
        except content.Undefined as error:
            return Message(to, "", "", None, error.name)
        if not to:
            return Message(to, subject, body, None)
        c = message_commitment(_SALT, channel=channel, to=to, subject=subject, body=body)
        return Message(to, subject, body, {"c": c, "kind": "message", "ref": intent_id(state)})

    def resolved(self, step: WaitUntil, *, at: int) -> Resolved:
        """Return when the contact's clock shows the time of a step."""
        zone = zones.zone_of(self.person.zone, self.person.phone)
        until = hours.next_local(zone, step.minute, step.days, at) if zone else None
        return Resolved(at, zone, hours.TZDATA_VERSION, until)

    def recover(self, channel: str, *, at: int) -> Recover:
        """Return the policy in force and how long the channel's adapter knows a key."""
        key = self.plan.policy
        return Recover(at, self.ledger.policy(key), self.ledger.policy_hash(key), registry.key_ttl_s(channel))

    def reserve(self, facts: Mapping[str, Any], *, at: int) -> None:
        """Count an allowed send, for the facts of later ones."""
        if self.made_up is None:
            self.ledger.reserve(facts["counters"], now=at)
        else:
            self.used.update({counter["key"]: counter["amount"] for counter in facts["counters"]})

    def settle(self, effect: Settle, *, at: int) -> None:
        """Post, give back or keep what was counted."""
        if effect.how == "void" and self.made_up is not None:
            self.used.subtract({item["key"]: item["amount"] for item in effect.reserved})
        elif effect.how == "void":
            self.ledger.void(effect.reserved, now=at)
        elif effect.how == "post" and self.made_up is None:
            self.ledger.post(effect.reserved, now=at)

    def bar(self, channel: str, reason: str) -> None:
        """Let the gate refuse a channel from now on: `unsubscribe` also withdraws the consent."""
        self.barred.append((channel, reason))

    def _ask(self, channel: str, late_by: int = 0, again: bool = False) -> Ask:
        plan, contact = self.plan, self.person.id if self.made_up is None else NOBODY
        return Ask(contact, channel, plan.purpose, plan.key, "active", plan.policy, late_by, again)

    def _learnt(self, channel: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return the facts that what happened in the rehearsal has changed."""
        reasons = [reason for barred, reason in self.barred if barred == channel]
        if not reasons:
            return {}
        hits = [{"id": 0, "scope": "channel", "reason": reason} for reason in reasons]
        learnt: dict[str, Any] = {"suppressions": [*facts["suppressions"], *hits]}
        if set(reasons) & set(suppression.PERMANENT_REASONS):
            learnt["consent"] = facts["consent"] | {"status": "revoked"}
        return learnt

    def _invented(self, made_up: MadeUp, channel: str, at: int, late_by: int) -> dict[str, Any]:
        """Return a made-up contact's facts, in the shape of `Ledger.facts`."""
        plan, policy = self.plan, self.ledger.policy(self.plan.policy)
        hits = [{"id": 0, "scope": "global", "reason": "manual"}] if made_up.suppressed else []
        status = made_up.consents.get(channel, "unknown")
        known = status != "unknown"
        return {
            "at": at,
            "channel": channel,
            "purpose": plan.purpose,
            "plan": plan.key,
            "policy": {"key": plan.policy, "hash": self.ledger.policy_hash(plan.policy)},
            "plan_state": "active",
            "kill": [],
            "contact_state": made_up.state,
            "address": bool(self.person.email if channel == Channel.EMAIL else self.person.phone),
            "suppressions": hits,
            "consent": {"status": status, "version": int(known), "kind": consent.KINDS[1] if known else ""},
            "hours": self._hours(policy, channel, at),
            "tzdata": hours.TZDATA_VERSION,
            "counters": self._counters(policy, channel, at),
            "price": policy["prices"].get(channel) if policy else None,
            "currency": policy["currency"] if policy else "",
            "late_by": late_by,
        }

    def _hours(self, policy: Mapping[str, Any], channel: str, at: int) -> dict[str, Any]:
        windows = document.windows_for(policy, channel, self.plan.purpose) if policy else None
        if not hours_rule.applies(channel, windows):
            return {"applies": False, "windows": windows or [], "zones": [], "opens_at": None}
        names = zones.candidate_zones(self.person.zone, self.person.phone)
        opens_at = hours.next_opening(names, hours_rule.week(windows or []), at) if names else None
        here = [hours.local(name, at) for name in names]
        return {"applies": True, "windows": windows or [], "zones": here, "opens_at": opens_at}

    def _counters(self, policy: Mapping[str, Any], channel: str, at: int) -> list[dict[str, Any]]:
        counters = []
        for amount in document.amounts_for(policy, channel) if policy else []:
            key, resets_at = periods.counter(amount, policy["zone"], at)
            counters.append(
                {
                    "key": key,
                    "rule": amount.rule,
                    "limit": amount.limit,
                    "used": self.used[key],
                    "amount": amount.units,
                    "resets_at": resets_at,
                }
            )
        return counters
