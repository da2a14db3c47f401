"""Does a plan find the policies it needs? The check that `plans` asks before a version comes into force.

Named in settings.DEE_ACTIVATION_CHECKS, since `plans` and `policies` do not know each other.
"""

import json

from plans.document import Plan
from plans.steps import CHANNELS
from policies import lookups
from policies.rules import document


def policy_keys() -> list[str]:
    """Return the keys of the policies in force."""
    return lookups.policy_keys()


def policy_problems(plan: Plan) -> list[str]:
    """Return a sentence for everything missing: the policy itself, or what it lacks for a channel the plan uses."""
    found = lookups.active_policies([plan.policy])
    if not found:
        return [f'There is no policy "{plan.policy}" in force; publish it, or name another in the plan.']
    (_, text) = lookups.policy_texts([found[0][1]])[0]
    policy = json.loads(text)
    used = sorted({CHANNELS[step.kind].value for step in plan.steps.values() if step.kind in CHANNELS})
    gaps = [gap for channel in used for gap in document.gaps(policy, channel, plan.purpose)]
    return [f"{gap[0].upper()}{gap[1:]}." for gap in dict.fromkeys(gaps)]
