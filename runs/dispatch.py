"""How do committed intents leave? Outside any transaction, each once, concurrently, by threads that touch no database.

The only caller of an adapter's `send`. What comes back is handed to the engine as outcomes, in intent order.
"""

import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from audit.log import Fenced
from channels import registry
from channels.kinds import Channel, Failure
from channels.messages import Message, Outcome, event_body, failed
from policies import gate
from runs.batch import InFlight
from runs.clock import LATENESS_TOLERANCE_S

logger = logging.getLogger(__name__)

NOT_AFTER = "not_after"


@dataclass(frozen=True, slots=True)
class Committed:
    """What was true when a wave was committed: entries in the log, the engine's fencing number, both clocks."""

    log_size: int
    epoch: int
    now: int
    at: datetime  # the database's clock


def send(wave: Sequence[InFlight], committed: Committed, pool: ThreadPoolExecutor) -> list[Outcome | str]:
    """Send a committed wave; return for each flight its outcome, or the name of the rule that stopped it.

    Every change of consent, suppression or kill switch is an entry, so a log of the same size proves that nothing
    changed since the gate decided. Raises: Fenced when another engine has closed these intents meanwhile.
    """
    rules: list[str | None] = [None] * len(wave)
    log_size, epoch, at = _head()
    if epoch != committed.epoch:
        raise Fenced(f"this engine holds epoch {committed.epoch}, the log is at epoch {epoch}: nothing is sent")
    if (at - committed.at).total_seconds() > LATENESS_TOLERANCE_S:
        # This process stood still since the commit: what was allowed then is asked again.
        rules = [NOT_AFTER] * len(wave)
    elif log_size != committed.log_size:
        rules = gate.recheck_all([flight.ask for flight in wave], committed.now)
    results = list(pool.map(_send_one, wave, rules)) if len(wave) > 1 else [_send_one(wave[0], rules[0])]
    return results


def _send_one(flight: InFlight, rule: str | None) -> Outcome | str:
    if rule is not None:
        return rule
    message = _message(flight)
    adapter = registry.adapter_for(message.channel)
    try:
        return adapter.send(message, message.intent)
    except Exception:
        # An adapter never raises; one that does has left us not knowing what it did.
        logger.exception("adapter raised", extra={"adapter": adapter.name, "intent": message.intent})
        return failed(Failure.ADAPTER_ERROR_AFTER_DATA)


def reactions(flight: InFlight, *, now: int) -> list[tuple[int, str, str, str]]:
    """Return what a simulated recipient will do after this send, as (due, source, external_id, inbox body)."""
    message = _message(flight)
    adapter = registry.adapter_for(message.channel)
    source = f"hook:{adapter.name}"
    return [
        (now + delay_s, source, f"{message.intent}/{at}", json.dumps(event_body(event, message.intent)))
        for at, (delay_s, event) in enumerate(adapter.reactions(message))
    ]


def _message(flight: InFlight) -> Message:
    out = flight.outgoing
    return Message(
        intent=out.dispatch.intent,
        channel=Channel(out.dispatch.channel),
        to=out.to,
        subject=out.subject,
        body=out.body,
        run=f"run/{out.run}",
        attempt=out.dispatch.attempt,
        again=out.dispatch.again,
    )


def _head() -> tuple[int, int, datetime]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT size, epoch, clock_timestamp() FROM audit_head WHERE id = 1")
        size, epoch, at = cursor.fetchone()
        return size, epoch, at
