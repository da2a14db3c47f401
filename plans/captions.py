"""How is a step or a condition said in words? For pages and pictures only; what counts is the plan's own text.

Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Mapping

from plans import durations
from plans.conditions import Condition
from plans.steps import Branch, Call, SendEmail, Step, Wait, WaitForEvent

KINDS: Mapping[str, str] = {
    "send_email": "send email",
    "call": "call",
    "wait": "wait",
    "wait_for_event": "wait for event",
    "branch": "branch",
    "end": "end",
}


def subtitle(step: Step) -> str:
    """Return what a step does, in a few words: "3 days", "template welcome@1"."""
    match step:
        case SendEmail():
            return f"template {step.template}" if step.template else "no template"
        case Call():
            return f"script {step.template}" if step.template else "no script"
        case Wait():
            return durations.text(step.seconds)
        case WaitForEvent():
            return f"{step.event or 'no event'}, at most {durations.text(step.timeout_s)}"
        case Branch():
            return condition(step.cases[0].when) if len(step.cases) == 1 else f"{len(step.cases)} cases"
    return f"{step.result} (goal)" if step.goal else step.result


def condition(when: Condition) -> str:
    """Return a condition in words, for people; the plan's own text stays what counts."""
    op = when.get("op")
    of = f" of {when['of']}" if when.get("of") else ""
    match op:
        case "and" | "or":
            return f" {op} ".join(f"({condition(arg)})" if arg.get("args") else condition(arg) for arg in when["args"])
        case "not":
            return f"not ({condition(when['arg'])})"
        case "event_seen":
            return f"{when['event']}{of}"
        case "event_count_ge":
            return f"{when['event']}{of} at least {when['count']} times"
        case "event_within":
            return f"{when['event']}{of} in the last {durations.text(when['seconds'])}"
        case "outcome_is":
            return f"{when['step']} gave {when['label']}"
        case "visits_ge":
            return f"{when['step']} entered {when['count']} times or more"
        case "is_set":
            return f"{_fact(when['ref'])} is set"
        case "in":
            return f"{_fact(when['ref'])} is one of {', '.join(map(str, when['values']))}"
        case "true" | "false":
            return "always" if op == "true" else "never"
    signs = {"eq": "=", "ne": "≠", "lt": "<", "le": "≤", "gt": ">", "ge": "≥"}
    return f"{_fact(when['ref'])} {signs[str(op)]} {_constant(when['value'])}"


def _fact(ref: str) -> str:
    return (
        ref.removeprefix("contact.attr.")
        .removeprefix("step.")
        .replace(".outcome", " outcome")
        .replace("run.tick", "seconds since start")
    )


def _constant(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
