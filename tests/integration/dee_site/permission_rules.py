"""Who may open what: one line for each address, by its url name. The matrix fails for an address without a line here.

A line says which rights a GET and a POST take. The roles' rights come from `dee_site.roles`, so a line holds for every
role at once. How to write one: `"runs:act": desk("runs.command_run", post="runs.command_run")`.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.integration.api.test_rights import RULES as API

NOBODY = ("nobody",)  # a right that does not exist: 403 for everybody, superusers too
Rights = tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """get, post: the rights it takes, all of them; () for everybody of the staff; None where it answers 405.

    where: "desk" leads strangers to the login page, "api" answers them 401, "open" takes everybody. either: rights of
    which one is enough. args: what this address needs beside what its parameters' names already say.
    """

    get: Rights | None
    post: Rights | None
    where: str = "desk"
    either: bool = False
    args: dict[str, Any] = field(default_factory=dict)


def desk(*get: str, post: str | Rights | None = None, **more: Any) -> Rule:
    """A page that shows to whoever has these rights; post: what sending takes, when it takes something at all."""
    return Rule(get, (post,) if isinstance(post, str) else post, **more)


def form(*rights: str, **more: Any) -> Rule:
    """A page with a form: whoever may see it may send it."""
    return Rule(rights, rights, **more)


def sent(*rights: str, **more: Any) -> Rule:
    """An address that only takes what another page's form sends."""
    return Rule(None, rights, **more)


def open_to_all(*, get: bool = True, post: bool = False) -> Rule:
    return Rule(() if get else None, () if post else None, "open")


SITE = {
    "/": open_to_all(post=True),
    "healthz": open_to_all(),
    "readyz": open_to_all(),
    "metrics": open_to_all(),
    "hooks": open_to_all(get=False, post=True),
    "help": desk(),
    "tour": sent(),
    "account:login": open_to_all(post=True),
    "account:code": open_to_all(post=True),
    "account:page": desk(),
    "account:begin": sent(),
    "account:confirm": sent(),
    "account:codes": form(),
    "account:off": form(),
    "account:logins": desk("auth.view_user"),
    "account:reset": form("auth.change_user", args={"pk": "user"}),
    "account:unlock": form("auth.change_user", args={"pk": "lock"}),
}
AUDIT = {
    "audit:log": desk("audit.view_entry"),
    "audit:stream": desk("audit.view_entry"),
    "audit:entry": desk("audit.view_entry"),
    "audit:verify": form("audit.verify_log"),
    "audit:chain": desk("audit.verify_log"),
}
CHANNELS = {
    "channels:mailbox": desk("channels.view_outboxmessage"),
    "channels:message": desk("channels.view_outboxmessage"),
    "channels:adapters": desk("channels.view_outboxmessage"),
}
EDIT, ACTIVATE = "plans.edit_plan", "plans.activate_plan"
TEMPLATE = {"key": "template"}
PLANS = {
    "plans:list": desk("plans.view_plan"),
    "plans:new": form(EDIT),
    "plans:plan": desk("plans.view_plan"),
    "plans:version": desk("plans.view_plan"),
    "plans:export": desk("plans.view_plan"),
    "plans:compare": desk("plans.view_plan"),
    "plans:reviews": desk("plans.view_plan"),
    "plans:review": desk("plans.view_plan", post=("plans.view_plan", ACTIVATE)),
    "plans:open_again": sent(EDIT),
    "plans:activate": sent(ACTIVATE),
    "plans:retire": form(ACTIVATE),
    "plans:draft": form(EDIT),
    "plans:draft_check": sent(EDIT),
    "plans:design": desk(EDIT),
    "plans:design_panel": desk(EDIT),
    "plans:design_act": sent(EDIT),
    "plans:design_publish": sent(EDIT),
    "plans:templates": desk("plans.view_template"),
    "plans:template": desk("plans.view_template", args=TEMPLATE),
    "plans:template_new": form(EDIT),
}
CONTACTS, CONSENT, SUPPRESS = "policies.manage_contacts", "policies.manage_consent", "policies.manage_suppressions"
PUBLISH = "policies.manage_policies"
POLICY, ENTRY, SWITCH = {"key": "policy"}, {"pk": "suppression"}, {"pk": "switch"}
POLICIES = {
    "policies:contacts": desk("policies.view_contact"),
    "policies:contact": desk("policies.view_contact"),
    "policies:contact_new": form(CONTACTS),
    "policies:contact_edit": form(CONTACTS, "policies.view_address"),
    "policies:contacts_import": form(CONTACTS),
    "policies:grant": form(CONSENT),
    "policies:withdraw": form(CONSENT),
    "policies:consents": desk("policies.view_consent"),
    "policies:suppressions": desk("policies.view_suppression"),
    "policies:suppression_add": form(SUPPRESS),
    "policies:suppressions_import": form(SUPPRESS),
    "policies:suppression_remove": form(SUPPRESS, args=ENTRY),
    "policies:limits": desk("policies.view_policy"),
    "policies:hours": desk("policies.view_policy"),
    "policies:policy_new": form(PUBLISH),
    "policies:policy": desk("policies.view_policy", args=POLICY),
    "policies:policy_edit": form(PUBLISH, args=POLICY),
    "policies:policy_document": form(PUBLISH, args=POLICY),
    "policies:policy_version": desk("policies.view_policy", args=POLICY),
    "policies:kill_switches": desk("policies.view_killswitch"),
    "policies:kill_switch_engage": form(PUBLISH, SUPPRESS, either=True),  # stopping takes either right
    "policies:kill_switch_release": form(PUBLISH, args=SWITCH),
}
SEE, COMMAND, EXPORT = "runs.view_run", "runs.command_run", "audit.verify_log"
RUNS = {
    "runs:list": desk(SEE),
    "runs:run": desk(SEE),
    "runs:act": form(COMMAND),
    "runs:replay": desk(SEE),
    "runs:bundle": desk(SEE, EXPORT),
    "runs:verdict": desk(SEE),
    "runs:tasks": desk(SEE),
    "runs:enrol": form("runs.enrol_run"),
    "runs:failures": desk(SEE),
    "runs:failures_csv": desk(SEE, EXPORT),
    "runs:failures_news": desk(SEE),
    "runs:triage": sent(SEE, COMMAND),
    "runs:bulks": desk(SEE),
    "runs:freeze": sent(COMMAND),
    "runs:bulk": desk(SEE, post=(SEE, COMMAND)),
    "runs:bulk_cancel": sent(SEE, COMMAND),
    "runs:bulk_csv": desk(SEE, EXPORT),
    "runs:rehearse": form(EDIT),
    "runs:rehearse_version": form("plans.view_plan"),
    "runs:what_if": desk(EDIT, SEE),
    "runs:what_if_version": desk("plans.view_plan", SEE),
    "runs:inbox": desk("runs.view_inbox"),
    "runs:engine": desk(SEE),
    "runs:confirm": sent("runs.drive_clock"),
    "runs:clock": desk(SEE),
    "runs:advance": sent("runs.drive_clock"),
}


