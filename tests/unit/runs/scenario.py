"""The pure core at work on given plans, as one digest: `python -m tests.unit.runs.scenario FILE`.

test_environments runs it under other hash seeds, zones, languages, Pythons and orders of keys, and compares. What
happens is drawn by SHA-256, so no environment tells another story. PLANT names a dependence put in on purpose.
"""

import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from audit import canon
from plans import document, layout
from plans.steps import CHANNELS
from policies.rules import document as policy_document
from runs.engine import commanding, path, replay, trace, transitions
from runs.engine.values import Event, Facts, Fault, Input, Outcome, Recover, Voided
from runs.engine.walk import IllegalMove
from tests.unit.runs.driver import POLICY, START_AT, Driver, make_facts

LIVES = 6  # stories told of each plan
STEPS = 45  # inputs of a story at most
DAY = 86_400
AT_WORK = [{"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "17:30"}]
RULES = [
    {"on": ["smtp_421", "rate_limited"], "action": "retry", "max_attempts": 1, "backoff_ticks": [60, 900]},
    {"on": ["smtp_timeout_after_data", "outcome_lost", "no_result"], "action": "resolve_on_evidence"},
    {"on": ["outcome_lost"], "action": "redispatch", "max_attempts": 1, "backoff_ticks": [30]},
]
STRICT = POLICY | {
    "budgets": [{"key": "month", "limit": 90_000_000, "period": "month"}],
    "calling_hours": [{"channels": ["voice"], "purposes": ["*"], "windows": AT_WORK}],
    "recovery": RULES,
}
# Texts that look alike, sort oddly, change their length with their case or read from right to left.
AWKWARD = (
    "İSTANBUL \u0131i",
    "ﬁne",
    "Straße ẞ",
    "e\u0301 é",
    "\u202e\u05ea\u05d5",
    "\U0001f44d\U0001f3fd",
    "\u2028",
    "\x7f",
    "ǅ",
    "",
)
CALLED = ("answered", "no_answer", "busy", "voicemail")
HEARD = ("delivered", "opened", "clicked", "replied", "answered", "busy", "failed", "bounced_hard")
COMMANDS = [*transitions.Command]
TRIED_AGAIN = ("retry", "redispatch", "send_again")
OUTCOMES = [
    ("not_sent", "smtp_421"),
    ("not_sent", "rate_limited"),
    ("unknown", "outcome_lost"),
    ("unknown", "smtp_timeout_after_data"),
    ("accepted", ""),
    ("accepted", ""),
    ("accepted", ""),
]


class Draw:
    """Choices that follow from a name, on every machine alike."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.n = 0

    def number(self, below: int) -> int:
        self.n += 1
        return int.from_bytes(hashlib.sha256(f"{self.name}/{self.n}".encode()).digest()[:8]) % below

    def of(self, options: Sequence[Any]) -> Any:
        return options[self.number(len(options))]


def reordered(value: Any, order: str) -> Any:
    """Return the same value with the keys of its dictionaries put in another order."""
    if isinstance(value, Mapping):
        keys = list(value)
        if order == "reversed":
            keys.reverse()
        elif order == "shuffled":
            keys.sort(key=lambda key: hashlib.sha256(str(key).encode()).digest())
        return {key: reordered(value[key], order) for key in keys}
    return [reordered(item, order) for item in value] if isinstance(value, list) else value


class Life(Driver):
    """One run and all that happens to it; what it leaves is in `told`."""

    def __init__(self, plan: document.Plan, draw: Draw, order: str) -> None:
        self.draw, self.order = draw, order
        self.told: list[str] = []
        self.texts: list[str] = []
        self.clock = START_AT
        self.refused = 0
        attrs = {"tier": draw.of(AWKWARD), "score": draw.number(9) - 4, "vip": draw.number(2) == 1}
        super().__init__(plan, contact=f"c-{draw.number(50)}", **attrs)

    def give(self, given: Input) -> str:
        """Apply an input whose dictionaries came in some order."""
        loose = {each.name: getattr(given, each.name) for each in fields(given)}
        again = {name: reordered(value, self.order) for name, value in loose.items() if isinstance(value, Mapping)}
        status = super().give(replace(given, **again))
        self.told += [json.dumps(asdict(self.state), sort_keys=True, default=bytes.hex)]
        self.told += [json.dumps(asdict(effect), sort_keys=True, default=str) for effect in self.effects]
        return status

    def go(self) -> None:
        """Let time pass and something happen, until nothing more can."""
        for _ in range(STEPS):
            if self.state.status in transitions.FINAL and self.draw.number(2):
                return
            try:
                self._happen()
            except IllegalMove as refused:
                self.told.append(str(refused))
                self.refused += 1

    def _happen(self) -> None:
        status, chance = self.state.status, self.draw.number(20)
        self.clock += self.draw.of((0, 0, 1, 30, 3600))
        if status == "WAITING" and self.state.due is not None and self.state.due < self.clock:
            self.timer()  # what was due comes before whatever happens now
        elif chance == 0:
            self._event(stops=self.draw.number(3) == 0)
        elif chance == 1:
            self._command()
        elif chance == 2:
            self._command("hold") if self.draw.number(4) else self.give(Fault(self.clock, "KeyError"))
        elif status == "DISPATCHING":
            self._outcome()
        elif status == "FAILED":
            self._failed()
        elif self.state.due is None:
            self._command("release")
        elif status == "WAITING":
            self._wait()
        else:
            self._stand()

    def _stand(self) -> None:
        """Come to the gate, or ask what time it is for the contact."""
        self.clock = max(self.clock, self.state.due or 0)
        here = self.plan.steps[self.state.step]
        if here.kind == "wait_until":
            until = self.draw.of((self.clock, self.clock + 7200, self.clock + 7200, None))
            self.resolve_time(until, "America/St_Johns" if until else "", at=self.clock)
            return
        payload = {"c": "dd" * 32, "kind": "message", "ref": "x"}
        error = self.draw.of(("", "", "", "", "attr_größe" if self.draw.number(4) == 0 else ""))
        self.give(Facts(self.clock, STRICT, self._facts(str(CHANNELS[here.kind])), payload, error))

    def _facts(self, channel: str) -> dict[str, Any]:
        draw, at, again = self.draw, self.clock, bool(self.state.again_until)
        counters = [
            {
                "key": f"{amount.rule}:{amount.key}:2027-01",
                "rule": amount.rule,
                "limit": amount.limit,
                "used": amount.limit if draw.number(9) == 0 else 0,
                "amount": amount.units,
                "resets_at": at + 5000 if amount.rule == "daily_limit" else None,
            }
            for amount in policy_document.amounts_for(STRICT, channel)
        ]
        minutes = draw.of(((600, 601), (600, 610), (600, 1100)))
        zones = [
            {"name": f"Zone/{n}", "offset_s": 60 * n, "weekday": 3, "minute": minute}
            for n, minute in enumerate(minutes)
        ]
        called = {"applies": True, "windows": AT_WORK, "zones": zones, "opens_at": at + 9000}
        changes: list[dict[str, Any]] = [
            {"consent": {"status": "revoked", "version": 2, "kind": ""}},
            {"suppressions": [{"id": 7, "scope": "global", "reason": "manual"}]},
            {"kill": [{"scope": "channel", "key": channel}, {"scope": "global", "key": ""}]},
            {"contact_state": "closed"},
            {"plan_state": "retired"},
        ]
        facts = make_facts(at, channel, counters=[] if again else counters, plan=self.plan.key)
        facts["late_by"] = max(0, at - self.state.ready_at) if self.state.ready_at else 0
        facts |= {"hours": called} if channel == "voice" else {}
        facts |= draw.of(changes) if draw.number(8) == 0 else {}
        return facts | ({"again": True} if again else {})

    def _wait(self) -> None:
        here, chance = self.plan.steps[self.state.step], self.draw.number(10)
        if self.state.reason == "task" and chance < 6:
            self._command("complete_task")
        elif here.kind in ("call", "wait_for_event") and chance < 6:
            self._event()
        else:
            self.clock = max(self.clock, self.state.due or 0)
            self.timer()

    def _outcome(self) -> None:
        if self.draw.number(9) == 0:
            self.give(Voided(self.clock, self.state.intent, "consent"))
            return
        kind, code = self.draw.of(OUTCOMES)
        label = self.draw.of(CALLED) if self.plan.steps[self.state.step].kind == "call" else ""
        given = ("label", "", label) if label and self.draw.number(3) == 0 else (kind, code, "")
        self.give(Outcome(self.clock, self.state.intent, *given))

    def _failed(self) -> None:
        here = self.plan.steps[self.state.step]
        given = Recover(self.clock, STRICT, "aa" * 32, self.draw.of((0, DAY)))
        if self.draw.number(8) == 0:
            self.report(self.clock, *self.draw.of((("accepted", "", ""), ("not_sent", "smtp_421", ""))))
        elif commanding.choice(self.state, here, given) is not None and self.draw.number(3):
            self.give(given)
        elif self.draw.number(4) == 0:
            self._event()
        else:
            self._command(self.draw.of((*TRIED_AGAIN, *TRIED_AGAIN, "resolve", "skip", "cancel")))

    def _event(self, *, stops: bool = False) -> None:
        heard, step = (
            "unsubscribed" if stops else self.draw.of(HEARD),
            self.draw.of([self.state.step, *sorted(self.plan.steps), ""]),
        )
        machine_made, id = self.draw.number(6) == 0, f"{self.draw.number(9):032x}"
        self.give(Event(self.clock, heard, self.state.intent, step, machine_made, "hook:ü", id, stops))

    def _command(self, name: str = "") -> None:
        here = self.plan.steps[self.state.step]
        label = self.draw.of([*sorted(here.on), "nowhere"])
        self.command(name or str(self.draw.of(COMMANDS)), self.clock, label, self.draw.of((0, DAY)))


def tell(plan: document.Plan, name: str, order: str, told: Counter[str]) -> list[str]:
    """Return everything one story leaves: entries, states, effects, refusals, its path, and its replay. Count it."""
    life = Life(plan, Draw(name), order)
    life.go()
    texts = [canon.encode(entry) for entry in life.entries]
    report = replay.replay(plan, {given: STRICT for given in ("00" * 32, "aa" * 32)}, texts)
    told.update(life.types)
    told.update(f"gate {e['data']['verdict']} {e['data']['rule']}" for e in life.entries if e["type"] == "gate.decided")
    told.update(f"settle {e['data']['settle']}" for e in life.entries if e["type"] == "send.outcome")
    told.update(e["data"]["command"] for e in life.entries if e["type"] == "command.accepted")
    told["identical" if report.identical else "replayed otherwise"] += 1
    told["refused"] += life.refused
    lines = [trace.line(entry, hash) for entry, hash in zip(life.entries, life.hashes, strict=True)]
    return [*life.hashes, *life.told, *lines, str(path.path(life.entries)), str((report.entries, report.identical))]


def planted(plant: str, order: str) -> str:
    """Return something that depends on one property of the environment."""
    names = {f"n{n}" for n in range(40)}
    loose = reordered({f"k{n}": n for n in range(20)}, order)
    return {
        "": "",
        "hash": str(list(names)),
        "zone": time.strftime("%H:%M", time.localtime(START_AT)),
        "language": os.environ.get("LC_ALL", ""),
        "optimize": str(__debug__),
        "order": str(list(loose)),
        "python": str(sys.version_info[:2]),
    }[plant]


def main(file: str) -> None:
    """Print the digest of everything, and how often what happened."""
    order, told = os.environ.get("ORDER", ""), Counter[str]()
    digest = hashlib.sha256(planted(os.environ.get("PLANT", ""), order).encode())
    given = json.loads(Path(file).read_text(encoding="utf-8"))
    for number, whole in enumerate(given["plans"]):
        plan = document.parse(json.dumps(reordered(whole, order)))
        parts = [plan.hash, plan.text, str(layout.layout(plan))]
        for life in range(LIVES):
            parts += tell(plan, f"{number}/{life}", order, told)
        for part in parts:
            digest.update(part.encode("utf-8", "surrogatepass"))
    for whole in given["broken"]:
        problems = document.inspect_value(whole).problems  # in the order, and in the words, of their author
        digest.update("\n".join(map(str, problems)).encode("utf-8", "surrogatepass"))
    print(digest.hexdigest(), json.dumps(told, sort_keys=True))


if __name__ == "__main__":
    main(sys.argv[1])
