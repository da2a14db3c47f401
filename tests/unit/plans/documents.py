"""Plan documents for tests: one that passes every check, the strategies that make others, and facts about a run."""

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from audit import canon
from plans import document
from plans.conditions import Snapshot

DONE = {"kind": "end", "result": "finished", "goal": True}
BLOCKED = {"kind": "end", "result": "blocked"}
OPENED = {"op": "event_seen", "event": "opened", "of": "mail"}
CALL_ON = {label: "done" for label in ("answered", "no_answer", "busy", "voicemail")}

FOLLOW_UP: dict[str, Any] = {
    "schema": "dee.plan/1",
    "key": "follow-up",
    "entry": "mail",
    "purpose": "marketing",
    "policy": "outreach",
    "meta": {"title": "Follow-up", "description": "Mail, wait,\ncall."},
    "attributes": {"tier": "string", "balance": "int", "vip": "bool"},
    "limits": {"max_steps": 20, "max_duration_s": 2_592_000},
    "exit_on": [{"when": {"op": "event_seen", "event": "replied"}, "goto": "done"}],
    "steps": {
        "mail": {"kind": "send_email", "template": "welcome@1", "on": {"sent": "pause", "blocked": "blocked"}},
        "pause": {"kind": "wait", "seconds": 259200, "on": {"completed": "opened"}},
        "opened": {
            "kind": "branch",
            "cases": [{"name": "yes", "when": OPENED, "goto": "done"}],
            "else": {"name": "no", "goto": "reply"},
        },
        "reply": {
            "kind": "wait_for_event",
            "event": "replied",
            "of": "mail",
            "timeout_s": 86400,
            "on": {"event": "done", "timeout": "call"},
        },
        "call": {"kind": "call", "template": "script@1", "on": {**CALL_ON, "blocked": "blocked"}},
        "done": DONE,
        "blocked": BLOCKED,
    },
}


REPLIED = {"op": "event_seen", "event": "replied", "of": "mail"}

# The kinds and keys that the plan above has not.
ASKED: dict[str, Any] = {
    "schema": "dee.plan/1",
    "key": "asked",
    "entry": "ask",
    "purpose": "collections",
    "policy": "outreach",
    "limits": {"max_steps": 20, "max_duration_s": 2_592_000},
    "steps": {
        "ask": {
            "kind": "split",
            "arms": [{"name": "mail", "weight": 3, "goto": "mail"}, {"name": "voice", "weight": 1, "goto": "call"}],
        },
        "mail": {"kind": "send_email", "template": "notice@1", "max_lateness_s": 3600, "on": {"sent": "morning"}},
        "call": {"kind": "call", "template": "script@1", "on": {**CALL_ON, "busy": "morning", "blocked": "done"}},
        "morning": {"kind": "wait_until", "time": "09:05", "days": [5, 1, 2], "on": {"completed": "check"}},
        "check": {
            "kind": "task",
            "title": "Look whether they paid",
            "instructions": "Open the account.\nLook.",
            "timeout_s": 86400,
            "on": {"promised": "done", "paid": "no-more", "timeout": "remind"},
        },
        "remind": {
            "kind": "send_email",
            "template": "notice@2",
            "require": {"op": "not", "arg": REPLIED},
            "on": {"sent": "done", "blocked": "done"},
        },
        "no-more": {"kind": "record_opt_out", "channels": ["voice", "email"], "on": {"recorded": "done"}},
        "done": DONE,
    },
}


def asked() -> dict[str, Any]:
    """Return a copy of the plan with a split, a wait_until, a task, an opt-out and what a send requires."""
    return deepcopy(ASKED)


def follow_up() -> dict[str, Any]:
    """Return a copy of the plan that passes every check, to be changed by the test."""
    return deepcopy(FOLLOW_UP)


