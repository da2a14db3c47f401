"""Valid plans by chance: every kind of step, exits, requirements, lateness, loops in loops. Sound by construction.

A plan is made of ways: steps one after the other that all lead, by one arm at least, to a step named beforehand. So
every step is reached and leads to an end, and whatever was made earlier on a way can have been before. The templates
and attributes that plans use are the constants below.
"""

from collections.abc import Callable, Collection
from random import Random
from typing import Any

from channels.kinds import CALL_RESULTS, EMAIL_EVENTS, Event

EMAILS = ("hello@1", "tier@1")
SCRIPTS = ("script@1",)
ATTRIBUTES = {"tier": "string", "score": "int", "vip": "bool"}
MINUTE, HOUR, DAY = 60, 3600, 86_400
LONGEST = 5 * 366 * DAY

Condition = dict[str, Any]

_ENDS: dict[str, dict[str, Any]] = {
    "done": {"kind": "end", "result": "finished", "goal": True},
    "left": {"kind": "end", "result": "left_early", "goal": False},
    "gone": {"kind": "end", "result": "7-gone"},
}
_TIERS = ("gold", "silver", "Größe 1")
_CALL_LABELS = ("answered", "no_answer", "busy", "voicemail")
_PLAIN = {"send_email": 6, "call": 3, "wait": 3, "wait_until": 2, "wait_for_event": 3, "task": 2, "record_opt_out": 1}
_FORKS = {"branch": 4, "split": 2, "loop": 3}


def valid_plan(rng: Random, *, key: str = "plan-1", policy: str = "outreach") -> dict[str, Any]:
    """Return the document of a plan that passes every check."""
    made = _Maker(rng)
    entry, _ = made.way("done", [], depth=rng.choice((0, 1, 2, 2, 3)))
    made.end("done")
    exits = made.exits()
    seconds = sum(map(_longest, made.steps.values()))
    plan: dict[str, Any] = {
        "schema": "dee.plan/1",
        "key": key,
        "entry": entry,
        "purpose": "marketing",
        "policy": policy,
        "attributes": dict(ATTRIBUTES),
        "limits": {
            "max_steps": len(made.steps) * rng.choice((1, 2, 5)) + rng.choice((0, 20)),
            "max_duration_s": min(seconds + rng.choice((1, DAY, 60 * DAY)), LONGEST),
        },
        "steps": made.steps,
    }
    if exits:
        plan["exit_on"] = exits
    if rng.random() < 0.7:
        plan["meta"] = rng.choice(({"title": "A trial"}, {"title": "Überblick", "description": "Two\nlines.\t"}, {}))
    return plan


def _longest(step: dict[str, Any]) -> int:
    """Return the most seconds a step may take."""
    if step["kind"] == "wait_until":
        return 8 * DAY
    return int(step.get("seconds", step.get("timeout_s", 0)))


