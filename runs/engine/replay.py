"""Does the core give every recorded byte again? A run told from its own entries: no database, gate, clock or adapter.

Each recorded input is fed to the core, and each entry it makes is compared with the record at once. The first entry
that differs, is missing or is one too many ends the telling. Pure. Source: DESIGN §10; study/engine.md §7.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from plans.document import Plan
from plans.steps import CHANNELS
from policies.rules.evaluate import WrongFacts
from runs.engine import machine, recorded
from runs.engine.recorded import Policies
from runs.engine.values import Facts, Input, Result, RunState, Start, Timer
from runs.engine.walk import IllegalMove


class Why(StrEnum):
    """How the record and the replay part."""

    DIFFERENT = "different"  # both have the entry, and it is not the same
    MISSING = "missing"  # the record ends before what the last input led to
    EXTRA = "extra"  # nothing in the record leads to the entry
    MALFORMED = "malformed"  # no engine writes such an entry
    REFUSED = "refused"  # the core does not take this input as the run stands
    FACTS = "facts"  # the facts are not those of this run, plan or policy
    POLICY = "policy"  # the policy the entry names is not at hand
    FAULT = "fault"  # the core met an error


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where record and replay part: entry n, and both texts as far as there are any.

    first: the entry that recorded the input. given: that input, None when there is none. waited: the entry that set
    the timer, when the input is one. facts: (JSON pointer, recorded, what follows from the run) for the FACTS.
    """

    n: int
    why: Why
    recorded: str | None
    replayed: str | None
    first: int
    given: Input | None = None
    waited: int = 0
    detail: str = ""
    facts: tuple[tuple[str, Any, Any], ...] = ()


class Diverged(Exception):
    """The record and the replay part."""

    def __init__(self, found: Difference) -> None:
        super().__init__(f"entry {found.n}: {found.why}")
        self.found = found


@dataclass(frozen=True, slots=True)
class Applied:
    """One input that gave the recorded entries `first` to `last` again, byte for byte."""

    first: int
    last: int
    given: Input
    before: str  # status
    state: RunState


@dataclass(frozen=True, slots=True)
class Report:
    """How far record and replay agree. state: after the last input that agreed."""

    entries: int
    inputs: int
    state: RunState | None
    difference: Difference | None

    @property
    def identical(self) -> bool:
        return self.difference is None


def replay(plan: Plan, policies: Policies, texts: Sequence[str]) -> Report:
    """Tell a run from its entries' texts, in order. policies: documents by hash."""
    inputs, entries, state = 0, 0, None
    try:
        for applied in retell(plan, policies, texts):
            inputs, entries, state = inputs + 1, applied.last, applied.state
    except Diverged as parted:
        return Report(parted.found.n - 1, inputs, state, parted.found)
    return Report(entries, inputs, state, None)


def retell(plan: Plan, policies: Policies, texts: Sequence[str]) -> Iterator[Applied]:
    """Yield each input of a run once it gave its recorded entries again. Raises: Diverged at the first that did not."""
    if not texts:
        raise Diverged(Difference(1, Why.MALFORMED, None, None, 1, detail="there are no entries"))
    state: RunState | None = None
    at = now = 0
    while at < len(texts):
        telling = _Telling(plan, policies, texts, at)
        state, given = telling.next_input(state, now)
        result = telling.step(state, given)
        last = at + len(result.entries)
        yield Applied(at + 1, last, given, state.status, result.state)
        state, at, now = result.state, last, given.at


