"""Did this person agree to be contacted on this channel for this purpose? Unknown is no.

Pure. A transactional or regulatory send needs a record too, of another kind: nothing is sent without one.
"""

from policies.rules.values import Code, Facts, RuleVerdict, allow, deny

RULE = "consent"

KINDS = ("express_written", "express", "soft_opt_in", "contract", "legal_obligation", "legitimate_interest")

_ALLOW = allow(RULE)


def check(facts: Facts) -> RuleVerdict:
    """Deny unless the newest record is a grant."""
    status = facts["consent"]["status"]
    if status == "granted":
        return _ALLOW
    if status == "revoked":
        return deny(RULE, Code.CONSENT_REVOKED)
    return deny(RULE, Code.CONSENT_MISSING)
