"""How does a rehearsed run read as a timeline? Its visits of steps, events and acts, oldest first, and their fields.

Pure: values for templates. Every entry stands in the trace; here only what was decided, in the step that decided it.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from plans import captions, diagram
from plans.document import Plan
from plans.steps import Call, SendEmail, Task
from runs.engine import path
from runs.engine.script import Rehearsal, Sent
from runs.engine.transitions import Status
from runs.showing import explain
from runs.trying import rehearsal_controls
from runs.trying.rehearsal_controls import SendFields, TaskFields
from runs.trying.rehearsal_said import MOST_NTH, Said

DAY_S = 86_400
MOST_ITEMS = 200  # a loop can turn thousands of times; the trace has it all
MOST_SENDS = 60  # of which something can be said: all their fields come back with every change
STEP, EVENT, ACT = "step", "event", "act"
_DECISIONS = frozenset(
    {
        "gate.decided",
        "send.voided",
        "step.skipped",
        "branch.evaluated",
        "split.evaluated",
        "time.resolved",
        "opt_out.recorded",
        "run.exited",
        "run.paused",
        "run.failed",
        "run.stopped",
        "recovery.applied",
        "recovery.exhausted",
        "engine.fault",
    }
)
_LEAVING = ("send.intended", "send.redispatched")
# Where a run stands at its end: a level for the colour, and a word.
_ENDS: Mapping[str, tuple[str, str]] = {
    Status.COMPLETED: ("ok", "the run ends here"),
    Status.STOPPED: ("muted", "the run stops here"),
    Status.FAILED: ("bad", "failed here"),
}
_STANDS = ("info", "the run stands here")

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it would have left. fields: None when there are too many to say something of each."""

    sent: Sent
    fields: SendFields | None


@dataclass(frozen=True, slots=True)
class Part:
    """What a step did at one moment: a decision in words, or a message. later: it was not at once."""

    tick: int
    later: bool
    row: explain.Row | None = None
    message: Message | None = None


@dataclass(slots=True)
class Item:
    """One visit of a step, one event or one act, and when. what: "step", "event" or "act".

    gap_days: whole days since the item before. here: the contact's local time. kind, icon: of a step. visit: its
    number, 0 where the step is visited once. label: the outcome by which it was left; left_later_s: how long after.
    end: (level, word) where the run stands at its end.
    """

    what: str
    tick: int
    here: str
    name: str
    about: str
    gap_days: int = 0
    kind: str = ""
    icon: str = ""
    visit: int = 0
    label: str = ""
    left_later_s: int = 0
    end: tuple[str, str] = ("", "")
    bad: bool = False
    parts: list[Part] = field(default_factory=list)
    task: TaskFields | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The items, and of which (step, nth) they hold the fields. more: there are too many to show them all.

    ended: the tick at which the run came to stand where it stands; events may still come after it.
    """

    items: Sequence[Item]
    ended: int
    shown: Collection[tuple[str, int]]
    more: bool


def timeline(
    plan: Plan, played: Rehearsal, rows: Sequence[explain.Row], said: Said, here: Callable[[int], str]
) -> Timeline:
    """Return the timeline of a rehearsal. rows: of its entries. here: the contact's local time at a tick."""
    writer = _Writer(plan, played, said, here)
    for body, row in zip(played.bodies, rows, strict=True):
        writer.write(body, row)
    return writer.written()


