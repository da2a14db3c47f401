"""What do pages and the engine read of plans? Published versions are immutable, so their parsed form is kept in memory.

Nothing here writes.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from django.db.models import Exists, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from channels.kinds import Channel
from plans import activation, content, document, models
from plans.problems import Problem, pointer
from plans.step_reading import TEMPLATE_REF
from plans.steps import CHANNELS, Call, SendEmail

BARRED = "You edited this plan since the last activated version; someone else has to activate it."


class Corrupt(Exception):
    """A stored version does not hash to its hash: the database was changed behind its own checks."""


@dataclass(frozen=True, slots=True)
class Version:
    """A plan version that new runs may start on."""

    id: int
    number: int
    plan: document.Plan


@lru_cache(maxsize=512)
def parsed(version_id: int) -> document.Plan:
    """Return the plan of a published version, with its title and description.

    Raises: PlanVersion.DoesNotExist, Corrupt, document.Invalid.
    """
    row = models.PlanVersion.objects.get(pk=version_id)
    if document.content_hash(row.body) != row.hash:
        raise Corrupt(
            f"The stored text of version {row.number} does not hash to {row.hash[:12]}…; restore it from a backup."
        )
    return document.parse(document.export(row.body, row.meta))


def readable(version: models.PlanVersion) -> tuple[document.Plan | None, str]:
    """Return (the plan of a version, ""), or (None, the sentence that says why it cannot be trusted)."""
    try:
        return parsed(version.pk), ""
    except Corrupt as error:
        return None, str(error)
    except document.Invalid as error:
        return None, f"Version {version.number} is no valid plan for this version of DEE: {error.problems[0]}"


@lru_cache(maxsize=512)
def template(ref: str) -> models.TemplateVersion:
    """Return the template version a plan names, such as `welcome@1`. Raises: TemplateVersion.DoesNotExist."""
    key, _, number = ref.partition("@")
    return models.TemplateVersion.objects.get(key=key, number=int(number))


def forget() -> None:
    """Empty what is kept in memory; for tests, which undo what in real life is immutable."""
    parsed.cache_clear()
    template.cache_clear()


def active(plan_key: str) -> Version | None:
    """Return the version that new runs of a plan start on, None unless the plan is active."""
    row = models.Plan.objects.filter(key=plan_key, state="active").select_related("active_version").first()
    version = row.active_version if row else None
    return Version(version.pk, version.number, parsed(version.pk)) if version else None


class Desk:
    """States and active versions as one transaction of the engine sees them: each read once."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._active: dict[str, Version | None] = {}

    def state(self, plan_key: str) -> str:
        """Return draft, active or retired; "" when there is no such plan."""
        if plan_key not in self._states:
            found = models.Plan.objects.filter(key=plan_key).values_list("state", flat=True).first()
            self._states[plan_key] = found or ""
        return self._states[plan_key]

    def active(self, plan_key: str) -> Version | None:
        if plan_key not in self._active:
            self._active[plan_key] = active(plan_key)
        return self._active[plan_key]


# --- checks that need the database --------------------------------------------------------------------------------


def review(text: str, plan_key: str) -> document.Inspection:
    """Return everything that stands against publishing a text as the next version of a plan, templates included."""
    found = document.inspect(text)
    if found.plan is None:
        return found
    problems = list(found.problems)
    if found.plan.key and found.plan.key != plan_key:
        problems.append(Problem("/key", "", f'This plan is "{plan_key}"; write that key, or make a new plan.'))
    return replace(found, problems=(*problems, *content_problems(found.plan)))


def content_problems(plan: document.Plan) -> list[Problem]:
    """V14: every template version exists, is for the step's channel, and asks only for attributes the plan declares."""
    sending = [step for step in plan.steps.values() if isinstance(step, SendEmail | Call) and step.template]
    keys = {step.template.partition("@")[0] for step in sending}
    found = {row.ref: row for row in models.TemplateVersion.objects.filter(key__in=keys)}
    problems = []
    for step in sending:
        row = found.get(step.template)
        channel = CHANNELS[step.kind].value
        if row is None:
            newest = max(
                (other.number for other in found.values() if other.key == step.template.partition("@")[0]), default=0
            )
            hint = f"its newest version is {newest}." if newest else "publish it first, or name another."
            message = f'There is no template "{step.template}"; {hint}'
        elif row.channel != channel:
            message = (
                f'The template "{step.template}" is for {row.channel} and this step needs {channel}; name another.'
            )
        elif missing := content.undeclared(row.variables, plan.attributes):
            names = ", ".join(content.attribute(name) for name in missing)
            message = f'The template "{step.template}" uses {", ".join(missing)}; declare {names} in "attributes".'
        else:
            continue
        problems.append(Problem(pointer("steps", step.name, "template"), step.name, message))
    return problems


