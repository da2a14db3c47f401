"""Which words does a verdict use? The values every rule takes and returns.

Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# Facts are the canonical dictionary that `policies.gate` measures and the run's `gate.decided` entry records verbatim.
Facts = Mapping[str, Any]


class Decision(StrEnum):
    """What a rule, and in the end the gate, says. There is no skip and no override."""

    ALLOW = "allow"
    PAUSE = "pause"
    DENY = "deny"


class Code(StrEnum):
    """Why. Closed list: pages, recovery policies and failure reasons are keyed by these words."""

    OK = "ok"
    KILL_SWITCH = "kill_switch"
    PLAN_NOT_ACTIVE = "plan_not_active"
    CONTACT_ERASED = "contact_erased"
    CONTACT_CLOSED = "contact_closed"
    CONTACT_MISSING = "contact_missing"
    NO_ADDRESS = "no_address"
    SUPPRESSED = "suppressed"
    CONSENT_MISSING = "consent_missing"
    CONSENT_REVOKED = "consent_revoked"
    TIMEZONE_UNRESOLVED = "timezone_unresolved"
    OUTSIDE_HOURS = "outside_hours"
    NO_WINDOW = "no_window"
    DAILY_LIMIT = "daily_limit"
    POLICY_MISSING = "policy_missing"
    MISSING_PRICE = "missing_price"
    BUDGET_EXCEEDED = "budget_exceeded"


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """What one rule says. until: epoch seconds, set exactly when the decision is PAUSE."""

    rule: str
    decision: Decision
    code: Code
    until: int | None = None

    def as_data(self) -> dict[str, Any]:
        """Return the canonical dictionary of this verdict."""
        return {
            "rule": self.rule,
            "decision": self.decision.value,
            "code": self.code.value,
            "until": self.until,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says: the deciding rule, and every rule's own verdict in the fixed order.

    rule is empty and code is `ok` when everything allows. until: epoch seconds, set exactly on PAUSE.
    """

    decision: Decision
    rule: str
    code: Code
    until: int | None
    rules: tuple[RuleVerdict, ...]

    def as_data(self) -> dict[str, Any]:
        """Return the canonical dictionary that goes into the run's `gate.decided` entry."""
        return {
            "decision": self.decision.value,
            "rule": self.rule,
            "code": self.code.value,
            "until": self.until,
            "rules": [verdict.as_data() for verdict in self.rules],
        }


def allow(rule: str) -> RuleVerdict:
    """Return the verdict of a rule that has nothing against it."""
    return RuleVerdict(rule, Decision.ALLOW, Code.OK)


def pause(rule: str, code: Code, until: int) -> RuleVerdict:
    """Return the verdict of a rule that holds the send until an instant, epoch seconds."""
    return RuleVerdict(rule, Decision.PAUSE, code, until)


def deny(rule: str, code: Code) -> RuleVerdict:
    """Return the verdict of a rule that refuses the send."""
    return RuleVerdict(rule, Decision.DENY, code)
