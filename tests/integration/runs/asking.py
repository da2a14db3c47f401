"""How the page tests ask: what a page says, what it costs, the form of a command, and the runs they ask about."""

import uuid
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from runs import inbox, operations
from runs.models import Intent, Run
from tests.factories import DONE, make_contact
from tests.functional.engine import drain

TASK_STEPS = {
    "ring-the-bank": {
        "kind": "task",
        "title": "Ring the bank",
        "instructions": "Ask for the payment of last month.\nHave the file at hand.",
        "timeout_s": 86_400,
        "on": {"paid": "done", "refused": "failed", "timeout": "late"},
    },
    "done": DONE,
    "failed": {"kind": "end", "result": "refused"},
    "late": {"kind": "end", "result": "nobody_did_it"},
}
CALL_STEPS = {
    "call": {
        "kind": "call",
        "template": "script@1",
        "on": dict.fromkeys(("answered", "no_answer", "busy", "voicemail"), "done"),
    },
    "done": DONE,
}
HTMX = {"HTTP_HX_REQUEST": "true"}


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def queries_of(client: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


def act(run: Run, name: str = "retry") -> str:
    return reverse("runs:act", args=[run.no, name])


def form(run: Run, **changes: Any) -> dict[str, Any]:
    return {"expected_n": run.n, "command_id": str(uuid.uuid4()), "note": "the server is back"} | changes


def lost_run(ref: str = "c-1", *, plan: str = "simple") -> Run:
    """A run of whose message nobody knows whether it left."""
    make_contact(ref, email=f"{ref}+timeout-after@example.org", phone="+12125550198")
    operations.enrol(plan_key=plan, contact_refs=[ref], actor="cli")
    drain()
    run = Run.objects.get(contact__ref=ref)
    assert run.reason.startswith("unknown_outcome:"), run.reason
    return run


def evidence(run: Run, event: str) -> None:
    """Let the provider tell something about a run's newest message."""
    intent = Intent.objects.filter(run=run).latest("n")
    name = f"{intent.id}/{event}"
    inbox.put(source="hook:test", external_id=name, kind="event", body={"event": event, "intent": intent.id})
    drain()
