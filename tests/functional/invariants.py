"""What must hold in every story, told from the log alone and compared with the tables. Source: DESIGN §14."""

import hashlib
import json
from collections import Counter, defaultdict
from typing import Any

from audit import verify
from audit.models import Entry
from channels.models import OutboxMessage, Reaction
from plans import queries as plan_queries
from plans.document import Plan
from plans.steps import channels
from policies.models import Counter as Limit
from policies.models import PolicyVersion
from runs.admit import OPT_OUTS
from runs.engine.values import Command, Event, Recover, pack
from runs.models import Inbox, Intent, Run
from runs.rebuild import check as rebuild
from tests.functional.replaying import Told, replay

FINAL = ("COMPLETED", "STOPPED")
# Entries that may settle a reservation, and how when they do not say; retrying what did not leave gives it back.
_SETTLES = {"send.outcome": "", "send.voided": "void", "command.accepted": "keep"}
PERSONAL = ("zebulon", "quince", "+1212555", "rang us", "form of")


class Log:
    """The whole log, read once. rows: (stream, body text, body, stamp) in the order of writing."""

    def __init__(self) -> None:
        stored = Entry.objects.order_by("seq").values_list("st", "body", "stamp")
        self.rows = [(st, text, json.loads(text), stamp) for st, text, stamp in stored]
        self.texts: dict[str, list[str]] = defaultdict(list)
        for st, text, _, _ in self.rows:
            self.texts[st].append(text)
        self.runs = {run.stream: run for run in Run.objects.all()}

    def of(self, *types: str) -> list[tuple[str, dict[str, Any]]]:
        """Return (stream, data) of the runs' entries of these types."""
        return [(st, body["data"]) for st, _, body, _ in self.rows if st in self.runs and body["type"] in types]


def check(sent: list[str], seen: Counter[str]) -> None:
    """Assert every invariant on the database as it stands; count in `seen` what has happened."""
    log = Log()
    assert verify.check().verdict == verify.Verdict.CONSISTENT, verify.check().message
    told = check_replays(log)
    check_moves(told, seen)
    check_sends(log, sent)
    check_timers(log)
    check_opt_outs(log, seen)
    check_rebuild()
    check_inbox(log)
    check_standing()
    check_clock(log)
    check_privacy(log)
    count(log, sent, seen)


def check_replays(log: Log) -> dict[str, Told]:
    """I8, I9: the core gives every byte again, and the columns of every run."""
    policies = {version.hash: json.loads(version.body) for version in PolicyVersion.objects.all()} | {"": {}}
    assert {st for st in log.texts if st.startswith("run/")} == log.runs.keys()
    told = {}
    for st, run in log.runs.items():
        told[st] = replay(plan_queries.parsed(run.plan_version_id), policies, log.texts[st])
        s = told[st].state
        again = (s.status, s.reason, s.step, s.visit, s.due, s.turn, s.since, s.n, s.head, s.start_at, pack(s))
        stored = (run.status, run.reason, run.step, run.visit, run.due_at, run.turn, run.since, run.n)
        assert again == (*stored, bytes(run.head), run.start_at, run.state), st
    return told


def check_moves(told: dict[str, Told], seen: Counter[str]) -> None:
    """I6: FAILED is left by a command or a rule, or for good by the person themselves; I17: what has ended stays."""
    for st, run in told.items():
        for before, given, after in run.moves:
            if before == "FAILED" != after:
                assert isinstance(given, Command | Recover) or (isinstance(given, Event) and given.stops), st
                seen["FAILED was left"] += 1
            assert before not in FINAL or after == before, st


