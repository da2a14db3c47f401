"""What must hold after every story? Told from the log alone, and compared with the tables and the providers' ledger.

Source: DESIGN §14. What must hold of sends is in `dispatches`, what at the very moment of a send or commit in `oracle`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from audit import verify
from plans.steps import channels
from runs.admit import OPT_OUTS
from runs.engine import replay
from runs.engine.values import Command, Event, Recover, pack
from runs.rebuild import check as rebuilding
from tests.simulator.dispatches import DISPATCHES, duplicates, ledger, providers, redispatches, sends
from tests.simulator.log import Entry, Log

if TYPE_CHECKING:
    from tests.simulator.story import Story

FINAL = ("COMPLETED", "STOPPED")
PERSONAL = ("zebulon", "quince", "+1212555", "rang us", "form of")


def check(story: "Story") -> Log:
    """Note in the story what is wrong with it, each with the invariant it breaks."""
    log = Log()
    for look in LOOKS:
        story.wrong += [f"{look.__name__}: {wrong}" for wrong in look(log)]
    story.wrong += [f"providers: {wrong}" for wrong in providers(log, story)]
    story.wrong += [f"clock: {wrong}" for wrong in clock(log, stepped_back=bool(story.stepped_back_s))]
    return log


def chains(log: Log) -> Iterator[str]:
    """I6, I7, I8, I9: every chain holds, the core gives every byte and every row again, and no move is against law."""
    report = verify.check()
    if report.verdict != verify.Verdict.CONSISTENT:
        yield report.message
    if {st for st in log.of_stream if st.startswith("run/")} != log.runs.keys():
        yield "the runs in the tables are not those in the log"
    for st, run in log.runs.items():
        try:
            told = list(replay.retell(log.plan(st), log.policies, [entry.text for entry in log.of_stream[st]]))
        except replay.Diverged as parted:
            yield f"{st}: {parted.found}"
            continue
        yield from _moves(st, told)
        s = told[-1].state
        again = (s.status, s.reason, s.step, s.visit, s.due, s.turn, s.since, s.n, s.head, s.start_at, pack(s))
        names = "status reason step visit due_at turn since n head start_at state".split()
        stored = tuple(bytes(run[name]) if name == "head" else run[name] for name in names)
        if again != stored:
            yield f"{st}: replayed {again}, stored {stored}"


def derived(_log: Log) -> Iterator[str]:
    """I9: whatever else is derived follows from the log, and every fact the gate saw is what was true then."""
    report = rebuilding.check()
    yield from (str(found) for found in report.differences)
    yield from (f"{times} entries of the type {name} are not understood" for name, times in report.unread.items())


def _moves(st: str, told: list[replay.Applied]) -> Iterator[str]:
    for move in told:
        before, after, given = move.before, move.state.status, move.given
        stops = isinstance(given, Event) and given.stops
        if before == "FAILED" != after and not (isinstance(given, Command | Recover) or stops):
            yield f"{st} left FAILED by {given}"
        if before in FINAL and after != before:
            yield f"{st} went on after its end: {given}"
        if after == "FAILED" and before in (*FINAL,):
            yield f"{st} failed after its end"


def timers(log: Log) -> Iterator[str]:
    """I15: every timer fires at the very second it was set for, whatever was loaded, cut or missed in between."""
    for st, run in log.runs.items():
        entries = log.of_stream[st]
        for entry in entries:
            cause = entries[entry.cause - 1] if entry.cause else entry
            if cause.type == "step.waiting" and entry.at != run["start_at"] + cause.data["until"]:
                yield f"{st}#{entry.n} came at {entry.at}, its timer was set for {cause.data['until']}"


def ties(log: Log) -> Iterator[str]:
    """I16: in one second the event wins; and what came earlier than the step that waits for it is not missed."""
    inputs = {_digest(row): row for row in log.inbox if row["kind"] == "event" and row["due_s"] is None}
    for st in log.runs:
        fired: dict[int, Entry] = {}
        known: set[tuple[str, str]] = set()
        for entry in log.of_stream[st]:
            cause = log.of_stream[st][entry.cause - 1] if entry.cause else entry
            if cause.type == "step.waiting":
                fired.setdefault(entry.at, entry)
            elif entry.type == "event.received":
                row, timer = inputs.get(entry.data["id"]), fired.get(entry.at)
                if row and timer and row["source"] != "hook:slow" and _at(row) < timer.stamp["at"]:
                    yield f"{st}#{timer.n} was faster than event {entry.n}, which was there in its second"
                if not entry.data["machine"]:
                    known |= {(entry.data["event"], entry.step), (entry.data["event"], "")}
            elif entry.type == "step.waiting" and (entry.data["event"], entry.data["of"]) in known:
                yield f"{st}#{entry.n} waits for an event that has come"


def _at(row: dict[str, Any]) -> str:
    return f"{row['received_at']:%Y-%m-%dT%H:%M:%S.%fZ}"


def hours(log: Log) -> Iterator[str]:
    """I4: each call lies in every window of every zone, and each wait until a local time ends at that time."""
    for entry in log.of("gate.decided"):
        facts = entry.data["facts"]["hours"]
        for zone in facts["zones"] if entry.data["verdict"] == "allow" else ():
            here = datetime.fromtimestamp(entry.at, ZoneInfo(zone["name"]))
            if not any(_inside(here, window) for window in facts["windows"]):
                yield f"{entry.st}#{entry.n}: it was {here} in {zone['name']}, outside {facts['windows']}"
    for entry in log.of("time.resolved"):
        if entry.data["until"] is None:
            continue
        step = log.plan(entry.st).steps[entry.step]
        here = datetime.fromtimestamp(entry.data["until"], ZoneInfo(entry.data["zone"]))
        minute = here.hour * 60 + here.minute
        gap = (
            here.utcoffset()
            != datetime.fromtimestamp(entry.data["until"] - 1, ZoneInfo(entry.data["zone"])).utcoffset()
        )
        if not gap and (minute != step.minute or here.second or here.isoweekday() not in step.days):
            yield f"{entry.st}#{entry.n}: {step} was resolved as {here}"
        if entry.data["until"] < entry.at:
            yield f"{entry.st}#{entry.n}: {step} was resolved into the past"


def _inside(here: datetime, window: dict[str, Any]) -> bool:
    clock = f"{here:%H:%M}"
    return here.isoweekday() in window["days"] and window["from"] <= clock < window["to"]


def opt_outs(log: Log) -> Iterator[str]:
    """I2: after an opt-out nothing is sent on its channel in any run of that person, and those runs have ended."""
    began: dict[str, int] = {}
    out: dict[tuple[int, str], Entry] = {}
    reached: dict[str, Entry] = {}
    for entry in log.entries:
        if entry.type == "run.started":
            began[entry.st] = log.runs[entry.st]["contact_id"]
        elif entry.type in DISPATCHES and entry.st in reached:
            yield f"{entry.st}#{entry.n} was sent after the opt-out in {reached[entry.st].st}"
        for channel in _opted_out(log, entry):
            out[began[entry.st], channel] = entry
            for st, contact in began.items():
                if contact == began[entry.st] and channel in channels(log.plan(st)):
                    own = st == entry.st and entry.type == "opt_out.recorded"
                    if not own:
                        reached.setdefault(st, entry)
    for st, entry in reached.items():
        if log.runs[st]["status"] not in FINAL:
            yield f"{st} is {log.runs[st]['status']} after the opt-out in {entry.st}#{entry.n}"


def _opted_out(log: Log, entry: Entry) -> list[str]:
    if entry.type == "opt_out.recorded":
        return list(entry.data["channels"])
    told = entry.type in ("event.received", "event.after_end") and entry.data["event"] in OPT_OUTS
    return [log.intents[entry.data["intent"]]["channel"]] if told and entry.data["intent"] else []


def inbox(log: Log) -> Iterator[str]:
    """I12, I16, I17: one verdict and one place for each input; what was applied is in the log exactly once."""
    rows = sorted(log.inbox, key=lambda row: row["place"] or 0)
    if [row["place"] for row in rows] != list(range(1, len(rows) + 1)):
        yield f"places are {[row['place'] for row in rows]}"
    yield from (f"{row['id']}: {row['reason']}" for row in rows if "met an error" in row["reason"])
    yield from (f"the reaction {row} was never released" for row in log.reactions if not row["released"])
    applied = [row for row in rows if row["verdict"] == "applied"]
    starts = sorted(row["run_id"] for row in applied if row["kind"] == "run.start")
    if starts != list(range(1, len(log.runs) + 1)):
        yield f"runs started: {starts}"
    events = {(f"run/{row['run_id']}", _digest(row)) for row in applied if row["kind"] == "event"}
    recorded = Counter((e.st, e.data["id"]) for e in log.of("event.received", "event.after_end"))
    yield from (f"{key} is recorded {times} times" for key, times in recorded.items() if times > 1)
    if not events <= recorded.keys():
        yield f"lost events: {events - recorded.keys()}"
    told = {e.data["id"] for e in log.of("event.received", "event.after_end") if e.data["event"] in OPT_OUTS}
    if not {id for _, id in recorded.keys() - events} <= told:
        yield "an event was recorded that nobody sent"
    commands = [json.loads(row["body"]) for row in applied if row["kind"] == "command"]
    if len({(body["run"], body["expected_n"]) for body in commands}) != len(commands):
        yield "two commands were accepted for the same entry of a run"
    seen_at = {row["external_id"]: json.loads(row["body"])["expected_n"] for row in applied if row["kind"] == "command"}
    stale = [e for e in log.of("command.accepted") if seen_at.get(e.data["id"]) != e.n - 1]
    yield from (f"{e.st}#{e.n} was decided on another entry than the one before it" for e in stale)
    accepted = sorted(entry.data["id"] for entry in log.of("command.accepted"))
    if accepted != sorted(row["external_id"] for row in applied if row["kind"] == "command"):
        yield "the commands accepted are not those applied"
    reports = Counter(f"run/{row['run_id']}" for row in applied if row["kind"] == "report")
    if reports != Counter(entry.st for entry in log.of("send.reported")):
        yield "the reports in the log are not those applied"


def _digest(row: dict[str, Any]) -> str:
    return hashlib.sha256(f"{row['source']}\n{row['external_id']}".encode()).hexdigest()[:32]


def standing(log: Log) -> Iterator[str]:
    """I13, I15: long after the last bound every run has ended, or waits for a person; no fault of the engine."""
    for st, run in log.runs.items():
        if run["status"] not in (*FINAL, "FAILED"):
            yield f"{st} is {run['status']} {run['reason']}, due {run['due_at']}"
        if run["status"] not in ("READY", "DISPATCHING") and not run["reason"]:
            yield f"{st} is {run['status']} without a reason"
    yield from (f"{entry.st}#{entry.n}: engine fault {entry.data}" for entry in log.of("engine.fault"))


def clock(log: Log, *, stepped_back: bool) -> Iterator[str]:
    """I14: neither the lane clock nor the database's ever goes back along the log."""
    instants = [entry.at for entry in log.entries]
    if instants != sorted(instants):
        yield "the lane clock went back"
    stamps = [entry.stamp["at"] for entry in log.entries]
    if stamps != sorted(stamps) and not stepped_back:
        yield "the stamps go back"


def privacy(log: Log) -> Iterator[str]:
    """I19: nothing that was typed about a person is in a body or a stamp."""
    text = "\n".join(entry.text + str(entry.stamp) for entry in log.entries).lower()
    yield from (f"{value} is in the log" for value in PERSONAL if value in text)


LOOKS = (
    chains, derived, sends, ledger, redispatches, duplicates, timers, ties, hours, opt_outs, inbox, standing, privacy
)  # fmt: skip
