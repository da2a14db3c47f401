"""Who are the contacts, what did they agree to, and what limits what we send? The tables the gate reads.

Nothing here writes: `policies.operations` is the door for pages and commands, `policies.gate` for counters. What
must always hold is a constraint or a trigger in the database (migration 0002 has those Django cannot express).
Times are whole seconds since the epoch on the lane clock; money is integer micro-units.
"""

from django.db import models
from django.db.models import Q

from policies.rules import consent, document, suppression

CHANNELS = [(channel, channel) for channel in document.CHANNELS]


def _choices(words: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(word, word.replace("_", " ")) for word in words]


class Contact(models.Model):
    """A person we may want to reach. Addresses are stored in normal form, see `policies.addresses`."""

    class State(models.TextChoices):
        ACTIVE = "active"
        CLOSED = "closed"  # kept, but no longer contacted
        ERASED = "erased"  # personal values are gone for good

    ref = models.TextField("reference", unique=True, help_text="name in pages, files and the log, such as c-1001")
    first_name = models.TextField(blank=True)
    last_name = models.TextField(blank=True)
    email = models.TextField(blank=True)
    phone = models.TextField(blank=True, help_text="E.164, such as +12125550100")
    zone = models.TextField("time zone", blank=True, help_text="as stated by the contact, such as America/New_York")
    country = models.TextField(blank=True, help_text="two capital letters, such as US")
    state = models.TextField(choices=State.choices, default=State.ACTIVE.value)
    attributes = models.JSONField(
        default=dict, blank=True, help_text="values for conditions: integers, texts, true or false"
    )
    version = models.IntegerField(default=1, help_text="goes up with every change")
    created_at = models.BigIntegerField()
    changed_at = models.BigIntegerField()
    changed_by = models.TextField()

    class Meta:
        permissions = [
            ("manage_contacts", "Can add, change and import contacts"),
            ("view_address", "Can see addresses, names and messages in clear"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(ref__regex=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"), name="contact_ref_form"
            ),
            models.CheckConstraint(
                condition=Q(phone="") | Q(phone__regex=r"^\+[1-9][0-9]{6,14}$"), name="contact_phone_e164"
            ),
            models.CheckConstraint(
                condition=Q(country="") | Q(country__regex=r"^[A-Z]{2}$"), name="contact_country_form"
            ),
            models.CheckConstraint(condition=Q(state__in=["active", "closed", "erased"]), name="contact_state_known"),
            models.CheckConstraint(condition=Q(version__gte=1), name="contact_version_positive"),
            models.CheckConstraint(
                condition=~Q(state="erased") | Q(first_name="", last_name="", email="", phone=""),
                name="contact_erased_is_empty",
            ),
        ]
        indexes = [
            models.Index(fields=["email"], condition=~Q(email=""), name="contact_email"),
            models.Index(fields=["phone"], condition=~Q(phone=""), name="contact_phone"),
        ]

    def __str__(self) -> str:
        return self.ref

    def address_for(self, channel: str) -> str:
        """Return the address a channel uses, or "" when the contact has none."""
        return self.email if channel == "email" else self.phone


class Consent(models.Model):
    """What a contact said about one channel and purpose. Append-only: withdrawing adds a row; the newest counts."""

    class Status(models.TextChoices):
        GRANTED = "granted"
        REVOKED = "revoked"

    contact = models.ForeignKey(Contact, models.PROTECT, related_name="consents")
    channel = models.TextField(choices=CHANNELS)
    purpose = models.TextField()
    version = models.IntegerField(help_text="1, 2, 3 … per contact, channel and purpose")
    status = models.TextField(choices=Status.choices)
    kind = models.TextField(blank=True, choices=_choices(consent.KINDS), help_text="legal basis of a grant")
    source = models.TextField(help_text="where it was said: a form, a call, an event")
    text_version = models.TextField(blank=True, help_text="which wording the contact saw")
    proof_ref = models.BigIntegerField(null=True, help_text="the proof, in the erasable vault")
    at = models.BigIntegerField(help_text="when the contact said so")
    recorded_at = models.BigIntegerField()
    recorded_by = models.TextField()

    class Meta:
        permissions = [("manage_consent", "Can record and withdraw consent")]
        constraints = [
            models.UniqueConstraint(fields=["contact", "channel", "purpose", "version"], name="consent_one_version"),
            models.CheckConstraint(condition=Q(channel__in=document.CHANNELS), name="consent_channel_known"),
            models.CheckConstraint(condition=Q(purpose__regex=r"^[a-z][a-z0-9_-]{0,47}$"), name="consent_purpose_form"),
            models.CheckConstraint(condition=Q(version__gte=1), name="consent_version_positive"),
            models.CheckConstraint(
                condition=Q(status="revoked", kind="")
                | Q(status="granted", kind__in=consent.KINDS, proof_ref__isnull=False) & ~Q(source=""),
                name="consent_grant_is_proved",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} {self.channel} {self.purpose} {self.status} v{self.version}"


class Suppression(models.Model):
    """A do-not-contact entry for an address, whoever it belongs to. Never deleted: removal is recorded in the row."""

    address = models.TextField(help_text="normal form: lower-case email or E.164")
    scope = models.TextField(choices=_choices(suppression.SCOPES))
    channel = models.TextField(blank=True, choices=CHANNELS, help_text="empty: every channel")
    plan_key = models.TextField(blank=True, help_text="set for the scope plan")
    reason = models.TextField(choices=_choices(suppression.REASONS))
    source = models.TextField(help_text="what led to it: an event, an import, a page")
    note_ref = models.BigIntegerField(null=True, help_text="what was typed, in the erasable vault")
    expires_at = models.BigIntegerField(null=True, help_text="first second it no longer holds; empty: for good")
    created_at = models.BigIntegerField()
    created_by = models.TextField()
    removed_at = models.BigIntegerField(null=True)
    removed_by = models.TextField(blank=True)
    removed_ref = models.BigIntegerField(null=True, help_text="the reason for removing it, in the erasable vault")

    class Meta:
        permissions = [("manage_suppressions", "Can add and remove suppressions")]
        constraints = [
            # Also the index of the gate's lookup: it asks for active entries by address.
            models.UniqueConstraint(
                fields=["address", "scope", "channel", "plan_key"],
                condition=Q(removed_at=None),
                name="suppression_one_active",
            ),
            models.CheckConstraint(
                condition=Q(scope="global", channel="", plan_key="")
                | Q(scope="channel", channel__in=document.CHANNELS, plan_key="")
                | Q(scope="plan", channel__in=["", *document.CHANNELS]) & ~Q(plan_key=""),
                name="suppression_scope_fits",
            ),
            models.CheckConstraint(condition=Q(reason__in=suppression.REASONS), name="suppression_reason_known"),
            models.CheckConstraint(
                condition=~Q(reason__in=suppression.PERMANENT_REASONS) | Q(expires_at=None),
                name="suppression_permanent_reasons",
            ),
            models.CheckConstraint(
                condition=Q(removed_at=None, removed_by="", removed_ref=None)
                | Q(removed_at__isnull=False, removed_ref__isnull=False) & ~Q(removed_by=""),
                name="suppression_removal_is_whole",
            ),
        ]
        indexes = [models.Index(fields=["address", "id"], name="suppression_history")]

    def __str__(self) -> str:
        return f"suppression {self.pk}"

    def holds_at(self, now: int) -> bool:
        """Say whether it is neither removed nor expired at an instant. Expiry is compared here, never by a job."""
        return self.removed_at is None and (self.expires_at is None or now < self.expires_at)


class Policy(models.Model):
    """A named set of limits, budgets, prices and calling hours. The gate reads its active version."""

    key = models.TextField(unique=True)
    active_version = models.ForeignKey("PolicyVersion", models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name_plural = "policies"
        permissions = [("manage_policies", "Can publish policy versions and use the kill switch")]
        constraints = [
            models.CheckConstraint(condition=Q(key__regex=r"^[a-z0-9][a-z0-9_-]{0,47}$"), name="policy_key_form"),
        ]

    def __str__(self) -> str:
        return self.key


class PolicyVersion(models.Model):
    """One published `dee.policy/1` document. Immutable: the database refuses changes and recomputes the hash."""

    policy = models.ForeignKey(Policy, models.PROTECT, related_name="versions")
    number = models.IntegerField()
    body = models.TextField(help_text="canonical JSON")
    hash = models.TextField(help_text="hex SHA-256 over the canonical text")
    published_at = models.BigIntegerField()
    published_by = models.TextField()
    reason_ref = models.BigIntegerField(null=True, help_text="why it was published, in the erasable vault")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["policy", "number"], name="policy_version_one_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="policy_version_number_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} version {self.number}"


class Counter(models.Model):
    """How much of one limit is used: a ledger of reserved (not yet known) and posted (certainly used) units."""

    key = models.TextField(primary_key=True, help_text="such as daily:email-day:2026-11-22")
    limit = models.BigIntegerField(help_text="the limit when something was last reserved")
    reserved = models.BigIntegerField(default=0)
    posted = models.BigIntegerField(default=0)
    overrun = models.BigIntegerField(default=0, help_text="cost beyond what was reserved; it counts as used")
    freed = models.BigIntegerField(default=0, help_text="units freed in the second freed_at, free from the next one on")
    freed_at = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(limit__gte=models.F("reserved") + models.F("posted")), name="counter_within_limit"
            ),
            models.CheckConstraint(
                condition=Q(limit__gte=0, reserved__gte=0, posted__gte=0, overrun__gte=0, freed__gte=0),
                name="counter_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def used(self) -> int:
        """Return the units that are taken, whether settled or not."""
        return self.reserved + self.posted + self.overrun


class KillSwitch(models.Model):
    """One place where sending can be stopped at once: everywhere, a channel or a plan."""

    class Scope(models.TextChoices):
        GLOBAL = "global"
        CHANNEL = "channel"
        PLAN = "plan"

    scope = models.TextField(choices=Scope.choices)
    key = models.TextField(blank=True, help_text="the channel or plan; empty for global")
    engaged = models.BooleanField(default=False)
    changed_at = models.BigIntegerField()
    changed_by = models.TextField()
    reason_ref = models.BigIntegerField(help_text="why, in the erasable vault")

    class Meta:
        verbose_name_plural = "kill switches"
        constraints = [
            models.UniqueConstraint(fields=["scope", "key"], name="kill_switch_one"),
            models.CheckConstraint(
                condition=Q(scope="global", key="")
                | Q(scope="channel", key__in=document.CHANNELS)
                | Q(scope="plan") & ~Q(key=""),
                name="kill_switch_scope_fits",
            ),
        ]
        indexes = [models.Index(fields=["scope", "key"], condition=Q(engaged=True), name="kill_switch_engaged")]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}".strip()

    def covers(self, channel: str, plan: str) -> bool:
        """Say whether an engaged switch stops a send on a channel for a plan."""
        return self.scope == "global" or self.key == (channel if self.scope == "channel" else plan)
