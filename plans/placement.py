"""How far to the right does each item of a row stand? Centres near their neighbours' centres, never overlapping.

Each row is solved exactly for the rows beside it: the nearest positions that keep order and distance, by pooling
adjacent violators (isotonic regression). Pure and deterministic.

Source: study/ui.md §2c.
"""

from collections.abc import Sequence, Set
from itertools import pairwise

from plans.layers import Layers, Wire

SWEEPS = 10
# A wire between two dummies should be straight; one between two cards may lean, the main way of a step a little.
_WEIGHTS = {0: 1, 1: 2, 2: 8}
_MAIN = 4


def centres(layers: Layers, widths: Sequence[int], gap: int, main: Set[Wire]) -> list[float]:
    """Return each item's horizontal centre.

    widths: by item. gap: least distance between two items of a row. main: the wires that should stand upright.
    """
    at = [0.0] * len(widths)
    rows = [(row, _offsets(row, widths, gap)) for row in layers.rows]
    for row, offsets in rows:
        for item, x in zip(row, offsets, strict=True):
            at[item] = x
    for sweep in range(SWEEPS):
        last = sweep == SWEEPS - 1
        beside = (layers.above, layers.below) if last else (layers.above if sweep % 2 == 0 else layers.below,)
        for row, offsets in rows if sweep % 2 == 0 else rows[::-1]:
            _place(row, [_wish(item, layers, beside, at, main) for item in row], offsets, at)
    return _compact(at, widths, gap)


def _wish(
    item: int, layers: Layers, beside: Sequence[list[list[int]]], at: list[float], main: Set[Wire]
) -> tuple[float, float]:
    """Return (weight, centre) that an item would like: the weighted mean of its neighbours. Weight 0: it has none."""
    total = weight = 0.0
    for neighbours in beside:
        for other in neighbours[item]:
            pull = _WEIGHTS[(item >= layers.cards) + (other >= layers.cards)]
            if (item, other) in main or (other, item) in main:
                pull = _MAIN
            total += pull * at[other]
            weight += pull
    return (weight, total / weight) if weight else (0.0, 0.0)


def _place(row: list[int], wishes: list[tuple[float, float]], offsets: list[float], at: list[float]) -> None:
    """Give a row the positions nearest to its wishes, in order and at distance."""
    shift = next((wish - offset for (weight, wish), offset in zip(wishes, offsets, strict=True) if weight), 0.0)
    blocks: list[tuple[float, float, int]] = []  # (weight, mean of wish minus offset, items)
    for (weight, wish), offset in zip(wishes, offsets, strict=True):
        # An item without neighbours stands close to the one on its left.
        shift = wish - offset if weight else shift
        blocks.append((weight or 0.001, shift, 1))
        while len(blocks) > 1 and blocks[-2][1] > blocks[-1][1]:
            (w1, m1, n1), (w2, m2, n2) = blocks[-2:]
            blocks[-2:] = [(w1 + w2, (w1 * m1 + w2 * m2) / (w1 + w2), n1 + n2)]
    shifts = [mean for _, mean, count in blocks for _ in range(count)]
    for item, offset, shift in zip(row, offsets, shifts, strict=True):
        at[item] = offset + shift


def _offsets(row: list[int], widths: Sequence[int], gap: int) -> list[float]:
    """Return the centres of a row whose items stand as close as they may, from 0."""
    offsets = [0.0]
    for left, right in pairwise(row):
        offsets.append(offsets[-1] + (widths[left] + widths[right]) / 2 + gap)
    return offsets[: len(row)]


def _compact(at: list[float], widths: Sequence[int], gap: int) -> list[float]:
    """Move everything to the left edge and cut upright strips in which nothing stands down to the gap."""
    spans = sorted((x - width / 2, x + width / 2, item) for item, (x, width) in enumerate(zip(at, widths, strict=True)))
    moved = list(at)
    reach = cut = spans[0][0] if spans else 0.0
    for left, right, item in spans:
        cut += max(left - reach - gap, 0.0)
        reach = max(reach, right)
        moved[item] = at[item] - cut
    return moved