def check_sends(log: Log, sent: list[str]) -> None:
    """I1, I2, I5: one dispatch for each intent and recorded redispatch, each after a committed ALLOW of its own."""
    allowed: dict[str, dict[str, Any]] = {}
    intended: Counter[str] = Counter()
    for st, data in log.of("gate.decided", "send.intended", "send.redispatched"):
        if "facts" in data:
            allowed[st] = data
            continue
        intended[data["intent"]] += 1
        gate = allowed.pop(st)  # one decision, one dispatch
        facts = gate["facts"]
        assert (gate["verdict"], facts["consent"]["status"], facts["suppressions"]) == ("allow", "granted", []), st
        assert (facts["kill"], facts["contact_state"], facts["plan_state"]) == ([], "active", "active"), st
        if "reserve" in data:
            assert data["reserve"] == [{"key": c["key"], "amount": c["amount"]} for c in facts["counters"]], st
        else:
            assert facts["again"], st
    assert Counter(sent) <= intended
    assert intended.keys() == set(Intent.objects.values_list("id", flat=True))
    outcomes = [data for _, data in log.of("send.outcome")]
    ends = [data | {"kind": data.get("kind", "voided")} for _, data in log.of("send.outcome", "send.voided")]
    assert Counter(data["intent"] for data in ends) == intended
    settles = {"accepted": "post", "delivered": "post", "label": "post", "not_sent": "void", "unknown": "keep"}
    for data in outcomes:
        again = intended[data["intent"]] > 1 and data["kind"] == "not_sent"
        assert data["settle"] == settles[data["kind"]] or (again and data["settle"] == "keep"), data
    certain = Counter(data["intent"] for data in outcomes if data["code"] != "outcome_lost")
    assert certain <= Counter(sent)
    kinds = {data["intent"]: data["kind"] for data in ends}  # the last one counts
    assert kinds == dict(OutboxMessage.objects.values_list("intent", "outcome"))


def check_opt_outs(log: Log, seen: Counter[str]) -> None:
    """An opt-out ends every open run of that person which sends on the channel, before anything else happens to it."""
    channels_of = {intent: [channel] for intent, channel in Intent.objects.values_list("id", "channel")}
    channels_of |= {data["id"]: data["channels"] for _, data in log.of("opt_out.recorded")}
    began: dict[str, int] = {}
    ended: dict[str, str] = {}
    moments = [json.loads(stamp)["at"] for _, _, _, stamp in log.rows]
    for (st, _, body, _), at in zip(log.rows, moments, strict=True):
        if body["type"] in ("run.completed", "run.stopped"):
            ended[st] = at
    for (st, _, body, _), at in zip(log.rows, moments, strict=True):
        data = body["data"]
        if body["type"] == "run.started":
            began[st] = log.runs[st].contact_id
        told = body["type"] in ("event.received", "event.after_end") and data["event"] in OPT_OUTS and data["intent"]
        if not told and body["type"] != "opt_out.recorded":
            continue
        on = set(channels_of[data["intent"] if told else data["id"]])
        for other, contact in began.items():
            own = other == st and not told  # a step that records an opt-out goes on to its plan's end
            if contact == began[st] and not own and on & set(channels(_plan(log, other))):
                assert ended[other] <= at, f"{other} outlived the opt-out in {st}"
                seen["an opt-out reached another run"] += other != st and ended[other] == at


def _plan(log: Log, st: str) -> Plan:
    return plan_queries.parsed(log.runs[st].plan_version_id)


def check_timers(log: Log) -> None:
    """Every timer fires at the very second it was set for, whatever was loaded, cut or missed in between."""
    for texts in (texts for st, texts in log.texts.items() if st in log.runs):
        entries = [json.loads(text) for text in texts]
        for entry in entries:
            cause = entries[entry["cause"] - 1] if entry["cause"] else entry
            if cause["type"] == "step.waiting":
                assert entry["tick"] == cause["data"]["until"], entry


def check_rebuild() -> None:
    """I9: tables, and the facts of every gate, are what the log alone gives; I3: no counter exceeds its limit."""
    report = rebuild.check()
    assert [str(found) for found in report.differences] == []
    assert not report.skipped and not report.unread, (report.skipped, report.unread)
    for row in Limit.objects.all():
        assert row.reserved + row.posted <= row.limit, row.key


