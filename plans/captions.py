"""How is a step or a condition said in words? For pages and pictures only; what counts is the plan's own text.

Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Mapping, Sequence

from plans import durations
from plans.conditions import Condition
from plans.steps import Branch, Call, RecordOptOut, SendEmail, Split, Step, Task, Wait, WaitForEvent, WaitUntil

KINDS: Mapping[str, str] = {
    "send_email": "send email",
    "call": "call",
    "wait": "wait",
    "wait_until": "wait until",
    "wait_for_event": "wait for event",
    "branch": "branch",
    "split": "split",
    "record_opt_out": "record opt-out",
    "task": "task",
    "end": "end",
}
# What each kind is for, and what its outcomes are when they are not a closed list.
ABOUT: Mapping[str, str] = {
    "send_email": "Sends one email made from a template version; blocked may stay unmapped.",
    "call": "Places one call that follows a script version; blocked may stay unmapped.",
    "wait": "Lets a number of seconds pass.",
    "wait_until": "Waits until the contact's own clock shows this time on one of these days (1 is Monday).",
    "wait_for_event": "Waits until an event comes, of one step or of any, or the time is over.",
    "branch": "Takes the first case whose condition holds, else the last arm.",
    "split": "Gives each contact one arm, always the same one; an arm gets its weight's share.",
    "record_opt_out": "Withdraws consent and suppresses the contact on these channels; it never grants.",
    "task": "Waits until a person has acted and says how it ended, or the time is over.",
    "end": "Ends the run with a result; goal says that this is what the plan is for.",
}
OUTCOMES: Mapping[str, str] = {
    "branch": "the names of its arms",
    "split": "the names of its arms",
    "task": "1 to 10 words of yours, and timeout",
    "end": "none",
}
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SHORT_SPLIT = 4


def subtitle(step: Step) -> str:
    """Return what a step does, in a few words: "3 days", "template welcome@1"."""
    match step:
        case SendEmail():
            return f"template {step.template}" if step.template else "no template"
        case Call():
            return f"script {step.template}" if step.template else "no script"
        case Wait():
            return durations.text(step.seconds)
        case WaitUntil():
            return f"{step.minute // 60:02}:{step.minute % 60:02} {days(step.days)}, local time"
        case WaitForEvent():
            return f"{step.event or 'no event'}, at most {durations.text(step.timeout_s)}"
        case Branch():
            return condition(step.cases[0].when) if len(step.cases) == 1 else f"{len(step.cases)} cases"
        case Split():
            shares = " : ".join(str(arm.weight) for arm in step.arms)
            return shares if len(step.arms) <= _SHORT_SPLIT else f"{len(step.arms)} arms"
        case RecordOptOut():
            return f"no more {' and '.join(step.channels)}" if step.channels else "no channel"
        case Task():
            return step.title or "no title"
    return f"{step.result} (goal)" if step.goal else step.result


def notes(step: Step) -> list[str]:
    """Return what else counts for a step, a sentence each: what a send requires, when it is too late, a task's time."""
    found = []
    if isinstance(step, SendEmail | Call):
        if step.require is not None:
            found.append(f"Only if {condition(step.require)}; asked at the gate.")
        if step.max_lateness_s is not None:
            found.append(f"Fails when it is more than {durations.text(step.max_lateness_s)} late.")
    elif isinstance(step, Task):
        found.append(f"A person has {durations.text(step.timeout_s)} for it.")
    return found


def days(chosen: Sequence[int]) -> str:
    """Return days of the week (1 is Monday), in order, in words: "any day", "Mon to Fri", "Sat, Sun"."""
    runs: list[list[int]] = []
    for day in chosen:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    if len(chosen) == len(DAYS):
        return "any day"
    names = [[DAYS[day - 1] for day in run] for run in runs]
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(run) for run in names)


def share(step: Step, label: str) -> str:
    """Return the part of the contacts that an arm of a split gets, such as "1 of 4"; "" for any other step."""
    weights = {arm.name: arm.weight for arm in step.arms} if isinstance(step, Split) else {}
    return f"{weights[label]} of {sum(weights.values())}" if label in weights else ""


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
