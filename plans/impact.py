"""Whom does a new version touch? The runs of a plan, as the room of runs counts them.

`plans` may not look into `runs`, so the site hands the question on: DEE_REVIEW_IMPACT is the dotted name of a function
`(plan_key: str) -> Impact`. Without the setting pages say nothing about runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.module_loading import import_string


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


def of_plan(plan_key: str) -> Impact | None:
    """Return what the site's function says, None when there is none."""
    name = getattr(settings, "DEE_REVIEW_IMPACT", "")
    if not name:
        return None
    found: Impact = import_string(name)(plan_key)
    return found
