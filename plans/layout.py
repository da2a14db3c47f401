"""Where does everything stand in the picture of a plan? Cards in rows, wires from ports, loops round the side.

Deterministic: the same plan gives the same integers on any machine. A wire passes no card: long ones run through places
that were kept free, loops outside. Pure: no Django, clock, random, environment, file or network.
"""

from dataclasses import dataclass

from plans import captions, graph, layers, placement
from plans.steps import Plan

CARD_HEIGHT = 48
ROW_GAP = 72
ITEM_GAP = 26
DUMMY_WIDTH = 12
PORT_GAP = 34
LANE = 16
MARGIN = 20
LABEL_HEIGHT = 14
_CHARACTER = 6  # width of a character of a wire's label, on average

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Node:
    """A card: its step, its upper left corner, its size, its row."""

    name: str
    x: int
    y: int
    width: int
    height: int
    row: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A wire for all labels that lead from one step to another.

    points: from the port at the bottom of the source to the top of the target. aside: it runs round the side, as all
    wires do that lead back up.
    label: what to write on it, "" when the step has one way only; label_at: the middle of that text.
    """

    source: str
    target: str
    labels: tuple[str, ...]
    points: tuple[Point, ...]
    aside: bool
    label: str
    label_at: Point


@dataclass(frozen=True, slots=True)
class Layout:
    """A finished picture in integer units, from (0, 0)."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int


def layout(plan: Plan) -> Layout:
    """Return the picture of a plan; it need not be a valid one."""
    return _Drawing(plan).finish()


def card_width(plan: Plan) -> int:
    """Return the width of every card: enough for the longest step name, and for most subtitles."""
    title = max((len(name) for name in plan.steps), default=0)
    subtitle = max((len(captions.subtitle(step)) for step in plan.steps.values()), default=0)
    return max(64 + 8 * title, min(60 + 6 * subtitle, 232), 176)


