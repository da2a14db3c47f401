"""May we contact this person, on this channel, for this purpose, now? The one function that decides.

Every rule runs and every verdict is recorded, whatever the others say. DENY > PAUSE (latest) > ALLOW.
Pure: the same facts give the same verdict on any machine, so a replay recomputes it.

Source: DESIGN §6.
"""

from collections.abc import Callable, Mapping
from typing import Any

from policies.rules import budget, consent, document, hours, kill_switch, limits, states, suppression
from policies.rules.values import Code, Decision, Facts, RuleVerdict, Verdict

# The order is part of the semantics: the first denial names the verdict, and reservations follow it.
RULES: tuple[Callable[[Facts], RuleVerdict], ...] = (
    kill_switch.check,
    states.check_plan,
    states.check_contact,
    suppression.check,
    consent.check,
    hours.check,
    limits.check,
    budget.check,
)


class WrongFacts(ValueError):
    """The facts were not measured under this policy; deciding on them would be a guess."""


def evaluate(policy: Mapping[str, Any], facts: Facts) -> Verdict:
    """Return the verdict on facts measured under a policy document; an empty document means there is no policy.

    Raises: WrongFacts when price, currency, windows or limits in the facts are not those of the policy.
    """
    _check_facts(policy, facts)
    return judge(facts)


def judge(facts: Facts) -> Verdict:
    """Return the verdict on recorded facts alone, as a replay does that holds no policy document."""
    verdicts = tuple(rule(facts) for rule in RULES)
    held: RuleVerdict | None = None
    for verdict in verdicts:
        if verdict.decision is Decision.DENY:
            return Verdict(Decision.DENY, verdict.rule, verdict.code, None, verdicts)
        if verdict.until is not None and (held is None or verdict.until > (held.until or 0)):
            held = verdict
    if held:
        return Verdict(Decision.PAUSE, held.rule, held.code, held.until, verdicts)
    return Verdict(Decision.ALLOW, "", Code.OK, None, verdicts)


def _check_facts(policy: Mapping[str, Any], facts: Facts) -> None:
    """Catch a loader that forgot a limit or a window: such facts would allow what the policy refuses."""
    if not policy:
        if facts["policy"]["hash"]:
            raise WrongFacts("the facts name a policy version, but no policy document was given")
        return
    channel = facts["channel"]
    windows = document.windows_for(policy, channel, facts["purpose"])
    price = policy["prices"].get(channel)
    expected = (policy["key"], policy["currency"], price, windows or [])
    found = (facts["policy"]["key"], facts["currency"], facts["price"], facts["hours"]["windows"])
    amounts = [(c["rule"], c["key"].split(":")[1], c["limit"], c["amount"]) for c in facts["counters"]]
    # Only an exemption is confirmed: where hours do apply, the rule looks at the windows itself.
    unheld = not facts["hours"]["applies"] and hours.applies(channel, windows)
    # What is dispatched again was counted when it was dispatched first.
    wanted = [] if facts.get("again") else [tuple(a[:4]) for a in document.amounts_for(policy, channel)]
    if found != expected or amounts != wanted or unheld:
        raise WrongFacts(f"the facts were not measured under this version of policy {policy['key']}")
