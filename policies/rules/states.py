"""Are the plan and the contact in a state in which we may send at all?

Pure.
"""

from policies.rules.values import Code, Facts, RuleVerdict, allow, deny

PLAN_RULE = "plan_state"
CONTACT_RULE = "contact_state"

_ALLOW_PLAN = allow(PLAN_RULE)
_ALLOW_CONTACT = allow(CONTACT_RULE)
_CONTACT_CODES = {"erased": Code.CONTACT_ERASED, "closed": Code.CONTACT_CLOSED}


def check_plan(facts: Facts) -> RuleVerdict:
    """Deny unless the plan is active."""
    if facts["plan_state"] != "active":
        return deny(PLAN_RULE, Code.PLAN_NOT_ACTIVE)
    return _ALLOW_PLAN


def check_contact(facts: Facts) -> RuleVerdict:
    """Deny unless the contact is active and has an address for the channel."""
    state = facts["contact_state"]
    if state != "active":
        return deny(CONTACT_RULE, _CONTACT_CODES.get(state, Code.CONTACT_MISSING))
    if not facts["address"]:
        return deny(CONTACT_RULE, Code.NO_ADDRESS)
    return _ALLOW_CONTACT
