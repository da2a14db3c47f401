"""What do the pages of reviews read? Who may approve what, what was said about versions, and where each one stands.

Every function is a fixed number of queries, whatever the number of versions. Nothing here writes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef

from audit import queries as audit_queries
from audit import vault
from plans import impact, models, queries

RIGHT = "plans.activate_plan"
_BACKEND = "django.contrib.auth.backends.ModelBackend"
_SHOWN = 6
_TEXTS = ("body", "meta", "plan__active_version__body", "plan__active_version__meta")
ERASED = "(The comment was erased.)"
# State of a version: the badge's class, and the words.
STATES: Mapping[str, tuple[str, str]] = {
    "in_force": ("badge-ok", "in force"),
    "waiting": ("badge-warn", "waiting for review"),
    "sent_back": ("badge-bad", "sent back"),
    "was_in_force": ("badge-muted", "was in force"),
    "never": ("badge-muted", "never in force"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """A review as pages show it: who, when, and the comment ("" for none)."""

    verdict: str
    by: str
    at: int
    note: str


@dataclass(frozen=True, slots=True)
class Line:
    """One version in a table, with the names of people. runs: None where nobody counts them."""

    version: models.PlanVersion
    state: str
    published_by: str
    edited_by: str
    activated_at: int | None
    activated_by: str
    review: Said | None
    runs: impact.Count | None = None

    @property
    def badge(self) -> str:
        return STATES[self.state][0]

    @property
    def words(self) -> str:
        return STATES[self.state][1]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A version that waits. barred: this person edited it. approvers: the sentence that says who can approve it."""

    version: models.PlanVersion
    published_by: str
    edited_by: str
    barred: bool
    approvers: str


def state(version: models.PlanVersion, newest: int) -> str:
    """Return where a version stands. version: with its plan, activations and review. newest: of its plan."""
    active = queries.in_force(version.plan)
    review = getattr(version, "review", None)
    if active is not None and active.pk == version.pk:
        return "in_force"
    if version.activations.all():
        return "was_in_force"
    if review is not None and review.verdict == "sent_back":
        return "sent_back"
    return "waiting" if version.number == newest else "never"


def versions_of(plan: models.Plan) -> list[models.PlanVersion]:
    """Return a plan's versions, newest first, with all that `lines` needs, and without their long texts."""
    rows = plan.versions.select_related("plan__active_version", "review").prefetch_related("activations")
    return list(rows.defer(*_TEXTS).order_by("-number"))


def lines(versions: Sequence[models.PlanVersion], newest: int, found: impact.Impact | None = None) -> list[Line]:
    """Return versions for a table. newest: the number of their plan's newest version."""
    last = {v.pk: max(v.activations.all(), key=lambda each: each.pk, default=None) for v in versions}
    reviews = {v.pk: v.review for v in versions if hasattr(v, "review")}
    names = audit_queries.actor_names(
        {actor for v in versions for actor in (v.published_by, *v.edited_by)}
        | {done.by for done in last.values() if done}
        | {review.by for review in reviews.values()}
    )
    notes = _notes(reviews.values())
    rows = []
    for version in versions:
        done, review = last[version.pk], reviews.get(version.pk)
        said = Said(review.verdict, names[review.by], review.at, notes.get(review.pk, "")) if review else None
        rows.append(
            Line(
                version=version,
                state=state(version, newest),
                published_by=names[version.published_by],
                edited_by=", ".join(names[actor] for actor in version.edited_by),
                activated_at=done.at if done else None,
                activated_by=names[done.by] if done else "",
                review=said,
                runs=found.of(version.pk) if found else None,
            )
        )
    return rows


def decided(limit: int = 20) -> list[tuple[models.Review, Said]]:
    """Return the newest reviews with what they say."""
    rows = models.Review.objects.select_related("version__plan").defer("version__body", "version__meta")
    reviews = list(rows.order_by("-pk")[:limit])
    names = audit_queries.actor_names(review.by for review in reviews)
    notes = _notes(reviews)
    return [(review, Said(review.verdict, names[review.by], review.at, notes.get(review.pk, ""))) for review in reviews]


def waiting(actor: str) -> list[Waiting]:
    """Return what waits for a review, each with who can approve it, as one person sees it."""
    versions = list(queries.waiting_for_review().defer(*_TEXTS))
    barred = _barred(versions)
    staff = _staff()
    names = audit_queries.actor_names({actor for v in versions for actor in (v.published_by, *v.edited_by)})
    return [
        Waiting(
            version=version,
            published_by=names[version.published_by],
            edited_by=", ".join(names[each] for each in version.edited_by),
            barred=actor in barred[version.pk],
            approvers=_sentence(staff, barred[version.pk]),
        )
        for version in versions
    ]


def approvers(barred: Iterable[str]) -> str:
    """Return the sentence that says who can approve a version. barred: as `queries.barred` says of it."""
    return _sentence(_staff(), set(barred))


def waits(version: models.PlanVersion) -> str:
    """Return what the author of a version is told once it waits for a review."""
    return f"Version {version.number} waits for a review. {approvers(queries.barred(version))}"


def _barred(versions: Sequence[models.PlanVersion]) -> dict[int, set[str]]:
    """Return for each version what `queries.barred` says of it. versions: none of them was ever in force."""
    plans = {version.plan_id for version in versions}
    activated = models.Activation.objects.filter(version=OuterRef("pk"))
    rows = models.PlanVersion.objects.filter(plan__in=plans).annotate(was_in_force=Exists(activated))
    known: dict[int, list[tuple[int, list[str], bool]]] = {}
    for row in rows.order_by("-number").defer("body", "meta"):
        known.setdefault(row.plan_id, []).append((row.number, row.edited_by, row.was_in_force))
    found: dict[int, set[str]] = {}
    for version in versions:
        actors = found.setdefault(version.pk, set())
        for number, edited_by, was_in_force in known[version.plan_id]:
            if number < version.number and was_in_force:
                break
            actors |= set(edited_by) if number <= version.number else set()
    return found


def _staff() -> dict[str, str]:
    """Return {actor: name} of everybody who may activate plans and can log in."""
    people = get_user_model()._default_manager.with_perm(RIGHT, backend=_BACKEND)
    rows = people.filter(is_active=True, is_staff=True).order_by("username")
    return {f"user:{pk}": name for pk, name in rows.values_list("pk", "username")}


def _sentence(staff: Mapping[str, str], barred: set[str]) -> str:
    names = [name for actor, name in staff.items() if actor not in barred]
    if not names:
        why = "everybody who may edited it" if staff else "nobody has the right to activate plans"
        return f"Nobody can approve it: {why}. Give that right to somebody else, under Users."
    if len(names) > _SHOWN:
        return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more can approve it."
    return f"{' or '.join([', '.join(names[:-1]), names[-1]] if names[1:] else names)} can approve it."


def _notes(reviews: Iterable[models.Review]) -> dict[int, str]:
    """Return {review id: comment} of those that have one."""
    refs = {review.pk: int(review.note["ref"]) for review in reviews if review.note}
    values = vault.reveal_many(list(refs.values())) if refs else {}
    return {pk: values.get(ref, ERASED) for pk, ref in refs.items()}