class _Telling:
    """One input: which it is, and whether it gives the entries of the record from place `at` on."""

    def __init__(self, plan: Plan, policies: Policies, texts: Sequence[str], at: int) -> None:
        self.plan = plan
        self.policies = policies
        self.texts = texts
        self.at = at
        self.given: Input | None = None
        self.waited = 0

    def next_input(self, state: RunState | None, now: int) -> tuple[RunState, Input]:
        """Return the run as it stands and what happens to it next. now: lane clock of the input before."""
        try:
            entry = recorded.body(self.texts[self.at])
            if state is None:
                state = RunState(st=entry["st"], start_at=_start_at(entry))
            self.given = given = self._input(entry, state)
        except recorded.NotAnInput:
            raise self.parted(Why.EXTRA) from None
        except recorded.Malformed as error:
            raise self.parted(Why.MALFORMED, detail=str(error)) from None
        except recorded.PolicyMissing as error:
            raise self.parted(Why.POLICY, detail=str(error)) from None
        if isinstance(given, Start) != (self.at == 0):
            raise self.parted(Why.EXTRA)
        if given.at < now:
            raise self.parted(Why.REFUSED, detail="the clock of a run never goes back")
        if isinstance(given, Facts) and state.status in ("READY", "PAUSED"):
            self._check_facts(state, given)
        return state, given

    def _check_facts(self, state: RunState, given: Facts) -> None:
        """Check what the core takes for granted: when the gate was asked, and that it was asked about this send."""
        if given.at < (state.due or 0):
            raise self.parted(Why.REFUSED, detail="the gate is not asked before its time")
        if wrong := _wrong_facts(self.plan, state, given):
            raise self.parted(Why.FACTS, facts=tuple(wrong))

    def _input(self, entry: dict[str, Any], state: RunState) -> Input:
        at = state.start_at + entry["tick"]
        due = state.due if state.status == "WAITING" else None
        if due is not None and (due < at or entry["cause"] == state.wait_n):
            # A timer leaves no entry of its own: what follows names the wait as its cause. It fires at its very second,
            # so whatever is recorded later than that came after it.
            self.waited = state.wait_n
            return Timer(due)
        if entry["cause"]:
            raise recorded.NotAnInput
        return recorded.given(entry, state.start_at, self.policies)

    def step(self, state: RunState, given: Input) -> Result:
        """Return the core's result, all of whose entries stand in the record."""
        try:
            result = machine.step(self.plan, state, given)
        except IllegalMove as error:
            raise self.parted(Why.REFUSED, detail=str(error)) from None
        except WrongFacts as error:
            raise self.parted(Why.FACTS, detail=str(error)) from None
        except Exception as error:  # whatever a made-up entry makes the core trip over is a finding, not a crash
            raise self.parted(Why.FAULT, detail=type(error).__name__) from None
        for place, entry in enumerate(result.entries, self.at):
            if place == len(self.texts):
                raise self.parted(Why.MISSING, place, entry.body)
            if self.texts[place] != entry.body:
                raise self.parted(Why.DIFFERENT, place, entry.body)
        if not result.entries:
            raise self.parted(Why.REFUSED, detail="the input leads to no entry")
        return result

    def parted(
        self,
        why: Why,
        place: int | None = None,
        replayed: str | None = None,
        *,
        detail: str = "",
        facts: tuple[tuple[str, Any, Any], ...] = (),
    ) -> Diverged:
        place = self.at if place is None else place
        text = self.texts[place] if place < len(self.texts) else None
        return Diverged(Difference(place + 1, why, text, replayed, self.at + 1, self.given, self.waited, detail, facts))


def _start_at(first: dict[str, Any]) -> int:
    start_at = first["data"].get("start_at")
    if first["type"] != "run.started" or type(start_at) is not int:
        raise recorded.NotAnInput
    return start_at


def _wrong_facts(plan: Plan, state: RunState, given: Facts) -> list[tuple[str, Any, Any]]:
    """Return the facts that do not follow from the run and its plan, each with what does."""
    step = plan.steps.get(state.step)
    late_by = max(0, given.at - state.ready_at) if state.ready_at else 0
    known: dict[str, Any] = {"at": given.at, "plan": plan.key, "purpose": plan.purpose, "late_by": late_by}
    if step is not None and step.kind in CHANNELS:
        known["channel"] = str(CHANNELS[step.kind])
    found = [(f"/data/facts/{name}", given.facts[name], value) for name, value in known.items()]
    found.append(("/data/facts/policy/key", given.facts["policy"]["key"], plan.policy))
    return [(path, fact, value) for path, fact, value in found if fact != value]
