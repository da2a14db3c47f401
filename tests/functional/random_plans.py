"""Plans by chance: all kinds of steps, arms that lead anywhere ahead, bounded loops, exits; all pass every check."""

import json
from random import Random
from typing import Any

from plans import document
from tests.factories import BLOCKED, DONE

LEFT = {"kind": "end", "result": "left", "goal": False}
EVENTS = ("delivered", "opened", "clicked", "replied")
RESULTS = ("answered", "no_answer", "busy", "voicemail")
HOUR, DAY = 3600, 86_400


def random_plan(rng: Random, key: str, policy: str) -> str:
    """Return the text of a plan that passes every check."""
    for _ in range(200):
        text = json.dumps(_draft(rng, key, policy))
        if not document.inspect(text).problems:
            return text
    raise AssertionError("no valid plan in 200 tries: the generator has to be changed")


def _draft(rng: Random, key: str, policy: str) -> dict[str, Any]:
    names = [f"step-{at}" for at in range(rng.randint(2, 6))]
    ends = ["done", "blocked"]
    steps: dict[str, Any] = {}
    for at, name in enumerate(names):
        ahead = [*names[at + 1 :], *ends]
        sends = [before for before in names[:at] if steps[before]["kind"] in ("send_email", "call")]
        steps[name] = _step(rng, at, ahead, sends)
    if rng.random() < 0.4:
        _loop(rng, names, steps)
    plan: dict[str, Any] = {
        "schema": "dee.plan/1",
        "key": key,
        "entry": names[0],
        "purpose": "marketing",
        "policy": policy,
        "attributes": {"tier": "string", "score": "int"},
        "limits": {"max_steps": rng.choice((12, 40)), "max_duration_s": rng.choice((1, 4, 12)) * DAY},
        "steps": steps | {"done": DONE, "blocked": BLOCKED},
    }
    if rng.random() < 0.5:
        event = rng.choice(("replied", "clicked", "opened"))
        plan["exit_on"] = [{"when": {"op": "event_seen", "event": event}, "goto": "left"}]
        plan["steps"]["left"] = LEFT
    met = _reached(plan)
    plan["steps"] = {name: step for name, step in plan["steps"].items() if name in met}
    return plan


def _step(rng: Random, at: int, ahead: list[str], sends: list[str]) -> dict[str, Any]:
    following = ahead[0]
    step: dict[str, Any]
    kind = rng.choices(
        ("send_email", "call", "wait", "wait_for_event", "branch", "wait_until", "split", "task", "record_opt_out"),
        (10, 4, 6, 4, 6, 2, 2, 4, 1) if at else (16, 4, 2, 0, 2, 1, 2, 0, 0),
    )[0]
    if kind == "send_email":
        on = {"sent": following} | ({"blocked": rng.choice(ahead)} if rng.random() < 0.6 else {})
        step = {"kind": kind, "template": rng.choice(("hello@1", "hello@1", "tier@1")), "on": on}
        if sends and rng.random() < 0.2:
            step["require"] = {"op": "not", "arg": {"op": "event_seen", "event": "replied", "of": rng.choice(sends)}}
        return step | ({"max_lateness_s": rng.choice((60, HOUR))} if rng.random() < 0.2 else {})
    if kind == "call":
        on = dict.fromkeys(RESULTS, following) | {rng.choice(RESULTS): rng.choice(ahead)}
        return {"kind": kind, "template": "script@1", "on": on | {"blocked": rng.choice(ahead)}}
    if kind == "wait":
        seconds = rng.choice((0, 1, 59, 60, HOUR, 9 * HOUR, DAY))
        return {"kind": kind, "seconds": seconds, "on": {"completed": following}}
    if kind == "wait_for_event":
        of = rng.choice([None, *sends])
        timeout = rng.choice((30, HOUR, DAY))
        step = {"kind": kind, "event": rng.choice(EVENTS), "timeout_s": timeout}
        return step | ({"of": of} if of else {}) | {"on": {"event": following, "timeout": rng.choice(ahead)}}
    if kind == "wait_until":
        days = {"days": sorted(rng.sample(range(1, 8), 3))} if rng.random() < 0.3 else {}
        return {"kind": kind, "time": rng.choice(("00:00", "02:30", "09:00")), **days, "on": {"completed": following}}
    if kind == "split":
        arms = [{"name": name, "weight": rng.randint(1, 3), "goto": rng.choice(ahead)} for name in ("b", "c")]
        return {"kind": kind, "arms": [{"name": "a", "weight": 2, "goto": following}, *arms]}
    if kind == "task":
        on = {"fine": following, "wrong": rng.choice(ahead), "timeout": rng.choice(ahead)}
        return {"kind": kind, "title": "Look at it", "timeout_s": rng.choice((HOUR, DAY)), "on": on}
    if kind == "record_opt_out":
        return {"kind": kind, "channels": [rng.choice(("email", "voice"))], "on": {"recorded": following}}
    cases = [
        {"name": f"case-{n}", "when": _condition(rng, sends), "goto": rng.choice(ahead)}
        for n in range(rng.randint(1, 2))
    ]
    return {"kind": kind, "cases": cases, "else": {"name": "no", "goto": following}}


def _condition(rng: Random, sends: list[str]) -> dict[str, Any]:
    plain: list[dict[str, Any]] = [
        {"op": "eq", "ref": "contact.attr.tier", "value": rng.choice(("gold", "basic")), "default": "none"},
        {"op": "ge", "ref": "contact.attr.score", "value": rng.randint(0, 9), "default": 5},
        {"op": "ge", "ref": "run.tick", "value": rng.choice((1, HOUR, DAY))},
    ]
    seen = [{"op": "event_seen", "event": rng.choice(EVENTS), "of": of} for of in sends]
    counted = [{"op": "event_count_ge", "event": rng.choice(EVENTS), "count": 2}] if sends else []
    leaf = rng.choice([*plain, *seen * 2, *counted])
    if rng.random() < 0.2:
        return {"op": "not", "arg": leaf}
    return {"op": "or", "args": [leaf, rng.choice(plain)]} if rng.random() < 0.2 else leaf


def _loop(rng: Random, names: list[str], steps: dict[str, Any]) -> None:
    """Lead the last step back to an earlier one, past a minute at least and not for ever."""
    last = steps[names[-1]]
    if "on" not in last:
        return
    last["on"] = {label: "rest" if to == "done" else to for label, to in last["on"].items()}
    back = rng.choice(names)
    enough = {
        "name": "enough",
        "when": {"op": "visits_ge", "step": "again", "count": rng.randint(2, 3)},
        "goto": "done",
    }
    steps["rest"] = {"kind": "wait", "seconds": rng.choice((60, HOUR)), "on": {"completed": "again"}}
    steps["again"] = {"kind": "branch", "cases": [enough], "else": {"name": "no", "goto": back}}


def _reached(plan: dict[str, Any]) -> set[str]:
    """Return what can be reached from the entry and the exits: steps that arms skipped are left out."""
    met: set[str] = set()
    todo = [plan["entry"], *(rule["goto"] for rule in plan.get("exit_on", ()))]
    while todo:
        name = todo.pop()
        if name in met:
            continue
        met.add(name)
        step = plan["steps"][name]
        todo += step.get("on", {}).values()
        todo += [arm["goto"] for arm in (*step.get("cases", ()), *step.get("arms", ()))]
        todo += [step["else"]["goto"]] if "else" in step else []
    return met
