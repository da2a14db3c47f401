"""How does an opt-out take effect? On the contact's consents and addresses, and in every run that would send there.

Called by the engine only, inside its transaction: whatever comes next in it sees the opt-out.
"""

from typing import TYPE_CHECKING

from plans.steps import channels
from policies import operations as policy_operations
from policies.models import Contact
from runs import store
from runs.engine import transitions
from runs.engine.values import Event, OptOut
from runs.store import Live

if TYPE_CHECKING:
    from runs.batch import Batch


def record(batch: "Batch", run: Live, effect: OptOut) -> None:
    """Carry out what a step of a run's plan recorded: the person said no in a way that no provider could tell us."""
    for channel in effect.channels:
        withdraw(batch, run, channel, reason="unsubscribe", source=f"run {run.no}")
    for channel in effect.channels:
        said = Event(batch.now, "unsubscribed", "", "", False, run.state.st, effect.id, True)
        fan_out(batch, said, channel, first=run)


def withdraw(batch: "Batch", run: Live, channel: str, *, reason: str, source: str) -> None:
    """Withdraw every consent of a run's contact on a channel and suppress the address there."""
    policy_operations.apply_opt_out(
        batch.writer,
        contact=Contact.objects.get(pk=run.contact_id),
        channel=channel,
        plan_key=run.plan.key,
        reason=reason,
        source=source,
        now=batch.now,
    )
    batch.ledger.refresh()


def fan_out(batch: "Batch", given: Event, channel: str, *, first: Live) -> None:
    """Tell every other open run of the contact that sends on the channel; each stops before its next send."""
    numbers = set(store.open_runs_of(first.contact_id))
    batch.take(store.by_number(sorted(numbers)))
    numbers |= {run.no for run in batch.runs.values() if run.contact_id == first.contact_id}
    for no in sorted(numbers - {first.no}):
        run = batch.runs[no]
        if run.state.status in transitions.OPEN and channel in channels(run.plan):
            told = Event(given.at, given.event, given.intent, "", given.machine, given.source, given.id, True)
            batch.apply(run, told)
