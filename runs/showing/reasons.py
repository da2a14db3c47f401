"""Why does a run stand where it stands, and what has to be done by whom? In sentences, from its status and reason code.

Pure: takes values and gives text for pages and the API.
"""

from dataclasses import dataclass

from channels import kinds
from runs.engine.transitions import NOT_SENT

LEVELS = {
    "READY": "info",
    "WAITING": "info",
    "PAUSED": "warn",
    "DISPATCHING": "info",
    "FAILED": "bad",
    "COMPLETED": "ok",
    "STOPPED": "muted",
}

RULE_CODES = {
    "kill_switch": "the kill switch is engaged",
    "plan_not_active": "the plan is not active",
    "contact_erased": "the contact was erased",
    "contact_closed": "the contact is closed",
    "contact_missing": "the contact does not exist",
    "no_address": "the contact has no address for this channel",
    "suppressed": "the address is on the suppression list",
    "consent_missing": "there is no consent for this channel and purpose",
    "consent_revoked": "consent was withdrawn",
    "timezone_unresolved": "no time zone can be told for the contact, and calling hours apply",
    "outside_hours": "it is outside the calling hours",
    "no_window": "the calling hours never open for this contact",
    "daily_limit": "the daily limit is used up",
    "policy_missing": "the plan's policy does not exist",
    "missing_price": "the policy has no price for this channel",
    "budget_exceeded": "the budget is used up",
    "require_false": "what the step requires does not hold",
}
HELD = {"daily_limit": "Held by a daily limit", "calling_hours": "Held by the calling hours", "kill_switch": "Held"}

WAITS = {
    "timer": "for a time to come",
    "event": "for an event, or for its timeout",
    "result": "for the result of a call that was placed",
    "task": "for a person to do a task",
}

