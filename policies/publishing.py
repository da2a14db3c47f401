"""How do policies and kill switches change? Publishing is a new version with a reason; nothing is ever edited."""

from audit import log, vault
from policies import hours
from policies.models import KillSwitch, Policy, PolicyVersion
from policies.operations import Refused, Stale
from policies.rules import document
from policies.rules.reading import Problem

ENGINE = "engine"  # a switch stops the engine's sends, so its entries stand in the engine's stream


def publish_policy(*, actor: str, text: str, reason: str, expected_number: int | None = None) -> PolicyVersion:
    """Publish a `dee.policy/1` text as the active version; one equal to the active version changes nothing.

    expected_number: the active version the person looked at, 0 for none.
    Raises: document.Invalid, Refused without a reason, Stale when another version is active by now.
    """
    parsed = document.parse(text)
    if not reason.strip():
        raise Refused("Say why this version is published; the reason is kept.", "reason")
    with log.writing(by=actor) as writer:
        policy = Policy.objects.select_related("active_version").filter(key=parsed.key).first()
        active = policy.active_version if policy else None
        _check_expected(active, expected_number)
        if active and active.hash == parsed.hash:
            return active
        problems = _problems_outside(parsed)
        if problems:
            raise document.Invalid(problems)
        policy = policy or Policy.objects.create(key=parsed.key)
        held = vault.hold(kind="note", value=reason.strip(), subject=f"policy/{parsed.key}")
        version = PolicyVersion.objects.create(
            policy=policy,
            number=active.number + 1 if active else 1,
            body=parsed.text,
            hash=parsed.hash,
            published_at=writer.clock,
            published_by=writer.by,
            reason_ref=held["ref"],
        )
        policy.active_version = version
        policy.save(update_fields=["active_version"])
        data = {"number": version.number, "hash": version.hash, "reason": held}
        writer.append(f"policy/{parsed.key}", "policy.published", data)
        return version


def engage_kill_switch(*, actor: str, scope: str, reason: str, key: str = "") -> KillSwitch:
    """Stop sending at once: everywhere (global), on a channel, or for a plan. Runs are held, nothing is skipped.

    Raises: Refused for an unknown scope, without a reason, or when it is engaged already.
    """
    return _throw_switch(actor, scope, key, reason, engaged=True)


def release_kill_switch(*, actor: str, scope: str, reason: str, key: str = "") -> KillSwitch:
    """Let sending go on; held runs pass the whole gate again. Raises: Refused."""
    return _throw_switch(actor, scope, key, reason, engaged=False)


def _throw_switch(actor: str, scope: str, key: str, reason: str, *, engaged: bool) -> KillSwitch:
    if not reason.strip():
        raise Refused("Say why; the reason is kept.", "reason")
    if scope not in KillSwitch.Scope.values:
        raise Refused(f"Choose what to stop: {', '.join(KillSwitch.Scope.values)}.", "scope")
    if scope == "channel" and key not in document.CHANNELS:
        raise Refused(f"Choose a channel: {', '.join(document.CHANNELS)}.", "key")
    if (scope == "global") == bool(key) or (key and not document.is_key(key)):
        raise Refused("Name the channel or the plan, and nothing for everything.", "key")
    with log.writing(by=actor) as writer:
        switch = KillSwitch.objects.filter(scope=scope, key=key).first() or KillSwitch(scope=scope, key=key)
        if switch.engaged == engaged:
            state = f"engaged already, by {switch.changed_by}" if engaged else "not engaged"
            raise Stale(f"Nothing was done: the switch is {state}.")
        held = vault.hold(kind="note", value=reason.strip(), subject=ENGINE)
        switch.engaged, switch.reason_ref = engaged, held["ref"]
        switch.changed_at, switch.changed_by = writer.clock, writer.by
        switch.save()
        name = "kill_switch.engaged" if engaged else "kill_switch.released"
        writer.append(ENGINE, name, {"scope": scope, "key": key, "reason": held})
        return switch


def _check_expected(active: PolicyVersion | None, expected: int | None) -> None:
    if expected is None or expected == (active.number if active else 0):
        return
    by = f"{active.published_by} published version {active.number}" if active else "it was not published yet"
    raise Stale(f"Nothing was published: {by} meanwhile. Reload the page and try again.")


def _problems_outside(parsed: document.Policy) -> list[Problem]:
    """Return what only the shell can see: zones that do not exist, and keys that count for another policy."""
    problems = []
    if not hours.is_zone(parsed.body["zone"]):
        problems.append(Problem("/zone", f"there is no time zone {parsed.body['zone']}"))
    taken = _counter_keys_of_others(parsed.key)
    for name in ("daily_limits", "budgets"):
        for index, item in enumerate(parsed.body[name]):
            owner = taken.get((name, item["key"]))
            if owner:
                pointer = f"/{name}/{index}/key"
                problems.append(Problem(pointer, f"{item['key']} counts for policy {owner}; choose another key"))
    return problems


def _counter_keys_of_others(key: str) -> dict[tuple[str, str], str]:
    """Return {(list, limit key): policy}. Counters carry only the limit's key, so two policies may not share one."""
    taken = {}
    for other in Policy.objects.exclude(key=key).exclude(active_version=None).select_related("active_version"):
        assert other.active_version is not None
        body = document.parse(other.active_version.body).body
        for name in ("daily_limits", "budgets"):
            taken.update({(name, item["key"]): other.key for item in body[name]})
    return taken
