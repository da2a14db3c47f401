"""The roles: one table, and groups that every `migrate` brings in step with it."""

from io import StringIO

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db.migrations.state import StateApps

from audit import clear
from dee_site import roles
from tests.integration.dee_site.people import make_person

pytestmark = pytest.mark.django_db


def rights(group: Group) -> set[str]:
    return {f"{right.content_type.app_label}.{right.codename}" for right in group.permissions.all()}


def every_right() -> set[str]:
    found = Permission.objects.select_related("content_type")
    return {f"{right.content_type.app_label}.{right.codename}" for right in found}


def test_a_fresh_database_has_the_groups_of_the_table() -> None:
    assert {group.name: rights(group) for group in Group.objects.all()} == {
        role: {*roles.rights_of(role)} for role in roles.ROLES
    }


def test_every_right_of_the_table_exists() -> None:
    assert {right for held in roles.ROLES.values() for right in held} <= every_right()


def test_every_right_of_our_own_making_belongs_to_a_role() -> None:
    stock = ("add_", "change_", "delete_")
    ours = {
        right
        for right in every_right()
        if right.partition(".")[0] in roles.APPS and not right.partition(".")[2].startswith(stock)
    }

    assert {right for right in ours if not roles.holders(right)} == set()


def test_no_role_may_write_tables_that_the_engine_writes() -> None:
    for role in roles.ROLES:
        stock = {right for right in roles.rights_of(role) if right.partition(".")[2].startswith(("add_", "delete_"))}
        assert stock <= {"auth.add_user"}, role


@pytest.mark.parametrize("change", ["taken", "given", "deleted"])
def test_migrate_puts_a_role_back(change: str) -> None:
    viewer = Group.objects.get(name="viewer")
    if change == "taken":
        viewer.permissions.clear()
    elif change == "given":
        viewer.permissions.add(Permission.objects.get(codename="command_run"))
    else:
        viewer.delete()

    roles.keep_in_step(apps=apps)

    assert rights(Group.objects.get(name="viewer")) == roles.rights_of("viewer")


def test_migrate_is_what_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    Group.objects.get(name="viewer").permissions.clear()

    call_command("migrate", "audit", verbosity=0, interactive=False, stdout=StringIO())

    assert rights(Group.objects.get(name="viewer")) == roles.rights_of("viewer")


def test_a_right_that_a_later_version_adds_reaches_the_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Permission.objects.get(codename="view_run").content_type
    Permission.objects.create(codename="view_weather", name="Can see the weather", content_type=kind)
    monkeypatch.setattr(roles, "ROLES", {**roles.ROLES, "viewer": ("runs.drive_clock",)})

    roles.keep_in_step(apps=apps)

    assert {"runs.view_weather", "runs.drive_clock"} <= rights(Group.objects.get(name="viewer"))


def test_a_state_before_there_were_groups_is_left_alone() -> None:
    roles.keep_in_step(apps=StateApps([], {}))


def test_a_group_of_the_house_is_left_alone() -> None:
    house = Group.objects.create(name="house")
    house.permissions.add(Permission.objects.get(codename="command_run"))

    roles.keep_in_step(apps=apps)

    assert rights(house) == {"runs.command_run"}


@pytest.mark.parametrize("role", roles.ROLES)
def test_who_sees_in_clear(role: str) -> None:
    person = User.objects.get(pk=make_person("somebody", role).pk)

    assert clear.may_see(person) is (role in ("operator", "approver", "admin"))
    assert person.has_perm("runs.view_run") and person.has_perm("audit.view_entry")
