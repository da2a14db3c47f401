"""What exactly would leave? Renders a step's template and commits to the bytes before the gate is asked."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit import canon
from channels import registry
from channels.messages import message_commitment
from plans import content
from plans import queries as plan_queries
from plans.steps import Call, SendEmail
from runs import store
from runs.engine.values import Dispatch, intent_id
from runs.people import Person
from runs.store import Live, Outgoing


@dataclass(frozen=True, slots=True)
class Composed:
    """A rendered message, or why there is none: the name of the variable that was undefined, for one."""

    adapter: str
    to: str
    subject: str
    body: str
    salt: bytes
    commitment: Mapping[str, Any] | None
    error: str = ""

    def outgoing(self, dispatch: Dispatch, run: int) -> Outgoing:
        """Return the row that keeps this message with its intent."""
        return Outgoing(dispatch, run, self.adapter, self.to, self.subject, self.body, self.salt)


def compose(run: Live, channel: str, contact: Person) -> Composed:
    """Render the message of the step a run stands at; a contact without an address has nothing to commit to."""
    step = run.plan.steps[run.state.step]
    assert isinstance(step, SendEmail | Call)
    adapter = registry.adapter_for(channel).name
    template = plan_queries.template(step.template)
    to = contact.email if channel == "email" else contact.phone
    values = variables(run, contact)
    try:
        subject = content.render(template.subject, values)
        body = content.render(template.body, values)
    except content.Undefined as error:
        return Composed(adapter, to, "", "", b"", None, error=error.name)
    if not to:
        return Composed(adapter, to, subject, body, b"", None)
    salt = secrets.token_bytes(32)
    c = message_commitment(salt, channel=channel, to=to, subject=subject, body=body)
    commitment = {"c": c, "kind": "message", "ref": intent_id(run.state)}
    return Composed(adapter, to, subject, body, salt, commitment)


def kept(run: Live, channel: str) -> Composed:
    """Return the message of unknown fate exactly as it was made, checked against what the log says of it."""
    found = store.kept_message(run.state.intent)
    if found is None:
        return Composed("", "", "", "", b"", None, error="message_erased")
    c = message_commitment(found.salt, channel=channel, to=found.to, subject=found.subject, body=found.body)
    payload = canon.decode(found.entry)["data"]["payload"]
    error = ""
    if payload["c"] != c:
        error = "message_changed"
    elif found.adapter != registry.adapter_for(channel).name:
        error = "adapter_changed"  # another provider never heard of this key
    return Composed(found.adapter, found.to, found.subject, found.body, found.salt, payload, error=error)


def variables(run: Live, contact: Person) -> dict[str, str]:
    """Return what a template may name: the contact's fields, and attributes as frozen at the run's start."""
    values = {
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "full_name": f"{contact.first_name} {contact.last_name}".strip(),
        "email": contact.email,
        "phone": contact.phone,
        "zone": contact.zone,
        "country": contact.country,
        "plan_title": run.plan.title or run.plan.key,
    }
    return values | {f"attr_{name}": str(value) for name, value in run.state.attrs.items()}
