"""Where did a replay part from its record, and why most likely? The report of a divergence.

Values are named `recorded` (the log) and `replayed` (the core, now), always in this order. The cause follows from
rules, the most specific first. Pure. Source: study/engine.md §7.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from audit import canon, chain
from runs.engine import trace, values
from runs.engine.replay import Difference, Why

SHOWN_BEFORE = 3  # equal entries shown before the difference
MOST_FIELDS = 20
# What the gate, conditions and timers decide: where another core shows first.
ENGINE_TYPES = frozenset(
    {
        "gate.decided", "run.paused", "branch.evaluated", "split.evaluated", "run.exited", "step.waiting",
        "time.resolved", "recovery.applied", "recovery.exhausted", "run.held", "run.released",
    }
)  # fmt: skip


class Cause(StrEnum):
    """Why a replay failed, most specific first."""

    sentence: str

    def __new__(cls, name: str, sentence: str) -> "Cause":
        member = str.__new__(cls, name)
        member._value_ = name
        member.sentence = sentence
        return member

    LOG_TAMPERED = "LOG_TAMPERED", "The log was changed after it was written."
    RUN_REPLACED_OR_TRUNCATED = (
        "RUN_REPLACED_OR_TRUNCATED",
        "The run was cut off or written anew: what is here is not all of what was recorded.",
    )
    PLAN_CHANGED = "PLAN_CHANGED", "The plan is not the one this run was started on."
    ENGINE_CHANGED = "ENGINE_CHANGED", "This engine decides otherwise than the one that wrote the record."
    INPUT_MISSING = "INPUT_MISSING", "An input that the run depended on is not in the record."
    FACTS_DIFFER = "FACTS_DIFFER", "The facts in the record do not lead to what the record says followed from them."
    NONDETERMINISM_BUG = (
        "NONDETERMINISM_BUG",
        "The same inputs led to something else: this is a bug of the engine. Please report it with the bundle.",
    )
    # Not about the log: a file of the bundle is not what the bundle says it is.
    BUNDLE_CHANGED = (
        "BUNDLE_CHANGED",
        "This is no bundle as DEE writes one, or it was damaged or changed after its export.",
    )


@dataclass(frozen=True, slots=True)
class Field:
    """A place in an entry's body (JSON pointer) and both values as JSON texts, None where there is none."""

    path: str
    recorded: str | None
    replayed: str | None

    def as_data(self) -> dict[str, Any]:
        """Return the field as JSON values; a side without a value is left out."""
        sides = (("recorded", self.recorded), ("replayed", self.replayed))
        return {"path": self.path} | {name: json.loads(text) for name, text in sides if text is not None}


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first difference, told. last_equal: trace lines of the entries before it. why: what happened, in words."""

    n: int
    tick: int
    step: str
    why: str
    fields: tuple[Field, ...]
    last_equal: tuple[str, ...]
    input: str
    cause: Cause
    detail: str

    @property
    def first_shown(self) -> int:
        """The number of the first of the last equal entries."""
        return self.n - len(self.last_equal)

    @property
    def sentence(self) -> str:
        """The probable cause in words."""
        return f"{self.cause.sentence} {self.detail}".strip()

    def as_data(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "entry": self.n,
            "tick": self.tick,
            "step": self.step,
            "why": self.why,
            "fields": [each.as_data() for each in self.fields],
            "last_equal": list(self.last_equal),
            "input": self.input,
        }


def explain(found: Difference, texts: Sequence[str], *, other_core: bool = False) -> Divergence:
    """Tell a difference. texts: the recorded entries. other_core: the record's engine is known not to be this one."""
    body, replayed = _body(found.recorded), _body(found.replayed)
    told = _Evidence(found, body, replayed, tuple(_fields(found, body, replayed)), other_core)
    at = body or replayed
    cause = next(cause for cause, holds in _RULES if holds(told))
    return Divergence(
        n=found.n,
        tick=at["tick"] if type(at.get("tick")) is int else 0,
        step=at["step"] if isinstance(at.get("step"), str) else "",
        why=_WHY[found.why].format(detail=found.detail),
        fields=told.fields,
        last_equal=tuple(line(text) for text in texts[max(0, found.n - 1 - SHOWN_BEFORE) : found.n - 1]),
        input=_input_words(found, texts),
        cause=cause,
        detail=_DETAILS.get(cause, _no_detail)(told),
    )


def line(text: str) -> str:
    """Return the trace line of an entry that the core made."""
    return trace.line(canon.decode(text), chain.entry_hash(text).hex())


# What differs


def differing(recorded: Any, replayed: Any, path: str = "") -> Iterator[Field]:
    """Yield the places where two values differ, in the order of their names."""
    if isinstance(recorded, dict) and isinstance(replayed, dict):
        for key in sorted(recorded.keys() | replayed.keys()):
            here = f"{path}/{key}"
            if key not in recorded or key not in replayed:
                yield Field(here, _one(recorded, key), _one(replayed, key))
            else:
                yield from differing(recorded[key], replayed[key], here)
    elif isinstance(recorded, list) and isinstance(replayed, list) and len(recorded) == len(replayed):
        for index, (one, other) in enumerate(zip(recorded, replayed, strict=True)):
            yield from differing(one, other, f"{path}/{index}")
    elif type(recorded) is not type(replayed) or recorded != replayed:
        yield Field(path, _json(recorded), _json(replayed))


