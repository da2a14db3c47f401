"""The smallest valid objects, made through the real operations. Every value that matters is visible in the test."""

import json
import zlib
from typing import Any

from plans import operations as plan_operations
from policies import operations as policy_operations
from policies import publishing
from policies.models import Contact

WHOLE_WEEK = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "24:00"}]
CALLS_A_DAY = {"key": "calls-a-day", "channel": "voice", "limit": 100_000}
DONE = {"kind": "end", "result": "finished", "goal": True}
BLOCKED = {"kind": "end", "result": "blocked"}
MAIL_STEPS = {"mail": {"kind": "send_email", "template": "hello@1", "on": {"sent": "done"}}, "done": DONE}


def make_policy(key: str = "open", **changes: Any) -> dict[str, Any]:
    """Publish a policy that lets nearly everything through; return its document."""
    document = {
        "schema": "dee.policy/1",
        "key": key,
        "zone": "UTC",
        "currency": "EUR",
        "prices": {"email": 1000, "voice": 80_000},
        "daily_limits": [{"key": f"{key}-email-day", "channel": "email", "limit": 100_000}, CALLS_A_DAY],
        "budgets": [{"key": f"{key}-budget", "limit": 100_000_000_000, "period": "lifetime"}],
        "calling_hours": [{"channels": ["voice"], "purposes": ["marketing"], "windows": WHOLE_WEEK}],
    } | changes
    publishing.publish_policy(actor="cli", text=json.dumps(document), reason="test")
    return document


def make_template(key: str = "hello", channel: str = "email", body: str = "Hello {{ first_name }}.") -> None:
    """Publish a template's next version."""
    subject = "Hello" if channel == "email" else ""
    document = {"schema": "dee.template/1", "key": key, "channel": channel, "subject": subject, "body": body}
    plan_operations.publish_template(actor="cli", text=json.dumps(document))


def make_plan(key: str = "simple", steps: dict[str, Any] | None = None, **changes: Any) -> str:
    """Install and activate a plan under the policy `open`; return its key."""
    steps = steps or MAIL_STEPS
    document = {
        "schema": "dee.plan/1",
        "key": key,
        "entry": next(iter(steps)),
        "purpose": "marketing",
        "policy": "open",
        "limits": {"max_steps": 50, "max_duration_s": 2_592_000},
        "steps": steps,
    } | changes
    plan_operations.install_plan(actor="cli", text=json.dumps(document))
    return key


def phone_of(ref: str) -> str:
    """Return a New York number of this contact's own: runs of one address are kept apart, so sharing has to be said."""
    return f"+1212{200 + zlib.crc32(ref.encode()) % 700}0191"


def make_contact(ref: str = "c-1", *, consents: tuple[str, ...] = ("email", "voice"), **fields: Any) -> Contact:
    """Add a contact with marketing consent on these channels."""
    values = {
        "first_name": "Ann",
        "last_name": "Example",
        "email": f"{ref}+delivered@example.org",
        "phone": phone_of(ref),
        "zone": "America/New_York",
        "country": "US",
    } | fields
    contact = policy_operations.create_contact(actor="cli", ref=ref, **values)
    for channel in consents:
        policy_operations.record_consent(
            actor="cli",
            contact=contact,
            channel=channel,
            purpose="marketing",
            kind="express_written",
            source="web form",
            proof="record 1",
            at=1_700_000_000,
        )
    return contact
