"""How many runs does a plan have, on which version, and where do they stand? Asked by the pages of plans.

Named in settings.DEE_REVIEW_IMPACT, since `plans` does not know `runs`.
"""

from django.db.models import Count

from plans import impact
from runs.engine.transitions import FINAL, Status
from runs.models import Inbox, Run


def of_plan(plan_key: str) -> impact.Impact:
    """Return the runs of a plan by version and step, and the enrolments that have not begun; two queries."""
    totals: dict[int, dict[str, int]] = {}
    steps: dict[int, dict[str, int]] = {}
    groups = Run.objects.filter(plan_key=plan_key).order_by().values("plan_version_id", "status", "step")
    for row in groups.annotate(runs=Count("pk")).order_by("plan_version_id", "step"):
        version, status = row["plan_version_id"], row["status"]
        stands = "failed" if status == Status.FAILED else "finished" if status in FINAL else "open"
        total = totals.setdefault(version, {})
        total[stands] = total.get(stands, 0) + row["runs"]
        if stands != "finished":
            here = steps.setdefault(version, {})
            here[row["step"]] = here.get(row["step"], 0) + row["runs"]
    counts = {version: impact.Count(**total, steps=steps.get(version, {})) for version, total in totals.items()}
    return impact.Impact(counts, _enrolled(plan_key))


def _enrolled(plan_key: str) -> int:
    """Return how many starts lie in the inbox; the engine takes them to the version in force when it admits them."""
    asked = Inbox.objects.filter(place=None, kind="run.start", body__contains=f'"plan":"{plan_key}"')
    return asked.count()
