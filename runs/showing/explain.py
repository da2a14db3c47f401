"""What did each entry of a run decide? In sentences, with the numbers that were seen.

Pure: takes values and gives text for pages. The trace line of an entry comes from `runs.engine.trace`; why a run
stands where it stands is `runs.showing.reasons`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from plans import durations
from runs.engine import trace
from runs.engine.transitions import NOT_SENT
from runs.showing import reasons, seen

# Which entry types each filter of the timeline shows. "all" is everything; an unknown type is still in "all".
FILTERS: Mapping[str, frozenset[str]] = {
    "decisions": frozenset(
        {
            "step.waiting",
            "step.completed",
            "step.skipped",
            "branch.evaluated",
            "split.evaluated",
            "time.resolved",
            "opt_out.recorded",
            "run.exited",
        }
    ),
    "sends": frozenset({"send.intended", "send.outcome", "send.voided", "send.redispatched", "send.reported"}),
    "policy": frozenset(
        {"gate.decided", "run.paused", "send.voided", "opt_out.recorded", "recovery.applied", "recovery.exhausted"}
    ),
    "events": frozenset({"event.received", "event.after_end", "send.reported"}),
    "operator": frozenset({"command.accepted", "run.held", "run.released", "step.skipped"}),
    "recovery": frozenset({"recovery.applied", "recovery.exhausted"}),
    "errors": frozenset({"run.failed", "engine.fault"}),
}
_DOTS = {
    "run": "run",
    "gate": "policy",
    "send": "send",
    "step": "decision",
    "branch": "decision",
    "split": "decision",
    "time": "decision",
    "opt_out": "policy",
    "event": "event",
    "command": "operator",
    "recovery": "policy",
    "engine": "error",
    "run.paused": "policy",
    "run.held": "operator",
    "run.released": "operator",
}

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as the timeline shows it. bad: it is, or led to, a failure. dot: which kind of thing it is."""

    n: int
    tick: int
    type: str
    step: str
    action: str
    outcome: str
    reasons: Sequence[str]
    dot: str
    bad: bool


@dataclass(frozen=True, slots=True)
class Beside:
    """What lies beside the log and helps to read it.

    names: {actor: name to show}. notes: {vault ref: text}. rules: {policy hash: its recovery rules}. clock: the wall
    clock of a zone at an instant, such as "09:00 in Europe/Berlin on Mon 23 Nov 2026".
    """

    names: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[int, str] = field(default_factory=dict)
    rules: Mapping[str, Sequence[Data]] = field(default_factory=dict)
    clock: Callable[[str, int], str] = lambda zone, _at: zone


def row(body: Data, beside: Beside) -> Row:
    """Return an entry's decoded body as a row."""
    line, type, data = trace.describe(body), body["type"], body["data"]
    bad = _is_bad(type, data)
    dot = "error" if bad else _DOTS.get(type) or _DOTS.get(type.partition(".")[0], "run")
    said = _SAID[type](data, beside) if type in _SAID else []
    return Row(body["n"], body["tick"], type, body["step"], line.action, line.outcome, said, dot, bad)


def _is_bad(type: str, data: Data) -> bool:
    return (
        type in ("run.failed", "engine.fault", "recovery.exhausted")
        or (type == "send.outcome" and data["settle"] != "post")
        or (type == "gate.decided" and data["verdict"] == "deny")
        or (type == "time.resolved" and data["until"] is None)
    )


def unread(entry: Any, broken_at: int) -> Row:
    """Return the row of an entry (with columns n, tick, type, step) at or after a break: nothing is read into it."""
    here = entry.n == broken_at
    said = (
        "BROKEN here: its text is not what was written" if here else f"proves nothing: the chain breaks at {broken_at}"
    )
    return Row(entry.n, entry.tick, entry.type, entry.step, entry.type, said, [], "error" if here else "run", here)


# What each type of entry says beyond its trace line


def _started(data: Data, beside: Beside) -> list[str]:
    return [f"contact {data['contact']['ref']}", beside.names.get(data["source"], data["source"])]


