"""Runs as the real engine makes them, and people who may do certain things: what the pages' tests look at."""

import uuid

from django.contrib.auth.models import Permission, User
from django.test import Client

from plans import queries as plan_queries
from runs import operations
from runs.models import Run
from tests.factories import MAIL_STEPS, make_contact, make_plan, make_policy, make_template
from tests.functional.engine import drain

SEE_RUNS = ("runs.view_run",)
COMMAND = ("runs.view_run", "runs.command_run")


def make_world(**policy: object) -> None:
    """A policy, a template and the plan `simple`: one mail, then the end."""
    plan_queries.forget()
    make_policy(**policy)
    make_template()
    make_plan("simple", MAIL_STEPS)


def start_run(ref: str = "c-1", *, plan: str = "simple", behaves: str = "delivered") -> Run:
    """Enrol a new contact whose mailbox behaves in this way (see channels.adapters.script), and let the engine work."""
    make_contact(ref, email=f"{ref}+{behaves}@example.org")
    operations.enrol(plan_key=plan, contact_refs=[ref], actor="cli")
    drain()
    return Run.objects.get(contact__ref=ref)


def failed_run(ref: str = "c-1", *, behaves: str = "refused") -> Run:
    """A run that FAILED because the mail server refused its recipient."""
    run = start_run(ref, behaves=behaves)
    assert run.status == "FAILED", run.reason
    return run


def command(run: Run, name: str, *, actor: str = "cli", note: str = "because", label: str = "") -> str:
    """Give a command on a run as it stands and let the engine decide; return the command's id."""
    command_id = str(uuid.uuid4())
    operations.send_command(
        run_no=run.no,
        command=name,
        expected_n=run.n,
        command_id=command_id,
        actor=actor,
        note=note,
        label=label,
    )
    drain()
    return command_id


def signed_in(*permissions: str, name: str = "maria") -> Client:
    """Return a client signed in as a member of staff with these rights, given as `app.codename`."""
    user = User.objects.create_user(name, is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(user)
    return client


def superuser(name: str = "root") -> Client:
    """Return a client signed in as somebody who may do everything."""
    client = Client()
    client.force_login(User.objects.create_superuser(name, password="correct horse"))
    return client
