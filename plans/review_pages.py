"""What do a review and a comparison show? Sentences, two pictures with marks, and the runs that a version touches.

Rows and pictures made from values; no request, no writing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from plans import changes, diagram, document, graph, impact, layout, models, queries, renames
from plans.changes import Change
from plans.problems import Problem
from plans.steps import Plan

# What the marks on the pictures mean, in the order of the legend.
LEGEND: tuple[tuple[str, str, str], ...] = (
    ("added", diagram.SIGNS["added"], "new"),
    ("changed", diagram.SIGNS["changed"], "changed"),
    ("renamed", diagram.SIGNS["renamed"], "only renamed"),
    ("removed", diagram.SIGNS["removed"], "gone"),
)
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Side:
    """A version, or the draft, as a comparison takes it. plan is None when a fault says why it cannot be read."""

    name: str
    plan: Plan | None
    fault: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions side by side. old is None for a first version; a fault says why a version cannot be read."""

    old: Side | None
    new: Side
    changes: tuple[Change, ...]
    old_picture: diagram.Diagram | None
    new_picture: diagram.Diagram | None
    faults: tuple[str, ...]

    @property
    def rows(self) -> list[tuple[Change, str, str]]:
        """Return each change with its sign and the kind of change in a word."""
        said = {kind: (sign, words) for kind, sign, words in LEGEND}
        return [(change, *said.get(change.kind.value, ("•", "plan"))) for change in self.changes]

    @property
    def legend(self) -> list[tuple[str, str, str]]:
        """Return the kinds of marks that these pictures have."""
        kinds = {change.kind.value for change in self.changes}
        return [row for row in LEGEND if row[0] in kinds]


@dataclass(frozen=True, slots=True)
class Staying:
    """The runs that go on on an earlier version: how many, how many of them have failed, and where they stand.

    steps: (step, runs) in the order of the flow, at most a few. gone: those at steps that the new version has not.
    """

    version: models.PlanVersion
    count: impact.Count
    steps: tuple[tuple[str, int], ...]
    more: int
    gone: int


def side_of_version(version: models.PlanVersion) -> Side:
    """Return a version as a side of a comparison."""
    return Side(f"v{version.number}", *queries.readable(version))


def side_of_draft(draft: models.PlanDraft) -> Side:
    """Return a draft as a side of a comparison; one that its own checks refuse cannot be compared yet."""
    name, found = f"draft r{draft.revision}", document.inspect(draft.body)
    if found.problems or found.plan is None:
        return Side(name, None, "The draft cannot be compared yet: mend what its checks say first.")
    return Side(name, found.plan, "")


def compare(old: Side | None, new: Side) -> Comparison:
    """Return what two versions of a plan look like side by side."""
    faults = tuple(side.fault for side in (new, old) if side and side.fault)
    before, after = old.plan if old else None, new.plan
    told = changes.changes(before, after) if before and after else ()
    old_marks, new_marks = changes.marks(told)
    return Comparison(old, new, told, _picture(before, old_marks), _picture(after, new_marks), faults)


def _picture(plan: Plan | None, marks: diagram.Marks) -> diagram.Diagram | None:
    return diagram.draw(plan, layout.layout(plan), marks) if plan and plan.steps else None


def problems(version: models.PlanVersion) -> tuple[Problem, ...]:
    """Return what the checks of publishing say of a version today; its templates and rules may be other ones now."""
    return queries.review(document.export(version.body, version.meta), version.plan.key).problems


def staying(found: impact.Impact, versions: Sequence[models.PlanVersion], new: models.PlanVersion) -> list[Staying]:
    """Return the other versions that still have runs, the newest first."""
    after, _ = queries.readable(new)
    rows = []
    for version in versions:
        count = found.of(version.pk)
        if version.pk == new.pk or not count.staying:
            continue
        plan, _ = queries.readable(version)
        order = graph.flow_order(plan) if plan else sorted(count.steps)
        steps = [(step, count.steps[step]) for step in order if step in count.steps]
        left = {*after.steps, *renames.renamed(plan, after)} if plan and after else {*count.steps}
        gone = sum(runs for step, runs in steps if step not in left)
        rows.append(Staying(version, count, tuple(steps[:_SHOWN]), len(steps[_SHOWN:]), gone))
    return rows
