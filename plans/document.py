"""Is this text a plan? JSON text to Plan and back, strictly, with every problem at once.

Import is parse, canonicalise, hash, check; export is canonical bytes; the round trip is byte-equal. `meta` (title and
description) lies outside the hash. Pure: no Django, clock, random, environment, file or network.

Source: DESIGN §5; study/engine.md §3 (V1 to V20).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from audit import canon
from plans import checks, conditions, steps
from plans.problems import Problem, pointer
from plans.reading import ATTRIBUTE, ATTRIBUTE_RULE, WORD, WORD_RULE, Reader, check_texts
from plans.step_reading import MAX_SECONDS, read_step
from plans.steps import Exit, Limits, Plan

__all__ = ["Inspection", "Invalid", "Plan", "Problem", "canonical", "content_hash", "export", "inspect", "parse"]

SCHEMA = "dee.plan/1"
REQUIRED = ("schema", "key", "entry", "purpose", "policy", "limits", "steps")
OPTIONAL = ("meta", "attributes", "exit_on")
# A page stands where the first one's would; the second names the log's stream of templates.
RESERVED_KEYS = frozenset({"new", "templates"})
MAX_PLAN_STEPS = 500
MAX_STEPS = 10_000
MAX_EXITS = 20
MAX_ATTRIBUTES = 100
MAX_PROBLEMS = 200
_CANON_POINTER = re.compile(r"(/[^:]*): (.*)", re.DOTALL)


class Invalid(ValueError):
    """The text is not a plan that may be published; `problems` holds everything wrong with it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Inspection:
    """What could be read of a text, for drawing, and what is wrong with it. plan is None when it is no document."""

    plan: Plan | None
    problems: tuple[Problem, ...]


def parse(text: str) -> Plan:
    """Return the plan of a document that passes every check. Raises: Invalid."""
    found = inspect(text)
    if found.problems or found.plan is None:
        raise Invalid(found.problems)
    return found.plan


def canonical(document: Mapping[str, Any]) -> str:
    """Return the canonical text of a document, `meta` included where it stands. Raises: audit.canon.NotCanonical."""
    return canon.encode(dict(document), canon.DOCUMENT)


def content_hash(body: str) -> str:
    """Return the hex SHA-256 that names a canonical document without `meta`; the database recomputes it."""
    return hashlib.sha256(b"dee.plan/1\n" + body.encode()).hexdigest()


def split_meta(text: str) -> tuple[str, str]:
    """Return a valid document as two canonical texts: without `meta`, and `meta` alone ("" when it has none)."""
    document = canon.decode(text, canon.DOCUMENT)
    meta = document.pop("meta", None)
    return canonical(document), "" if meta is None else canonical(meta)


def export(body: str, meta: str) -> str:
    """Return the canonical document of the two texts that `split_meta` gave."""
    document = canon.decode(body, canon.DOCUMENT)
    return canonical({**document, "meta": canon.decode(meta, canon.DOCUMENT)} if meta else document)


def inspect(text: str) -> Inspection:
    """Read a text as far as possible; return the readable part of its plan and all problems, at most 200."""
    try:
        document = decode(text)
    except Invalid as error:
        return Inspection(None, error.problems)
    return inspect_value(document)


def decode(text: str) -> Any:
    """Return the value of a JSON text within the profile of documents. Raises: Invalid, with line and column."""
    try:
        return canon.decode(text, canon.DOCUMENT)
    except canon.NotCanonical as error:
        found = _CANON_POINTER.fullmatch(str(error))
        where, message = found.groups() if found else ("", str(error))
        raise Invalid((Problem(where, "", f"This is not a JSON document of DEE: {message}."),)) from None


def inspect_value(document: Any) -> Inspection:
    """Read an already decoded document as `inspect` does."""
    reader = Reader()
    if not isinstance(document, dict):
        reader.refuse("", "A plan is a JSON object.")
        return Inspection(None, tuple(reader.problems))
    plan = _read_plan(reader, document)
    plan = _check_conditions(reader, plan)
    incomplete = {problem.step for problem in reader.problems}
    problems = [*reader.problems, *checks.check(plan, incomplete)]
    if len(problems) > MAX_PROBLEMS:
        more = Problem("", "", f"There are {len(problems) - MAX_PROBLEMS} more problems; mend these first.")
        problems = [*problems[:MAX_PROBLEMS], more]
    return Inspection(plan, tuple(problems))