def _one(body: Mapping[str, Any], key: str) -> str | None:
    return _json(body[key]) if key in body else None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _fields(found: Difference, body: Mapping[str, Any], replayed: Mapping[str, Any]) -> Iterator[Field]:
    if found.facts:
        yield from (Field(path, _json(fact), _json(known)) for path, fact, known in found.facts)
    elif found.why == Why.DIFFERENT and body.get("type") == replayed.get("type"):
        yield from list(differing(body, replayed))[:MOST_FIELDS]
    else:
        # Another kind of entry, or none: the whole data would differ, and that says less than the kind.
        for name in ("type", "step", "cause"):
            one, other = _one(body, name), _one(replayed, name)
            if one != other:
                yield Field(f"/{name}", one, other)


def _body(text: str | None) -> Mapping[str, Any]:
    try:
        body = canon.decode(text) if text is not None else {}
    except canon.NotCanonical:
        return {}
    return body if isinstance(body, dict) else {}


_WHY = {
    Why.DIFFERENT: "The entry comes out different.",
    Why.MISSING: "The record ends here, but the last input leads to a further entry.",
    Why.EXTRA: "Nothing in the record leads to this entry.",
    Why.MALFORMED: "No engine writes such an entry: {detail}.",
    Why.REFUSED: "The run does not take this input as it stands ({detail}).",
    Why.FACTS: "The facts are not those of this run, its plan and its policy. {detail}",
    Why.POLICY: "The policy {detail} that this entry names is not at hand.",
    Why.FAULT: "The engine met an error on this input ({detail}).",
}


def _input_words(found: Difference, texts: Sequence[str]) -> str:
    if found.waited:
        return f"the timer that entry {found.waited} set"
    if found.given is None:
        return f"none: entry {found.n} would have to be an input"
    return f"entry {found.first}: {_body(texts[found.first - 1])['type']}"


# Why


@dataclass(frozen=True, slots=True)
class _Evidence:
    found: Difference
    recorded: Mapping[str, Any]
    replayed: Mapping[str, Any]
    fields: tuple[Field, ...]
    other_core: bool

    @property
    def paths(self) -> set[str]:
        return {field.path for field in self.fields}


def _tampered(told: _Evidence) -> bool:
    return told.found.why == Why.MALFORMED


def _truncated(told: _Evidence) -> bool:
    return told.found.why == Why.MISSING


def _plan_changed(told: _Evidence) -> bool:
    return told.recorded.get("type") == "run.started" and "/data/plan/hash" in told.paths


def _engine_changed(told: _Evidence) -> bool:
    if told.recorded.get("type") == "run.started" and told.paths & {"/data/alg", "/data/sem"}:
        return True
    types = {told.recorded.get("type"), told.replayed.get("type")}
    return told.other_core and told.found.why in (Why.DIFFERENT, Why.FAULT) and bool(types & ENGINE_TYPES)


def _input_missing(told: _Evidence) -> bool:
    if told.found.why == Why.DIFFERENT:
        # The record says that another entry led here, or that something new came where the old is not yet done.
        return told.recorded.get("cause") != told.replayed.get("cause")
    return told.found.why in (Why.EXTRA, Why.REFUSED, Why.POLICY)


def _facts_differ(told: _Evidence) -> bool:
    if not isinstance(told.found.given, values.Facts):
        return False
    return told.found.why in (Why.FACTS, Why.FAULT) or told.recorded.get("type") == "gate.decided"


_RULES: tuple[tuple[Cause, Callable[[_Evidence], bool]], ...] = (
    (Cause.LOG_TAMPERED, _tampered),
    (Cause.RUN_REPLACED_OR_TRUNCATED, _truncated),
    (Cause.PLAN_CHANGED, _plan_changed),
    (Cause.ENGINE_CHANGED, _engine_changed),
    (Cause.INPUT_MISSING, _input_missing),
    (Cause.FACTS_DIFFER, _facts_differ),
    (Cause.NONDETERMINISM_BUG, lambda _: True),
)


def _no_detail(_: _Evidence) -> str:
    return ""


def _which_input(told: _Evidence) -> str:
    if told.found.why == Why.POLICY:
        return "It is the document of the policy."
    cause = told.recorded.get("cause")
    if cause:
        return f"Entry {told.found.n} says that entry {cause} led to it."
    return f"It belongs before entry {told.found.n}."


def _which_facts(told: _Evidence) -> str:
    """Name the facts, or the rules that judged them otherwise."""
    if told.found.facts:
        names = [path.removeprefix("/data/facts/") for path, _, _ in told.found.facts]
        return f"The run itself says otherwise about {', '.join(names)}."
    judged = sorted({int(path.split("/")[3]) for path in told.paths if path.startswith("/data/rules/")})
    rules = told.replayed["data"]["rules"] if judged else []
    return f"Look at the facts about {', '.join(rules[index]['rule'] for index in judged)}." if judged else ""


_DETAILS: Mapping[Cause, Callable[[_Evidence], str]] = {
    Cause.LOG_TAMPERED: lambda told: f"Entry {told.found.n} is no entry that an engine writes.",
    Cause.RUN_REPLACED_OR_TRUNCATED: lambda told: f"It ends before entry {told.found.n}.",
    Cause.INPUT_MISSING: _which_input,
    Cause.FACTS_DIFFER: _which_facts,
}
