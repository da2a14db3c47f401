"""Which plan is tried out? The draft as it is saved, a published version, or the text of a file. Reads only."""

from dataclasses import dataclass

from plans import document, models
from plans import queries as plan_queries
from plans.problems import Problem


@dataclass(frozen=True, slots=True)
class Trial:
    """A plan to be tried out.

    key: of the plan it belongs to. title: what pages call it, such as "the draft, r3". number: of the version, 0 for
    what is not published. plan: None when problems say why it cannot be tried.
    """

    key: str
    title: str
    number: int
    plan: document.Plan | None
    problems: tuple[Problem, ...]


def draft(key: str) -> Trial | None:
    """Return the saved draft of a plan; without one its newest version, as the editor shows it. None: no such plan."""
    plan = models.Plan.objects.select_related("draft").filter(key=key).first()
    if plan is None:
        return None
    stored = getattr(plan, "draft", None)
    if stored is not None:
        return text(stored.body, key, f"the draft, r{stored.revision}")
    newest = models.PlanVersion.objects.filter(plan=plan).order_by("-number").first()
    if newest is None:
        nothing = Problem("", "", "Nothing is saved yet. Save a draft first.")
        return Trial(key, "the draft", 0, None, (nothing,))
    return _published(key, newest)


def version(key: str, number: int) -> Trial | None:
    """Return a published version, or None when there is none of this number."""
    found = models.PlanVersion.objects.filter(plan__key=key, number=number).first()
    return _published(key, found) if found else None


def text(body: str, key: str, title: str) -> Trial:
    """Return a document with everything that stands against it. key: of the plan it is for, "" for its own."""
    found = document.inspect(body)
    if found.plan is not None:
        found = plan_queries.review(body, key or found.plan.key)
    plan = None if found.problems else found.plan
    return Trial(key or (found.plan.key if found.plan else ""), title, 0, plan, found.problems)


def _published(key: str, row: models.PlanVersion) -> Trial:
    plan, fault = plan_queries.readable(row)
    problems = (Problem("", "", fault),) if fault else tuple(plan_queries.content_problems(plan)) if plan else ()
    return Trial(key, f"version {row.number}", row.number, None if problems else plan, problems)