def _command(data: Data, beside: Beside) -> list[str]:
    said = [beside.names.get(data["actor"], data["actor"]), note(data["note"], beside.notes)]
    if "key_ttl_s" in data:
        said.append(f"the adapter keeps a key for {durations.text(data['key_ttl_s'])}")
    return said


def _intended(data: Data, _: Beside) -> list[str]:
    said = [f"attempt {data['attempt']}", f"template {data['template']}", f"intent {data['intent'][:8]}"]
    if "may_duplicate_of" in data:
        said.append(f"may be a second one: nobody knows what came of intent {data['may_duplicate_of'][:8]}")
    return said


def _redispatched(data: Data, _: Beside) -> list[str]:
    return ["the same message under the same key", f"attempt {data['attempt']}", f"intent {data['intent'][:8]}"]


def _outcome(data: Data, _: Beside) -> list[str]:
    return [reasons.failure(data["code"]), _SETTLED[data["settle"]]] if data["code"] else []


def _voided(data: Data, _: Beside) -> list[str]:
    return [_SETTLED[data.get("settle", "void")]]


def _reported(data: Data, _: Beside) -> list[str]:
    said = [reasons.failure(data["code"])] if data["code"] else []
    return [*said, "from an engine that had been replaced: evidence, not an outcome"]


_SETTLED = {
    "post": "counted",
    "void": "did not leave; what was reserved is free again",
    "keep": "may have left; stays counted",
}


def _waiting(data: Data, _: Beside) -> list[str]:
    if data["on"] == "event":
        return [f"{data['event']} of {data['of']}" if data["of"] else f"{data['event']}"]
    return ["a person has to act"] if data["on"] == "task" else []


def _next(data: Data, _: Beside) -> list[str]:
    return [f"next {data['next']}"] if data["next"] else []


def _skipped(data: Data, _: Beside) -> list[str]:
    return [f"next {data['next']}", "nobody said what came of the step"]


def _split(data: Data, _: Beside) -> list[str]:
    return [f"bucket {data['bucket']} of {data['of']} → arm {data['arm']}", f"next {data['next']}"]


def _resolved(data: Data, beside: Beside) -> list[str]:
    if data["until"] is None:
        return ["no time zone is known for the contact"]
    return [f"{beside.clock(data['zone'], data['until'])} = {instant(data['until'])}", f"tzdata {data['tzdata']}"]


def _opt_out(data: Data, _: Beside) -> list[str]:
    channels = " and ".join(data["channels"])
    return [f"consent withdrawn and address suppressed for {channels}", f"next {data['next']}"]


def _leaves(data: Data, _: Beside) -> list[str]:
    return [seen.leaf(found) for found in data["leaves"]]


def _event(data: Data, _: Beside) -> list[str]:
    stream, _, number = data["source"].partition("/")
    source = f"an opt-out in run-{number}" if stream == "run" and number else data["source"]
    return [source] + (["a machine did this, it does not count"] if data["machine"] else [])


def _paused(data: Data, _: Beside) -> list[str]:
    return [f"until {instant(data['until'])}", "then it passes the gate again"]


_HELD_ON = {"send": "it stood before the gate"}


def _held(data: Data, _: Beside) -> list[str]:
    return [_HELD_ON.get(data["on"], f"it waited {reasons.WAITS.get(data['on'], data['on'])}"), *_until_tick(data)]


def _released(data: Data, _: Beside) -> list[str]:
    back = "it stands before the gate" if data["on"] == "send" else f"it waits {reasons.WAITS.get(data['on'], '')}"
    return [f"{back} again".replace("  ", " "), *_until_tick(data)]


def _until_tick(data: Data) -> list[str]:
    return [f"until tick {data['until']}"] if data["until"] is not None else []


def _recovery(data: Data, beside: Beside) -> list[str]:
    rules = beside.rules.get(data["policy"]["hash"], ())
    most = rules[data["rule"]].get("max_attempts") if data["rule"] < len(rules) else None
    said = [f"policy {data['policy']['key']}, rule {data['rule'] + 1}", reasons.failure(data["on"])]
    if data["label"]:
        return [*said, f"resolved as {data['label']}"]
    said.append(f"attempt {data['attempt']}" + (f" of {most}" if most else ""))
    return [*said, f"until {instant(data['until'])}", "then it passes the gate again"]


