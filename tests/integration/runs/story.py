"""Runs with a story to tell on their page: a loop of any length, a mail with a branch behind it, and a way to look."""

from typing import Any

from django.test import Client
from django.urls import reverse

from runs import operations
from runs.models import Run
from tests.factories import DONE, make_contact, make_plan
from tests.functional.engine import advance, drain

READ = ("runs.view_run", "policies.view_address")


def loop(times: int) -> Run:
    """A run that waits and looks again this often, three entries each time."""
    steps = {
        "wait": {"kind": "wait", "seconds": 60, "on": {"completed": "often"}},
        "often": {
            "kind": "branch",
            "cases": [{"name": "enough", "when": {"op": "visits_ge", "step": "wait", "count": times}, "goto": "done"}],
            "else": {"name": "again", "goto": "wait"},
        },
        "done": DONE,
    }
    make_plan("loop", steps, limits={"max_steps": 10_000, "max_duration_s": 2_592_000})
    make_contact("c-loop")
    operations.enrol(plan_key="loop", contact_refs=["c-loop"], actor="cli")
    drain()
    advance(60 * times)
    return Run.objects.get(contact__ref="c-loop")


def opened_or_not(ref: str = "c-1", *, behaves: str = "delivered") -> Run:
    """A run that sends a mail, waits a day, and looks whether it was opened; then a split ends it."""
    opened = {"op": "event_seen", "event": "opened", "of": "mail"}
    steps = {
        "mail": {"kind": "send_email", "template": "hello@1", "on": {"sent": "day"}},
        "day": {"kind": "wait", "seconds": 86_400, "on": {"completed": "check"}},
        "check": {
            "kind": "branch",
            "cases": [{"name": "yes", "when": opened, "goto": "done"}],
            "else": {"name": "no", "goto": "half"},
        },
        "half": {
            "kind": "split",
            "arms": [{"name": "all", "weight": 3, "goto": "done"}, {"name": "none", "weight": 1, "goto": "done"}],
        },
        "done": DONE,
    }
    make_plan("looks", steps)
    make_contact(ref, email=f"{ref}+{behaves}@example.org")
    operations.enrol(plan_key="looks", contact_refs=[ref], actor="cli")
    drain()
    return Run.objects.get(contact__ref=ref)


def look(client: Client, run: Run, query: str = "") -> Any:
    """Return the answer of a run's page."""
    response = client.get(reverse("runs:run", args=[run.no]) + query)
    assert response.status_code == 200
    return response
