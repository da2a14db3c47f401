"""How is every address of the site walked? Its table of addresses, and one of everything that an address may name.

The one contact is planted: none of its values stands anywhere else, so whoever finds one has found a leak.
"""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from axes.models import AccessAttempt
from django.contrib.auth.models import Group
from django.urls import URLPattern, get_resolver
from django.utils import timezone

from audit import desk
from audit.models import Verification
from channels.models import OutboxMessage, Reaction
from plans import queries as plan_queries
from policies import operations as policy_operations
from policies import publishing
from policies.models import Counter
from runs import operations
from runs.many import bulk
from runs.models import Intent
from runs.queries import RunFilter
from tests.factories import make_contact
from tests.factories_runs import make_world
from tests.functional.engine import drain
from tests.integration.dee_site.people import make_person
from tests.integration.dee_site.permission_rules import RULES

PLANTED = {
    "first_name": "Wilhelmina",
    "last_name": "Plantagenet",
    "email": "wilhelmina+refused@private.example",
    "phone": "+12125550177",
}
# A parameter of a route, as a path converter or as a group of a regular expression.
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")


def addresses(resolver: Any = None, spaces: tuple[str, ...] = (), before: str = "") -> Iterator[tuple[str, str]]:
    """Yield (name, route) of the whole table of addresses; one without a name goes by its route."""
    for found in (resolver or get_resolver()).url_patterns:
        route = before + str(found.pattern).removeprefix("^")
        if isinstance(found, URLPattern):
            yield (":".join((*spaces, found.name)) if found.name else route or "/"), route
        else:
            yield from addresses(found, (*spaces, found.namespace) if found.namespace else spaces, route)


@dataclass
class World:
    """What the addresses name: by the name of a parameter, or by what a rule says of it."""

    values: dict[str, Any]
    paths: dict[str, str] = field(default_factory=dict)

    def path(self, name: str, route: str) -> str:
        """Return an address that exists, as far as it can."""
        if name not in self.paths:
            self.paths[name] = self._made(name, route)
        return self.paths[name]

    def _made(self, name: str, route: str) -> str:
        given = {**self.values, **{to: self.values[what] for to, what in RULES[name].args.items()}}
        path = PARAMETER.sub(lambda found: str(given[found[1] or found[2]]), route)
        return "/" + path.removeprefix("/").removesuffix("$")


def one_of_everything() -> World:
    """Make one of everything around a contact c-1, whose message was refused."""
    plan_queries.forget()
    make_world()
    make_contact("c-1", **PLANTED)
    operations.enrol(plan_key="simple", contact_refs=["c-1"], actor="cli")
    drain()
    entry, _ = policy_operations.add_suppression(
        actor="cli", address=PLANTED["email"], scope="channel", reason="manual", note=""
    )
    switch = publishing.engage_kill_switch(actor="cli", scope="plan", key="elsewhere", reason="test")
    frozen = bulk.freeze(actor="user:1", command="resolve", wanted=RunFilter(status="FAILED"))
    assert desk.verify_and_note("run/1", by="cli").checked
    lock = AccessAttempt.objects.create(
        username="x", ip_address="127.0.0.1", failures_since_start=10, attempt_time=timezone.now()
    )
    reaction = Reaction.objects.create(due=1, source="hook:sandbox", external_id="x/0", body="{}")
    target = make_person("target", "")
    values = {
        "user": target.pk,
        "lock": lock.pk,
        "no": 1,
        "number": 1,
        "key": "simple",
        "template": "hello",
        "policy": "open",
        "ref": "c-1",
        "command": "retry",
        "command_id": uuid.uuid4(),
        "bulk_id": frozen.pk,
        "suppression": entry.pk,
        "switch": switch.pk,
        "st": "run/1",
        "n": 1,
        "intent": OutboxMessage.objects.values_list("pk", flat=True)[0],
        "id": 1,
        "adapter": "sandbox",
        "app_label": "auth",
        "content_type_id": 1,
        "object_id": 1,
        "url": "nowhere/",
        "rest": "nowhere/",
        "audit_verification": Verification.objects.values_list("pk", flat=True)[0],
        "channels_reaction": reaction.pk,
        "policies_counter": Counter.objects.values_list("pk", flat=True).first() or 1,
        "runs_intent": Intent.objects.values_list("pk", flat=True)[0],
        "auth_user": target.pk,
        "auth_group": Group.objects.get(name="viewer").pk,
    }
    return World(values)
