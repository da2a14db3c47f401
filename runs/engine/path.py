"""Which way did a run go? The visits of steps that its entries tell of, and the labels by which they were left.

Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Stop:
    """One visit of a step: when it was entered, and by which label it was left ("" when it was not)."""

    step: str
    visit: int
    tick: int
    label: str


# The entries by which a step is left, and the key of their label.
_LEFT_BY = {
    "step.completed": "label",
    "step.skipped": "label",
    "branch.evaluated": "case",
    "split.evaluated": "arm",
    "send.outcome": "label",
}


def path(bodies: Sequence[Mapping[str, Any]]) -> tuple[Stop, ...]:
    """Return the visits of steps that a run's decoded entries tell of, in order."""
    stops: list[Stop] = []
    for body in bodies:
        name, type = body["step"], body["type"]
        if not name or type.startswith("event.") or type == "send.reported":
            continue
        if not stops or (stops[-1].step, stops[-1].visit) != (name, body["visit"]):
            stops.append(Stop(name, body["visit"], body["tick"], ""))
        label = left_by(body)
        if label:
            last = stops[-1]
            stops[-1] = Stop(last.step, last.visit, last.tick, label)
    return tuple(stops)


def left_by(body: Mapping[str, Any]) -> str:
    """Return the label by which an entry says that its step was left, or ""."""
    if body["type"] == "opt_out.recorded":
        return "recorded"
    data = body["data"]
    if not data.get("next") or body["type"] not in _LEFT_BY:
        return ""
    return str(data[_LEFT_BY[body["type"]]])
