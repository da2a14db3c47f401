"""What is drawn for a plan? The values of the one SVG template: cards, wires, texts, marks of a run's path.

Colours come from CSS classes (`dg-*` in static/dee/diagram.css); nothing here or in the template sets a style.
Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from itertools import pairwise

from plans import captions, layout
from plans.steps import Call, Plan, SendEmail

CORNER = 10
# One outline of 16 by 16 for each kind.
ICONS: Mapping[str, str] = {
    "send_email": "M1.5 3.5h13v9h-13z M1.5 4l6.5 5 6.5-5",
    "call": "M4.2 2l2.3 3-1.4 1.7a9 9 0 0 0 4.2 4.2L11 9.5l3 2.3-1 2.2c-6 .5-11.5-5-11-11z",
    "wait": "M8 1.5a6.5 6.5 0 1 0 .01 0z M8 4.5V8l2.5 2",
    "wait_until": "M2 3.5h12v11H2z M2 7h12 M5 1.5V5 M11 1.5V5 M8 8.8v2.4l1.8 1",
    "wait_for_event": "M4 1.5h8 M4 14.5h8 M5 1.5c0 4 6 9 6 13 M11 1.5c0 4-6 9-6 13",
    "branch": "M8 1.5L14.5 8 8 14.5 1.5 8z",
    "split": "M8 14.5V9.5L3.5 4 M8 9.5L12.5 4 M2.8 7.2V3.2H6.8 M9.2 3.2h4v4",
    "record_opt_out": "M8 1.5a6.5 6.5 0 1 0 .01 0z M3.4 3.4l9.2 9.2",
    "task": "M8 1.8a2.9 2.9 0 1 0 .01 0z M2.2 14.5c0-3.4 2.4-5.2 5.8-5.2s5.8 1.8 5.8 5.2z",
    "end": "M8 1.5a6.5 6.5 0 1 0 .01 0z M6 6h4v4H6z",
}
# The widest picture of each size; static/dee/diagram.css gives each its least width.
SIZES: Mapping[str, int] = {"small": 480, "medium": 800, "large": 1200, "huge": 10**9}
# State is never told by colour alone.
SIGNS: Mapping[str, str] = {
    "none": "", "done": "✓", "current": "▸", "failed": "✗",
    "added": "+", "changed": "≠", "renamed": "≈", "removed": "\u2212",
}  # fmt: skip
STATE_WORDS: Mapping[str, str] = {
    "none": "", "done": "done", "current": "the run is here", "failed": "failed here", "added": "new",
    "changed": "changed", "renamed": "renamed", "removed": "gone in the other version",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Marks:
    """Where a run has been: the state of each step it met, and the (step, label) pairs it left by.

    Of two versions side by side: what became of each step, and the pairs that lead elsewhere in the other one.
    runs: how many runs stand at each step, where that is shown.
    """

    states: Mapping[str, str] = field(default_factory=dict)
    walked: Set[tuple[str, str]] = frozenset()
    runs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Card:
    """One step as drawn. label: everything a reader who cannot see the picture needs.

    tag: "start", "exit" or "". guard: "only if" when the step's send requires something, else "".
    """

    name: str
    kind: str
    icon: str
    x: int
    y: int
    width: int
    height: int
    title: str
    subtitle: str
    tag: str
    guard: str
    state: str
    sign: str
    label: str
    runs: int


@dataclass(frozen=True, slots=True)
class Wire:
    """One wire as drawn: its path, its arrow head, and its text."""

    path: str
    head: str
    label: str
    label_x: int
    label_y: int
    label_width: int
    title: str
    aside: bool
    walked: bool


@dataclass(frozen=True, slots=True)
class Diagram:
    """Everything the template writes.

    size: the class of width, below which the picture scrolls instead of shrinking until nobody can read it.
    dim: a run's path is shown, so what it did not touch steps back.
    """

    width: int
    height: int
    size: str
    label: str
    dim: bool
    cards: tuple[Card, ...]
    wires: tuple[Wire, ...]


def draw(plan: Plan, placed: layout.Layout, marks: Marks | None = None) -> Diagram:
    """Return what the SVG template shows of a plan, with a run's path on it when marks are given."""
    marks = marks or Marks()
    exits = {exit.goto for exit in plan.exit_on}
    cards = tuple(card(plan, node, exits, marks) for node in placed.nodes)
    # Walked wires lie on top of the others.
    wires = sorted((wire(edge, marks) for edge in placed.edges), key=lambda each: each.walked)
    label = f"Plan {plan.key}: {len(cards)} steps from {plan.entry}"
    size = next(name for name, widest in SIZES.items() if placed.width <= widest)
    return Diagram(placed.width, placed.height, size, label, bool(marks.states), cards, tuple(wires))