# --- reads for pages ----------------------------------------------------------------------------------------------


def plan_list() -> QuerySet[models.Plan]:
    """Return all plans with their active version and draft, by key."""
    return (
        models.Plan.objects.select_related("active_version", "draft")
        .annotate(newest=Max("versions__number"))
        .order_by("key")
    )


def plan_or_none(key: str) -> models.Plan | None:
    """Return the plan of a key."""
    return models.Plan.objects.filter(key=key).first()


def template_list() -> QuerySet[models.TemplateVersion]:
    """Return every template version, by key, newest first."""
    return models.TemplateVersion.objects.order_by("key", "-number")


def template_refs() -> dict[str, list[str]]:
    """Return the names of all template versions by channel, each template's newest first."""
    found: dict[str, list[str]] = {channel.value: [] for channel in Channel}
    for row in models.TemplateVersion.objects.order_by("key", "-number").only("key", "number", "channel"):
        found[row.channel].append(row.ref)
    return found


def template_or_none(ref: str) -> models.TemplateVersion | None:
    """Return the template version of a name such as `welcome@1`, None when there is none."""
    found = TEMPLATE_REF.fullmatch(ref)
    return models.TemplateVersion.objects.filter(key=found[1], number=int(found[2])).first() if found else None


def barred(version: models.PlanVersion) -> list[str]:
    """Return who may not activate a version: everybody who edited since the last version that was activated before it.

    Versions that were published in between and never activated count, or an edit could pass unseen inside the next one.
    """
    versions = models.PlanVersion.objects.filter(plan=version.plan_id, number__lte=version.number).order_by("-number")
    before = versions.filter(number__lt=version.number, activations__isnull=False).first()
    unseen = versions.filter(number__gt=before.number if before else 0).values_list("edited_by", flat=True)
    return sorted({actor for actors in unseen for actor in actors})


def activation_refusal(version: models.PlanVersion, actor: str) -> str:
    """Return the sentence that says why this person may not activate this version now, "" when they may."""
    plan = version.plan
    if plan.state == "active" and plan.active_version_id == version.pk:
        return f"Version {version.number} is already active."
    if not version.activations.exists() and (closed := _closed(version)):
        return closed
    if actor in barred(version):
        return BARRED
    found, fault = readable(version)
    return fault if found is None else " ".join(activation.problems(found))


def _closed(version: models.PlanVersion) -> str:
    """Return why a version that was never in force is not up for review any more, "" while it is."""
    if models.Review.objects.filter(version=version, verdict="sent_back").exists():
        return f"Version {version.number} was sent back, so it never comes into force; publish a better one."
    newest = models.PlanVersion.objects.filter(plan=version.plan_id).aggregate(newest=Max("number"))["newest"]
    return f"Version {newest} was published after it; review that one." if newest > version.number else ""


def waiting_for_review() -> QuerySet[models.PlanVersion]:
    """Return the versions that wait for a review, with their plans, the longest wait first.

    Those are the newest of their plan, were never in force, and nobody has said anything about them yet.
    """
    newer = models.PlanVersion.objects.filter(plan=OuterRef("plan"), number__gt=OuterRef("number"))
    waiting = models.PlanVersion.objects.filter(~Exists(newer), activations=None, review=None)
    return waiting.select_related("plan__active_version").order_by("published_at", "pk")


def reviewable_by(actor: str) -> QuerySet[models.PlanVersion]:
    """Return those of them that this person did not edit; the right to activate is asked elsewhere."""
    rows = models.PlanVersion.objects.filter(plan=OuterRef("plan"), number__lt=OuterRef("number"))
    before = rows.filter(activations__isnull=False).order_by("-number").values("number")[:1]
    edited = models.PlanVersion.objects.filter(
        plan=OuterRef("plan"),
        number__gt=OuterRef("before"),
        number__lte=OuterRef("number"),
        edited_by__contains=[actor],
    )
    return waiting_for_review().annotate(before=Coalesce(Subquery(before), 0)).filter(~Exists(edited))


def in_force(plan: models.Plan) -> models.PlanVersion | None:
    """Return the version that new runs start on, None unless the plan is active."""
    return plan.active_version if plan.state == "active" else None