class _Writer:
    """Goes through the entries once, as `path.path` does, and keeps the item of the visit that they tell of."""

    def __init__(self, plan: Plan, played: Rehearsal, said: Said, here: Callable[[int], str]) -> None:
        self.plan, self.played, self.said, self.here = plan, played, said, here
        self.items: list[Item] = []
        self.sent = deque(played.sent)
        self.sends: Counter[str] = Counter()
        self.entries: Counter[str] = Counter()
        self.nth: dict[str, int] = {}  # of the send that an intent belongs to
        self.shown: set[tuple[str, int]] = set()
        self.standing: tuple[str, int] = ("", 0)
        self.visit: Item | None = None
        self.ended = 0
        self.stops = Counter(stop.step for stop in played.path)

    def write(self, body: Body, row: explain.Row) -> None:
        type = body["type"]
        if type.startswith("event."):
            self._add(self._event(body))
            return
        if not body["step"] or type == "send.reported":
            return
        here = self._at(body)
        self.ended = body["tick"]
        if type == "command.accepted":
            self._add(self._act(body))
        elif type in _LEAVING:
            here.parts.append(self._message(body, here))
        elif type in _DECISIONS:
            by = self._cause(body["tick"], here)
            by.parts.append(Part(body["tick"], body["tick"] > by.tick, row))
            by.bad = by.bad or row.bad
        label = path.left_by(body)
        if label:
            here.label, here.left_later_s = label, body["tick"] - here.tick

    def written(self) -> Timeline:
        if self.visit is not None and not self.visit.label:
            self.visit.end = _ENDS.get(self.played.status, _STANDS)
        more = len(self.items) > MOST_ITEMS
        return Timeline(self.items[:MOST_ITEMS], self.ended, frozenset(self.shown), more)

    def _add(self, item: Item) -> None:
        if self.items:
            item.gap_days = (item.tick - self.items[-1].tick) // DAY_S
        self.items.append(item)

    def _at(self, body: Body) -> Item:
        """Return the item of the visit that an entry tells of: a new one when the run has come to another step."""
        name, standing = body["step"], (body["step"], body["visit"])
        if self.visit is None or standing != self.standing:
            step = self.plan.steps[name]
            self.standing = standing
            self.visit = Item(
                STEP,
                body["tick"],
                self.here(body["tick"]),
                name,
                captions.subtitle(step),
                kind=step.kind,
                icon=diagram.ICONS[step.kind],
                visit=body["visit"] if self.stops[name] > 1 else 0,
            )
            self._add(self.visit)
            if isinstance(step, Task):
                self.entries[name] += 1
                if self._room():
                    self.visit.task = rehearsal_controls.task(step, self.entries[name], self.said)
                    self.shown |= {(name, self.entries[name])} if self.visit.task.answer else set()
        return self.visit

    def _cause(self, tick: int, here: Item) -> Item:
        """Return the item that brought a decision about: what has just happened, or else the step itself."""
        last = self.items[-1]
        return last if last.what != STEP and last.tick == tick else here

    def _room(self) -> bool:
        return len(self.items) <= MOST_ITEMS and len(self.shown) < MOST_SENDS

    def _message(self, body: Body, here: Item) -> Part:
        name = body["step"]
        step, sent = self.plan.steps[name], self.sent.popleft()
        assert isinstance(step, SendEmail | Call)
        self.sends[name] += 1
        nth = self.nth[body["data"]["intent"]] = self.sends[name]
        fields = None
        if self._room() and nth <= MOST_NTH:
            fields = rehearsal_controls.send(step, nth, self.said)
            self.shown.add((name, nth))
        return Part(body["tick"], body["tick"] > here.tick, message=Message(sent, fields))

    def _event(self, body: Body) -> Item:
        data, of = body["data"], body["step"]
        nth = self.nth.get(data["intent"] or "", 0)
        about = f"of {of}{f', send {nth}' if nth > 1 else ''}" if of else ""
        late = ", after the end" if body["type"] == "event.after_end" else ""
        return Item(EVENT, body["tick"], self.here(body["tick"]), data["event"].replace("_", " "), about + late)

    def _act(self, body: Body) -> Item:
        data = body["data"]
        words = f"“{data['label']}”" if data["label"] else data["command"].replace("_", " ")
        return Item(ACT, body["tick"], self.here(body["tick"]), f"a person says {words}", f"at {body['step']}")