class _Maker:
    """One plan on its way. steps: those already made, by name; their order is the order of making."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.steps: dict[str, Any] = {}
        self.named = 0
        self.room = rng.choice((3, 8, 16, 30))  # about how many steps there may be

    # Ways

    def way(self, then: str, before: list[str], depth: int) -> tuple[str, list[str]]:
        """Make steps that lead to `then`; return the first, and everything that can have been before `then`.

        before: what can have been before the first of them. depth: how many forks may stand in one another.
        """
        kinds = [self._kind(depth) for _ in range(self.rng.randint(1, 3))]
        names = [self._name(kind) for kind in kinds]
        for kind, name, following in zip(kinds, names, [*names[1:], then], strict=True):
            make: Callable[[str, str, list[str], int], list[str]] = getattr(self, f"_{kind}")
            before = before + make(name, following, before, depth)
        return names[0], before

    def end(self, name: str) -> str:
        self.steps.setdefault(name, dict(_ENDS[name]))
        return name

    def _kind(self, depth: int) -> str:
        weights = _PLAIN | (_FORKS if depth and self.named < self.room else {})
        return self.rng.choices(list(weights), list(weights.values()))[0]

    def _name(self, kind: str) -> str:
        self.named += 1
        word = kind.replace("_", "-")
        shape = self.rng.choice(("{word}-{n}", "{word}-{n}", "{n}-{word}", "s{n}", "{word:x<36}-{n}"))
        return shape.format(word=word, n=self.named)[:40]

    def _arms(self, labels: list[str], then: str, before: list[str], depth: int) -> tuple[dict[str, str], list[str]]:
        """Return where each label leads, at least one to `then`, and what that adds before `then`."""
        rng = self.rng
        on: dict[str, str] = {}
        added: list[str] = []
        straight = rng.choice(labels)
        for label in labels:
            chance = rng.random()
            if label == straight or chance < 0.5:
                on[label] = then
            elif chance < 0.75 or not depth or self.named >= self.room:
                on[label] = self.end(rng.choice(list(_ENDS)))
            else:
                on[label], passed = self.way(then, before, depth - 1)
                added += [name for name in passed if name not in before and name not in added]
        return on, added

    # Steps: each returns what can be before `then` because of it

    def _send_email(self, name: str, then: str, before: list[str], depth: int) -> list[str]:
        on, added = self._with_blocked(["sent"], then, [*before, name], depth)
        self.steps[name] = {"kind": "send_email", "template": self.rng.choice(EMAILS), "on": on}
        self._bound(name, before)
        return [name, *added]

    def _call(self, name: str, then: str, before: list[str], depth: int) -> list[str]:
        on, added = self._with_blocked(list(_CALL_LABELS), then, [*before, name], depth)
        self.steps[name] = {"kind": "call", "template": self.rng.choice(SCRIPTS), "on": on}
        self._bound(name, before)
        return [name, *added]

    def _with_blocked(
        self, labels: list[str], then: str, before: list[str], depth: int
    ) -> tuple[dict[str, str], list[str]]:
        return self._arms([*labels, *self.rng.choice(([], ["blocked"]))], then, before, depth)

    def _bound(self, name: str, before: list[str]) -> None:
        """Give a send a requirement or a greatest lateness, or none."""
        if self.rng.random() < 0.4:
            self.steps[name]["require"] = self.conditions(1, before, name)[0]
        if self.rng.random() < 0.3:
            self.steps[name]["max_lateness_s"] = self.rng.choice((1, MINUTE, HOUR, 2 * DAY))

    def _wait(self, name: str, then: str, _before: list[str], _depth: int) -> list[str]:
        seconds = self.rng.choice((0, 1, 59, MINUTE, HOUR, 9 * HOUR, DAY, 3 * DAY))
        self.steps[name] = {"kind": "wait", "seconds": seconds, "on": {"completed": then}}
        return [name]

    def _wait_until(self, name: str, then: str, _before: list[str], _depth: int) -> list[str]:
        rng = self.rng
        time = f"{rng.choice((0, 2, 9, rng.randrange(24))):02}:{rng.choice((0, 30, rng.randrange(60))):02}"
        self.steps[name] = {"kind": "wait_until", "time": time, "on": {"completed": then}}
        if rng.random() < 0.6:
            self.steps[name]["days"] = rng.sample(range(1, 8), rng.randint(1, 7))
        return [name]

    def _wait_for_event(self, name: str, then: str, before: list[str], depth: int) -> list[str]:
        on, added = self._arms(["event", "timeout"], then, [*before, name], depth)
        step = {"kind": "wait_for_event", **self._event(before), "timeout_s": self._timeout(), "on": on}
        self.steps[name] = step
        return [name, *added]

    def _task(self, name: str, then: str, before: list[str], depth: int) -> list[str]:
        own = self.rng.sample(("done", "no", "call_back", "7", "not-reached"), self.rng.randint(1, 3))
        on, added = self._arms([*own, "timeout"], then, [*before, name], depth)
        self.steps[name] = {"kind": "task", "title": "Prüfe das Konto", "timeout_s": self._timeout(), "on": on}
        if self.rng.random() < 0.5:
            self.steps[name]["instructions"] = self.rng.choice(("", "Look.\n\tThen say what you saw: “ä”."))
        return [name, *added]

    def _timeout(self) -> int:
        return self.rng.choice((1, 30, MINUTE, HOUR, DAY))

    def _record_opt_out(self, name: str, then: str, _before: list[str], _depth: int) -> list[str]:
        channels = self.rng.choice((["email"], ["voice"], ["email", "voice"], ["voice", "email"]))
        self.steps[name] = {"kind": "record_opt_out", "channels": channels, "on": {"recorded": then}}
        return [name]

    def _branch(self, name: str, then: str, before: list[str], depth: int) -> list[str]:
        asked = self.conditions(self.rng.randint(1, 3), before, name)
        names = [self.rng.choice(("case-{}", "c_{}", "{}")).format(index) for index in range(len(asked))]
        on, added = self._arms([*names, "else"], then, [*before, name], depth)
        cases = [{"name": each, "when": when, "goto": on[each]} for each, when in zip(names, asked, strict=True)]
        self.steps[name] = {"kind": "branch", "cases": cases, "else": {"name": "else", "goto": on["else"]}}
        return [name, *added]

    def _split(self, name: str, then: str, before: list[str], depth: int) -> list[str]:
        names = [f"arm_{index}" for index in range(self.rng.choice((2, 2, 3, 20)))]
        on, added = self._arms(names, then, [*before, name], depth)
        arms = [{"name": each, "weight": self.rng.choice((1, 3, 10_000)), "goto": on[each]} for each in names]
        self.steps[name] = {"kind": "split", "arms": arms}
        return [name, *added]

    def _loop(self, name: str, then: str, before: list[str], depth: int) -> list[str]:
        """A turn: the branch `name`, something that takes time, and a way back to the branch."""
        rng, rest = self.rng, self._name("rest")
        first, passed = self.way(name, [*before, name, rest], depth - 1)
        counted = {"op": "visits_ge", "step": rng.choice((name, rest, first)), "count": rng.randint(2, 4)}
        cases = [{"name": "enough", "when": counted, "goto": then}]
        if rng.random() < 0.4:
            other = self.conditions(1, before, name, without=["visits"])[0]
            cases.insert(rng.randint(0, 1), {"name": "soon", "when": other, "goto": self.end("left")})
        self.steps[name] = {"kind": "branch", "cases": cases, "else": {"name": "again", "goto": rest}}
        kind = rng.choice(("wait", "wait", "wait_for_event", "task"))
        self.steps[rest] = {
            "wait": {"kind": "wait", "seconds": rng.choice((MINUTE, DAY)), "on": {"completed": first}},
            "wait_for_event": {
                "kind": "wait_for_event", **self._event(before), "timeout_s": rng.choice((MINUTE, HOUR)),
                "on": {"event": then, "timeout": first},
            },
            "task": {
                "kind": "task", "title": "Decide", "timeout_s": rng.choice((MINUTE, HOUR)),
                "on": {"stop": then, "timeout": first},
            },
        }[kind]  # fmt: skip
        return [name, rest, *(each for each in passed if each not in (*before, name, rest))]

    # Exits

    def exits(self) -> list[dict[str, Any]]:
        """Return up to three exits: to an end, to any step, or into a way of their own."""
        rng, places = self.rng, list(self.steps)
        found = []
        for when in self.conditions(rng.choice((0, 0, 1, 1, 2, 3)), places, ""):
            chance = rng.random()
            if chance < 0.5:
                goto = self.end(rng.choice(("left", "gone")))
            elif chance < 0.8:
                goto = rng.choice(places)
            else:
                goto, _ = self.way(self.end("left"), [], 0)
            found.append({"when": when, "goto": goto})
        return found

    # Conditions

    def conditions(self, count: int, before: list[str], at: str, without: Collection[str] = ()) -> list[Condition]:
        """Return conditions of which none says anything about another: each fact stands in one of them only.

        before: what can have been before the step they stand at, which is `at`, "" for an exit.
        """
        leaves = self._leaves(before, at)
        facts = [fact for fact in leaves if fact not in without]
        self.rng.shuffle(facts)
        return [self._tree([leaves[facts.pop()] for _ in range(self.rng.choice((1, 1, 2, 3)))]) for _ in range(count)]

    def _tree(self, leaves: list[Condition]) -> Condition:
        rng = self.rng
        if len(leaves) == 1:
            alone = leaves[0]
            return rng.choice((alone, alone, {"op": "not", "arg": alone}, {"op": "and", "args": [alone]}))
        op = rng.choice(("and", "or"))
        neutral = {"op": "true" if op == "and" else "false"}
        args = [leaves[0], self._tree(leaves[1:]), *rng.choice(([], [neutral]))]
        return {"op": op, "args": args}

    def _leaves(self, before: list[str], at: str) -> dict[str, Condition]:
        """Return one leaf, or a small tree, about each fact."""
        rng = self.rng
        found: dict[str, Condition] = {str(event): self._event_leaf(event, before) for event in Event}
        tier, score = "contact.attr.tier", "contact.attr.score"
        found["tier"] = rng.choice((
            {"op": "eq", "ref": tier, "value": rng.choice(_TIERS), "default": ""},
            {"op": "in", "ref": tier, "values": list(_TIERS[: rng.randint(1, 3)]), "default": "none"},
            {"op": "and", "args": [{"op": "is_set", "ref": tier}, {"op": "ne", "ref": tier, "value": "gold"}]},
            {"op": "is_set", "ref": tier},
        ))  # fmt: skip
        op = rng.choice(("eq", "ne", "lt", "le", "gt", "ge"))
        found["score"] = {"op": op, "ref": score, "value": rng.randint(-9, 9), "default": rng.choice((0, -1))}
        found["vip"] = {"op": "eq", "ref": "contact.attr.vip", "value": rng.random() < 0.5, "default": False}
        found["tick"] = {
            "op": rng.choice(("ge", "gt", "le", "lt")),
            "ref": "run.tick",
            "value": rng.choice((1, HOUR, DAY)),
        }
        counted = rng.choice([*before, at] if at else before) if before or at else ""
        if counted:
            found["visits"] = {"op": "visits_ge", "step": counted, "count": rng.randint(2, 4)}
        labelled = [name for name in before if self._labels(name)]
        if labelled:
            found["outcome"] = self._outcome_leaf(rng.choice(labelled))
        return found

    def _outcome_leaf(self, step: str) -> Condition:
        labels = self._labels(step)
        ref, label = f"step.{step}.outcome", self.rng.choice(labels)
        return self.rng.choice((
            {"op": "outcome_is", "step": step, "label": label},
            {"op": "eq", "ref": ref, "value": label, "default": labels[0]},
            {"op": "in", "ref": ref, "values": labels[:2], "default": label},
        ))  # fmt: skip

    def _labels(self, name: str) -> list[str]:
        """Return the outcomes of a step already made."""
        step = self.steps.get(name, {})
        arms = step.get("arms", [*step.get("cases", []), *([step["else"]] if "else" in step else [])])
        return [arm["name"] for arm in arms] or list(step.get("on", ()))

    def _event_leaf(self, event: Event, before: list[str]) -> Condition:
        rng = self.rng
        kind = "send_email" if event in EMAIL_EVENTS else "call"
        senders = [name for name in before if self.steps.get(name, {}).get("kind") == kind]
        of = {"of": rng.choice(senders)} if senders and rng.random() < 0.7 else {}
        return rng.choice((
            {"op": "event_seen", "event": str(event)},
            {"op": "event_count_ge", "event": str(event), "count": rng.randint(1, 3)},
            {"op": "event_within", "event": str(event), "seconds": rng.choice((1, HOUR, DAY))},
        )) | of  # fmt: skip

    def _event(self, before: list[str]) -> dict[str, str]:
        """Return what a wait_for_event may wait for: an event of a send that can have been before, or of any."""
        rng = self.rng
        senders = [name for name in before if self.steps.get(name, {}).get("kind") in ("send_email", "call")]
        if not senders or rng.random() < 0.3:
            return {"event": str(rng.choice(list(Event)))}
        of = rng.choice(senders)
        known = EMAIL_EVENTS if self.steps[of]["kind"] == "send_email" else CALL_RESULTS
        return {"event": str(rng.choice(known)), "of": of}
