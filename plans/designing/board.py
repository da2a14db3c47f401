"""What does the designer draw? The plan's picture with ports to pull wires from, and cards where somebody put them.

Coordinates are those of the automatic picture, so a card put by hand stays where it is while others come and go; the
view box grows around it. Pure: no Django, clock, random, environment, file or network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from plans import diagram, layout
from plans.designing import ways
from plans.designing.edits import Places, Sheet
from plans.problems import Problem
from plans.steps import Plan

LEVEL = 24  # a wire to a card that is not this much lower runs round the side
OPEN_PORT = 16  # between ports that lead nowhere yet
EDGE = 40  # room around the picture, to drop a card into


@dataclass(frozen=True, slots=True)
class Port:
    """A place under a card from which a wire comes, or could. target: "" while it leads nowhere."""

    x: int
    y: int
    labels: tuple[str, ...]
    target: str
    label: str  # for who cannot see it

    @property
    def joined(self) -> str:
        return " ".join(self.labels)


@dataclass(frozen=True, slots=True)
class BoardCard:
    """A card and its ports. problems: how many sentences the checks have about it."""

    card: diagram.Card
    ports: tuple[Port, ...]
    problems: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class BoardWire:
    """A wire, whose it is, and its middle, where a step can be put in between.

    x, y: where it begins; the wire itself is drawn from there, so that it is the same wherever its card stands.
    """

    wire: diagram.Wire
    source: str
    labels: tuple[str, ...]
    x: int
    y: int
    middle_x: int
    middle_y: int

    @property
    def joined(self) -> str:
        return " ".join(self.labels)


@dataclass(frozen=True, slots=True)
class Board:
    """Everything the canvas shows. left, top: the corner of the view box."""

    left: int
    top: int
    width: int
    height: int
    label: str
    cards: tuple[BoardCard, ...]
    wires: tuple[BoardWire, ...]
    unread: tuple[str, ...]


def board(plan: Plan, placed: layout.Layout, sheet: Sheet, problems: Sequence[Problem], chosen: str = "") -> Board:
    """Return the canvas of a draft. placed: the plan's automatic picture. chosen: the step whose panel is open."""
    placed = moved(placed, sheet.places)
    exits = {exit.goto for exit in plan.exit_on}
    counts = _counted(problems)
    wires: dict[str, list[layout.Edge]] = {}
    for edge in placed.edges:
        wires.setdefault(edge.source, []).append(edge)
    cards = tuple(
        BoardCard(
            diagram.card(plan, node, exits, diagram.Marks()),
            _ports(node, wires.get(node.name, []), ways.outcomes(sheet.steps.get(node.name))),
            counts.get(node.name, 0),
            node.name == chosen,
        )
        for node in placed.nodes
    )
    left, top, right, bottom = _box(placed)
    return Board(
        left=left,
        top=top,
        width=right - left,
        height=bottom - top,
        label=f"Draft of {plan.key}: {len(cards)} steps, runs start with {plan.entry or 'nothing yet'}",
        cards=cards,
        wires=tuple(_wire(edge) for edge in placed.edges),
        unread=tuple(name for name in sheet.steps if name not in plan.steps),
    )


def moved(placed: layout.Layout, places: Places) -> layout.Layout:
    """Return a picture whose cards stand where they were put, their wires drawn anew."""
    before = {node.name: node for node in placed.nodes}
    hand = {name: at for name, at in places.items() if name in before}
    if not hand:
        return placed
    after = {
        name: replace(node, x=hand[name][0], y=hand[name][1]) if name in hand else node for name, node in before.items()
    }
    right = max(node.x + node.width for node in after.values())
    edges = [
        _rerouted(edge, before[edge.source], after[edge.source], after[edge.target], right + layout.LANE)
        if edge.source in hand or edge.target in hand
        else edge
        for edge in placed.edges
    ]
    return replace(placed, nodes=tuple(after.values()), edges=tuple(edges))


def _rerouted(edge: layout.Edge, was: layout.Node, source: layout.Node, target: layout.Node, lane: int) -> layout.Edge:
    start = (source.x + edge.points[0][0] - was.x, source.y + source.height)
    end = (target.x + target.width // 2, target.y)
    if end[1] >= start[1] + LEVEL:
        points = [start, end]
        at = layout.on_curve(*start, *end, 45)
    else:
        below, over = start[1] + LEVEL, end[1] - LEVEL
        points = [start, (start[0], below), (lane, below), (lane, over), (end[0], over), end]
        at = (start[0], below)
    return replace(edge, points=tuple(points), aside=len(points) > 2, label_at=at)


def _ports(node: layout.Node, edges: Sequence[layout.Edge], outcomes: Mapping[str, str]) -> tuple[Port, ...]:
    found = [
        Port(*edge.points[0], edge.labels, edge.target, f"{' and '.join(edge.labels)} of {node.name}: {edge.target}")
        for edge in edges
    ]
    drawn = {label for edge in edges for label in edge.labels}
    nowhere = [label for label in outcomes if label not in drawn]
    # From the right edge inwards; without any wire they stand in the middle.
    first = node.x + node.width - 14 if edges else node.x + node.width // 2 + (len(nowhere) - 1) * OPEN_PORT // 2
    for index, label in enumerate(reversed(nowhere)):
        at = first - index * OPEN_PORT, node.y + node.height
        found.append(Port(*at, (label,), "", f"{label} of {node.name} leads nowhere yet"))
    return tuple(found)


def _wire(edge: layout.Edge) -> BoardWire:
    points = edge.points
    if edge.aside:
        middle = (points[2][0], (points[2][1] + points[3][1]) // 2) if len(points) > 3 else points[len(points) // 2]
    else:
        a, b = points[(len(points) - 1) // 2], points[(len(points) - 1) // 2 + 1]
        middle = layout.on_curve(*a, *b, 72 if edge.label else 50)
    x, y = points[0]
    at = edge.label_at[0] - x, edge.label_at[1] - y
    drawn = replace(edge, points=tuple((px - x, py - y) for px, py in points), label_at=at)
    return BoardWire(diagram.wire(drawn, diagram.Marks()), edge.source, edge.labels, x, y, *middle)


def _box(placed: layout.Layout) -> tuple[int, int, int, int]:
    xs = [x for edge in placed.edges for x, _ in edge.points] + [0, placed.width]
    ys = [y for edge in placed.edges for _, y in edge.points] + [0, placed.height]
    for node in placed.nodes:
        xs += [node.x, node.x + node.width]
        ys += [node.y, node.y + node.height]
    return min(xs) - EDGE, min(ys) - EDGE, max(xs) + EDGE, max(ys) + EDGE


def _counted(problems: Sequence[Problem]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for problem in problems:
        counts[problem.step] = counts.get(problem.step, 0) + 1
    return counts