def _read_plan(reader: Reader, document: dict[str, Any]) -> Plan:
    reader.mapping(document, "", REQUIRED, OPTIONAL)
    check_texts(reader, {key: document[key] for key in document if key != "steps"}, "", ("/meta/description",))
    if document.get("schema", SCHEMA) != SCHEMA:
        reader.refuse("/schema", f'This is not a plan document; its "schema" must be "{SCHEMA}".')
    key = _read_key(reader, document["key"]) if "key" in document else ""
    known = reader.names(document.get("steps", {}), "/steps", MAX_PLAN_STEPS)
    entry = reader.target(document["entry"], "/entry", known) if "entry" in document else ""
    purpose = reader.word(document["purpose"], "/purpose", WORD, WORD_RULE) if "purpose" in document else ""
    policy = reader.word(document["policy"], "/policy") if "policy" in document else ""
    meta = _read_meta(reader, document.get("meta", {}))
    attributes = _read_attributes(reader, document.get("attributes", {}))
    limits = _read_limits(reader, document["limits"]) if "limits" in document else Limits(MAX_STEPS, MAX_SECONDS)
    exits = _read_exits(reader, document.get("exit_on", []), known)
    found = {name: _read_one(reader, name, known) for name in sorted(known)}
    body = canonical({name: value for name, value in document.items() if name != "meta"})
    return Plan(
        key=key,
        hash=content_hash(body),
        entry=entry,
        purpose=purpose,
        policy=policy,
        steps={name: step for name, step in found.items() if step},
        exit_on=exits,
        limits=limits,
        attributes=attributes,
        text=body,
        title=meta.get("title", ""),
        description=meta.get("description", ""),
    )


def _read_key(reader: Reader, value: Any) -> str:
    key = reader.word(value, "/key")
    if key in RESERVED_KEYS:
        reader.refuse("/key", f'The key "{key}" is reserved; choose another.')
    return key


def key_problems(key: str) -> list[Problem]:
    """Return what stands against a plan's key."""
    reader = Reader()
    _read_key(reader, key)
    return reader.problems


def _read_one(reader: Reader, name: str, known: Mapping[str, Any]) -> steps.Step | None:
    where = pointer("steps", name)
    reader.step = name
    check_texts(reader, known[name], where, (where + "/instructions",))
    step = read_step(reader, name, known[name], known)
    reader.step = ""
    return step


def _read_meta(reader: Reader, value: Any) -> dict[str, str]:
    meta = reader.mapping(value, "/meta", (), ("title", "description"))
    return {
        key: reader.text(meta[key], pointer("meta", key), most)
        for key, most in (("title", 200), ("description", 4000))
        if key in meta
    }


def _read_limits(reader: Reader, value: Any) -> Limits:
    found = reader.mapping(value, "/limits", ("max_steps", "max_duration_s"), ())
    # A missing bound has been reported; the stand-in is the widest, so that no second problem follows from it.
    return Limits(
        reader.integer(found.get("max_steps", MAX_STEPS), "/limits/max_steps", 1, MAX_STEPS),
        reader.integer(found.get("max_duration_s", MAX_SECONDS), "/limits/max_duration_s", 1, MAX_SECONDS),
    )


def _read_attributes(reader: Reader, value: Any) -> dict[str, str]:
    found = {}
    for name, kind in reader.names(value, "/attributes", MAX_ATTRIBUTES).items():
        where = pointer("attributes", name)
        reader.word(name, where, ATTRIBUTE, ATTRIBUTE_RULE)
        if isinstance(kind, str) and kind in conditions.TYPES:
            found[name] = kind
        else:
            reader.refuse(where, f"The type of an attribute is one of {', '.join(conditions.TYPES)}.")
    return found


def _read_exits(reader: Reader, value: Any, known: Mapping[str, Any]) -> tuple[Exit, ...]:
    exits = []
    for index, item in enumerate(reader.items(value, "/exit_on", MAX_EXITS)):
        where = pointer("exit_on", index)
        item = reader.mapping(item, where, ("when", "goto"), ())
        goto = reader.target(item["goto"], where + "/goto", known) if "goto" in item else ""
        exits.append(Exit(item.get("when"), goto))  # type: ignore[arg-type]  # checked with all steps known
    return tuple(exits)


def _check_conditions(reader: Reader, plan: Plan) -> Plan:
    """Check conditions and events now that all steps are known; return the plan with stand-ins for broken ones."""

    def checked(when: Any, where: str, step: str = "") -> Any:
        found = conditions.check(when, conditions.Context(plan.attributes, plan.steps, where, step))
        reader.problems.extend(found)
        # A stand-in that equals no other condition, so that nothing is concluded from it.
        return {"op": "is_set", "ref": where} if found else when

    def step_checked(name: str, step: steps.Step) -> steps.Step:
        at = pointer("steps", name)
        if isinstance(step, steps.WaitForEvent) and step.event:
            context = conditions.Context(plan.attributes, plan.steps, at, name)
            reader.problems.extend(conditions.check_event(step.event, step.of, context))
        elif isinstance(step, steps.SendEmail | steps.Call) and step.require is not None:
            return replace(step, require=checked(step.require, at + "/require", name))
        elif isinstance(step, steps.Branch):
            cases = [
                replace(case, when=checked(case.when, at + pointer("cases", index, "when"), name))
                for index, case in enumerate(step.cases)
            ]
            return replace(step, cases=tuple(cases))
        return step

    found = {name: step_checked(name, step) for name, step in plan.steps.items()}
    exits = [
        replace(exit, when=checked(exit.when, pointer("exit_on", i, "when"))) for i, exit in enumerate(plan.exit_on)
    ]
    return replace(plan, steps=found, exit_on=tuple(exits))
