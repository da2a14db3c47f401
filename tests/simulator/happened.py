"""What has happened in a story? Counted from its log, so that a campaign can say whether the rare things ever came.

A generator that never gets there proves nothing: `MUST_HAPPEN` lists what every campaign has to meet.
"""

import json
from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

from runs.engine.transitions import Command
from tests.simulator.faults import POINTS
from tests.simulator.log import Entry, Log
from tests.simulator.providers import FATES

GATE = (
    "pause daily_limit", "pause calling_hours", "pause kill_switch", "deny consent", "deny suppression", "deny budget",
    "deny contact_state", "deny require", "deny plan_state",
)  # fmt: skip
MUST_HAPPEN = (
    *POINTS,
    "another engine",
    "the same engine goes on",
    "an engine stands by",
    "an engine was replaced in the middle of a wave",
    "a replaced engine was refused",
    "a replaced engine was in the middle of a send",
    "a late report",
    "an outcome lost in a crash",
    *(f"command {command}" for command in Command),
    *(f"command {command} refused" for command in Command),
    "a stale command",
    "a double click",
    "two commands for one entry",
    "refused on a page",
    *(f"gate {verdict}" for verdict in GATE),
    *(f"outcome {kind}" for kind in ("accepted", "delivered", "label", "not_sent", "unknown")),
    *(f"fate: {fate}" for fate in FATES),
    "a provider recognised a key",
    "recovery retry",
    "recovery redispatch",
    "recovery resolve_on_evidence",
    "recovery exhausted",
    "a redispatch found another fate",
    "a redispatch after its key had expired",
    "a send again says what it may duplicate",
    "evidence that a message had not left",
    "a stale send",
    "a voided intent",
    "a send later than it was due",
    "a limit's last unit",
    "a limit that was met let go",
    "a task done",
    "a task that nobody did",
    "both arms of a split",
    "an opt-out recorded by a step",
    "an opt-out reached another run",
    "a held run got its event",
    "a release after the deadline",
    "an event in the second of the deadline",
    "an event before the outcome",
    "an event while its message is on its way",
    "an input while the engine reads",
    "an event after the end",
    "an event of a machine",
    "a duplicate delivery",
    "an unmatched event",
    "an input that is none",
    "an exit",
    "a day on which clocks change",
    "a wait until a local time",
    "a jump of the clock halted the engine",
    "a jump of the clock was confirmed",
    "the wall went back",
    "the sandbox clock was driven",
    *(f"ended {reason}" for reason in ("opted_out", "cancelled", "render_failed", "duration_limit", "zone_unknown")),
)


def count(log: Log, seen: Counter[str]) -> None:
    """Count in `seen` what has happened in a story."""
    seen["entries"] += len(log.entries)
    seen["runs"] += len(log.runs)
    _gate(log, seen)
    _sends(log, seen)
    _people(log, seen)
    _inputs(log, seen)
    for st in log.runs:
        _run(log.of_stream[st], seen)
    for entry in log.entries:
        seen["a jump of the clock halted the engine"] += entry.type == "engine.halted"
        seen["the sandbox clock was driven"] += entry.type == "clock.advanced"


def _gate(log: Log, seen: Counter[str]) -> None:
    met: set[str] = set()
    for entry in log.of("gate.decided"):
        data, facts = entry.data, entry.data["facts"]
        seen[f"gate {data['verdict']} {data['rule']}".strip()] += 1
        allowed = data["verdict"] == "allow"
        seen["a send later than it was due"] += allowed and facts["late_by"] > 60
        full = [c for c in facts["counters"] if c["rule"] == "daily_limit" and c["limit"] - c["used"] == c["amount"]]
        seen["a limit's last unit"] += allowed and bool(full)
        seen["a limit that was met let go"] += allowed and entry.st in met
        if data["rule"] == "daily_limit":
            met.add(entry.st)
        for zone in facts["hours"]["zones"]:
            here = ZoneInfo(zone["name"])
            offsets = {datetime.fromtimestamp(entry.at + s, here).utcoffset() for s in (-86_400, 86_400)}
            seen["a day on which clocks change"] += len(offsets) > 1


