"""Which step does this piece of a document describe? Strict reading of each kind of step, with all its faults.

A step that is partly unreadable comes back with stand-ins, so that it can be drawn. Whether events and conditions fit
is checked when all steps are known. Pure: no Django, clock, random, environment, file or network.

Source: DESIGN §5; study/engine.md §3.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from channels.kinds import Channel
from plans import steps
from plans.problems import listed, pointer
from plans.reading import WORD, WORD_RULE, Reader, shown

TEMPLATE_REF = re.compile(r"([a-z0-9][a-z0-9-]{0,39})@([1-9][0-9]{0,5})")
TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
WEEK = (1, 2, 3, 4, 5, 6, 7)
MAX_SECONDS = 5 * 366 * 86400
MAX_ARMS = 20  # of a branch, beside its else, and of a split
MIN_SPLIT = 2
MAX_WEIGHT = 10_000
MAX_OUTCOMES = 10  # a task's own, beside timeout
MAX_TITLE = 200
MAX_INSTRUCTIONS = 2000

_SENDING = ("require", "max_lateness_s")
# (required, optional) keys of each kind, beside "kind"
STEP_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    steps.Kind.SEND_EMAIL: (("template", "on"), _SENDING),
    steps.Kind.CALL: (("template", "on"), _SENDING),
    steps.Kind.WAIT: (("seconds", "on"), ()),
    steps.Kind.WAIT_UNTIL: (("time", "on"), ("days",)),
    steps.Kind.WAIT_FOR_EVENT: (("event", "timeout_s", "on"), ("of",)),
    steps.Kind.BRANCH: (("cases", "else"), ()),
    steps.Kind.SPLIT: (("arms",), ()),
    steps.Kind.RECORD_OPT_OUT: (("channels", "on"), ()),
    steps.Kind.TASK: (("title", "timeout_s", "on"), ("instructions",)),
    steps.Kind.END: (("result",), ("goal",)),
}


@dataclass(frozen=True, slots=True)
class _Source:
    """One step's part of a document. where: its pointer; known: all the document's steps."""

    reader: Reader
    name: str
    kind: str
    body: dict[str, Any]
    where: str
    known: Mapping[str, Any]

    def seconds(self, key: str, least: int) -> int:
        if key not in self.body:
            return least
        return self.reader.integer(self.body[key], self.where + pointer(key), least, MAX_SECONDS)


def read_step(reader: Reader, name: str, body: Any, known: Mapping[str, Any]) -> steps.Step | None:
    """Return one step of a document, or None when not even its kind can be read. known: all the document's steps."""
    where = pointer("steps", name)
    reader.word(name, where)
    kind = body.get("kind") if isinstance(body, dict) else None
    if not isinstance(kind, str) or kind not in STEP_KEYS:
        said = f"{shown(kind)} is not a kind of step" if kind is not None else "This step has no kind"
        reader.refuse(where + "/kind", f"{said}; use one of {', '.join(STEP_KEYS)}.")
        return None
    required, optional = STEP_KEYS[kind]
    source = _Source(reader, name, kind, reader.mapping(body, where, ("kind", *required), optional), where, known)
    return _READERS[kind](source)


# --- where a step leads -------------------------------------------------------------------------------------------


def _on(source: _Source) -> dict[str, str]:
    """Return label to target, in the order of the kind's labels, without targets that lead nowhere."""
    reader, where, labels = source.reader, source.where + "/on", steps.LABELS[source.kind]
    value = source.body.get("on", {})
    if not isinstance(value, dict):
        reader.refuse(where, f"This must be an object that maps each outcome: {', '.join(labels)}.")
        return {}
    missing = [label for label in labels if label not in value and label != steps.BLOCKED]
    if missing and "on" in source.body:
        reader.refuse(where, f"The outcome {listed(missing)} leads nowhere; map every outcome to a step.")
    for label in value:
        if label not in labels:
            kind = source.kind
            reader.refuse(where + pointer(label), f'Remove "{label}"; a {kind} step has only {", ".join(labels)}.')
    return _targets(source, [label for label in labels if label in value])


