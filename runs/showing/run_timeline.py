"""How does the story of a run stand on its page? Filtered, counted, cut into pages, told attempt by attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.models import Entry
from plans import captions
from plans.document import Plan
from runs.pages import TimelineRow
from runs.showing import explain, run_checks, run_story

PAGE = 200  # entries on one page
FEW = 3  # so many attempts need no list of their own
ERRORS = "errors"
FILTERS = ("all", *explain.FILTERS)

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry with all that the page says of it."""

    entry: Entry
    line: explain.Row
    when: str
    checks: Sequence[run_checks.Check] = ()
    leaves: Sequence[run_checks.Leaf] = ()
    arm: str = ""
    share: str = ""
    about: str = ""  # the attempt whose message it speaks of, when it stands elsewhere

    @property
    def says(self) -> bool:
        """Return whether there is anything to say beyond its outcome."""
        return bool(self.checks or self.leaves or self.about or any(self.line.reasons))

    @property
    def against(self) -> bool:
        """Return whether the gate did not simply allow."""
        return any(check.decision in ("pause", "deny") for check in self.checks)


@dataclass(frozen=True, slots=True)
class Link:
    """An entry named elsewhere: what it told, and under which filter and on which page it stands."""

    n: int
    told: str
    show: str
    page: int


@dataclass(frozen=True, slots=True)
class Group:
    """Entries under one heading, or without one. id: where links to it lead. at: lane clock of its first entry here."""

    id: str
    heading: str
    part: run_story.Part
    rows: Sequence[Shown]
    later: Sequence[Link] = ()
    at: int = 0
    continued: bool = False


@dataclass(frozen=True, slots=True)
class Jump:
    """An attempt, as a link to its heading: what it is called, what came of it, and the page it begins on."""

    id: str
    heading: str
    tone: str
    result: str
    page: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of the timeline, as a link: its number, and the entries it goes from and to."""

    number: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """What the page shows of a run's entries. counts: {filter: entries} over all of them."""

    show: str
    counts: Mapping[str, int]
    rows: Sequence[Shown]
    groups: Sequence[Group]
    sheets: Sequence[Sheet]
    number: int
    attempts: Sequence[run_story.Part]
    jumps: Sequence[Jump]

    @property
    def before(self) -> Sheet | None:
        return self.sheets[self.number - 2] if self.number > 1 else None

    @property
    def after(self) -> Sheet | None:
        return self.sheets[self.number] if self.number < len(self.sheets) else None


@dataclass(frozen=True, slots=True)
class Story:
    """All of a run's entries, as read: rows for each, the texts of those that hold, and what lies beside them."""

    start_at: int
    rows: Sequence[TimelineRow]
    bodies: Sequence[Data]
    names: Mapping[str, str]
    beside: run_checks.Beside
    plan: Plan | None