def card(plan: Plan, node: layout.Node, exits: Set[str], marks: Marks) -> Card:
    step, state, runs = plan.steps[node.name], marks.states.get(node.name, "none"), marks.runs.get(node.name, 0)
    tag = "start" if node.name == plan.entry else "exit" if node.name in exits else ""
    words = captions.subtitle(step)
    notes = [note.rstrip(".") for note in captions.notes(step)]
    here = f"{runs} run{' stands' if runs == 1 else 's stand'} here" if runs else ""
    parts = [node.name, captions.KINDS[step.kind], words, *notes, tag, STATE_WORDS[state], here]
    room = (node.width - 54) // 6
    return Card(
        name=node.name,
        kind=step.kind,
        icon=ICONS[step.kind],
        x=node.x,
        y=node.y,
        width=node.width,
        height=node.height,
        title=node.name,
        subtitle=words if len(words) <= room else words[: room - 1].rstrip() + "…",
        tag=tag,
        guard="only if" if isinstance(step, SendEmail | Call) and step.require is not None else "",
        state=state,
        sign=SIGNS[state],
        label=", ".join(part for part in parts if part),
        runs=runs,
    )


def wire(edge: layout.Edge, marks: Marks) -> Wire:
    x, y = edge.points[-1]
    return Wire(
        path=_rounded(edge.points) if edge.aside else _curved(edge.points),
        head=f"M{x - 4} {y - 7}L{x + 4} {y - 7}L{x} {y}z",
        label=edge.label,
        label_x=edge.label_at[0],
        label_y=edge.label_at[1],
        label_width=len(edge.label) * 6 + 4,
        title=f"{edge.source}: {', '.join(edge.labels)} leads to {edge.target}",
        aside=edge.aside,
        walked=any((edge.source, label) in marks.walked for label in edge.labels),
    )


def _curved(points: tuple[layout.Point, ...]) -> str:
    """Return a path that leaves and enters every point upright."""
    path = f"M{points[0][0]} {points[0][1]}"
    for (x1, y1), (x2, y2) in pairwise(points):
        middle = (y1 + y2) // 2
        path += f"L{x2} {y2}" if x1 == x2 else f"C{x1} {middle} {x2} {middle} {x2} {y2}"
    return path


def _rounded(points: tuple[layout.Point, ...]) -> str:
    """Return a path of level and upright parts with rounded corners."""
    path = f"M{points[0][0]} {points[0][1]}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        near, far = _towards(corner, before), _towards(corner, after)
        path += f"L{near[0]} {near[1]}Q{corner[0]} {corner[1]} {far[0]} {far[1]}"
    return path + f"L{points[-1][0]} {points[-1][1]}"


def _towards(corner: layout.Point, other: layout.Point) -> layout.Point:
    """Return the point on the way from a corner to its neighbour where the rounding begins."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    step = min(CORNER, (abs(dx) + abs(dy)) // 2)
    return corner[0] + step * ((dx > 0) - (dx < 0)), corner[1] + step * ((dy > 0) - (dy < 0))
