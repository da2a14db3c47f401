"""How does an entry read as one line? The trace of the overview, for pages, `dee-replay` and people.

Pure. Source: overview, "Full Auditability"; DESIGN §13.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """One entry in words: what was done (action) and what came of it (outcome)."""

    tick: int
    step: str
    action: str
    outcome: str


def describe(body: Mapping[str, Any]) -> Line:
    """Return the line of an entry's decoded body."""
    action, outcome = _words(body["type"], body["data"])
    return Line(body["tick"], body["step"], action, outcome)


def line(body: Mapping[str, Any], hash_hex: str, run: str = "") -> str:
    """Return e.g. `[tick 259200] step:check-open → action:evaluate → outcome:branch:no  hash:e9d4…`."""
    words = describe(body)
    place = f"step:{words.step}" if words.step else f"run:{run or body['st'].removeprefix('run/')}"
    return f"[tick {words.tick}] {place} → action:{words.action} → outcome:{words.outcome}  hash:{hash_hex[:4]}…"


def _words(type: str, data: Mapping[str, Any]) -> tuple[str, str]:
    words = _WORDS.get(type)
    return words(data) if words else (type, "")


def _send(data: Mapping[str, Any]) -> str:
    return "call" if data["channel"] == "voice" else f"send_{data['channel']}"


def _gate(data: Mapping[str, Any]) -> tuple[str, str]:
    why = "" if data["verdict"] == "allow" else f":{data['rule']}({data['code']})"
    return f"gate:{_send(data)}", data["verdict"] + why


def _outcome(data: Mapping[str, Any]) -> tuple[str, str]:
    return "send", (data["label"] or data["kind"]) if data["settle"] == "post" else f"FAILED({data['code']})"


def _event(data: Mapping[str, Any]) -> str:
    return f"{data['event']} (machine)" if data["machine"] else str(data["event"])


_WORDS: dict[str, Callable[[Mapping[str, Any]], tuple[str, str]]] = {
    "run.started": lambda d: ("start", f"plan:{d['plan']['key']} v{d['plan']['version']}"),
    "gate.decided": _gate,
    "send.intended": lambda d: (_send(d), "intended"),
    "send.outcome": _outcome,
    "send.voided": lambda d: ("send", f"voided:{d['rule']}"),
    "send.redispatched": lambda d: (_send(d), "dispatched again"),
    "send.reported": lambda d: ("late report", d["label"] or d["code"] or d["kind"]),
    "time.resolved": lambda d: ("resolve_time", d["zone"] or "no zone"),
    "step.waiting": lambda d: (f"wait_{d['on']}", f"until tick {d['until']}"),
    "step.completed": lambda d: ("complete", d["label"]),
    "branch.evaluated": lambda d: ("evaluate", f"branch:{d['case']}"),
    "step.skipped": lambda d: ("skip", d["label"]),
    "split.evaluated": lambda d: ("split", f"arm:{d['arm']}"),
    "opt_out.recorded": lambda d: ("record_opt_out", ",".join(d["channels"])),
    "run.exited": lambda d: ("exit_on", f"to {d['next']}"),
    "event.received": lambda d: ("event", _event(d)),
    "event.after_end": lambda d: ("event after the end", _event(d)),
    "command.accepted": lambda d: (f"command:{d['command']}", d["label"] or "accepted"),
    "run.paused": lambda d: ("pause", f"PAUSED:{d['rule']}({d['code']})"),
    "run.held": lambda d: ("hold", f"PAUSED:held({d['on']})"),
    "run.released": lambda d: ("release", d["on"]),
    "recovery.applied": lambda d: (f"recovery:{d['action']}", d["label"] or f"attempt {d['attempt']}"),
    "recovery.exhausted": lambda d: ("recovery", f"exhausted({d['on']})"),
    "run.failed": lambda d: ("run", f"status:FAILED({d['reason']})"),
    "run.completed": lambda d: ("run", f"status:COMPLETED({d['result']})"),
    "run.stopped": lambda d: ("run", f"status:STOPPED({d['reason']})"),
    "engine.fault": lambda d: ("engine", f"fault:{d['type']}"),
}
