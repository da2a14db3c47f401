"""On which terms is a past run told again, and what came of the telling? Values only. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from plans.document import Plan
from plans.steps import WaitUntil
from runs.engine.values import RunState
from runs.engine.whatif.assume import Assumptions
from runs.engine.whatif.doubt import Need
from runs.engine.whatif.past import Deed

TOLERANCE_S = 900

# Returns the lane clock at which a zone's clock shows the time of a step, from an instant on.
Clock = Callable[[str, WaitUntil, int], int]


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a past run is told again. tolerance_s: how far apart equivalent questions may be asked."""

    plan: Plan
    assumed: Assumptions
    clock: Clock
    tolerance_s: int = TOLERANCE_S


@dataclass(slots=True)
class Told:
    """What came of it.

    until: tick up to which it was told. needs: what is not known there. deed: the send it stopped at. refused: the rule
    by which the gate refused a send the past run did not make, and the entry that says so. beyond: it stopped where the
    record ends. used: assumptions that were needed. vouched: (entries before the first of them, step it stood at).
    """

    bodies: list[dict[str, Any]] = field(default_factory=list)
    until: int = 0
    needs: tuple[Need, ...] = ()
    deed: Deed | None = None
    refused: tuple[tuple[str, str, int], ...] = ()  # (step, rule, entry)
    beyond: bool = False
    used: tuple[str, ...] = ()
    vouched: tuple[int, str] | None = None
    state: RunState | None = None
