"""What might a list use of limits and budgets, against what is left of them? For the page on which it is confirmed.

An estimate, never a promise: each send is counted by the gate when its turn comes, and others send meanwhile.
"""

from dataclasses import dataclass

from django.db.models import Count

from plans import queries as plan_queries
from plans.steps import CHANNELS
from policies import queries as policy_queries
from policies.rules import document, limits
from runs import clock
from runs.engine.transitions import Command
from runs.models import Bulk, BulkItem

SENDS = (Command.RETRY.value,)  # a redispatch keeps its first reservation; the others send nothing by themselves


@dataclass(frozen=True, slots=True)
class Cost:
    """One limit or budget a list would use. needed, left: messages, or micro-units when there is a currency."""

    policy: str
    key: str
    what: str
    needed: int
    left: int
    currency: str
    resets_at: int | None

    @property
    def short(self) -> bool:
        """Whether more is needed than is left."""
        return self.needed > self.left

    @property
    def waits(self) -> bool:
        """Whether what does not fit waits for the next day; a budget that is used up refuses."""
        return not self.currency


def costs(found: Bulk) -> list[Cost]:
    """Return what the sends of a list would take, what is short first; a fixed number of queries."""
    if found.command not in SENDS:
        return []
    sends = _sends(found)
    told = []
    for state in policy_queries.policy_states(clock.state().lane):
        needed: dict[str, int] = {}
        for channel, runs in sends.get(state.policy.key, {}).items():
            for amount in document.amounts_for(state.body, channel):
                name = _name(amount)
                needed[name] = needed.get(name, 0) + amount.units * runs
        for usage in state.usages:
            units = needed.get(_kind(usage.currency) + usage.key, 0)
            left = max(0, usage.limit - usage.used)
            cost = Cost(state.policy.key, usage.key, usage.what, units, left, usage.currency, usage.resets_at)
            told += [cost] if units else []
    return sorted(told, key=lambda cost: not cost.short)


def _name(amount: document.Amount) -> str:
    return _kind("" if amount.rule == limits.RULE else "money") + amount.key


def _kind(currency: str) -> str:
    """Return what keeps a limit and a budget of the same key apart."""
    return "budget:" if currency else "limit:"


def _sends(found: Bulk) -> dict[str, dict[str, int]]:
    """Return {policy: {channel: runs}} of the runs of a list that stand at a step that sends."""
    items = BulkItem.objects.filter(bulk=found, refusal="").order_by()
    places = items.values("run__plan_version_id", "run__step").annotate(c=Count("pk"))
    sends: dict[str, dict[str, int]] = {}
    for place in places:
        plan = plan_queries.parsed(place["run__plan_version_id"])
        step = plan.steps.get(place["run__step"])
        if step is not None and step.kind in CHANNELS:
            channels = sends.setdefault(plan.policy, {})
            channel = str(CHANNELS[step.kind])
            channels[channel] = channels.get(channel, 0) + place["c"]
    return sends
