"""What would another plan have changed for a past run? One finding for each run, with the sends that differ.

Pure. Source: study/engine.md §7 "What-if"; DESIGN §10.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest

from runs.engine import path
from runs.engine.transitions import Status
from runs.engine.whatif import past, telling
from runs.engine.whatif.doubt import Need
from runs.engine.whatif.past import Deed, Past, Record
from runs.engine.whatif.terms import Terms, Told


class Class(StrEnum):
    """What becomes of a past run on the other plan. meaning: for pages and reports."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> "Class":
        member = str.__new__(cls, name)
        member._value_ = name
        member.meaning = meaning
        return member

    SAME = "SAME", "the same steps, the same sends"
    SAME_EFFECTS = "SAME_EFFECTS", "another path or another end, but the same sends"
    CHANGED = "CHANGED", "sends are added, removed or moved"
    UNDETERMINED = "UNDETERMINED", "the same sends up to something that nobody knows"
    BLOCKED = "BLOCKED", "the gate refuses a send, and the run fails there"
    NOT_APPLICABLE = "NOT_APPLICABLE", "the past run did not record what the plan asks at its start"


@dataclass(frozen=True, slots=True)
class Change:
    """One send (or opt-out) that differs. what: added, removed or moved. to: the tick it would have had.

    asked: the telling stopped there, so all that is known is when it would have stood before the gate.
    """

    what: str
    deed: Deed
    to: int | None = None
    asked: bool = False

    @property
    def thing(self) -> str:
        """Return which message or opt-out it is, in words."""
        verb = {past.OPT_OUT: "opt-out of", "voice": "call"}.get(self.deed.kind, self.deed.kind)
        return f"{verb} {self.deed.what}" + (f" (no. {self.deed.ordinal})" if self.deed.ordinal > 1 else "")

    def __str__(self) -> str:
        said = f"{self.what}: {self.thing} at {self.deed.step}"
        gate = "before the gate at " if self.asked else ""
        if self.to is None:
            return f"{said}, {gate}tick {self.deed.tick}"
        return f"{said}, tick {self.deed.tick} → {gate}{self.to}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is found out about one past run.

    until: tick up to which it was told again. needs: what is not known there. refused: sends the gate refuses, in
    words. was, now: where the run stood at its end, and where it would stand. steps, arms, exits: what it reached, not
    counting what it reached on an assumption.
    """

    run: str
    verdict: Class
    changes: tuple[Change, ...] = ()
    needs: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    until: int = 0
    was: str = ""
    now: str = ""
    note: str = ""
    used: tuple[str, ...] = ()
    steps: frozenset[str] = frozenset()
    arms: frozenset[tuple[str, str]] = frozenset()
    exits: frozenset[int] = frozenset()


def find(run: Past, terms: Terms) -> Finding:
    """Tell a past run again on another plan, and compare."""
    try:
        record = past.read(run)
    except past.Unusable as error:
        return Finding(run.ref, Class.NOT_APPLICABLE, note=f"Nothing can be concluded from it: {error}.")
    told = telling.tell(record, terms)
    changes = tuple(_changes(record, told, terms.tolerance_s))
    needs = _needs(record, told)
    verdict = _verdict(record, told, changes, needs)
    known, here = told.vouched or (len(told.bodies), told.state.step if told.state else "")
    reached = told.bodies[:known]
    return Finding(
        run=run.ref,
        verdict=verdict,
        changes=changes,
        needs=tuple(map(str, needs)),
        refused=tuple(_refusal(*each) for each in told.refused),
        until=told.until,
        was=_standing(record.state.status, record.state.reason),
        now="" if needs or told.state is None else _standing(told.state.status, told.state.reason),
        note=_parting(record, told) if verdict == Class.SAME_EFFECTS else "",
        used=told.used,
        steps=frozenset({stop.step for stop in path.path(reached)} | ({here} - {""})),
        arms=frozenset((body["step"], label) for body in reached if (label := path.left_by(body))),
        exits=frozenset(body["data"]["rule"] for body in reached if body["type"] == "run.exited"),
    )


def _parting(record: Record, told: Told) -> str:
    """Return where the two traces part, in words."""
    for line, before in zip_longest(past.lines(told.bodies), record.lines):
        if line != before:
            there = line or before
            assert there is not None
            return f"They part at tick {there[0]}: {_said(line)}; it was {_said(before)}."
    return ""


def _said(line: tuple[object, ...] | None) -> str:
    return "nothing more" if line is None else " ".join(str(part) for part in line[1:] if part)


def _verdict(record: Record, told: Told, changes: Sequence[Change], needs: Sequence[Need]) -> Class:
    if any(need.entry for need in needs):
        return Class.NOT_APPLICABLE
    if _fails_refused(told):
        return Class.BLOCKED
    if changes:
        return Class.CHANGED
    if needs:
        return Class.UNDETERMINED
    return Class.SAME if _same(record, told) else Class.SAME_EFFECTS


def _same(record: Record, told: Told) -> bool:
    return past.lines(told.bodies) == record.lines


def _fails_refused(told: Told) -> bool:
    """Return whether the run would stand where the gate refused a send that the past run did not make."""
    state = told.state
    if state is None or state.status != Status.FAILED or not state.reason.startswith("policy_denied:"):
        return False
    return any(step == state.step for step, _, _ in told.refused)


def _needs(record: Record, told: Told) -> tuple[Need, ...]:
    if told.needs or not told.beyond or _same(record, told):
        return told.needs
    return (Need(f"what happens after tick {record.horizon}"),)


def _changes(record: Record, told: Told, tolerance_s: int) -> Iterator[Change]:
    """Yield what differs, up to where the telling stopped."""
    made = [*past.deeds(told.bodies), *([told.deed] if told.deed else [])]
    here = {deed.name: deed for deed in made}
    there = {deed.name: deed for deed in record.deeds}
    for deed in made:
        before = there.get(deed.name)
        if before is None:
            yield Change("added", deed, asked=deed is told.deed)
        elif abs(before.tick - deed.tick) > tolerance_s:
            yield Change("moved", before, deed.tick, asked=deed is told.deed)
    for deed in record.deeds:
        if deed.name not in here and (not told.needs or _passed(deed, told)):
            yield Change("removed", deed)


def _passed(deed: Deed, told: Told) -> bool:
    """Return whether a recorded send lies before the point where the telling stopped, or was replaced there."""
    return deed.tick < told.until or (told.deed is not None and (deed.tick, deed.step) == (told.until, told.deed.step))


def _refusal(step: str, rule: str, entry: int) -> str:
    why = f"going by entry {entry}" if entry else "by what happened in the run before"
    return f"{step} by {rule.replace('_', ' ')}, {why}"


def _standing(status: str, reason: str) -> str:
    return f"{status} ({reason})" if reason else status
