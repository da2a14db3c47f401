"""The smallest plans in the database, made through the operations."""

import json
from typing import Any

from audit.models import Entry
from plans import drafts, models, operations
from tests.unit.plans.documents import DONE, minimal

HELLO = {
    "schema": "dee.template/1",
    "key": "hello",
    "channel": "email",
    "subject": "Hello",
    "body": "Hi {{ first_name }}",
}
SCRIPT = {**HELLO, "key": "script", "channel": "voice", "subject": ""}
MAIL = {"kind": "send_email", "template": "hello@1", "on": {"sent": "done"}}
DAN, ANN = "user:901", "user:902"


def document(key: str = "trial", seconds: int = 60, **changes: Any) -> dict[str, Any]:
    """Return a plan that waits and ends."""
    steps = {"pause": {"kind": "wait", "seconds": seconds, "on": {"completed": "done"}}, "done": DONE}
    return minimal(steps, key=key) | changes


def make_draft(key: str = "trial", actor: str = DAN, **changes: Any) -> models.PlanDraft:
    return operations.create_plan(key=key, title="Trial", body=json.dumps(document(key, **changes)), actor=actor)


def publish(key: str = "trial", actor: str = DAN, **changes: Any) -> models.PlanVersion:
    """Save a changed draft and publish it."""
    before = models.PlanDraft.objects.filter(plan__key=key).first()
    text = json.dumps(document(key, **changes))
    draft = drafts.save_text(plan_key=key, body=text, expected_revision=before.revision if before else 0, actor=actor)
    return operations.publish_draft(plan_key=key, expected_revision=draft.revision, actor=actor)


def make_version(key: str = "trial", actor: str = DAN, **changes: Any) -> models.PlanVersion:
    make_draft(key, actor, **changes)
    return operations.publish_draft(plan_key=key, expected_revision=1, actor=actor)


def make_template(**changes: Any) -> models.TemplateVersion:
    return operations.publish_template(text=json.dumps({**HELLO, **changes}), actor=DAN)


def entries(st: str) -> list[tuple[str, dict[str, Any]]]:
    """Return (type, data) of a stream of the log."""
    bodies = Entry.objects.filter(st=st).order_by("n").values_list("body", flat=True)
    return [(body["type"], body["data"]) for body in map(json.loads, bodies)]
