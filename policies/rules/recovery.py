"""What does a policy say when a send has failed? The first of its recovery rules that names the channel and the code.

Pure. Source: DESIGN §8; study/engine.md §5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RETRY = "retry"
REDISPATCH = "redispatch"
RESOLVE_ON_EVIDENCE = "resolve_on_evidence"


@dataclass(frozen=True, slots=True)
class Choice:
    """The rule that applies: its place in the list, and what it does.

    attempt: the how-manieth application this is, 0 when the rule has given up. wait_s: seconds until it is tried.
    """

    rule: int
    action: str
    attempt: int
    wait_s: int


def choose(
    policy: Mapping[str, Any], *, channel: str, code: str, attempts: int, evidence: bool = False
) -> Choice | None:
    """Return what to do about a failure, or None when a person has to decide.

    policy: a `dee.policy/1` document, empty for none. attempts: rules applied before in this visit of the step.
    evidence: something is known by now about a message of unknown fate; only then resolve_on_evidence applies.
    """
    for index, rule in enumerate(policy.get("recovery", ())):
        if code not in rule["on"] or channel not in rule.get("channels", (channel,)):
            continue
        if (rule["action"] == RESOLVE_ON_EVIDENCE) != evidence:
            continue
        if evidence:
            return Choice(index, RESOLVE_ON_EVIDENCE, 1, 0)
        if attempts >= rule["max_attempts"]:
            return Choice(index, rule["action"], 0, 0)
        waits = rule["backoff_ticks"]
        return Choice(index, rule["action"], attempts + 1, waits[min(attempts, len(waits) - 1)])
    return None
