"""What does a plan change for many past runs, and how much of it did they reach? Totals, first examples, coverage.

A green report over poor history says little, so the steps and arms that no past run reached are part of it. Pure.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plans.document import Plan
from runs.engine.whatif.findings import Class, Finding
from runs.engine.whatif.terms import Terms


class NothingToCompare(ValueError):
    """There is no past run: that is an error and not a pass."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of a plan the past runs reached, and what none of them did. Arms are (step, label)."""

    steps: tuple[str, ...]
    arms: tuple[tuple[str, str], ...]
    exits: tuple[int, ...]
    missed_steps: tuple[str, ...]
    missed_arms: tuple[tuple[str, str], ...]
    missed_exits: tuple[int, ...]

    @property
    def whole(self) -> bool:
        return not (self.missed_steps or self.missed_arms or self.missed_exits)


@dataclass(frozen=True, slots=True)
class Report:
    """The findings, one for each past run; totals by class; the first finding of each class; coverage.

    unused: assumptions that no run needed.
    """

    findings: tuple[Finding, ...]
    totals: Mapping[Class, int]
    examples: Mapping[Class, Finding]
    coverage: Coverage
    assumed: tuple[str, ...]
    unused: tuple[str, ...]
    tolerance_s: int

    def as_data(self) -> dict[str, Any]:
        """Return the report for machines."""
        return {
            "runs": len(self.findings),
            "totals": {str(each): self.totals[each] for each in Class},
            "assumed": list(self.assumed),
            "assumed_unused": list(self.unused),
            "tolerance_s": self.tolerance_s,
            "findings": [_data(each) for each in self.findings],
            "missed": {
                "steps": list(self.coverage.missed_steps),
                "arms": [list(arm) for arm in self.coverage.missed_arms],
                "exits": list(self.coverage.missed_exits),
            },
        }


def report(found: Sequence[Finding], terms: Terms) -> Report:
    """Sum up what was found out about past runs on these terms. Raises: NothingToCompare."""
    if not found:
        raise NothingToCompare("There is no past run to compare with; an empty comparison proves nothing.")
    found = tuple(found)
    examples: dict[Class, Finding] = {}
    for each in found:
        examples.setdefault(each.verdict, each)
    counted = Counter(each.verdict for each in found)
    used = {word for each in found for word in each.used}
    return Report(
        findings=found,
        totals={each: counted[each] for each in Class},
        examples=examples,
        coverage=_coverage(terms.plan, found),
        assumed=terms.assumed.words,
        unused=tuple(word for word in terms.assumed.words if word not in used),
        tolerance_s=terms.tolerance_s,
    )


def _coverage(plan: Plan, found: Sequence[Finding]) -> Coverage:
    steps = frozenset[str]().union(*(each.steps for each in found)) & plan.steps.keys()
    arms = frozenset[tuple[str, str]]().union(*(each.arms for each in found))
    exits = frozenset[int]().union(*(each.exits for each in found))
    every = [(name, label) for name, step in plan.steps.items() for label in step.on]
    return Coverage(
        steps=tuple(name for name in plan.steps if name in steps),
        arms=tuple(arm for arm in every if arm in arms),
        exits=tuple(sorted(exits)),
        missed_steps=tuple(name for name in plan.steps if name not in steps),
        missed_arms=tuple(arm for arm in every if arm not in arms),
        missed_exits=tuple(index for index in range(len(plan.exit_on)) if index not in exits),
    )


def _data(each: Finding) -> dict[str, Any]:
    return {
        "run": each.run,
        "class": str(each.verdict),
        "changes": [str(change) for change in each.changes],
        "needs": list(each.needs),
        "refused": list(each.refused),
        "until_tick": each.until,
        "was": each.was,
        "now": each.now,
        "note": each.note,
        "assumed": list(each.used),
    }
