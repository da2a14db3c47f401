"""Which counter does a limit count in at an instant, and when does that counter end? The names of the ledger's rows."""

from policies import hours
from policies.rules import budget, limits
from policies.rules.document import DAY, Amount

BUDGET = "budget:"  # every counter of money starts with this

_PREFIX = {limits.RULE: "daily:", budget.RULE: BUDGET}


def counter(amount: Amount, zone: str, now: int) -> tuple[str, int | None]:
    """Return (counter key, instant from which the next one counts, None for a lifetime). zone: the policy's."""
    prefix = _PREFIX[amount.rule]
    if amount.period == "lifetime":
        return f"{prefix}{amount.key}:lifetime", None
    span = hours.day(zone, now) if amount.period == DAY else hours.month(zone, now)
    return f"{prefix}{amount.key}:{span.label}", span.end
