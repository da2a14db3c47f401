"""What does somebody vouch for? `call-1=no_answer` for an outcome, `email-2.opened=7200` or `=never` for an event.

An assumption is used only where no past run has an answer, and every report prints it. Pure.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from channels.kinds import CALL_RESULTS, EMAIL_EVENTS
from plans.document import Plan
from plans.steps import Call, SendEmail, Step, Task

NEVER = "never"
_WORD = re.compile(r"([a-z0-9-]+)(?:\.([a-z_]+))?=([A-Za-z0-9_-]+)")


class Wrong(ValueError):
    """An assumption that this plan cannot use; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """labels: outcome by step. events: seconds after the send by (step, event), None for never. words: as written."""

    labels: Mapping[str, str] = field(default_factory=dict)
    events: Mapping[tuple[str, str], int | None] = field(default_factory=dict)
    words: tuple[str, ...] = ()


def parse(words: Iterable[str], plan: Plan) -> Assumptions:
    """Return the assumptions written as words about a plan. Raises: Wrong."""
    words = tuple(words)
    labels: dict[str, str] = {}
    events: dict[tuple[str, str], int | None] = {}
    for word in words:
        found = _WORD.fullmatch(word)
        if not found:
            raise Wrong(
                f"“{word}” is no assumption; write call-1=no_answer, email-2.opened=7200 or email-2.opened=never."
            )
        name, event, value = found.groups()
        step = plan.steps.get(name)
        if step is None:
            raise Wrong(f"“{word}”: the plan has no step “{name}”.")
        if event:
            events[name, event] = _after(word, step, event, value)
        else:
            labels[name] = _label(word, step, value)
    return Assumptions(labels, events, words)


def _label(word: str, step: Step, value: str) -> str:
    if not isinstance(step, SendEmail | Call | Task):
        raise Wrong(f"“{word}”: nothing has to be assumed about a step of the kind {step.kind}; the core decides it.")
    # A refusal can come to any send, also to one that has no way out for it.
    allowed = [*step.on, *([] if isinstance(step, Task) or "blocked" in step.on else ["blocked"])]
    if value not in allowed:
        raise Wrong(f"“{word}”: the outcomes of “{step.name}” are {', '.join(allowed)}.")
    return value


def _after(word: str, step: Step, event: str, value: str) -> int | None:
    known = EMAIL_EVENTS if isinstance(step, SendEmail) else CALL_RESULTS if isinstance(step, Call) else ()
    if event not in {str(each) for each in known}:
        raise Wrong(f"“{word}”: the events of “{step.name}” are {', '.join(known) or 'none, for it sends nothing'}.")
    if value == NEVER:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise Wrong(f"“{word}”: say after how many seconds it comes, or {NEVER}.")
    return int(value)
