"""The smallest policy and facts that allow a send, to be changed by the test that says what matters."""

import copy
import json
from typing import Any

from policies.rules import document

AT = 1795000000  # Wednesday 2026-11-18 06:06:40 UTC

POLICY: dict[str, Any] = {
    "schema": "dee.policy/1",
    "key": "outreach",
    "zone": "America/New_York",
    "currency": "EUR",
    "prices": {"email": 1000, "voice": 80000},
    "daily_limits": [
        {"key": "email-day", "channel": "email", "limit": 200},
        {"key": "voice-day", "channel": "voice", "limit": 50},
    ],
    "budgets": [{"key": "outreach-month", "limit": 50_000_000, "period": "month"}],
    "calling_hours": [
        {
            "channels": ["voice"],
            "purposes": ["marketing"],
            "windows": [{"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "20:00"}],
        }
    ],
}


def make_policy(**changes: Any) -> dict[str, Any]:
    """Return a policy document with some fields replaced."""
    return {**copy.deepcopy(POLICY), **changes}


def parsed(body: Any) -> document.Policy:
    """Return the policy read from a dictionary."""
    return document.parse(json.dumps(body))


def make_facts(**changes: Any) -> dict[str, Any]:
    """Return facts of an email that everything allows, with some fields replaced."""
    facts: dict[str, Any] = {
        "at": AT,
        "channel": "email",
        "purpose": "marketing",
        "plan": "trial-followup",
        "policy": {"key": "outreach", "hash": "ab" * 32},
        "kill": [],
        "plan_state": "active",
        "contact_state": "active",
        "address": True,
        "suppressions": [],
        "consent": {"status": "granted", "version": 3, "kind": "express"},
        "hours": {"applies": False, "windows": [], "zones": [], "opens_at": None},
        "tzdata": "2026.6",
        "counters": [
            counter("daily_limit", "daily:email-day:2026-11-18", limit=200, amount=1, resets_at=AT + 100),
            counter("budget", "budget:outreach-month:2026-11", limit=50_000_000, amount=1000, resets_at=AT + 9000),
        ],
        "price": 1000,
        "currency": "EUR",
        "late_by": 0,
    }
    return {**facts, **changes}


def counter(
    rule: str, key: str, *, limit: int, amount: int, used: int = 0, resets_at: int | None = AT + 100
) -> dict[str, Any]:
    """Return the fact of one counter."""
    return {"key": key, "rule": rule, "limit": limit, "used": used, "amount": amount, "resets_at": resets_at}


def calling(zones: list[tuple[int, int]], *, opens_at: int | None = AT + 50) -> dict[str, Any]:
    """Return the hours fact of a marketing call. zones: (weekday, minute) of each candidate zone."""
    return {
        "applies": True,
        "windows": POLICY["calling_hours"][0]["windows"],
        "zones": [{"name": f"Zone/{n}", "offset_s": 0, "weekday": d, "minute": m} for n, (d, m) in enumerate(zones)],
        "opens_at": opens_at,
    }