def _task_on(source: _Source) -> dict[str, str]:
    """Return label to target: the author's own in alphabetical order, then `timeout`."""
    reader, where = source.reader, source.where + "/on"
    value = source.body.get("on", {})
    if not isinstance(value, dict):
        reader.refuse(where, "This must be an object that maps each outcome: words of your own, and timeout.")
        return {}
    own = sorted(label for label in value if label != steps.TIMEOUT)
    if "on" in source.body:
        if not own:
            reader.refuse(where, 'A task has at least one outcome of its own, such as "done"; add one.')
        if steps.TIMEOUT not in value:
            reader.refuse(where, f'The outcome "{steps.TIMEOUT}" leads nowhere; map every outcome to a step.')
    if len(own) > MAX_OUTCOMES:
        reader.refuse(where, f"There are {len(own)} outcomes beside timeout; {MAX_OUTCOMES} are allowed.")
    for label in own:
        reader.word(label, where + pointer(label), WORD, WORD_RULE)
    return _targets(source, [*own, *([steps.TIMEOUT] if steps.TIMEOUT in value else [])])


def _targets(source: _Source, labels: list[str]) -> dict[str, str]:
    on = source.body["on"] if labels else {}
    where = source.where + "/on"
    found = {label: source.reader.target(on[label], where + pointer(label), source.known) for label in labels}
    return {label: to for label, to in found.items() if to}


def _arm(source: _Source, item: dict[str, Any], where: str, on: dict[str, str]) -> tuple[str, str]:
    """Return (name, target) of one arm and note it in `on`; names are labels, so each is used once."""
    reader = source.reader
    name = reader.word(item["name"], where + "/name", WORD, WORD_RULE) if "name" in item else ""
    goto = reader.target(item["goto"], where + "/goto", source.known) if "goto" in item else ""
    if name and name in on:
        reader.refuse(where + "/name", f'Two arms of this {source.kind} are named "{name}"; rename one.')
    elif name:
        on[name] = goto
    return name, goto


def _leading(on: dict[str, str]) -> dict[str, str]:
    return {arm: to for arm, to in on.items() if to}


# --- the kinds ----------------------------------------------------------------------------------------------------


def _send_email(source: _Source) -> steps.Step:
    on, template = _on(source), _template(source)
    return steps.SendEmail(source.name, on, template, _require(source), _lateness(source))


def _call(source: _Source) -> steps.Step:
    on, template = _on(source), _template(source)
    return steps.Call(source.name, on, template, _require(source), _lateness(source))


def _template(source: _Source) -> str:
    value = source.body.get("template")
    if isinstance(value, str) and TEMPLATE_REF.fullmatch(value):
        return value
    if "template" in source.body:
        said = f"{shown(value)} names no template version; write its key and number: welcome@1."
        source.reader.refuse(source.where + "/template", said)
    return ""


def _require(source: _Source) -> Any:
    """Return the condition as it stands, for it is checked when all steps are known; only null stands for none."""
    value = source.body.get("require")
    if value is None and "require" in source.body:
        source.reader.refuse(
            source.where + "/require", "null is no condition; leave the key out when the send needs none."
        )
    return value


def _lateness(source: _Source) -> int | None:
    return source.seconds("max_lateness_s", 1) if "max_lateness_s" in source.body else None


def _wait(source: _Source) -> steps.Step:
    return steps.Wait(source.name, _on(source), source.seconds("seconds", 0))


def _wait_until(source: _Source) -> steps.Step:
    on, body, reader = _on(source), source.body, source.reader
    time = body.get("time")
    found = TIME.fullmatch(time) if isinstance(time, str) else None
    if found is None and "time" in body:
        said = f"{shown(time)} is no time of day; write hours and minutes from 00:00 to 23:59, such as 09:00."
        reader.refuse(source.where + "/time", said)
    minute = int(found[1]) * 60 + int(found[2]) if found else 0
    days = reader.chosen(body["days"], source.where + "/days", WEEK) if "days" in body else []
    return steps.WaitUntil(source.name, on, minute, tuple(days) or WEEK)


def _wait_for_event(source: _Source) -> steps.Step:
    on, event, of = _on(source), _optional_name(source, "event"), _optional_name(source, "of")
    return steps.WaitForEvent(source.name, on, event, of or None, source.seconds("timeout_s", 1))