def timeline(story: Story, show: str, number: int | None) -> Timeline:
    """Return one page of a run's timeline; the last one, where the run stands, when no other is asked for."""
    show = show if show in FILTERS else "all"
    parts = run_story.parts(story.bodies)
    wanted = [row for row in story.rows if _is_in(row.line, show)]
    pages = [wanted[at : at + PAGE] for at in range(0, len(wanted), PAGE)] or [[]]
    number = number if number and number <= len(pages) else len(pages)
    writer = _Writer(story, parts, {row.entry.n: 1 + at // PAGE for at, row in enumerate(wanted)}, show)
    groups = writer.groups(pages[number - 1])
    return Timeline(
        show,
        {name: sum(1 for row in story.rows if _is_in(row.line, name)) for name in FILTERS},
        [row for group in groups for row in group.rows],
        groups,
        [Sheet(at + 1, page[0].entry.n, page[-1].entry.n) for at, page in enumerate(pages) if page],
        number,
        [part for part in parts if part.attempt and part.number],
        writer.jumps(),
    )


def _is_in(line: explain.Row, show: str) -> bool:
    if show == ERRORS and line.bad:
        return True
    return show == "all" or line.type in explain.FILTERS[show]


def heading(part: run_story.Part, names: Mapping[str, str]) -> str:
    """Return what an attempt is called: "Attempt 2 of reminder-email, retry by rule"."""
    name = f"Attempt {part.number} of {part.step}" if part.number else f"{part.step} before the gate"
    said = [name] + ([f"visit {part.visit}"] if part.visit > 1 else [])
    if part.begun:
        said.append(f"{run_story.BEGINNINGS[_asked(part.begun)]} by {_who(part.begun, names)}")
    said += [f"redispatch by {_who(again, names)}" for again in part.again]
    return ", ".join(said)


def _anchor(part: run_story.Part) -> str:
    return f"attempt-{part.numbers[0]}"


def _asked(body: Data) -> str:
    return str(body["data"].get("command") or body["data"].get("action"))


def _who(body: Data, names: Mapping[str, str]) -> str:
    actor = body["data"].get("actor")
    return names.get(actor, actor) if actor else "rule"


class _Writer:
    """Writes the groups of one page. pages: {entry: number of the page it is on} under the filter shown."""

    def __init__(self, story: Story, parts: Sequence[run_story.Part], pages: Mapping[int, int], show: str) -> None:
        self.story, self.parts, self.pages, self.show = story, parts, pages, show
        self.place = {n: at for at, part in enumerate(parts) for n in part.numbers}
        self.home = {part.intent: part for part in parts if part.intent}

    def groups(self, rows: Sequence[TimelineRow]) -> list[Group]:
        found: list[tuple[int, list[Shown]]] = []
        for row in rows:
            at = self.place.get(row.entry.n, len(self.parts))  # what lies behind a break is no attempt
            if not found or found[-1][0] != at:
                found.append((at, []))
            found[-1][1].append(self._shown(row, at))
        return [self._group(at, shown) for at, shown in found]

    def jumps(self) -> list[Jump]:
        """Return the attempts of which this filter shows anything; none where one look shows them all."""
        tries = [(part, [n for n in part.numbers if n in self.pages]) for part in self.parts if part.attempt]
        found = [
            Jump(_anchor(part), heading(part, self.story.names), part.tone, part.result, self.pages[numbers[0]])
            for part, numbers in tries
            if numbers
        ]
        return found if len(found) > FEW else []

    def _group(self, at: int, rows: Sequence[Shown]) -> Group:
        part = self.parts[at] if at < len(self.parts) else run_story.Part()
        if not part.attempt:
            return Group("", "", part, rows)
        first = next((n for n in part.numbers if n in self.pages), rows[0].entry.n)
        later = [self._link(news) for news in part.later]
        return Group(
            _anchor(part),
            heading(part, self.story.names),
            part,
            rows,
            later,
            self.story.start_at + rows[0].entry.tick,
            continued=rows[0].entry.n != first,
        )

    def _link(self, news: run_story.News) -> Link:
        if news.n in self.pages:
            return Link(news.n, news.told, self.show, self.pages[news.n])
        return Link(news.n, news.told, "all", 1 + (news.n - 1) // PAGE)

    def _shown(self, row: TimelineRow, at: int) -> Shown:
        when = explain.instant(self.story.start_at + row.entry.tick)
        if row.entry.n > len(self.story.bodies):
            return Shown(row.entry, row.line, when)
        body = self.story.bodies[row.entry.n - 1]
        type, data = body["type"], body["data"]
        if type == "gate.decided":
            return Shown(row.entry, row.line, when, checks=run_checks.written_out(data, self.story.beside))
        if type in ("branch.evaluated", "run.exited"):
            arm = data.get("case", "exit")
            return Shown(
                row.entry, row.line, when, leaves=run_checks.snapshot(data["leaves"]), arm=f"{arm} → {data['next']}"
            )
        if type == "split.evaluated":
            return Shown(row.entry, row.line, when, arm=data["arm"], share=self._share(body["step"], data["arm"]))
        home = self.home.get(data["intent"]) if type in run_story.NEWS else None
        elsewhere = home is not None and (at >= len(self.parts) or home is not self.parts[at])
        return Shown(row.entry, row.line, when, about=heading(home, self.story.names) if home and elsewhere else "")

    def _share(self, name: str, arm: str) -> str:
        step = self.story.plan.steps.get(name) if self.story.plan else None
        return captions.share(step, arm) if step else ""
