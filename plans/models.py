"""The tables of plans: what is edited (drafts), what is fixed for ever (versions), and what is in force.

Nothing here decides. Published versions and activations are append-only: the database refuses UPDATE, DELETE and
TRUNCATE, and recomputes every hash from the stored text (migrations/0002_guards.py).
Instants are whole seconds of the lane clock, UTC. Actors are `user:<pk>`, `cli`.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from channels.kinds import Channel

NAME = r"^[a-z0-9][a-z0-9-]{0,39}$"


class Plan(models.Model):
    """A plan's name through all its versions, and which of them new runs start on."""

    STATES = ("draft", "active", "retired")

    key = models.TextField(
        unique=True, help_text="lower-case letters, digits, hyphens; the name in documents and the log"
    )
    title = models.TextField(blank=True, help_text="from the last published version's meta, or as first given")
    state = models.TextField(default="draft", choices=[(state, state) for state in STATES])
    active_version = models.ForeignKey(
        "PlanVersion", models.PROTECT, null=True, blank=True, related_name="+", help_text="new runs start on this one"
    )

    class Meta:
        permissions = [
            ("edit_plan", "Can edit drafts and publish plans and templates"),
            ("activate_plan", "Can activate and retire plan versions"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(key__regex=NAME), name="plans_plan_key"),
            models.CheckConstraint(condition=Q(state__in=["draft", "active", "retired"]), name="plans_plan_state"),
            models.CheckConstraint(
                condition=Q(state="draft", active_version=None)
                | Q(state="active", active_version__isnull=False)
                | Q(state="retired"),
                name="plans_plan_active_has_version",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class PlanVersion(models.Model):
    """One published document, immutable. body is what the hash is over; meta lies outside it."""

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    body = models.TextField(help_text="canonical document without meta, hashed exactly as stored")
    meta = models.TextField(blank=True, help_text="canonical meta (title, description), or empty")
    hash = models.TextField(help_text="hex SHA-256")
    published_at = models.BigIntegerField()
    published_by = models.TextField()
    edited_by = ArrayField(models.TextField(), help_text="everybody who edited since the version before")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="plans_version_one_number"),
            # For the foreign key that keeps a plan's active version its own.
            models.UniqueConstraint(fields=["plan", "id"], name="plans_version_of_plan"),
            models.CheckConstraint(condition=Q(number__gte=1), name="plans_version_number"),
        ]

    def __str__(self) -> str:
        return f"{self.plan.key} v{self.number}"


class Activation(models.Model):
    """One activation of a version, with the people who were barred from it because they had edited. Append-only.

    The database refuses an activation by one of them (`plans_four_eyes`); `cli` installs what the machine's own
    administrator hands it.
    """

    version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="activations")
    at = models.BigIntegerField()
    by = models.TextField()
    barred = ArrayField(models.TextField())

    def __str__(self) -> str:
        return f"{self.version} at {self.at} by {self.by}"


class Review(models.Model):
    """What somebody who edited nothing said about a version, once and for good. Append-only.

    An approval stands beside the activation it comes with; a version that was sent back never comes into force
    (`plans_reviewed`). The database looks itself who edited: none of them reviews.
    """

    VERDICTS = ("approved", "sent_back")

    version = models.OneToOneField(PlanVersion, models.PROTECT, related_name="review")
    verdict = models.TextField(choices=[(verdict, verdict.replace("_", " ")) for verdict in VERDICTS])
    at = models.BigIntegerField()
    by = models.TextField()
    note = models.JSONField(null=True, help_text="commitment to the comment, as in the log; null for none")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=["approved", "sent_back"]), name="plans_review_verdict"),
            models.CheckConstraint(
                condition=Q(verdict="approved") | Q(note__isnull=False), name="plans_review_sent_back_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} {self.verdict} by {self.by}"


class PlanDraft(models.Model):
    """What is being edited: any text, counted by revision. The only plan table whose rows change freely.

    places: step to [x, y], where somebody put its card by hand; no part of the document. undoable, undone: the
    revisions whose changes Undo and Redo take next, the last one first.
    """

    plan = models.OneToOneField(Plan, models.PROTECT, related_name="draft")
    body = models.TextField()
    places = models.JSONField(default=dict)
    revision = models.PositiveIntegerField()
    undoable = ArrayField(models.PositiveIntegerField(), default=list)
    undone = ArrayField(models.PositiveIntegerField(), default=list)
    edited_by = ArrayField(models.TextField(), default=list, help_text="everybody who edited since the last version")
    updated_at = models.BigIntegerField()
    updated_by = models.TextField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(revision__gte=1), name="plans_draft_revision")]

    def __str__(self) -> str:
        return f"draft of {self.plan.key} r{self.revision}"


class DraftChange(models.Model):
    """How a draft came to a revision: the difference from the one before, in words and as `plans.designing.delta`.

    Append-only. of: the revision whose change this one takes back or makes again, None for a new change.
    """

    draft = models.ForeignKey(PlanDraft, models.PROTECT, related_name="changes")
    revision = models.PositiveIntegerField()
    said = models.TextField()
    step = models.TextField(blank=True, help_text="the step to show after it")
    delta = models.TextField(help_text="JSON; text, because a document may hold what jsonb refuses")
    of = models.PositiveIntegerField(null=True)
    at = models.BigIntegerField()
    by = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["draft", "revision"], name="plans_change_one_revision"),
            models.CheckConstraint(
                condition=Q(of=None) | Q(of__lt=models.F("revision")), name="plans_change_of_earlier"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.draft} by {self.by}: {self.said}"


class Template(models.Model):
    """A template's or call script's name through all its versions."""

    key = models.TextField(unique=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(key__regex=NAME), name="plans_template_key")]

    def __str__(self) -> str:
        return self.key


class TemplateVersion(models.Model):
    """One published text of a template, immutable; plans name it `key@number`."""

    template = models.ForeignKey(Template, models.PROTECT, related_name="versions")
    key = models.TextField(help_text="the template's key")
    number = models.PositiveIntegerField()
    document = models.TextField(help_text="canonical dee.template/1, hashed exactly as stored")
    hash = models.TextField(help_text="hex SHA-256")
    channel = models.TextField(choices=[(channel.value, channel.value) for channel in Channel])
    subject = models.TextField(blank=True)
    body = models.TextField()
    variables = ArrayField(models.TextField(), help_text="the names the text asks for")
    published_at = models.BigIntegerField()
    published_by = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="plans_template_one_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="plans_template_number"),
            models.CheckConstraint(condition=Q(channel__in=[c.value for c in Channel]), name="plans_template_channel"),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        """The name under which plans use this version."""
        return f"{self.key}@{self.number}"
