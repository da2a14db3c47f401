"""A run told again from its own entries by the core alone: no database, no gate, no clock. Every byte has to agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plans.document import Plan
from runs.engine import divergence
from runs.engine.replay import Diverged, retell
from runs.engine.values import Input, RunState


@dataclass(frozen=True, slots=True)
class Told:
    """Where a run stands after its last entry, and each move as (status before, input, status after)."""

    state: RunState
    moves: tuple[tuple[str, Input, str], ...]


def replay(plan: Plan, policies: Mapping[str, Mapping[str, Any]], texts: Sequence[str]) -> Told:
    """Feed a stream's recorded inputs to the core. policies: documents by hash. texts: the stored bodies, in order.

    Raises: AssertionError at the first entry that comes out different, is missing or is one too many.
    """
    moves = []
    state = None
    try:
        for applied in retell(plan, policies, texts):
            moves.append((applied.before, applied.given, applied.state.status))
            state = applied.state
    except Diverged as parted:
        found = parted.found
        told = divergence.explain(found, texts)
        raise AssertionError(
            f"entry {found.n}: {told.why} {told.sentence}\nreplayed {found.replayed}\nrecorded {found.recorded}"
        ) from None
    assert state is not None
    return Told(state, tuple(moves))