def _optional_name(source: _Source, key: str) -> str:
    value = source.body.get(key, "")
    if key not in source.body or (isinstance(value, str) and value):
        return str(value)
    source.reader.refuse(source.where + pointer(key), f'{shown(value)} is not allowed here; "{key}" is a name.')
    return ""


def _branch(source: _Source) -> steps.Step:
    reader, body = source.reader, source.body
    cases: list[steps.Case] = []
    on: dict[str, str] = {}
    for index, item in enumerate(reader.items(body.get("cases", []), source.where + "/cases", MAX_ARMS)):
        at = source.where + pointer("cases", index)
        item = reader.mapping(item, at, ("name", "when", "goto"), ())
        arm, goto = _arm(source, item, at, on)
        cases.append(steps.Case(arm, item.get("when"), goto))  # type: ignore[arg-type]  # checked with all steps known
    if "cases" in body and not cases:
        reader.refuse(source.where + "/cases", "A branch has at least one case; add one.")
    otherwise = steps.Otherwise("", "")
    if "else" in body:
        at = source.where + "/else"
        otherwise = steps.Otherwise(*_arm(source, reader.mapping(body["else"], at, ("name", "goto"), ()), at, on))
    return steps.Branch(source.name, _leading(on), tuple(cases), otherwise)


def _split(source: _Source) -> steps.Step:
    reader, where = source.reader, source.where + "/arms"
    arms: list[steps.Arm] = []
    on: dict[str, str] = {}
    for index, item in enumerate(reader.items(source.body.get("arms", []), where, MAX_ARMS)):
        at = where + pointer(index)
        item = reader.mapping(item, at, ("name", "weight", "goto"), ())
        name, goto = _arm(source, item, at, on)
        weight = reader.integer(item["weight"], at + "/weight", 1, MAX_WEIGHT) if "weight" in item else 1
        arms.append(steps.Arm(name, weight, goto))
    if isinstance(source.body.get("arms"), list) and len(arms) < MIN_SPLIT:
        reader.refuse(where, f"A split has at least {MIN_SPLIT} arms; add one, or lead straight to the next step.")
    return steps.Split(source.name, _leading(on), tuple(arms))


def _record_opt_out(source: _Source) -> steps.Step:
    on, body, known = _on(source), source.body, [channel.value for channel in Channel]
    channels = source.reader.chosen(body["channels"], source.where + "/channels", known) if "channels" in body else []
    return steps.RecordOptOut(source.name, on, tuple(channels))


def _task(source: _Source) -> steps.Step:
    on, body, reader = _task_on(source), source.body, source.reader
    title = reader.text(body["title"], source.where + "/title", MAX_TITLE) if "title" in body else ""
    if isinstance(body.get("title"), str) and not title.strip():
        reader.refuse(source.where + "/title", "The title is empty; say what the person has to do.")
    told = reader.text(body.get("instructions", ""), source.where + "/instructions", MAX_INSTRUCTIONS)
    return steps.Task(source.name, on, title, told, source.seconds("timeout_s", 1))


def _end(source: _Source) -> steps.Step:
    reader, body = source.reader, source.body
    result = reader.word(body["result"], source.where + "/result", WORD, WORD_RULE) if "result" in body else ""
    goal = body.get("goal", False)
    if not isinstance(goal, bool):
        reader.refuse(source.where + "/goal", '"goal" is true or false.')
    return steps.End(source.name, {}, result, goal is True)


_READERS: Mapping[str, Callable[[_Source], steps.Step]] = {
    steps.Kind.SEND_EMAIL: _send_email,
    steps.Kind.CALL: _call,
    steps.Kind.WAIT: _wait,
    steps.Kind.WAIT_UNTIL: _wait_until,
    steps.Kind.WAIT_FOR_EVENT: _wait_for_event,
    steps.Kind.BRANCH: _branch,
    steps.Kind.SPLIT: _split,
    steps.Kind.RECORD_OPT_OUT: _record_opt_out,
    steps.Kind.TASK: _task,
    steps.Kind.END: _end,
}