def _exhausted(data: Data, _: Beside) -> list[str]:
    tried = f"{data['attempts']} attempt{'' if data['attempts'] == 1 else 's'} made"
    return [f"policy {data['policy']['key']}, rule {data['rule'] + 1}", tried, "no rule helps any more"]


def _failed(data: Data, _: Beside) -> list[str]:
    return [reasons.cause(data["reason"]), "nothing more until an operator or a recovery rule acts"]


def _completed(data: Data, _: Beside) -> list[str]:
    return ["goal reached"] if data["goal"] else []


def instant(at: int) -> str:
    """Return an instant of the lane clock as a date and time in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%d %b %Y %H:%M:%S} UTC"


def note(held: Data | None, notes: Mapping[int, str]) -> str:
    """Return the text behind a commitment, or that it was erased."""
    if held is None:
        return ""
    text = notes.get(held["ref"])
    return f"“{text}”" if text is not None else "(the reason was erased)"


_SAID: dict[str, Callable[[Data, Beside], list[str]]] = {
    "run.started": _started,
    "command.accepted": _command,
    "gate.decided": lambda data, _: seen.gate(data),
    "send.intended": _intended,
    "send.redispatched": _redispatched,
    "send.outcome": _outcome,
    "send.voided": _voided,
    "send.reported": _reported,
    "step.waiting": _waiting,
    "step.completed": _next,
    "step.skipped": _skipped,
    "branch.evaluated": _leaves,
    "split.evaluated": _split,
    "time.resolved": _resolved,
    "opt_out.recorded": _opt_out,
    "run.exited": _leaves,
    "event.received": _event,
    "event.after_end": _event,
    "run.paused": _paused,
    "run.held": _held,
    "run.released": _released,
    "recovery.applied": _recovery,
    "recovery.exhausted": _exhausted,
    "run.failed": _failed,
    "run.completed": _completed,
}


# What became known of a message of unknown fate


@dataclass(frozen=True, slots=True)
class Evidence:
    """Who told what about a message, and at which tick."""

    who: str
    told: str
    tick: int


def evidence(rows: Sequence[Data], intent: str, label: str) -> Evidence | None:
    """Return which of a run's decoded entries told what came of an intent, or None.

    label: the outcome that follows from it, or `not_sent`.
    """
    for body in rows:
        type, data = body["type"], body["data"]
        if type not in ("event.received", "send.reported") or data["intent"] != intent:
            continue
        if type == "send.reported" and data["kind"] != "unknown":
            told = (data["label"] or data["kind"]).replace("_", " ")
            return Evidence("An engine that had been replaced", told, body["tick"])
        if type == "event.received" and not data["machine"] and _tells(data["event"], label):
            return Evidence("The provider", data["event"].replace("_", " "), body["tick"])
    return None


def _tells(event: str, label: str) -> bool:
    return event == label or label == "sent" or (event, label) == ("failed", NOT_SENT)


# The path

_LABELS: Mapping[str, Callable[[Data], str]] = {
    "branch.evaluated": lambda data: data["case"],
    "split.evaluated": lambda data: data["arm"],
    "opt_out.recorded": lambda _: "recorded",
}
# Entries that name a step the run need not stand at, or that decide nothing there.
_NEWS = ("event.", "command.", "run.started", "send.reported")


def walked(rows: Sequence[Data], status: str, step: str) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """Return ({step: done, current or failed}, {(step, label) left by}) from a run's decoded entries, oldest first."""
    states: dict[str, str] = {}
    wires: set[tuple[str, str]] = set()
    for body in rows:
        name, type, data = body["step"], body["type"], body["data"]
        if not name or type.startswith(_NEWS):
            continue
        states[name] = "done"
        label = _LABELS[type](data) if type in _LABELS else data.get("label")
        if label and data.get("next"):
            wires.add((name, label))
    if step and status not in ("COMPLETED", "STOPPED"):
        states[step] = "failed" if status == "FAILED" else "current"
    return states, wires
