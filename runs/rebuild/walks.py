"""Does every run stand where its own entries lead? Each is told again by the core, then compared with its row."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from runs.engine import transitions
from runs.engine.replay import Difference, Diverged, Why, retell
from runs.engine.values import RunState, pack
from runs.models import Run
from runs.rebuild import reading
from runs.rebuild.decisions import DECISIONS
from runs.rebuild.report import Report, parting
from runs.rebuild.texts import Texts

TOGETHER = 200  # runs whose rows are read in one statement

COLUMNS = ("status", "reason", "step", "visit", "turn", "since", "n", "start_at")


@dataclass(slots=True)
class Told:
    """One run as its entries tell it. state: None when it cannot be told again."""

    st: str
    no: int
    started: Mapping[str, Any] = field(default_factory=dict)  # the data of its first entry
    state: RunState | None = None
    ended_at: int | None = None
    epoch: int = 0  # of the engine that committed its latest dispatch; kept in its row while that is open
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    commitments: dict[str, str] = field(default_factory=dict)  # of intents to their messages
    inputs: list[str] = field(default_factory=list)  # what was applied to it, by the names `rows` gives inbox rows


class Walks:
    """All runs, a few hundred at a time."""

    def __init__(self, report: Report, texts: Texts, *, lane: int, wall: int) -> None:
        """lane, wall: where the clocks stand."""
        self.report = report
        self.texts = texts
        self.lane, self.wall = lane, wall

    def batches(self) -> Iterator[dict[int, Told]]:
        """Tell and compare every run; yield them by number, as many as are compared together."""
        told = self._readable(reading.runs())
        seen: set[int] = set()
        while batch := {run.no: run for run in islice(told, TOGETHER)}:
            seen.update(batch)
            self._compare(batch)
            yield batch
        for no in Run.objects.values_list("no", flat=True).iterator():
            if no not in seen:
                self.report.compared["runs"] += 1
                self.report.differ("runs", f"run/{no}", "", "a row", None)

    def _readable(self, runs: Iterable[tuple[str, list[tuple[str, str]]]]) -> Iterator[Told]:
        for st, rows in runs:
            try:
                yield self._tell(Told(st, int(st.removeprefix(reading.RUNS))), rows)
            except reading.SENSELESS as error:
                self.report.differ("log", st, "", type(error).__name__, "a run that an engine wrote")

    # Telling

    def _tell(self, told: Told, rows: Sequence[tuple[str, str]]) -> Told:
        bodies = [json.loads(body) for body, _ in rows]
        told.started = bodies[0]["data"]
        for body, (_, stamp) in zip(bodies, rows, strict=True):
            _remember(told, body, stamp)
        plan = told.started["plan"]
        found = self.texts.plan(plan["key"], plan["version"], plan["hash"])
        if found is None:
            self.report.skip(told.st, "the text of the plan is not what the log says")
            return told
        self.report.compared["replays"] += 1
        try:
            for applied in retell(found, self.texts.policies, [body for body, _ in rows]):
                told.state = applied.state
                if applied.state.status in transitions.FINAL and told.ended_at is None:
                    told.ended_at = applied.given.at
        except Diverged as parted:
            told.state = None
            self._parted(told, parted.found)
        return told

    def _parted(self, told: Told, found: Difference) -> None:
        """Name where record and replay part. What decisions saw is compared with the whole log elsewhere."""
        where = f"{told.st} entry {found.n}"
        self.report.skip(told.st, "the core tells the run again only up to a difference")
        if found.why == Why.POLICY or (found.why == Why.FACTS and self.report.names(DECISIONS, where)):
            return  # said already: that the text is not there, or what the decision should have seen
        if found.facts:
            for pointer, recorded, expected in found.facts:
                self.report.differ(DECISIONS, where, pointer, recorded, expected)
        elif found.recorded and found.replayed:
            pointer, *pair = next(parting(json.loads(found.recorded), json.loads(found.replayed)))
            self.report.differ("replays", where, pointer, *pair)
        else:
            recorded, replayed = (text and json.loads(text)["type"] for text in (found.recorded, found.replayed))
            self.report.differ("replays", where, "", recorded, replayed or found.detail or None)

    # Comparing with the row

    def _compare(self, batch: Mapping[int, Told]) -> None:
        stored = {row.pk: row for row in Run.objects.filter(no__in=batch).select_related("plan_version", "contact")}
        for no, told in batch.items():
            self.report.compared["runs"] += 1
            if no not in stored:
                self.report.differ("runs", told.st, "", None, "a row")
            elif told.state is not None:
                self._compare_row(told, told.state, stored[no])

    def _compare_row(self, told: Told, state: RunState, row: Run) -> None:
        recorded: dict[str, Any] = {name: getattr(row, name) for name in COLUMNS}
        recorded |= {"plan": row.plan_key, "version": row.plan_version.number, "contact": row.contact.ref}
        recorded |= {"head": bytes(row.head).hex(), "due_at": row.due_at, "ended_at": row.ended_at}
        recorded["state"] = json.loads(row.state)
        recomputed: dict[str, Any] = {name: getattr(state, name) for name in COLUMNS}
        plan, contact = told.started["plan"], told.started["contact"]
        recomputed |= {"plan": plan["key"], "version": plan["version"], "contact": contact["ref"]}
        recomputed |= {"head": state.head.hex(), "due_at": self._due(state, row), "ended_at": told.ended_at}
        recomputed["state"] = json.loads(pack(state))
        if state.status == "DISPATCHING":
            recorded["epoch"], recomputed["epoch"] = row.epoch, told.epoch
        self.report.compare("runs", told.st, recorded, recomputed)

    def _due(self, state: RunState, row: Run) -> int | None:
        """Return when the run acts next. A send the engine came late to may stand at the wall it then saw."""
        if state.due is None or row.due_at is None or state.status not in ("READY", "PAUSED"):
            return state.due
        late = state.due <= self.lane and state.due < row.due_at <= self.wall
        return row.due_at if late else state.due


def _remember(told: Told, body: Mapping[str, Any], stamp: str) -> None:
    """Remember what an entry says of the run's messages and of its inputs."""
    kind, data = body["type"], body["data"]
    if kind in ("send.intended", "send.redispatched"):
        _, _, epoch = reading.writer(stamp).partition("engine/")
        told.epoch = int(epoch or 0)
    match kind:
        case "run.started":
            told.inputs.append("start")
        case "send.intended":
            _intend(told, body, data)
        case "send.outcome" | "send.voided":
            told.messages[data["intent"]]["outcome"] = data.get("kind", "voided")
        case "event.received" | "event.after_end" if data["intent"] in told.intents:
            told.inputs.append(f"event {data['id']}")  # an opt-out told by another run has its row there
        case "command.accepted":
            told.inputs.append(f"command {data['id']}")
        case "send.reported":
            told.inputs.append("report " + " ".join(data[name] for name in ("intent", "kind", "code", "label")))


def _intend(told: Told, body: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    intent, channel, at = data["intent"], data["channel"], told.started["start_at"] + body["tick"]
    place = {"run": told.no, "step": body["step"], "visit": body["visit"]}
    told.intents[intent] = {**place, "attempt": data["attempt"], "channel": channel, "n": body["n"]}
    created_at = datetime.fromtimestamp(at, UTC).isoformat()
    told.messages[intent] = {"run": told.st, "channel": channel, "outcome": "", "created_at": created_at}
    told.commitments[intent] = data["payload"]["c"]
