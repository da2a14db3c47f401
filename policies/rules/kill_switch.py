"""Has somebody stopped sending, everywhere or for this channel or plan? A stop holds runs; it never skips a step.

Pure.
"""

from policies.rules.values import Code, Facts, RuleVerdict, allow, pause

RULE = "kill_switch"

# A run held by a switch asks again this often. A pause and not a denial: a denial would send the run down its
# `blocked` edge or into FAILED, so an hour of emergency stop would end every run that met it.
ASK_AGAIN_S = 900

_ALLOW = allow(RULE)


def check(facts: Facts) -> RuleVerdict:
    """Pause while any switch that covers this send is engaged."""
    if facts["kill"]:
        return pause(RULE, Code.KILL_SWITCH, facts["at"] + ASK_AGAIN_S)
    return _ALLOW