def minimal(steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a plan of these steps, the first of which is the entry."""
    document = {
        "schema": "dee.plan/1",
        "key": "small",
        "entry": next(iter(steps)),
        "purpose": "marketing",
        "policy": "outreach",
        "limits": {"max_steps": 50, "max_duration_s": 2_592_000},
        "steps": steps,
    }
    return document | changes


def changed(path: str, value: Any, whole: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the good plan (or another) with one place changed; None takes the key away."""
    whole = whole or follow_up()
    *parents, last = path.split("/")
    place: Any = whole
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    key = int(last) if isinstance(place, list) else last
    if value is None:
        del place[key]
    else:
        place[key] = value
    return whole


def text(value: Any) -> str:
    return canon.encode(value, canon.DOCUMENT)


def plan(value: dict[str, Any]) -> document.Plan:
    return document.parse(text(value))


def drawable(value: dict[str, Any]) -> document.Plan:
    """Return what can be read of a plan, whatever is wrong with it."""
    found = document.inspect(text(value)).plan
    assert found is not None
    return found


def problems(value: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return (pointer, step, message) of everything wrong with a plan."""
    return [(p.pointer, p.step, p.message) for p in document.inspect(text(value)).problems]


# --- facts --------------------------------------------------------------------------------------------------------


def facts(**changes: Any) -> Snapshot:
    """Return a run's facts at tick 1000: nothing has happened but what the test says."""
    values: dict[str, Any] = {"tick": 1000, "attrs": {}, "events": {}, "outcomes": {}, "visits": {}}
    return Snapshot(**values | changes)


def seen(count: int, first: int = 10, last: int = 900) -> dict[str, int]:
    return {"count": count, "first": first, "last": last}


# --- strategies ---------------------------------------------------------------------------------------------------

_OF = st.sampled_from([{}, {"of": "mail"}])
_EVENT = st.sampled_from(["opened", "clicked", "replied"])
_COUNT = st.integers(1, 3)


def _leaf(op: str, **keys: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"op": st.just(op), **keys})


def _with_of(leaf: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda base, of: base | of, leaf, _OF)


LEAVES = st.one_of(
    st.sampled_from([{"op": "true"}, {"op": "false"}, {"op": "is_set", "ref": "contact.attr.tier"}]),
    _with_of(_leaf("event_seen", event=_EVENT)),
    _with_of(_leaf("event_count_ge", event=_EVENT, count=_COUNT)),
    _with_of(_leaf("event_within", event=_EVENT, seconds=st.sampled_from([50, 100, 500]))),
    _leaf("outcome_is", step=st.just("call"), label=st.sampled_from(["busy", "answered"])),
    _leaf("visits_ge", step=st.sampled_from(["mail", "call"]), count=_COUNT),
    st.builds(
        lambda op, value: {"op": op, "ref": "run.tick", "value": value},
        st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]),
        st.sampled_from([-1, 0, 1, 1000]),
    ),
    st.builds(
        lambda op, value: {"op": op, "ref": "contact.attr.balance", "value": value, "default": 0},
        st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]),
        st.integers(-1, 1),
    ),
    _leaf(
        "in",
        ref=st.just("contact.attr.tier"),
        values=st.sampled_from([["gold"], ["gold", "basic"]]),
        default=st.just(""),
    ),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda op, args: {"op": op, "args": args},
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda arg: {"op": "not", "arg": arg}, inner),
    ),
    max_leaves=6,
)
_SEEN = st.dictionaries(_EVENT, st.builds(seen, _COUNT, st.just(0), st.sampled_from([0, 900, 980])), max_size=3)
SNAPSHOTS = st.builds(
    lambda tick, attrs, mail, rest, outcomes, visits: Snapshot(
        tick, attrs, {"mail": mail, "": {**rest, **mail}}, outcomes, visits
    ),
    st.sampled_from([0, 1, 1000]),
    st.dictionaries(st.sampled_from(["tier", "balance"]), st.sampled_from(["gold", "", 0, 1, -1, True]), max_size=2),
    _SEEN,
    _SEEN,
    st.dictionaries(st.just("call"), st.sampled_from(["busy", "answered"]), max_size=1),
    st.dictionaries(st.sampled_from(["mail", "call"]), st.integers(0, 4), max_size=2),
)


@st.composite
def graphs(draw: st.DrawFn, most: int = 14) -> dict[str, Any]:
    """Return a document with any graph at all, valid or not: for drawing."""
    count = draw(st.integers(1, most))
    names = [f"s{index}" for index in range(count)]
    target = st.sampled_from(names)
    steps: dict[str, Any] = {}
    for name in names:
        kind = draw(st.sampled_from(["send_email", "wait", "branch", "call", "split", "task", "end"]))
        if kind == "send_email":
            steps[name] = {"kind": kind, "template": "a@1", "on": {"sent": draw(target), "blocked": draw(target)}}
        elif kind == "wait":
            steps[name] = {"kind": kind, "seconds": 60, "on": {"completed": draw(target)}}
        elif kind == "call":
            steps[name] = {"kind": kind, "template": "a@1", "on": {label: draw(target) for label in CALL_ON}}
        elif kind == "task":
            on = {label: draw(target) for label in ("yes", "no", "timeout")}
            steps[name] = {"kind": kind, "title": "Look", "timeout_s": 60, "on": on}
        elif kind == "split":
            arms = [{"name": f"a{i}", "weight": 1, "goto": draw(target)} for i in range(draw(st.integers(2, 4)))]
            steps[name] = {"kind": kind, "arms": arms}
        elif kind == "branch":
            cases = [
                {"name": f"c{i}", "when": {"op": "true"}, "goto": draw(target)} for i in range(draw(st.integers(1, 3)))
            ]
            steps[name] = {"kind": kind, "cases": cases, "else": {"name": "no", "goto": draw(target)}}
        else:
            steps[name] = {"kind": kind, "result": "x"}
    return minimal(steps)
