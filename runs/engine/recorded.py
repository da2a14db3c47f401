"""Which input does a recorded entry stand for? Read strictly: what is replayed may come from anybody.

Every input is an entry that says all it needs; policies are named by their hash. Pure. Source: study/engine.md §6, §7.
"""

from collections.abc import Callable, Mapping
from typing import Any

from audit import canon, chain
from channels.kinds import Event as EventKind
from runs.engine import values
from runs.engine.values import Input

# The events after which a run stops, whenever they come.
OPT_OUTS = frozenset({EventKind.UNSUBSCRIBED.value, EventKind.COMPLAINED.value})

Policies = Mapping[str, Mapping[str, Any]]


class NotAnInput(Exception):
    """The entry follows from something else; nothing can be fed from it."""


class Malformed(Exception):
    """No engine writes this entry; the message says which part is not as it has to be."""


class PolicyMissing(Exception):
    """The entry names a policy whose document is not at hand; the message is its hash."""


# What a value has to be: a type, a tuple of alternatives, [what each item is], or {key: what it is} with at least those
# keys. A key with a question mark may be missing.
Shape = Any
_NUMBER_OR_NONE = (int, None)
_COMMITMENT = {"c": str, "kind": str, "ref": (int, str)}
_WINDOW = {"days": [int], "from": str, "to": str}
_FACTS = {
    "at": int,
    "channel": str,
    "purpose": str,
    "plan": str,
    "policy": {"key": str, "hash": str},
    "plan_state": str,
    "kill": [{"scope": str, "key": str}],
    "contact_state": str,
    "address": bool,
    "suppressions": [{"id": int, "scope": str, "reason": str}],
    "consent": {"status": str, "version": int, "kind": str},
    "hours": {
        "applies": bool,
        "windows": [_WINDOW],
        "zones": [{"name": str, "offset_s": int, "weekday": int, "minute": int}],
        "opens_at": _NUMBER_OR_NONE,
    },
    "tzdata": str,
    "counters": [
        {"key": str, "rule": str, "limit": int, "used": int, "amount": int, "resets_at": _NUMBER_OR_NONE},
    ],
    "price": _NUMBER_OR_NONE,
    "currency": str,
    "late_by": int,
    "again?": bool,
}
_EVENT = {"event": str, "intent": str, "machine": bool, "source": str, "id": str}
_RECOVERY = {"policy": {"key": str, "hash": str}, "key_ttl_s": int}
_DATA: Mapping[str, Shape] = {
    "run.started": {
        "plan": {"key": str, "version": int, "hash": str},
        "contact": {"ref": str, "hash": str},
        "start_at": int,
        "attrs": dict,
        "source": str,
    },
    "time.resolved": {"zone": str, "tzdata": str, "until": _NUMBER_OR_NONE},
    "gate.decided": {"facts": _FACTS, "payload": (None, _COMMITMENT), "error": str},
    "send.outcome": {"intent": str, "kind": str, "code": str, "label": str},
    "send.voided": {"intent": str, "rule": str},
    "event.received": _EVENT,
    "event.after_end": _EVENT,
    "send.reported": {"intent": str, "kind": str, "code": str, "label": str},
    "command.accepted": {
        "command": str,
        "id": str,
        "actor": str,
        "note": (None, _COMMITMENT),
        "label": str,
        "key_ttl_s?": int,
    },
    "recovery.applied": _RECOVERY,
    "recovery.exhausted": _RECOVERY,
    "engine.fault": {"type": str},
}
_BODY = {
    "v": int, "st": str, "n": int, "prev": str, "tick": int, "type": str, "step": str, "visit": int, "cause": int,
    "data": dict,
}  # fmt: skip


def body(text: str) -> dict[str, Any]:
    """Return the body of an entry's text. Raises: Malformed."""
    try:
        found = canon.decode_exact(text)
    except canon.NotCanonical as error:
        raise Malformed(str(error)) from None
    if not isinstance(found, dict) or found.keys() != chain.BODY_KEYS:
        raise Malformed("it has other fields than an entry")
    _check(found, _BODY, "")
    return found


def given(entry: Mapping[str, Any], start_at: int, policies: Policies) -> Input:
    """Return the input that an entry without a cause records. start_at: lane clock of the run's start.

    Raises: NotAnInput, Malformed, PolicyMissing.
    """
    check_input(entry)
    return _MADE[entry["type"]](entry, start_at + entry["tick"], policies)


def check_input(entry: Mapping[str, Any]) -> None:
    """Check that an entry without a cause is an input and holds what its type needs. Raises: NotAnInput, Malformed."""
    if entry["type"] not in _MADE:
        raise NotAnInput
    _check(entry["data"], _DATA[entry["type"]], "/data")