def _sends(log: Log, seen: Counter[str]) -> None:
    again = {entry.data["intent"] for entry in log.of("send.redispatched")}
    first: dict[str, str] = {}
    seen["sends"] += len(log.of("send.intended", "send.redispatched"))
    for entry in log.of("send.outcome"):
        data = entry.data
        seen[f"outcome {data['kind']}"] += 1
        seen["an outcome lost in a crash"] += data["code"] == "outcome_lost"
        before = first.setdefault(data["intent"], data["kind"])
        seen["a redispatch found another fate"] += data["intent"] in again and before != data["kind"]
    seen["a voided intent"] += len(log.of("send.voided"))
    seen["a late report"] += len(log.of("send.reported"))
    for entry in log.of("send.intended"):
        seen["a send again says what it may duplicate"] += "may_duplicate_of" in entry.data
    for entry in log.of("recovery.applied"):
        seen[f"recovery {entry.data['action']}"] += 1
    seen["recovery exhausted"] += len(log.of("recovery.exhausted"))
    for entry in log.of("run.failed", "run.stopped"):
        reason, _, code = entry.data["reason"].partition(":")
        seen[f"ended {reason}"] += 1
        seen["a stale send"] += code == "stale"
        seen["a redispatch after its key had expired"] += code == "key_expired"


def _people(log: Log, seen: Counter[str]) -> None:
    for entry in log.of("command.accepted"):
        seen[f"command {entry.data['command']}"] += 1
    told: dict[tuple[int, int], int] = {}
    for row in log.inbox:
        if row["kind"] != "command":
            continue
        body = json.loads(row["body"]) if row["source"] == "command" else {}
        stale = row["reason"].startswith("Stale")
        seen["a stale command"] += stale
        seen["a double click"] += row["deliveries"] > 1
        if row["verdict"] == "refused" and not stale and body:
            seen[f"command {body['command']} refused"] += 1
        if body:
            place = (body["run"], body["expected_n"])
            told[place] = told.get(place, 0) + 1
    seen["two commands for one entry"] += sum(times > 1 for times in told.values())
    arms = {(entry.step, entry.data["arm"]) for entry in log.of("split.evaluated")}
    seen["both arms of a split"] += len(arms) > len({step for step, _ in arms})
    seen["an opt-out recorded by a step"] += len(log.of("opt_out.recorded"))
    seen["a wait until a local time"] += len(log.of("time.resolved"))
    seen["an exit"] += len(log.of("run.exited"))


def _inputs(log: Log, seen: Counter[str]) -> None:
    for row in log.inbox:
        seen["a duplicate delivery"] += row["deliveries"] > 1 and row["kind"] == "event"
        seen["an unmatched event"] += row["verdict"] == "unmatched"
        seen["an input that is none"] += row["source"] == "odd"
    for entry in log.of("event.received", "event.after_end"):
        seen["an event after the end"] += entry.type == "event.after_end"
        seen["an event of a machine"] += entry.data["machine"]
        seen["an opt-out reached another run"] += entry.data["event"] == "unsubscribed" and not entry.step


def _run(entries: list[Entry], seen: Counter[str]) -> None:
    """Count what shows in one run's entries, one after the other."""
    waiting: Entry | None = None
    held: Entry | None = None
    start = entries[0].at
    for entry in entries:
        data = entry.data
        if entry.type == "event.received":
            due = waiting and start + waiting.data["until"]
            seen["an event in the second of the deadline"] += due == entry.at
            seen["a held run got its event"] += held is not None and held.data["on"] in ("event", "result")
            seen["evidence that a message had not left"] += data["event"] == "failed"
        elif entry.type == "run.released" and held:
            until = held.data["until"]
            seen["a release after the deadline"] += until is not None and start + until < entry.at
        elif entry.type == "step.completed" and waiting and waiting.data["on"] == "task":
            seen["a task that nobody did" if data["label"] == "timeout" else "a task done"] += 1
        if entry.type == "run.held":
            held = entry
        elif entry.type in ("run.released", "run.stopped", "run.completed"):
            held = None
        if entry.type == "step.waiting":
            waiting = entry
        elif entry.type in ("step.completed", "run.failed", "run.stopped", "run.exited"):
            waiting = None
