"""Which step does this piece of a document describe? Strict reading of parts of `dee.plan/1`, one problem per fault.

Readers always return something that can be drawn, with stand-ins where a part is unreadable; whoever calls them decides
by the problems. Pure: no Django, clock, random, environment, file or network.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from plans import steps
from plans.problems import Problem, listed, pointer

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
NAME_RULE = "lower-case letters, digits and hyphens, at most 40, such as wait-3-days"
WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
WORD_RULE = "lower-case letters, digits, hyphens and underscores, at most 40"
ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,39}")
ATTRIBUTE_RULE = "a lower-case letter, then letters, digits and underscores, at most 40"
TEMPLATE_REF = re.compile(r"([a-z0-9][a-z0-9-]{0,39})@([1-9][0-9]{0,5})")
MAX_SECONDS = 5 * 366 * 86400
MAX_STEPS = 10_000
MAX_CASES = 20

# (required, optional) keys of each kind, beside "kind"
STEP_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    steps.Kind.SEND_EMAIL: (("template", "on"), ()),
    steps.Kind.CALL: (("template", "on"), ()),
    steps.Kind.WAIT: (("seconds", "on"), ()),
    steps.Kind.WAIT_FOR_EVENT: (("event", "timeout_s", "on"), ("of",)),
    steps.Kind.BRANCH: (("cases", "else"), ()),
    steps.Kind.END: (("result",), ("goal",)),
}


@dataclass(slots=True)
class Reader:
    """Reads values at JSON pointers and notes what is wrong with them. step: the name that problems carry."""

    problems: list[Problem] = field(default_factory=list)
    step: str = ""

    def refuse(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, self.step, message))

    def mapping(self, value: Any, where: str, required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, Any]:
        """Return an object that has all required keys, if it does, and none but the known ones."""
        if not isinstance(value, dict):
            self.refuse(where, f"This must be an object with the keys {', '.join((*required, *optional))}.")
            return {}
        known = (*required, *optional)
        for key in required:
            if key not in value:
                self.refuse(where, f'The key "{key}" is missing; add it.')
        for key in value:
            if key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(known) or 'none'}."
                self.refuse(where + pointer(key), f'Remove the unknown key "{key}"; {hint}')
        return value

    def names(self, value: Any, where: str, most: int) -> dict[str, Any]:
        """Return an object whose keys are names chosen by the author."""
        if not isinstance(value, dict):
            self.refuse(where, "This must be an object, one key for each name.")
            return {}
        if len(value) > most:
            self.refuse(where, f"There are {len(value)} names here; {most} are allowed.")
        return value

    def items(self, value: Any, where: str, most: int) -> list[Any]:
        if not isinstance(value, list):
            self.refuse(where, "This must be a list.")
            return []
        if len(value) > most:
            self.refuse(where, f"There are {len(value)} entries here; {most} are allowed.")
        return value

    def word(self, value: Any, where: str, pattern: re.Pattern[str] = NAME, rule: str = NAME_RULE) -> str:
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        self.refuse(where, f"{_shown(value)} is not allowed here; use {rule}.")
        return ""

    def text(self, value: Any, where: str, most: int) -> str:
        """Return a text for people, not too long."""
        if not isinstance(value, str):
            self.refuse(where, "This must be a text.")
            return ""
        if len(value) > most:
            self.refuse(where, f"This text has {len(value)} characters; {most} are allowed.")
        return value

    def integer(self, value: Any, where: str, least: int, most: int) -> int:
        if type(value) is int and least <= value <= most:
            return value
        self.refuse(where, f"{_shown(value)} is not allowed here; use a whole number from {least} to {most}.")
        return least

    def target(self, value: Any, where: str, known: Mapping[str, Any]) -> str:
        """Return the name of an existing step, or "" for a target that leads nowhere."""
        if isinstance(value, str) and value in known:
            return value
        near = get_close_matches(value, known, n=1) if isinstance(value, str) else []
        hint = f'did you mean "{near[0]}"?' if near else "name a step of this plan."
        self.refuse(where, f"{_shown(value)} is not a step, so this leads nowhere; {hint}")
        return ""


def check_texts(reader: Reader, value: Any, where: str, with_lines: Collection[str]) -> None:
    """Refuse texts that are not NFC or hold control characters, anywhere in a document.

    with_lines: the pointers of the texts that may have line feeds and tabs.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            check_texts(reader, item, where + pointer(key), with_lines)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_texts(reader, item, where + pointer(index), with_lines)
    elif isinstance(value, str):
        allowed = "\n\t" if where in with_lines else ""
        bad = next((c for c in value if unicodedata.category(c) == "Cc" and c not in allowed), None)
        if bad is not None:
            reader.refuse(where, f"Remove the control character U+{ord(bad):04X} from this text.")
        if not unicodedata.is_normalized("NFC", value):
            reader.refuse(where, "This text is not in Unicode form NFC; type its accented letters again.")


