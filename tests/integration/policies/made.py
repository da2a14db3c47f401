"""The smallest contacts, consents and policies a test can ask for. Everything that matters is an argument."""

import itertools
import json
from typing import Any

from audit.models import Entry, Head
from policies import gate, operations, publishing
from policies.models import Contact
from tests.unit.policies.facts import make_policy

_numbers = itertools.count(1)
ACTOR = "user:1"


def make_contact(**fields: Any) -> Contact:
    """Add an active contact in New York with an email and a phone."""
    number = next(_numbers)
    wanted = {
        "ref": f"c-{number}",
        "first_name": "Ada",
        "email": f"ada{number}@example.com",
        "phone": f"+1212555{number:04}",
        "zone": "America/New_York",
        **fields,
    }
    return operations.create_contact(actor=ACTOR, **wanted)


def make_consent(contact: Contact, *, channel: str = "email", purpose: str = "marketing", **more: Any) -> Any:
    """Record an express consent from a web form."""
    wanted = {"kind": "express", "source": "web form", "proof": "form record 77", **more}
    return operations.record_consent(actor=ACTOR, contact=contact, channel=channel, purpose=purpose, **wanted)


def publish(**changes: Any) -> Any:
    """Publish the sample policy with some fields replaced."""
    return publishing.publish_policy(actor=ACTOR, text=json.dumps(make_policy(**changes)), reason="for the test")


def make_ask(contact: Contact, **changes: Any) -> gate.Ask:
    """Ask about a marketing email of an active plan."""
    wanted: dict[str, Any] = {
        "contact_id": contact.pk,
        "channel": "email",
        "purpose": "marketing",
        "plan_key": "trial-followup",
        "plan_state": "active",
        "policy_key": "outreach",
        "late_by": 0,
    }
    return gate.Ask(**{**wanted, **changes})


def facts_of(ask: gate.Ask, *, now: int) -> dict[str, Any]:
    """Return the facts of one ask from a ledger of its own."""
    ledger = gate.Ledger()
    ledger.prefetch([ask])
    return ledger.facts(ask, now=now)


def clock() -> int:
    """Return the lane clock."""
    return Head.objects.get(pk=1).clock


def set_clock(to: int) -> None:
    """Move the lane clock, as the engine does."""
    Head.objects.filter(pk=1).update(clock=to)


def entries(stream: str) -> list[tuple[str, dict[str, Any]]]:
    """Return (type, data) of a stream's entries in order."""
    rows = Entry.objects.filter(st=stream).order_by("n")
    return [(row.type, json.loads(row.body)["data"]) for row in rows]