def looked_at(model: str) -> dict[str, Rule]:
    """The stock pages of a table that the engine writes: to look at, for whoever has the right to."""
    app, _, name = model.partition("_")
    see = f"{app}.view_{name}"
    return {
        f"admin:{model}_changelist": form(see),
        f"admin:{model}_add": form(*NOBODY),
        f"admin:{model}_change": desk(see, post=NOBODY, args={"object_id": model}),
        f"admin:{model}_delete": form(*NOBODY, args={"object_id": model}),
        f"admin:{model}_history": form(see, args={"object_id": model}),
        f"admin/{app}/{name}/<path:object_id>/": form(args={"object_id": model}),
    }


STOCK = {
    "admin:index": form(),
    "admin:login": open_to_all(post=True),
    "admin:logout": sent(),
    "admin:password_change": form(),
    "admin:password_change_done": desk(),
    "admin:autocomplete": desk(*NOBODY),
    "admin:jsi18n": desk(),
    "admin:view_on_site": form(),
    "admin:app_list": form(),
    "admin/(?P<url>.*)$": form(),
    **looked_at("audit_verification"),
    **looked_at("channels_reaction"),
    **looked_at("policies_counter"),
    **looked_at("runs_intent"),
    **looked_at("auth_user"),
    **looked_at("auth_group"),
    # People are changed by administrators; the groups of the roles by nobody, see `dee_site.people`.
    "admin:auth_user_add": form("auth.add_user", "auth.change_user"),
    "admin:auth_user_change": desk("auth.view_user", post="auth.change_user", args={"object_id": "auth_user"}),
    "admin:auth_user_password_change": form("auth.change_user", args={"id": "user"}),
    "admin:auth_group_add": form("auth.add_group"),
}
# What the API asks for stands in its own table, tests/integration/api/test_rights.py.
PROGRAMS = {
    f"api:{name}": Rule(
        tuple(API[name, "GET"][0]) if (name, "GET") in API else None,
        tuple(API[name, "POST"][0]) if (name, "POST") in API else None,
        "api",
    )
    for name, _ in API
} | {
    "api:schema": open_to_all(),
    "api:verification": Rule(("audit.view_entry", "audit.verify_log"), None, "api"),  # without a stream: the whole log
    "api/v1/<path:rest>": open_to_all(post=True),
}

RULES: dict[str, Rule] = {**SITE, **AUDIT, **CHANNELS, **PLANS, **POLICIES, **RUNS, **STOCK, **PROGRAMS}
