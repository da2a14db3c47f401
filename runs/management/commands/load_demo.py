"""`manage.py load_demo [--if-empty]`: people to log in as, four plans, sixty contacts, and runs that have begun."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError

from channels import registry
from plans import operations as plan_operations
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


def _load_policies() -> None:
    for path in sorted((settings.BASE_DIR / "policies" / "samples").glob("*.json")):
        publishing.publish_policy(actor="cli", text=path.read_text(), reason="Demo")


def _load_plans() -> None:
    for key in PLANS:
        path = settings.BASE_DIR / "plans" / "samples" / f"{key}.json"
        plan_operations.install_plan(actor="cli", text=path.read_text())
