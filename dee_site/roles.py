"""Who may do what? One table: role → rights. `migrate` keeps the groups of these names exactly in step with it.

Rights lie in the apps, as Django permissions; every page, operation and address of the API asks for rights, never for
a role. A house that wants another mix makes a group of its own: these six are put back with every `migrate`.
"""

from collections.abc import Mapping
from typing import Any

from django.apps import apps as installed

from audit import clear

APPS = ("audit", "channels", "plans", "policies", "runs")
# Everybody on the desk sees everything, with addresses, names and messages masked: every view_ right but that one.
EVIDENCE = ("audit.verify_log",)
PEOPLE = ("policies.manage_contacts", "policies.manage_consent", "policies.manage_suppressions", clear.RIGHT)
RUNNING = ("runs.command_run", "runs.enrol_run", "runs.drive_clock")
ACCOUNTS = ("auth.view_user", "auth.add_user", "auth.change_user", "auth.view_group")

ROLES: Mapping[str, tuple[str, ...]] = {
    "viewer": (),
    "auditor": EVIDENCE,
    "operator": (*EVIDENCE, *RUNNING, *PEOPLE),
    "designer": (*EVIDENCE, "plans.edit_plan"),
    # Who decides about a suppression has to see whose it is.
    "approver": (
        *EVIDENCE,
        "plans.activate_plan",
        "policies.manage_policies",
        "policies.manage_suppressions",
        clear.RIGHT,
    ),
    "admin": (
        *EVIDENCE,
        *RUNNING,
        *PEOPLE,
        *ACCOUNTS,
        "plans.edit_plan",
        "plans.activate_plan",
        "policies.manage_policies",
    ),
}


def rights_of(role: str) -> frozenset[str]:
    """Return every right of a role, those to see included, as `app.codename`."""
    return _seeing() | {*ROLES[role]}


def holders(right: str) -> list[str]:
    """Return the roles that bring a right, in the order of the table."""
    seeing = _seeing()
    return [role for role, own in ROLES.items() if right in seeing or right in own]


def keep_in_step(*, apps: Any, **_: Any) -> None:
    """Make the groups what the table says: after each `migrate`, when the rights of every app are there.

    apps: as the migrations left them; on the way to an older state a right may be missing, or the groups' own table.
    """
    try:
        apps.get_model("auth", "Group")
    except LookupError:
        return
    known = {_name(right): right for right in _all("Permission").select_related("content_type")}
    for role in ROLES:
        group, _made = _all("Group").get_or_create(name=role)
        group.permissions.set(known[name] for name in rights_of(role) if name in known)


def _seeing() -> frozenset[str]:
    found = _all("Permission").filter(content_type__app_label__in=APPS, codename__startswith="view_")
    return frozenset(_name(right) for right in found.select_related("content_type")) - {clear.RIGHT}


def _all(model: str) -> Any:
    """Return what the table of a model of accounts holds; by name, since this is imported before models are."""
    return installed.get_model("auth", model).objects


def _name(right: Any) -> str:
    return f"{right.content_type.app_label}.{right.codename}"
