"""What would the gate say to a send that the past run did not make? Going by the latest facts it recorded, if any.

Only what does not depend on the hour or on other people's sends is concluded: the contact's state, suppression and
consent. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from plans.document import Plan
from policies.rules import consent, evaluate, states, suppression
from policies.rules.values import Decision

LASTING = (states.CONTACT_RULE, suppression.RULE, consent.RULE)
_WHOLE_WEEK = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "24:00"}]

Facts = Mapping[str, Any]


def latest(
    recorded: Sequence[tuple[int, int, Facts]], channel: str, purpose: str, tick: int
) -> tuple[int, Facts | None]:
    """Return (entry, facts) of the gate's last look at this channel and purpose up to a tick, (0, None) without one."""
    asked = (channel, purpose)
    found = [(n, facts) for at, n, facts in recorded if at <= tick and (facts["channel"], facts["purpose"]) == asked]
    return found[-1] if found else (0, None)


def refuses(facts: Facts | None) -> str:
    """Return the lasting rule by which the gate refuses a send on these facts, "" when none does."""
    if facts is None:
        return ""
    verdict = evaluate.judge({**facts, "plan_state": "active", "kill": []})
    return verdict.rule if verdict.decision is Decision.DENY and verdict.rule in LASTING else ""


def supposed(plan: Plan, channel: str, at: int, *, denied_by: str = "") -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Return (policy, facts) on which the gate allows a send, or refuses it by a lasting rule. at: lane clock."""
    policy = {
        "key": plan.policy,
        "currency": "",
        "prices": {channel: 0},
        "daily_limits": [],
        "budgets": [],
        "calling_hours": [{"channels": [channel], "purposes": ["*"], "windows": _WHOLE_WEEK}],
    }
    facts = {
        "at": at,
        "channel": channel,
        "purpose": plan.purpose,
        "plan": plan.key,
        "policy": {"key": plan.policy, "hash": "supposed"},
        "plan_state": "active",
        "kill": [],
        "contact_state": "closed" if denied_by == states.CONTACT_RULE else "active",
        "address": True,
        "suppressions": [{"id": 0, "scope": "channel", "reason": "manual"}] if denied_by == suppression.RULE else [],
        "consent": {"status": "unknown" if denied_by == consent.RULE else "granted", "version": 0, "kind": ""},
        "hours": {"applies": False, "windows": _WHOLE_WEEK, "zones": [], "opens_at": None},
        "tzdata": "",
        "counters": [],
        "price": 0,
        "currency": "",
        "late_by": 0,
    }
    return policy, facts