class _Drawing:
    """The work on one picture; coordinates are kept as integers from the moment the rows are placed."""

    def __init__(self, plan: Plan) -> None:
        self.names = graph.flow_order(plan)
        number = {name: index for index, name in enumerate(self.names)}
        back = graph.traverse(self.names, graph.edges(plan.steps))[1]
        self.labels: dict[layers.Wire, list[str]] = {}
        for name in self.names:
            for label, target in plan.steps[name].on.items():
                if target in number:
                    self.labels.setdefault((number[name], number[target]), []).append(label)
        self.leaving: dict[int, list[layers.Wire]] = {}
        for wire in self.labels:
            self.leaving.setdefault(wire[0], []).append(wire)
        self.loops = [wire for wire in self.labels if (self.names[wire[0]], self.names[wire[1]]) in back]
        down = [wire for wire in self.labels if (self.names[wire[0]], self.names[wire[1]]) not in back]
        # Round the side go the loops, and what would need more places between the rows than a picture can have.
        aside = layers.too_long(len(self.names), down)
        self.layers = layers.arrange(len(self.names), down, set(aside))
        self.aside = [*self.loops, *aside]
        self.width = card_width(plan)
        self.widths = [self.width if item < len(self.names) else DUMMY_WIDTH for item in range(len(self.layers.above))]
        self.x = [round(x) for x in placement.centres(self.layers, self.widths, ITEM_GAP, self._main())]
        self.row = {item: row for row, items in enumerate(self.layers.rows) for item in items}
        # Room above the first row for loops that lead into it.
        self.head = ROW_GAP // 2 if any(self.row[target] == 0 for _, target in self.loops) else 0
        self.lanes = self._lanes()
        self.taken: dict[int, list[tuple[int, int, int]]] = {}  # by band of a label's height: (left, right, middle)

    def _main(self) -> set[layers.Wire]:
        """Return each card's first way: the one that a reader follows down the page."""
        return {wires[0] for wires in self.leaving.values()}

    def finish(self) -> Layout:
        edges = [edge for item in range(len(self.names)) for edge in self._wires(item)]
        nodes = [
            Node(name, self.x[i] - self.width // 2, self._top(i), self.width, CARD_HEIGHT, self.row[i])
            for i, name in enumerate(self.names)
        ]
        xs = [x for edge in edges for x, _ in edge.points]
        xs += [
            edge.label_at[0] + side * len(edge.label) * _CHARACTER // 2
            for edge in edges
            if edge.label
            for side in (-1, 1)
        ]
        xs += [x for node in nodes for x in (node.x, node.x + node.width)]
        left = min(xs, default=0) - MARGIN
        return Layout(
            tuple(Node(n.name, n.x - left, n.y, n.width, n.height, n.row) for n in nodes),
            tuple(_moved(edge, -left) for edge in edges),
            max(xs, default=0) - left + MARGIN,
            len(self.layers.rows) * (CARD_HEIGHT + ROW_GAP) - ROW_GAP + 2 * MARGIN + self.head + self._foot(),
        )

    def _top(self, item: int) -> int:
        return MARGIN + self.head + self.row[item] * (CARD_HEIGHT + ROW_GAP)

    def _foot(self) -> int:
        """Return the room needed below the last row, for loops that leave it."""
        last = len(self.layers.rows) - 1
        return ROW_GAP // 2 if any(self.row[source] == last for source, _ in self.loops) else 0

    def _wires(self, source: int) -> list[Edge]:
        """Return the wires that leave a card, their ports in the order of where they lead."""
        wires = sorted(self.leaving.get(source, ()), key=lambda wire: (self._heading(wire), wire))
        spread = min(PORT_GAP, (self.width - 40) // max(len(wires) - 1, 1))
        edges = []
        for index, wire in enumerate(wires):
            port = (self.x[source] + (2 * index - len(wires) + 1) * spread // 2, self._top(source) + CARD_HEIGHT)
            round_the_side = wire in self.lanes
            points = self._round_the_side(wire, port) if round_the_side else self._downward(wire, port)
            labels = self.labels[wire]
            label = _written(labels) if len(wires) > 1 else ""
            at = self._label_place(label, points, round_the_side)
            names = self.names[source], self.names[wire[1]]
            edges.append(Edge(*names, tuple(labels), tuple(points), round_the_side, label, at))
        return edges

    def _heading(self, wire: layers.Wire) -> int:
        """Return the x towards which a wire leaves its card."""
        if wire in self.lanes:
            return self.lanes[wire]
        return self.x[[*self.layers.chains[wire], wire[1]][0]]

    def _downward(self, wire: layers.Wire, port: Point) -> list[Point]:
        points = [port]
        for item in self.layers.chains[wire]:
            points += [(self.x[item], self._top(item)), (self.x[item], self._top(item) + CARD_HEIGHT)]
        return [*points, (self.x[wire[1]], self._top(wire[1]))]

    def _round_the_side(self, wire: layers.Wire, port: Point) -> list[Point]:
        target = self.x[wire[1]], self._top(wire[1])
        lane = self.lanes[wire]
        shift = 4 * (sum(wire) % 4)  # so that the level parts of two loops do not lie on each other
        below, over = port[1] + ROW_GAP // 3 + shift, target[1] - ROW_GAP // 3 + shift
        return [port, (port[0], below), (lane, below), (lane, over), (target[0], over), target]

    def _lanes(self) -> dict[layers.Wire, int]:
        """Return for each wire round the side the x of its upright part: outside of its rows, clear of others."""
        lanes: dict[layers.Wire, int] = {}
        used: dict[int, list[tuple[int, int, int]]] = {-1: [], 1: []}  # side: (first row, last row, x)
        for wire in sorted(self.aside, key=lambda each: (abs(self.row[each[0]] - self.row[each[1]]), each)):
            first, last = sorted((self.row[wire[0]], self.row[wire[1]]))
            passed = [item for row in self.layers.rows[first : last + 1] for item in row]
            left = min(self.x[item] - self.widths[item] // 2 for item in passed)
            right = max(self.x[item] + self.widths[item] // 2 for item in passed)
            middle = self.x[wire[0]] + self.x[wire[1]]
            side = -1 if middle <= left + right else 1
            x = left - LANE if side == -1 else right + LANE
            beside = [lane for low, high, lane in used[side] if low <= last and first <= high]
            x = (
                min([x, *(lane - LANE for lane in beside)])
                if side == -1
                else max([x, *(lane + LANE for lane in beside)])
            )
            used[side].append((first, last, x))
            lanes[wire] = x
        return lanes

    def _label_place(self, label: str, points: list[Point], loop: bool) -> Point:
        """Return the middle of a wire's label: on its first stretch, where it covers no other label if that can be."""
        (x1, y1), (x2, y2) = points[0], points[1]
        if not label:
            return points[0]
        half = len(label) * _CHARACTER // 2 + 8
        places = [(x1, y2)] if loop else []
        places += [on_curve(x1, y1, x2, y2, part) for part in (45, 60, 30, 72, 20)]
        place = next((p for p in places if not self._covers(p, half)), places[0])
        self.taken.setdefault(place[1] // LABEL_HEIGHT, []).append((place[0] - half, place[0] + half, place[1]))
        return place

    def _covers(self, place: Point, half: int) -> bool:
        x, y = place
        beside = (label for band in (-1, 0, 1) for label in self.taken.get(y // LABEL_HEIGHT + band, ()))
        return any(x - half < right and left < x + half and abs(y - at) < LABEL_HEIGHT for left, right, at in beside)


def on_curve(x1: int, y1: int, x2: int, y2: int, percent: int) -> Point:
    """Return a point of the S-curve between two points, both ends of which are upright."""
    t = percent / 100
    bend = t * t * (3 - 2 * t)
    rise = 1.5 * t * (1 - t) ** 2 + 1.5 * t * t * (1 - t) + t**3
    return round(x1 + (x2 - x1) * bend), round(y1 + (y2 - y1) * rise)


def _written(labels: list[str]) -> str:
    """Return the text on a wire: at most two labels, then how many more."""
    more = f" +{len(labels) - 2}" if len(labels) > 2 else ""
    return " · ".join(labels[:2]) + more


def _moved(edge: Edge, by: int) -> Edge:
    points = tuple((x + by, y) for x, y in edge.points)
    at = edge.label_at[0] + by, edge.label_at[1]
    return Edge(edge.source, edge.target, edge.labels, points, edge.aside, edge.label, at)
