"""Is the address on a do-not-contact list that covers this send? One hit of any scope denies.

Pure. Which entries cover a send (scope, expiry) is decided by `covers`, so that the gate and the pages agree.
"""

from policies.rules.values import Code, Facts, RuleVerdict, allow, deny

RULE = "suppression"

SCOPES = ("global", "channel", "plan")
# Reasons nobody lets lapse: the person, the law or the recipient's provider said no for good.
PERMANENT_REASONS = ("unsubscribe", "complaint", "dnc", "cease", "attorney", "erasure")
REASONS = (*PERMANENT_REASONS, "hard_bounce", "soft_bounce", "invalid", "manual")
# Only an approver may remove these.
PROTECTED_REASONS = PERMANENT_REASONS

_ALLOW = allow(RULE)


def covers(*, scope: str, on_channel: str, on_plan: str, channel: str, plan: str) -> bool:
    """Say whether an entry of this scope, channel and plan covers a send on a channel for a plan."""
    if scope == "global":
        return True
    if scope == "channel":
        return on_channel == channel
    return on_plan == plan and on_channel in ("", channel)


def check(facts: Facts) -> RuleVerdict:
    """Deny when any active entry covers the send."""
    if facts["suppressions"]:
        return deny(RULE, Code.SUPPRESSED)
    return _ALLOW