def check_inbox(log: Log) -> None:
    """I12, I16, I17: one verdict and one place each; what was applied is in the log exactly once."""
    rows = list(Inbox.objects.order_by("place"))
    assert [row.place for row in rows] == list(range(1, len(rows) + 1))
    assert not [row for row in rows if "met an error" in row.reason]
    assert not Reaction.objects.filter(released=False).exists()
    applied = [row for row in rows if row.verdict == "applied"]
    starts = [row.run_id or 0 for row in applied if row.kind == "run.start"]
    assert sorted(starts) == sorted(run.no for run in log.runs.values()) == list(range(1, len(log.runs) + 1))
    events = {(f"run/{row.run_id}", _digest(row)) for row in applied if row.kind == "event"}
    recorded = Counter((st, data["id"]) for st, data in log.of("event.received", "event.after_end"))
    assert [key for key, times in recorded.items() if times > 1] == []
    assert events <= recorded.keys()
    told = {data["id"] for _, data in log.of("event.received", "event.after_end") if data["event"] in OPT_OUTS}
    told |= {data["id"] for _, data in log.of("opt_out.recorded")}
    assert {id for _, id in recorded.keys() - events} <= told  # only an opt-out is told to other runs
    commands = [json.loads(row.body) for row in applied if row.kind == "command"]
    assert len({(body["run"], body["expected_n"]) for body in commands}) == len(commands)
    accepted = sorted(data["id"] for _, data in log.of("command.accepted"))
    assert accepted == sorted(row.external_id for row in applied if row.kind == "command")


def _digest(row: Inbox) -> str:
    return hashlib.sha256(f"{row.source}\n{row.external_id}".encode()).hexdigest()[:32]


def check_standing() -> None:
    """I13, I15: long after the last bound every run has ended, or waits for a person."""
    left = Run.objects.exclude(status__in=[*FINAL, "FAILED"])
    assert [(run.no, run.status, run.reason, run.due_at) for run in left] == []


def check_clock(log: Log) -> None:
    """I14: neither the lane clock nor the database's ever goes back along the log."""
    ticks = [body["tick"] + (log.runs[st].start_at if st in log.runs else 0) for st, _, body, _ in log.rows]
    stamps = [json.loads(stamp)["at"] for _, _, _, stamp in log.rows]
    assert ticks == sorted(ticks)
    assert stamps == sorted(stamps)


def check_privacy(log: Log) -> None:
    """I19: nothing that was typed about a person is in a body or a stamp."""
    text = "\n".join(text + stamp for _, text, _, stamp in log.rows).lower()
    assert [value for value in PERSONAL if value in text] == []


def count(log: Log, sent: list[str], seen: Counter[str]) -> None:
    """Count what rarely happens, so that a campaign can say whether it did."""
    seen["sends"] += len(sent)
    seen["runs"] += len(log.runs)
    seen["entries"] += len(log.rows)
    for _, data in log.of("gate.decided"):
        seen[f"gate {data['verdict']} {data['rule']}".strip()] += 1
        seen["a send later than it was due"] += data["verdict"] == "allow" and data["facts"]["late_by"] > 60
    for _, data in log.of("send.outcome"):
        seen[f"outcome {data['kind']}"] += 1
        seen["an outcome lost in a crash"] += data["code"] == "outcome_lost"
    for _, data in log.of("run.failed", "run.stopped"):
        seen[f"ended {data['reason'].partition(':')[0]}"] += 1
    for _, data in log.of("command.accepted"):
        seen[f"command {data['command']}"] += 1
    for _, data in log.of("recovery.applied"):
        seen[f"recovery {data['action']}"] += 1
    seen["a rule that gave up"] += len(log.of("recovery.exhausted"))
    seen["a late report"] += len(log.of("send.reported"))
    seen["a redispatch"] += len(log.of("send.redispatched"))
    seen["a message that may be a duplicate"] += sum("may_duplicate_of" in d for _, d in log.of("send.intended"))
    seen["an opt-out recorded by a step"] += len(log.of("opt_out.recorded"))
    seen["a voided intent"] += len(log.of("send.voided"))
    seen["an exit"] += len(log.of("run.exited"))
    seen["an engine fault"] += len(log.of("engine.fault"))
    rows = list(Inbox.objects.all())
    seen["a duplicate delivery"] += sum(row.deliveries > 1 for row in rows)
    seen["an unmatched event"] += sum(row.verdict == "unmatched" for row in rows)
    seen["a stale command"] += sum(row.reason.startswith("Stale") for row in rows)
