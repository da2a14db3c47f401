"""`manage.py load_demo [--if-empty]`: people to log in as, four plans, sixty contacts, and runs that have begun."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError

from channels import registry
from plans import drafts
from plans import operations as plan_operations
from plans.designing import edits
from plans.models import Plan
from policies import imports, publishing
from policies.models import Contact
from runs import operations

PASSWORD = "dee-demo"
PLANS = ("sales-outreach", "critical-notification", "failure-lab", "payment-reminder")
# Their roles are groups that `migrate` makes (`dee_site.roles`).
PEOPLE = {"maria": "operator", "dan": "designer", "ann": "approver", "audrey": "auditor", "vic": "viewer"}


class Command(BaseCommand):
    help = "Load the demo. Only while every channel is a sandbox: its contacts are invented."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="do nothing when there are plans or contacts")

    def handle(self, *_: Any, if_empty: bool, **__: Any) -> None:
        if not registry.all_sandbox():
            raise CommandError(
                "The demo needs the sandbox on every channel: set DEE_EMAIL_ADAPTER and DEE_VOICE_ADAPTER."
            )
        if Plan.objects.exists() or Contact.objects.exists():
            if not if_empty:
                raise CommandError("There are plans or contacts already; the demo is for an empty database.")
            return
        _make_people()
        _load_policies()
        _load_plans()
        samples = settings.BASE_DIR / "runs" / "samples"
        imports.import_contacts(actor="cli", raw=(samples / "contacts.csv").read_bytes())
        imports.import_suppressions(actor="cli", raw=(samples / "suppressions.csv").read_bytes())
        refs = list(Contact.objects.order_by("ref").values_list("ref", flat=True))
        for key, chosen in zip(PLANS, (refs, refs[:12], refs[:30], refs[20:35]), strict=True):
            operations.enrol(plan_key=key, contact_refs=chosen, actor="cli")
        _propose()
        self.stdout.write(logins())


def logins() -> str:
    """Return the lines that say how to log in to the demo."""
    people = "\n".join(f"  {name:<8} {role}" for name, role in [*PEOPLE.items(), ("admin", "everything")])
    return f"Demo logins (password {PASSWORD}):\n{people}"


def _make_people() -> None:
    for name, role in PEOPLE.items():
        person = User.objects.create_user(name, password=PASSWORD, first_name=name.title(), is_staff=True)
        person.groups.add(Group.objects.get(name=role))
    User.objects.create_superuser("admin", password=PASSWORD)


def _propose() -> None:
    """Let the designer submit a change, so that somebody else has a version to review."""
    how: dict[str, Any] = {"plan_key": PLANS[0], "actor": f"user:{User.objects.get(username='dan').pk}"}
    draft, _ = drafts.edit(expected_revision=0, change=_sooner, **how)
    draft, _ = drafts.edit(expected_revision=draft.revision, change=_asked, **how)
    plan_operations.publish_draft(expected_revision=draft.revision, **how)


def _sooner(sheet: edits.Sheet) -> edits.Edited:
    """Wait two days for the first letter to be opened, not three."""
    renamed = edits.rename(sheet, "wait-3-days", "wait-2-days").sheet
    return edits.put(renamed, "wait-2-days", {**renamed.steps["wait-2-days"], "seconds": 172_800})


def _asked(sheet: edits.Sheet) -> edits.Edited:
    """Let a person look before the reminder leaves."""
    task = edits.add(sheet, "task", "check-open", "no")
    look = {"title": "Is a reminder welcome?", "timeout_s": 86_400}
    ways = {"done": "reminder-email", "timeout": "reminder-email"}
    return edits.put(task.sheet, task.step, {"kind": "task", **look, "on": ways})


def _load_policies() -> None:
    for path in sorted((settings.BASE_DIR / "policies" / "samples").glob("*.json")):
        publishing.publish_policy(actor="cli", text=path.read_text(), reason="Demo")


def _load_plans() -> None:
    for key in PLANS:
        path = settings.BASE_DIR / "plans" / "samples" / f"{key}.json"
        plan_operations.install_plan(actor="cli", text=path.read_text())
