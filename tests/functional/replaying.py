"""A run told again from its own entries by the core alone: no database, no gate, no clock. Every byte has to agree."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plans.document import Plan
from runs.admit import OPT_OUTS
from runs.engine import machine
from runs.engine.values import Command, Event, Facts, Fault, Input, Outcome, RunState, Start, Timer, Voided


@dataclass(frozen=True, slots=True)
class Told:
    """Where a run stands after its last entry, and each move as (status before, input, status after)."""

    state: RunState
    moves: tuple[tuple[str, Input, str], ...]


def replay(plan: Plan, policies: Mapping[str, Mapping[str, Any]], texts: Sequence[str]) -> Told:
    """Feed a stream's recorded inputs to the core. policies: documents by hash. texts: the stored bodies, in order.

    Raises: AssertionError at the first entry that comes out different, is missing or is one too many.
    """
    entries = [json.loads(text) for text in texts]
    state = RunState(st=entries[0]["st"], start_at=entries[0]["data"]["start_at"])
    moves = []
    at = 0
    while at < len(entries):
        given = _input(entries[at], state.start_at, policies)
        result = machine.step(plan, state, given)
        made = [entry.body for entry in result.entries]
        for place, text in enumerate(made, at):
            recorded = texts[place] if place < len(texts) else "(nothing)"
            assert text == recorded, f"entry {place + 1} of {state.st}\nreplayed {text}\nrecorded {recorded}"
        assert made, f"{given} left no entry"
        moves.append((state.status, given, result.state.status))
        state = result.state
        at += len(made)
    return Told(state, tuple(moves))


def _input(entry: dict[str, Any], start_at: int, policies: Mapping[str, Mapping[str, Any]]) -> Input:
    at, data, kind = start_at + entry["tick"], entry["data"], entry["type"]
    if entry["cause"]:
        return Timer(at)  # the only input without an entry of its own: what follows names the wait as its cause
    if kind == "run.started":
        contact = data["contact"]
        return Start(at, data["plan"]["version"], contact["ref"], contact["hash"], data["attrs"], data["source"])
    if kind == "gate.decided":
        policy = policies[data["facts"]["policy"]["hash"]]
        return Facts(at, policy, data["facts"], data["payload"], data["error"])
    if kind == "send.outcome":
        return Outcome(at, data["intent"], data["kind"], data["code"], data["label"] if data["kind"] == "label" else "")
    if kind == "send.voided":
        return Voided(at, data["intent"], data["rule"])
    if kind in ("event.received", "event.after_end"):
        stops = data["event"] in OPT_OUTS
        names = (data["event"], data["intent"], entry["step"], data["machine"], data["source"], data["id"])
        return Event(at, *names, stops)
    if kind == "command.accepted":
        return Command(at, data["command"], data["id"], data["actor"], data["note"], data["label"])
    assert kind == "engine.fault", f"{kind} is no input"
    return Fault(at, data["type"])