# Codes of this engine's own; those of adapters have their sentences in channels.kinds.
_OWN = {"stale": "It was later than the step allows, so it was not sent."}
_UNKNOWN = {
    "no_result": "Nobody knows what came of it: the provider never told a result.",
    "engine_fault": "Nobody knows what came of it: DEE itself met an error while it was on its way.",
    "key_expired": "It was to leave again under its key, but the adapter may have forgotten the key by now.",
    "message_changed": "It was to leave again, but the kept message is not the one that was committed to.",
    "policy_denied": "It may have arrived, and the gate refused to send once more.",
    "render_failed": "It may have arrived, and the template needs an attribute to be sent once more.",
    "voided": "It may have arrived, and the last check kept it from leaving again.",
    "stale": "It may have arrived, and the next try was later than the step allows.",
}
_WAIT = "Nothing else happens until an operator acts on it."
_LIMITS = {
    "step_limit": "more steps than the plan allows.",
    "duration_limit": "it ran longer than the plan allows.",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands: a level for the colour, what happened, why, and what has to be done by whom."""

    level: str
    head: str
    why: str
    need: str


def standing(status: str, reason: str, step: str, evidence: str = "") -> Standing:
    """Return the one sentence a run's page begins with, in three parts.

    evidence: what is known by now about a message of unknown fate: an outcome, `not_sent` or "".
    """
    level = LEVELS[status]
    kind, _, detail = reason.partition(":")
    match status:
        case "FAILED":
            return _failed(kind, detail, step, evidence)
        case "PAUSED":
            return _paused(kind, detail, step)
        case "WAITING":
            return _waiting(kind, step)
        case "COMPLETED":
            return Standing(level, "Completed:", f"{reason}.", "Events that arrive later are kept as evidence only.")
        case "STOPPED":
            said = {"cancelled": "an operator cancelled it", "opted_out": "the contact opted out"}.get(kind, reason)
            return Standing(level, "Stopped:", f"{said}.", "Nothing more is sent for this run.")
        case "DISPATCHING":
            why = f"a message of {step} is on its way; its outcome is expected within seconds."
            return Standing(level, "Sending:", why, "Nothing is needed from you.")
    why = f"its next action at {step} is due; the engine takes it in its turn."
    return Standing(level, "Ready:", why, "Nothing is needed from you.")


def _waiting(kind: str, step: str) -> Standing:
    if kind == "task":
        need = "Do it, then complete the task with what came of it; if nobody does, the run goes on along its timeout."
        return Standing("warn", f"Waiting at {step}:", f"{WAITS[kind]}.", need)
    what = f" {WAITS[kind]}" if kind in WAITS else ""
    return Standing(LEVELS["WAITING"], "Waiting:", f"at {step}{what}.", "Nothing is needed from you.")


def _paused(kind: str, detail: str, step: str) -> Standing:
    level = LEVELS["PAUSED"]
    if kind == "held":
        why = "an operator holds it. Events are still recorded; no timer acts and nothing is sent."
        return Standing(level, f"Held at {step}:", why, "It goes on when somebody releases it.")
    if kind == "recovery":
        why = f"{failure(detail)} A recovery policy tries again."
        need = "It passes the whole gate by itself at that time; nothing is needed from you."
        return Standing(level, f"Trying {step} again later:", why, need)
    why = f"{RULE_CODES.get(detail, detail.replace('_', ' '))}."
    need = "It passes the gate again by itself at that time; nothing is needed from you."
    return Standing(level, f"{HELD.get(kind, 'Held by a policy')} at {step}:", why, need)


def _failed(kind: str, detail: str, step: str, evidence: str) -> Standing:
    def said(why: str, need: str = _WAIT) -> Standing:
        return Standing("bad", f"Stopped at {step}:", why, need)

    match kind:
        case "step_failed":
            return said(failure(detail), f"The message certainly did not leave. {_WAIT}")
        case "unknown_outcome":
            return said(_unknown(detail), _ways_out(evidence))
        case "policy_denied":
            need = "Remove the cause, then retry: a retry passes the same gate and can be refused again."
            rule = "what the step requires" if detail == "require" else detail.replace("_", " ")
            return said(f"the gate refused the send ({rule}).", need)
        case "render_failed":
            need = f"Nothing was sent. Give the contact this attribute, then retry. {_WAIT}"
            return said(f"the template needs “{detail}”, which this contact does not have.", need)
        case "engine_fault":
            return said(f"DEE itself met an error here ({detail}).", f"The log of the worker has its trace. {_WAIT}")
        case "zone_unknown":
            why = "the step waits for a time of the contact's day, and no time zone can be told for the contact."
            return said(why, f"Give the contact a time zone, then retry. {_WAIT}")
    return said(_LIMITS.get(kind, f"{kind} {detail}".strip().replace("_", " ") + "."))


def _ways_out(evidence: str) -> str:
    if evidence == NOT_SENT:
        return "By now it is known that it did not leave, so it can be retried."
    if evidence:
        return "By now something is known about it: resolve it with that outcome, and the run goes on."
    return (
        "It may have reached the contact, so a retry is not offered: find out at the provider, then resolve it "
        "with what you found, send it again on purpose, or cancel."
    )


def _unknown(code: str) -> str:
    if code in _UNKNOWN:
        return _UNKNOWN[code]
    if code in kinds.CERTAIN:  # of a later try; the message before it is the one in doubt
        return f"An earlier message of this step may have arrived; the latest try failed: {failure(code)}"
    return f"Nobody knows what came of it. {failure(code)}"


def failure(code: str) -> str:
    """Return the sentence of a failure code."""
    if code in _OWN:
        return _OWN[code]
    try:
        return kinds.failure(code).sentence
    except ValueError:
        return f"{code.replace('_', ' ').capitalize()}."


def held(reason: str) -> str:
    """Return why a run is paused, in a few words."""
    kind, _, detail = reason.partition(":")
    if kind == "held":
        return "An operator holds it"
    if kind == "recovery":
        return f"A recovery policy tries again: {failure(detail)}".rstrip(".")
    return RULE_CODES.get(detail, detail.replace("_", " ")).capitalize()


def cause(reason: str) -> str:
    """Return a failure's reason code in a few words, for lists."""
    kind, _, detail = reason.partition(":")
    return _failed(kind, detail, "", "").why.rstrip(".")
