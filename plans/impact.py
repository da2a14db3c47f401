"""Whom does a new version touch, and what would it do? What the room of runs says to a review.

`plans` may not look into `runs`, so the site hands the questions on: DEE_REVIEW_IMPACT is the dotted name of a function
`(plan_key: str) -> Impact`, DEE_REVIEW_TRACES of one `(plan: document.Plan, number: int) -> Sequence[Trace]`. Without
the settings pages say nothing about runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.module_loading import import_string

from plans.document import Plan


@dataclass(frozen=True, slots=True)
class Count:
    """Runs of one version: under way, stopped by a failure, and over. steps: how many of the first two stand where."""

    open: int = 0
    failed: int = 0
    finished: int = 0
    steps: Mapping[str, int] = field(default_factory=dict)

    @property
    def staying(self) -> int:
        """How many runs go on, or may go on, on this version."""
        return self.open + self.failed


@dataclass(frozen=True, slots=True)
class Impact:
    """The runs of a plan. versions: by the version's id. enrolled: asked for, but not begun yet."""

    versions: Mapping[int, Count] = field(default_factory=dict)
    enrolled: int = 0

    def of(self, version_id: int) -> Count:
        return self.versions.get(version_id, Count())


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a rehearsal. after_s: seconds since the run's start."""

    after_s: int
    step: str
    action: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Trace:
    """A rehearsal of a version. supposed: what was taken to happen. ended: how it stood at the end, a sentence.

    level: ok, warn or bad. messages: how many would have left.
    """

    supposed: str
    ended: str
    level: str
    messages: int
    lines: Sequence[Line]


def traces(plan: Plan, number: int) -> Sequence[Trace]:
    """Return the rehearsals that the site's function makes of a version, none when there is no such function."""
    name = getattr(settings, "DEE_REVIEW_TRACES", "")
    found: Sequence[Trace] = import_string(name)(plan, number) if name else ()
    return found


def of_plan(plan_key: str) -> Impact | None:
    """Return what the site's function says, None when there is none."""
    name = getattr(settings, "DEE_REVIEW_IMPACT", "")
    if not name:
        return None
    found: Impact = import_string(name)(plan_key)
    return found
