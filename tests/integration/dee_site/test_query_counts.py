"""How many queries does each page of the menu cost? As many for one row as for many, and what is written here."""

import pytest
from django.urls import reverse

from dee_site import menu
from policies import operations as policy_operations
from runs.many import bulk
from runs.queries import RunFilter
from tests.factories import make_contact, make_plan, make_template
from tests.factories_runs import command, failed_run, make_world, start_run, superuser
from tests.integration.runs.asking import TASK_STEPS, queries_of

pytestmark = pytest.mark.django_db

PINS = {
    "admin:index": 22,
    "runs:failures": 10,
    "runs:list": 6,
    "runs:tasks": 5,
    "runs:bulks": 7,
    "plans:list": 5,
    "plans:reviews": 7,
    "plans:templates": 5,
    "policies:contacts": 6,
    "policies:consents": 7,
    "policies:suppressions": 6,
    "policies:limits": 7,
    "policies:hours": 7,
    "policies:kill_switches": 5,
    "audit:log": 7,
    "audit:verify": 6,
    "channels:mailbox": 5,
    "runs:clock": 5,
    "channels:adapters": 5,
    "runs:inbox": 5,
    "runs:engine": 5,
    "account:logins": 7,
    "admin:auth_user_changelist": 8,
    "admin:auth_group_changelist": 7,
    "help": 4,
}


def fill(first: int, last: int) -> None:
    """Put rows of every kind into the house."""
    for n in range(first, last):
        failed = failed_run(f"f-{n}")
        if n % 3 == 0:
            command(failed, "retry")
        start_run(f"t-{n}", plan="tasks")
        make_contact(f"c-{n}")
        make_plan(f"plan-{n}")
        make_template(f"letter-{n}")
        policy_operations.add_suppression(
            actor="cli", address=f"nobody{n}@example.org", scope="global", reason="manual"
        )
        bulk.freeze(actor="user:1", command="resolve", wanted=RunFilter(status="FAILED"))


def test_every_page_of_the_menu_costs_what_is_written_here_however_full_the_house_is() -> None:
    names = [page.names[0] for _, pages in menu.GROUPS for page in pages]
    assert sorted(names) == sorted(PINS), "write down what a new page of the menu may cost"
    make_world()
    make_plan("tasks", TASK_STEPS)
    client = superuser()
    fill(0, 2)
    few = {name: queries_of(client, reverse(name)) for name in names}
    fill(2, 12)
    many = {name: queries_of(client, reverse(name)) for name in names}
    assert {name: (few[name], many[name]) for name in names if few[name] != many[name]} == {}
    assert many == PINS
