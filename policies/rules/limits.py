"""Is there room left in every daily limit of this channel? A full day holds the run until the next one starts.

Pure.
"""

from policies.rules.values import Code, Facts, RuleVerdict, allow, pause

RULE = "daily_limit"

_ALLOW = allow(RULE)


def check(facts: Facts) -> RuleVerdict:
    """Pause until the latest reset among the limits this send does not fit into."""
    until = None
    for counter in facts["counters"]:
        if counter["rule"] == RULE and counter["used"] + counter["amount"] > counter["limit"]:
            until = max(until or 0, counter["resets_at"])
    if until is None:
        return _ALLOW
    return pause(RULE, Code.DAILY_LIMIT, until)
