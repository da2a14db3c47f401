"""Is there money left for this send in every budget of the policy? An unknown price is a refusal.

Pure. Money is integer micro-units of the policy's currency.
"""

from policies.rules.values import Code, Facts, RuleVerdict, allow, deny

RULE = "budget"

_ALLOW = allow(RULE)


def check(facts: Facts) -> RuleVerdict:
    """Deny when there is no policy, no price for the channel, or not enough left in a budget."""
    if not facts["policy"]["hash"]:
        return deny(RULE, Code.POLICY_MISSING)
    if facts["price"] is None:
        return deny(RULE, Code.MISSING_PRICE)
    for counter in facts["counters"]:
        if counter["rule"] == RULE and counter["used"] + counter["amount"] > counter["limit"]:
            return deny(RULE, Code.BUDGET_EXCEEDED)
    return _ALLOW
