"""What must hold of everything that was sent? Permits, limits, redispatches, duplicates, and what the providers say.

Source: DESIGN §14. The rest is in `invariants`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from channels.kinds import CERTAIN, UNKNOWN
from tests.simulator.log import Entry, Log

if TYPE_CHECKING:
    from tests.simulator.story import Story

DISPATCHES = ("send.intended", "send.redispatched")
SETTLED = ("send.outcome", "send.voided")
SETTLES = {"accepted": "post", "delivered": "post", "label": "post", "not_sent": "void", "unknown": "keep"}
SENT = ("accepted", "delivered", "label")


def sends(log: Log) -> Iterator[str]:
    """I1, I2, I5: a committed ALLOW for each dispatch, on consent and without suppression, and one settlement."""
    allowed: dict[str, Entry] = {}
    dispatched: Counter[str] = Counter()
    for entry in log.of("gate.decided", *DISPATCHES):
        if entry.type == "gate.decided":
            allowed[entry.st] = entry
            continue
        gate = allowed.pop(entry.st, None)
        dispatched[entry.data["intent"]] += 1
        if gate is None or gate.n >= entry.n or gate.at != entry.at:
            yield f"{entry.st}#{entry.n} has no decision of the gate before it"
            continue
        facts = gate.data["facts"]
        standing = (gate.data["verdict"], facts["consent"]["status"], facts["suppressions"], facts["kill"])
        if standing != ("allow", "granted", [], []) or facts["contact_state"] != "active" or not facts["address"]:
            yield f"{entry.st}#{entry.n} was sent on {standing}"
        if bool(facts.get("again")) != (entry.type == "send.redispatched"):
            yield f"{entry.st}#{entry.n}: the gate was asked about another kind of send"
        if entry.type == "send.intended":
            if entry.data["reserve"] != [{"key": c["key"], "amount": c["amount"]} for c in facts["counters"]]:
                yield f"{entry.st}#{entry.n} reserved something else than the gate counted"
            if any(c["used"] + c["amount"] > c["limit"] for c in facts["counters"]):
                yield f"{entry.st}#{entry.n} went over a limit"
    settled = Counter(entry.data["intent"] for entry in log.of(*SETTLED))
    if settled != dispatched:
        yield f"dispatched and settled differ: {dict(dispatched - settled)}, {dict(settled - dispatched)}"
    if dispatched.keys() != log.intents.keys() or log.intents.keys() != log.messages.keys():
        yield "the intents in the tables are not those in the log"
    last = {e.data["intent"]: e.data.get("kind", "voided") for e in log.of(*SETTLED)}
    kept = {intent: row["outcome"] for intent, row in log.messages.items()}
    if last != kept:
        yield f"outcomes in the log and in the outbox differ: {last.items() ^ kept.items()}"


def providers(log: Log, story: "Story") -> Iterator[str]:
    """I1, I5: what left is sent or unknown in the log; what the log calls sent has left; nothing left twice."""
    told: dict[str, list[str]] = defaultdict(list)
    for entry in log.of(*SETTLED):
        told[entry.data["intent"]].append(entry.data.get("kind", "voided"))
    for intent, known in story.ledger.known.items():
        kinds = told.get(intent, [])
        # An engine frozen between its last look and the socket can outlive the key: nobody can call that one back.
        if len(known.left_us) > 1 and intent not in story.beyond:
            yield f"{intent} left {len(known.left_us)} times"
        if known.left_us and not {*kinds} & {*SENT, "unknown"}:
            yield f"{intent} left, and the log says {kinds}"
        if known.asked > story.dispatched[intent]:
            yield f"{intent} was asked for {known.asked} times"
    for intent, kinds in told.items():
        if {*kinds} & {*SENT} and not story.ledger.left(intent):
            yield f"{intent} never left, and the log says {kinds}"
        if kinds == ["voided"] and story.ledger.of(intent).asked:
            yield f"{intent} was voided and handed over all the same"


def ledger(log: Log) -> Iterator[str]:
    """I3: every gate saw the ledger that follows from the log, no limit was exceeded, and the tables agree."""
    told = _Ledger()
    for entry in log.of("gate.decided", "send.intended", "command.accepted", *SETTLED):
        yield from told.take(entry)
    for row in log.counters:
        if (row["reserved"], row["posted"]) != (told.reserved[row["key"]], told.posted[row["key"]]):
            yield f"{row} in the tables, {told.reserved[row['key']]} and {told.posted[row['key']]} in the log"
        if row["reserved"] + row["posted"] > row["limit"]:
            yield f"{row} is over its limit"


class _Ledger:
    """What has been used, as the log tells it."""

    def __init__(self) -> None:
        self.reserved: Counter[str] = Counter()
        self.posted: Counter[str] = Counter()
        self.freed: dict[str, tuple[int, int]] = {}  # units, and the second in which they were given back
        self.units: dict[str, list[dict[str, Any]]] = {}

    def take(self, entry: Entry) -> Iterator[str]:
        """Take the next entry; yield what it should not say."""
        data = entry.data
        if entry.type == "gate.decided":
            for c in data["facts"]["counters"]:
                used = self.reserved[c["key"]] + self.posted[c["key"]] + self._just_freed(c["key"], entry.at)
                if c["used"] != used:
                    yield f"{entry.st}#{entry.n}: the gate saw {c}, the log says {used}"
        elif entry.type == "send.intended":
            self.units[data["intent"]] = data["reserve"]
            for item in data["reserve"]:
                self.reserved[item["key"]] += item["amount"]
        else:
            how = data.get("settle", "void" if entry.type == "send.voided" else "keep")
            if how not in ("keep", SETTLES.get(data.get("kind", ""), "void")):
                yield f"{entry.st}#{entry.n}: {data['kind']} settles as {how}"
            if how != "keep":
                self._settle(how, data["intent"], entry.at)

    def _just_freed(self, key: str, now: int) -> int:
        units, at = self.freed.get(key, (0, -1))
        return units if at == now else 0

    def _settle(self, how: str, intent: str, now: int) -> None:
        for item in self.units.pop(intent, ()):  # what is posted already has none left
            key, amount = item["key"], item["amount"]
            self.reserved[key] -= amount
            if how == "post":
                self.posted[key] += amount
            else:
                self.freed[key] = (amount + self._just_freed(key, now), now)


def redispatches(log: Log) -> Iterator[str]:
    """I5, I6: a message leaves again only by a recorded redispatch, as it was, while its key lives."""
    for entries in (log.of_stream[st] for st in log.runs):
        intended: dict[str, Entry] = {}
        leave: Entry | None = None
        for entry in entries:
            data = entry.data
            if entry.type == "send.intended":
                intended[data["intent"]] = entry
                leave = None
            elif entry.type == "recovery.applied" or _decides(entry):
                leave = entry
                yield from _rule(log, entry, entries)
            elif entry.type == "send.redispatched":
                first = intended[data["intent"]]
                word = leave.data.get("action", leave.data.get("command")) if leave else None
                if leave is None or word != "redispatch":
                    yield f"{entry.st}#{entry.n} was redispatched by {word}"
                elif entry.at >= first.at + leave.data["key_ttl_s"]:
                    yield f"{entry.st}#{entry.n} was redispatched after its key had expired"
                same = ("attempt", "channel", "template", "payload")
                if any(first.data[name] != data[name] for name in same):
                    yield f"{entry.st}#{entry.n} is another message than {first.n}"
                leave = None


def _decides(entry: Entry) -> bool:
    """Return whether an entry is a command; one that is held goes on afterwards with what it was about to do."""
    return entry.type == "command.accepted" and entry.data["command"] not in ("hold", "release")


def _rule(log: Log, entry: Entry, entries: list[Entry]) -> Iterator[str]:
    """Check an applied recovery rule against the document of the policy it names."""
    if entry.type != "recovery.applied":
        return
    data = entry.data
    rule = log.policies[data["policy"]["hash"]]["recovery"][data["rule"]]
    if rule["action"] != data["action"] or data["on"] not in rule["on"]:
        yield f"{entry.st}#{entry.n}: {data} does not follow from {rule}"
    if data["action"] == "retry" and data["on"] not in CERTAIN:
        yield f"{entry.st}#{entry.n}: {data['on']} is retried"
    if data["action"] == "redispatch" and data["on"] not in UNKNOWN:
        yield f"{entry.st}#{entry.n}: {data['on']} is redispatched"
    if "max_attempts" in rule and not 1 <= data["attempt"] <= rule["max_attempts"]:
        yield f"{entry.st}#{entry.n}: attempt {data['attempt']} of {rule['max_attempts']}"
    failed = next(each for each in reversed(entries[: entry.n - 1]) if each.type == "run.failed")
    if failed.data["reason"].partition(":")[2] != data["on"]:
        yield f"{entry.st}#{entry.n}: it failed with {failed.data['reason']}, not {data['on']}"


def duplicates(log: Log) -> Iterator[str]:
    """I1: where a message may have left and nobody knows, only a person sends in its place, and the log says so."""
    for st in log.runs:
        unknown: dict[tuple[str, int], set[str]] = defaultdict(set)
        dispatched: Counter[str] = Counter()
        command = ""
        for entry in log.of_stream[st]:
            here, data = unknown[entry.step, entry.visit], entry.data
            if entry.type in DISPATCHES:
                dispatched[data["intent"]] += 1
                last = data["intent"]
            if _decides(entry):
                command = data["command"]
            elif entry.type == "send.intended" and here:
                if data.get("may_duplicate_of") not in dispatched:
                    yield f"{st}#{entry.n} does not say that it may duplicate one of {sorted(here)}"
                if command != "send_again":
                    yield f"{st}#{entry.n} was sent by {command or 'nobody'}; one of {sorted(here)} may have left"
            elif entry.type == "send.outcome" and data["settle"] == "keep":
                here.add(data["intent"])
            elif entry.type == "run.failed" and data["reason"] == "unknown_outcome:no_result":
                here.add(last)
            elif _did_not_leave(entry) and dispatched[data["intent"]] == 1:
                here.discard(data["intent"])


def _did_not_leave(entry: Entry) -> bool:
    """Return whether an entry tells that the one dispatch of a message did not leave."""
    if entry.type == "send.reported":
        return bool(entry.data["kind"] == "not_sent")
    return entry.type == "event.received" and entry.data["event"] == "failed" and not entry.data["machine"]