def _check(value: Any, shape: Shape, where: str) -> None:
    if isinstance(shape, tuple):
        if not any(_fits(value, each, where) for each in shape):
            raise Malformed(f"{where} is none of the values that may stand there")
    elif isinstance(shape, dict):
        if not isinstance(value, dict):
            raise Malformed(f"{where} is not an object")
        for name, inner in shape.items():
            key = name.removesuffix("?")
            if key in value:
                _check(value[key], inner, f"{where}/{key}")
            elif key == name:
                raise Malformed(f"{where}/{key} is missing")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise Malformed(f"{where} is not a list")
        for index, item in enumerate(value):
            _check(item, shape[0], f"{where}/{index}")
    elif value is not None if shape is None else type(value) is not shape:
        raise Malformed(f"{where} is not {'null' if shape is None else f'of the type {shape.__name__}'}")


def _fits(value: Any, shape: Shape, where: str) -> bool:
    try:
        _check(value, shape, where)
    except Malformed:
        return False
    return True


def _policy(policies: Policies, hash: str) -> Mapping[str, Any]:
    if not hash:
        return {}  # the plan named a policy that had no active version
    if hash not in policies:
        raise PolicyMissing(hash)
    return policies[hash]


def _start(entry: Mapping[str, Any], at: int, _: Policies) -> Input:
    data = entry["data"]
    for name, value in data["attrs"].items():
        if type(value) not in (str, int, bool):
            raise Malformed(f"/data/attrs/{name} is not a text, a number or a truth value")
    contact = data["contact"]
    return values.Start(at, data["plan"]["version"], contact["ref"], contact["hash"], data["attrs"], data["source"])


def _facts(entry: Mapping[str, Any], at: int, policies: Policies) -> Input:
    data = entry["data"]
    policy = _policy(policies, data["facts"]["policy"]["hash"])
    return values.Facts(at, policy, data["facts"], data["payload"], data["error"])


def _resolved(entry: Mapping[str, Any], at: int, _: Policies) -> Input:
    data = entry["data"]
    return values.Resolved(at, data["zone"], data["tzdata"], data["until"])


def _outcome(entry: Mapping[str, Any], at: int, _: Policies) -> Input:
    data = entry["data"]
    # The core looks at the label of a `label` only; that of every other kind it has written itself.
    return values.Outcome(at, data["intent"], data["kind"], data["code"], data["label"])


def _voided(entry: Mapping[str, Any], at: int, _: Policies) -> Input:
    return values.Voided(at, entry["data"]["intent"], entry["data"]["rule"])


def _event(entry: Mapping[str, Any], at: int, _: Policies) -> Input:
    data = entry["data"]
    stops = data["event"] in OPT_OUTS
    return values.Event(
        at, data["event"], data["intent"], entry["step"], data["machine"], data["source"], data["id"], stops
    )


def _report(entry: Mapping[str, Any], at: int, _: Policies) -> Input:
    data = entry["data"]
    return values.Report(at, data["intent"], entry["step"], data["kind"], data["code"], data["label"])


def _command(entry: Mapping[str, Any], at: int, _: Policies) -> Input:
    data = entry["data"]
    ttl = data.get("key_ttl_s", 0)
    return values.Command(at, data["command"], data["id"], data["actor"], data["note"], data["label"], ttl)


def _recover(entry: Mapping[str, Any], at: int, policies: Policies) -> Input:
    hash = entry["data"]["policy"]["hash"]
    return values.Recover(at, _policy(policies, hash), hash, entry["data"]["key_ttl_s"])


def _fault(entry: Mapping[str, Any], at: int, _: Policies) -> Input:
    return values.Fault(at, entry["data"]["type"])


_MADE: Mapping[str, Callable[[Mapping[str, Any], int, Policies], Input]] = {
    "run.started": _start,
    "time.resolved": _resolved,
    "gate.decided": _facts,
    "send.outcome": _outcome,
    "send.voided": _voided,
    "event.received": _event,
    "event.after_end": _event,
    "send.reported": _report,
    "command.accepted": _command,
    "recovery.applied": _recover,
    "recovery.exhausted": _recover,
    "engine.fault": _fault,
}
INPUTS = frozenset(_MADE)
# What the core adds on its own. Another type than these and the inputs belongs to a newer engine.
OUTPUTS = frozenset(
    {
        "send.intended", "send.redispatched", "step.waiting", "step.completed", "step.skipped", "branch.evaluated",
        "split.evaluated", "opt_out.recorded", "run.exited", "run.paused", "run.held", "run.released", "run.failed",
        "run.completed", "run.stopped",
    }
)  # fmt: skip


def policy_hash(entry: Mapping[str, Any]) -> str:
    """Return the hash of the policy an input needs, or "" when it needs none. entry: checked by `check_input`."""
    if entry["type"] == "gate.decided":
        return str(entry["data"]["facts"]["policy"]["hash"])
    if entry["type"] in ("recovery.applied", "recovery.exhausted"):
        return str(entry["data"]["policy"]["hash"])
    return ""
