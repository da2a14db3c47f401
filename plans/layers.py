"""In which row does each card stand, and in which order from left to right? Rows, kept places, few crossings.

Items are numbers: the cards first, in reading order, then the stand-ins ("dummies") that keep a place free wherever a
wire passes a row. Pure and deterministic: ties are always broken by the item's number.

Source: study/ui.md §2c (layered layout after Sugiyama; barycentre sweeps with bounded transposition).
"""

from bisect import bisect_right, insort
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 8
MAX_DUMMIES = 2000  # a plan that needs more is a thicket; its longest wires go round the side
TRANSPOSITIONS = 4

Wire = tuple[int, int]


@dataclass(slots=True)
class Layers:
    """Items in rows. above, below: an item's neighbours in the rows next to it. chains: a wire's dummies, top first."""

    rows: list[list[int]]
    above: list[list[int]]
    below: list[list[int]]
    chains: dict[Wire, list[int]]
    cards: int


def too_long(cards: int, wires: Sequence[Wire]) -> list[Wire]:
    """Return the longest wires, as many as it takes until the rest needs no more than MAX_DUMMIES kept places."""
    level = _levels(cards, wires)
    spans = sorted(((level[target] - level[source] - 1, source, target) for source, target in wires), reverse=True)
    total = sum(span for span, _, _ in spans)
    left_out = []
    for span, source, target in spans:
        if total <= MAX_DUMMIES:
            break
        total -= span
        left_out.append((source, target))
    return left_out


def arrange(cards: int, wires: Sequence[Wire], aside: Collection[Wire]) -> Layers:
    """Return rows for cards from 0 and downward wires without cycles; card 0 is the entry.

    aside: wires that count for the rows but get no places, since they run round the side.
    """
    level = _levels(cards, wires)
    rows: list[list[int]] = [[] for _ in range(max(level, default=0) + 1)]
    for item in range(cards):
        rows[level[item]].append(item)
    above: list[list[int]] = [[] for _ in range(cards)]
    below: list[list[int]] = [[] for _ in range(cards)]
    chains: dict[Wire, list[int]] = {}
    for source, target in wires:
        if (source, target) in aside:
            continue
        last, chain = source, []
        for row in range(level[source] + 1, level[target] + 1):
            item = target
            if row < level[target]:
                item = len(above)
                above.append([])
                below.append([])
                rows[row].append(item)
                chain.append(item)
            below[last].append(item)
            above[item].append(last)
            last = item
        chains[source, target] = chain
    layers = Layers(rows, above, below, chains, cards)
    _order(layers)
    return layers


def _levels(cards: int, wires: Sequence[Wire]) -> list[int]:
    """Return each card's row: as high as possible, then lower where that shortens its wires."""
    targets: list[list[int]] = [[] for _ in range(cards)]
    missing = [0] * cards
    for source, target in wires:
        targets[source].append(target)
        missing[target] += 1
    sources = list(missing)
    level = [0] * cards
    order = [item for item in range(cards) if not missing[item]]
    for item in order:  # grows while it is walked: a topological order
        for target in targets[item]:
            level[target] = max(level[target], level[item] + 1)
            missing[target] -= 1
            if not missing[target]:
                order.append(target)
    bottom = max(level, default=0)
    for item in reversed(order):
        if item and len(targets[item]) > sources[item]:
            level[item] = min(level[target] for target in targets[item]) - 1
        elif item and not targets[item] and not sources[item]:
            level[item] = bottom  # an end that only exits lead to
    return level


def _order(layers: Layers) -> None:
    """Order every row so that few wires cross; keeps the best order seen."""
    best, fewest = [list(row) for row in layers.rows], crossings(layers)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        _sweep(layers, downward=sweep % 2 == 0)
        _transpose(layers)
        count = crossings(layers)
        if count < fewest:
            best, fewest = [list(row) for row in layers.rows], count
    layers.rows[:] = best


def _sweep(layers: Layers, downward: bool) -> None:
    rows = layers.rows if downward else layers.rows[::-1]
    beside = layers.above if downward else layers.below
    for fixed, row in pairwise(rows):
        place = {item: index for index, item in enumerate(fixed)}
        own = {item: index for index, item in enumerate(row)}
        centre = {
            item: sum(place[other] for other in beside[item]) / len(beside[item]) if beside[item] else own[item]
            for item in row
        }
        row.sort(key=lambda item: (centre[item], own[item]))


def _transpose(layers: Layers) -> None:
    """Swap neighbours in a row while that saves crossings, a bounded number of times."""
    place = {item: index for row in layers.rows for index, item in enumerate(row)}
    for _ in range(TRANSPOSITIONS):
        improved = False
        for row in layers.rows:
            for index in range(len(row) - 1):
                left, right = row[index], row[index + 1]
                saved = 0
                for beside in (layers.above, layers.below):
                    theirs = [place[other] for other in beside[right]]
                    for other in beside[left]:
                        at = place[other]
                        for there in theirs:
                            saved += (at > there) - (at < there)
                if saved > 0:
                    row[index], row[index + 1] = right, left
                    place[left], place[right] = index + 1, index
                    improved = True
        if not improved:
            return


def crossings(layers: Layers) -> int:
    """Return how many pairs of wires cross between neighbouring rows."""
    count = 0
    for row, under in pairwise(layers.rows):
        place = {item: index for index, item in enumerate(under)}
        seen: list[int] = []
        for item in row:
            ends = sorted(place[other] for other in layers.below[item])
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count