def read_step(reader: Reader, name: str, body: Any, known: Mapping[str, Any]) -> steps.Step | None:
    """Return one step of a document, or None when not even its kind can be read. known: all the document's steps."""
    where = pointer("steps", name)
    reader.word(name, where)
    kind = body.get("kind") if isinstance(body, dict) else None
    if not isinstance(kind, str) or kind not in STEP_KEYS:
        said = f"{_shown(kind)} is not a kind of step" if kind is not None else "This step has no kind"
        reader.refuse(where + "/kind", f"{said}; use one of {', '.join(STEP_KEYS)}.")
        return None
    required, optional = STEP_KEYS[kind]
    body = reader.mapping(body, where, ("kind", *required), optional)
    on = _read_on(reader, kind, body["on"], where, known) if "on" in body and "on" in required else {}
    match kind:
        case steps.Kind.SEND_EMAIL:
            return steps.SendEmail(name, on, _template(reader, body, where))
        case steps.Kind.CALL:
            return steps.Call(name, on, _template(reader, body, where))
        case steps.Kind.WAIT:
            return steps.Wait(name, on, _seconds(reader, body, "seconds", where, 0))
        case steps.Kind.WAIT_FOR_EVENT:
            # Whether event and step fit together is checked when all steps are known.
            event, of = _optional_text(reader, body, "event", where), _optional_text(reader, body, "of", where)
            return steps.WaitForEvent(name, on, event, of or None, _seconds(reader, body, "timeout_s", where, 1))
        case steps.Kind.BRANCH:
            return _read_branch(reader, name, body, where, known)
    result = reader.word(body["result"], where + "/result", WORD, WORD_RULE) if "result" in body else ""
    goal = body.get("goal", False)
    if not isinstance(goal, bool):
        reader.refuse(where + "/goal", '"goal" is true or false.')
    return steps.End(name, {}, result, goal is True)


def _read_on(reader: Reader, kind: str, value: Any, where: str, known: Mapping[str, Any]) -> dict[str, str]:
    """Return label to target, in the order of the kind's labels, without targets that lead nowhere."""
    labels = steps.LABELS[kind]
    where += "/on"
    if not isinstance(value, dict):
        reader.refuse(where, f"This must be an object that maps each outcome: {', '.join(labels)}.")
        return {}
    missing = [label for label in labels if label not in value and label != steps.BLOCKED]
    if missing:
        reader.refuse(where, f"The outcome {listed(missing)} leads nowhere; map every outcome to a step.")
    for label in value:
        if label not in labels:
            reader.refuse(where + pointer(label), f'Remove "{label}"; a {kind} step has only {", ".join(labels)}.')
    targets = {key: reader.target(value[key], where + pointer(key), known) for key in labels if key in value}
    return {label: to for label, to in targets.items() if to}


def _read_branch(reader: Reader, name: str, body: dict[str, Any], where: str, known: Mapping[str, Any]) -> steps.Branch:
    cases: list[steps.Case] = []
    on: dict[str, str] = {}
    for index, item in enumerate(reader.items(body.get("cases", []), where + "/cases", MAX_CASES)):
        at = where + pointer("cases", index)
        item = reader.mapping(item, at, ("name", "when", "goto"), ())
        arm, goto = _read_arm(reader, item, at, known, on)
        cases.append(steps.Case(arm, item.get("when"), goto))  # type: ignore[arg-type]  # checked with all steps known
    if "cases" in body and not cases:
        reader.refuse(where + "/cases", "A branch has at least one case; add one.")
    otherwise = steps.Otherwise("", "")
    if "else" in body:
        item = reader.mapping(body["else"], where + "/else", ("name", "goto"), ())
        otherwise = steps.Otherwise(*_read_arm(reader, item, where + "/else", known, on))
    return steps.Branch(name, {arm: to for arm, to in on.items() if to}, tuple(cases), otherwise)


def _read_arm(
    reader: Reader, item: dict[str, Any], where: str, known: Mapping[str, Any], on: dict[str, str]
) -> tuple[str, str]:
    """Return (name, target) of one arm of a branch and note it in `on`; names are labels, so each is used once."""
    name = reader.word(item["name"], where + "/name", WORD, WORD_RULE) if "name" in item else ""
    goto = reader.target(item["goto"], where + "/goto", known) if "goto" in item else ""
    if name and name in on:
        reader.refuse(where + "/name", f'Two arms of this branch are named "{name}"; rename one.')
    elif name:
        on[name] = goto
    return name, goto


def _template(reader: Reader, body: dict[str, Any], where: str) -> str:
    value = body.get("template")
    if isinstance(value, str) and TEMPLATE_REF.fullmatch(value):
        return value
    if "template" in body:
        reader.refuse(
            where + "/template", f"{_shown(value)} names no template version; write its key and number: welcome@1."
        )
    return ""


def _optional_text(reader: Reader, body: dict[str, Any], key: str, where: str) -> str:
    value = body.get(key, "")
    if key not in body or (isinstance(value, str) and value):
        return str(value)
    reader.refuse(where + pointer(key), f'{_shown(value)} is not allowed here; "{key}" is a name.')
    return ""


def _seconds(reader: Reader, body: dict[str, Any], key: str, where: str, least: int) -> int:
    return reader.integer(body[key], where + pointer(key), least, MAX_SECONDS) if key in body else least


def _shown(value: Any) -> str:
    """Return a value as a sentence can quote it, cut short."""
    if isinstance(value, str):
        return f'"{value[:40]}…"' if len(value) > 40 else f'"{value}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)[:40] if isinstance(value, int) else f"A {'list' if isinstance(value, list) else 'whole object'}"
