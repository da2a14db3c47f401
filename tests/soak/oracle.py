"""After a soak: does what the provider wrote down agree with what the database says?

`python -m tests.soak.oracle LEDGER` waits until nothing moves any more, compares, and prints JSON: counts, and a
sentence for each promise that was broken. The ledger is the provider's own; nothing here trusts the engine's word.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django

django.setup()

from audit import verify  # noqa: E402 (settings must be there first)
from audit.models import Head  # noqa: E402
from channels.models import OutboxMessage  # noqa: E402
from policies.models import Counter as Limit  # noqa: E402
from policies.models import PolicyVersion  # noqa: E402
from runs import health  # noqa: E402
from runs.models import Inbox, Intent, Run  # noqa: E402
from runs.rebuild import check as rebuild  # noqa: E402
from runs.rebuild.report import Verdict  # noqa: E402
from tests.channels_fakes.provider import Line, read_ledger  # noqa: E402
from tests.functional.invariants import FINAL, Log, check_replays  # noqa: E402

# Beyond the waits of the plans and the backoffs of the recoveries: what is due later waits for a day or a person.
SOON_S = 60
LATEST_S = 61  # a message leaves at most this long after its decision


class Oracle:
    """What is known of one soak."""

    def __init__(self, ledger: list[Line]) -> None:
        self.ledger = ledger
        self.taken = Counter(line.intent for line in ledger)
        self.log = Log()
        self.messages = {message.intent: message for message in OutboxMessage.objects.all()}
        self.mails = {i: m for i, m in self.messages.items() if m.channel == "email"}
        self.reported = {data["intent"] for _, data in self.log.of("send.reported")}
        self.broken: list[str] = []
        self.counts: dict[str, int] = {}

    def check(self) -> None:
        """Hold every promise against the evidence."""
        checks: list[Callable[[], None]] = [
            self.once,
            self.ledger_and_outcomes,
            self.attempts,
            self.gates,
            self.limits,
            self.chains,
            self.replays,
            self.inbox,
            self.standing,
            self.tables,
        ]
        for check in checks:
            try:
                check()
            except AssertionError as error:
                self.broken.append(f"{check.__name__}: {error}")
        self.count()

    def say(self, sentence: str, wrong: list[Any]) -> None:
        if wrong:
            self.broken.append(f"{sentence}: {len(wrong)}, such as {wrong[:3]}")

    def once(self) -> None:
        """At most one message for an intent; more only where a redispatch is on record."""
        again = Counter(data["intent"] for _, data in self.log.of("send.redispatched"))
        twice = [intent for intent, times in self.taken.items() if times > 1 + again[intent]]
        self.say("messages that left twice", twice)

    def ledger_and_outcomes(self) -> None:
        """What was said to be sent was taken, and what was taken was sent, or nobody knows."""
        self.say("taken and never intended", sorted(self.taken.keys() - self.mails.keys()))
        accepted = {intent for intent, message in self.mails.items() if message.outcome in ("accepted", "delivered")}
        self.say("said to be sent and never taken", sorted(accepted - self.taken.keys()))
        known = {"accepted", "delivered", "unknown"}
        wrong = [i for i in self.taken if i in self.mails and self.mails[i].outcome not in known]
        self.say("taken, but said not to be sent", [(i, self.mails[i].outcome) for i in wrong])
        self.say("no outcome", [i for i, message in self.messages.items() if not message.outcome])
        recorded = {data["intent"]: data["kind"] for _, data in self.log.of("send.outcome")}
        recorded |= dict.fromkeys((data["intent"] for _, data in self.log.of("send.voided")), "voided")
        self.say(
            "the log and the kept message differ",
            [i for i, message in self.messages.items() if recorded.get(i) != message.outcome],
        )

    def attempts(self) -> None:
        """A step sends again only what certainly did not leave, or what an operator said may leave twice."""
        spared = {i for i, message in self.messages.items() if message.outcome in ("not_sent", "voided")}
        spared |= {data["intent"] for _, data in self.log.of("send.reported") if data["kind"] == "not_sent"}
        calls = {i for i, message in self.messages.items() if message.channel == "voice"}
        told = {data["intent"] for _, data in self.log.of("event.received") if data["event"] == "failed"}
        spared |= told & calls  # the provider says that the call was not placed
        admitted = {data["intent"] for _, data in self.log.of("send.intended") if data.get("may_duplicate_of")}
        before: dict[tuple[int, str, int], str] = {}
        wrong = []
        for intent in Intent.objects.order_by("run", "n"):
            place = (intent.run_id, intent.step, intent.visit)
            if place in before and before[place] not in spared and intent.id not in admitted:
                wrong.append((f"run-{intent.run_id}", before[place], intent.id))
            before[place] = intent.id
        self.say("a second message for one step, unasked", wrong)

    def gates(self) -> None:
        """Each intent follows an ALLOW of its own whose facts show consent, no suppression and no kill switch."""
        allowed: dict[str, dict[str, Any]] = {}
        wrong, intended = [], []
        for st, data in self.log.of("gate.decided", "send.intended"):
            if "facts" in data:
                allowed[st] = data
                continue
            intended.append(data["intent"])
            gate = allowed.pop(st, None)
            facts = gate["facts"] if gate else {}
            good = gate and gate["verdict"] == "allow" and facts["consent"]["status"] == "granted"
            if not good or facts["suppressions"] or facts["kill"] or facts["contact_state"] != "active":
                wrong.append(data["intent"])
        self.say("left without a good ALLOW", wrong)
        assert sorted(intended) == sorted(Intent.objects.values_list("id", flat=True)), "intents and the log differ"

    def limits(self) -> None:
        """By the provider's clock: no day has more mails of a policy than its limit, nor more than were counted."""
        policies = {key: json.loads(body) for key, body in self._policies()}
        highest: Counter[str] = Counter()
        for (key, _), body in policies.items():
            for limit in body["daily_limits"]:
                if limit["channel"] == "email":
                    highest[limit["key"]] = max(highest[limit["key"]], limit["limit"])
                    assert limit["key"] == f"{key}-mails"
        plans = {run.stream: run.plan_version.plan.key for run in Run.objects.select_related("plan_version__plan")}
        policy_of = {"counted": "tight", "recovering": "recovering"}
        days: Counter[tuple[str, str]] = Counter()
        for line in self.ledger:
            if line.intent in self.mails:
                message = self.mails[line.intent]
                days[f"{policy_of.get(plans[message.run], 'open')}-mails", self._day(line, message)] += 1
        for (key, day), mails in days.items():
            assert mails <= highest[key], f"{key} on {day}: {mails} left, the limit is {highest[key]}"
            counter = Limit.objects.get(key=f"daily:{key}:{day}")
            assert mails <= counter.reserved + counter.posted, f"{counter.key}: {mails} left, {counter.used} counted"
        for row in Limit.objects.all():
            assert row.reserved + row.posted <= row.limit, row.key

    def _policies(self) -> list[tuple[tuple[str, int], str]]:
        return [((v.policy.key, v.number), v.body) for v in PolicyVersion.objects.select_related("policy")]

    def _day(self, line: Line, message: OutboxMessage) -> str:
        """Return the day a mail counts for: one decided just before midnight may leave just after it."""
        decided = message.created_at
        left = datetime.fromtimestamp(line.at, UTC)
        return str((decided if (left - decided).total_seconds() <= LATEST_S else left).date())

    def chains(self) -> None:
        report = verify.check()
        self.counts["entries verified"] = report.checked
        assert report.verdict == verify.Verdict.CONSISTENT, report.message

    def replays(self) -> None:
        self.counts["runs replayed to the byte"] = len(check_replays(self.log))

    def inbox(self) -> None:
        """Every input has one verdict and one place, none is missing; what was applied stands in the log."""
        rows = list(Inbox.objects.order_by("place"))
        assert all(row.verdict for row in rows), "an input has no verdict"
        assert [row.place for row in rows] == list(range(1, len(rows) + 1)), "places are missing"
        self.say("inputs that met an error", [row.pk for row in rows if "met an error" in row.reason])
        starts = sorted(row.run_id or 0 for row in rows if row.kind == "run.start" and row.verdict == "applied")
        assert starts == sorted(run.no for run in self.log.runs.values()), "starts and runs differ"
        commands = sorted(r.external_id for r in rows if r.kind == "command" and r.verdict == "applied")
        assert commands == sorted(data["id"] for _, data in self.log.of("command.accepted")), "commands differ"

    def standing(self) -> None:
        """No open run without a reason and a wake."""
        clock = Head.objects.get().clock
        wrong = []
        for run in Run.objects.exclude(status__in=FINAL):
            waits = run.status in ("WAITING", "PAUSED", "READY") and run.due_at is not None and run.due_at > clock
            asleep = run.reason == "held" or (run.status == "WAITING" and run.reason == "task")
            if not run.reason or not (waits or asleep or run.status == "FAILED"):
                wrong.append((run.ref, run.status, run.reason, run.due_at))
        self.say("open runs without a reason and a wake", wrong)

    def tables(self) -> None:
        """What lies in the tables is what the log alone gives."""
        report = rebuild.check()
        self.counts["rows and facts recomputed"] = sum(report.compared.values())
        assert report.verdict != Verdict.NOTHING, "nothing was recomputed"
        found = [str(difference) for difference in report.differences]
        self.say(f"the log gives something else ({report.differing})", found)

    def count(self) -> None:
        """Count what the soak was about."""
        unknown = {intent for intent, message in self.mails.items() if message.outcome == "unknown"}
        lost = {data["intent"] for _, data in self.log.of("send.outcome") if data["code"] == "outcome_lost"}
        rows = list(Inbox.objects.values_list("kind", "verdict", "reason", "deliveries"))
        self.counts |= {
            "runs": len(self.log.runs),
            "mails intended": len(self.mails),
            "calls intended": len(self.messages) - len(self.mails),
            "mails the provider took": len(self.ledger),
            "mails that left twice": sum(times - 1 for times in self.taken.values()),
            "mails of unknown outcome": len(unknown),
            "  which had left": len(unknown & self.taken.keys()),
            "  which had not left": len(unknown - self.taken.keys()),
            "  lost in a death of ours": len(unknown & lost),
            "late reports on record": len(self.reported),
            "intents voided before the socket": len(self.log.of("send.voided")),
            "gates that paused a run": sum(data["verdict"] == "pause" for _, data in self.log.of("gate.decided")),
            "commands accepted": len(self.log.of("command.accepted")),
            "commands refused by the engine": sum(k == "command" and v == "refused" for k, v, _, _ in rows),
            "recoveries applied": len(self.log.of("recovery.applied")),
            "events delivered more than once": sum(k == "event" and n > 1 for k, _, _, n in rows),
            "events of nobody": sum(k == "event" and v == "unmatched" for k, v, _, _ in rows),
            "engines that took over": sum(body["type"] == "engine.started" for _, _, body, _ in self.log.rows),
            "engine faults": len(self.log.of("engine.fault")),
        }


def wait_until_quiet(seconds: float) -> None:
    """Wait until nothing is left to do soon, at most for these seconds."""
    end = time.monotonic() + seconds
    while not _quiet() and time.monotonic() < end:
        time.sleep(0.5)


def _quiet() -> bool:
    return health.backlog().idle and not _soon()


def _soon() -> int:
    return Run.objects.filter(due_at__lt=int(time.time()) + SOON_S).count()


def main() -> None:
    """Wait, compare, print."""
    given = argparse.ArgumentParser()
    given.add_argument("ledger", type=Path)
    given.add_argument("--patience", type=float, default=180)
    asked = given.parse_args()
    wait_until_quiet(asked.patience)
    oracle = Oracle(read_ledger(asked.ledger))
    if not _quiet():
        # What still moves cannot be compared, but for what must hold at any moment.
        oracle.broken.append(f"the engine did not come to rest: {health.backlog()}, {_soon()} runs are due")
        oracle.once()
    else:
        oracle.check()
    json.dump({"counts": oracle.counts, "broken": oracle.broken}, sys.stdout)


if __name__ == "__main__":
    main()
