"""For whom is a plan rehearsed, and from when on? A contact of ours, or one that is made up, and what is true of them.

What comes of the sends and tasks is said on the timeline: `runs.trying.rehearsal_said`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms

from plans import pages
from plans.document import Plan
from plans.steps import channels
from policies import contact_fields, hours, zones
from runs.people import Person
from runs.trying.rehearsals import NOBODY, MadeUp

MADE_UP, REAL = "made_up", "contact"
CONSENTS = (("granted", "granted"), ("revoked", "withdrawn"), ("unknown", "none recorded"))
FIRST_YEAR, LAST_YEAR = 2000, 2100


class RehearsalForm(forms.Form):
    """Who it is for, when it begins, and what is true of a made-up contact."""

    who = forms.ChoiceField(
        label="For whom",
        choices=[(MADE_UP, "A made-up contact"), (REAL, "A contact of yours, as they are now")],
        widget=forms.RadioSelect,
        initial=MADE_UP,
    )
    contact = forms.CharField(
        label="Contact",
        required=False,
        max_length=64,
        help_text="A reference such as c-1001. Consent, suppressions, limits and budgets are read as they stand now.",
    )
    start = forms.DateTimeField(
        label="Starts at",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        help_text="In the contact's own local time. Empty: now.",
    )
    first_name = forms.CharField(label="First name", required=False, max_length=100)
    last_name = forms.CharField(label="Last name", required=False, max_length=100)
    email = forms.CharField(label="Email", required=False, max_length=254)
    phone = forms.CharField(label="Phone", required=False, max_length=40)
    zone = forms.CharField(label="Time zone", required=False, max_length=64)
    country = forms.CharField(label="Country", required=False, max_length=2)
    suppressed = forms.BooleanField(label="Is on the suppression list", required=False)

    def __init__(self, data: Mapping[str, Any] | None = None, *, plan: Plan, may_use_contacts: bool) -> None:
        super().__init__(data, label_suffix="", auto_id="r-%s")
        self.plan = plan
        if not may_use_contacts:
            self.fields["who"].choices = [(MADE_UP, "A made-up contact")]  # type: ignore[attr-defined]
            del self.fields["contact"]
        for name in ("first_name", "last_name", "email", "phone", "zone", "country"):
            self.fields[name].initial = pages.SAMPLE_VALUES[name]
        for channel in channels(plan):
            self.fields[f"consent_{channel}"] = forms.ChoiceField(
                label=f"Consent for {channel}", choices=CONSENTS, initial="granted", required=False
            )
        for name, kind in plan.attributes.items():
            self.fields[f"attr_{name}"] = _attribute(name, kind)

    @classmethod
    def as_it_stands(cls, plan: Plan, *, may_use_contacts: bool) -> "RehearsalForm":
        """Return the form as if it had been sent the way it is first shown."""
        blank = cls(plan=plan, may_use_contacts=may_use_contacts)
        initial = {name: blank.get_initial_for_field(field, name) for name, field in blank.fields.items()}
        given = {name: value for name, value in initial.items() if value is not None}
        return cls(given, plan=plan, may_use_contacts=may_use_contacts)

    def facts(self) -> list[forms.BoundField]:
        """Return the fields that describe a made-up contact."""
        own = ["first_name", "last_name", "email", "phone", "zone", "country"]
        own += [f"consent_{channel}" for channel in channels(self.plan)]
        return [self[name] for name in (*own, "suppressed", *(f"attr_{name}" for name in self.plan.attributes))]

    # What was said

    def clean_start(self) -> datetime | None:
        """Return the start. Beyond these years no zone can be asked, and no plan is meant."""
        start: datetime | None = self.cleaned_data["start"]
        if start is not None and not FIRST_YEAR <= start.year <= LAST_YEAR:
            raise forms.ValidationError(f"Choose a year between {FIRST_YEAR} and {LAST_YEAR}.")
        return start

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("who") == REAL and not cleaned.get("contact", "").strip():
            self.add_error("contact", "Name the contact, or choose a made-up one.")
        elif cleaned.get("who") == MADE_UP and not self.errors:
            self._describe(cleaned)
        return cleaned

    def _describe(self, cleaned: dict[str, Any]) -> None:
        attributes = {
            name: value
            for name in self.plan.attributes
            if (value := _typed(cleaned[f"attr_{name}"], self.plan.attributes[name])) is not None
        }
        raw = {name: cleaned[name] for name in ("first_name", "last_name", "email", "phone", "zone", "country")}
        try:
            fields = contact_fields.read({**raw, "attributes": attributes})
        except contact_fields.Invalid as error:
            for name, sentence in error.problems.items():
                self.add_error(name if name in raw else None, f"{sentence}.")
            return
        cleaned["person"] = Person(
            NOBODY, "made-up", fields.first_name, fields.last_name, fields.email, fields.phone, fields.zone,
            fields.country, dict(fields.attributes),
        )  # fmt: skip

    def made_up(self) -> MadeUp | None:
        """Return what is true of the made-up contact, None for a real one."""
        said = self.cleaned_data
        if said["who"] == REAL:
            return None
        consents = {channel: said[f"consent_{channel}"] or "granted" for channel in channels(self.plan)}
        return MadeUp(consents, said["suppressed"])

    def start_at(self, person: Person, now: int) -> int:
        """Return the lane clock at which it begins; what was typed is the contact's local time, UTC without a zone."""
        typed = self.cleaned_data["start"]
        if typed is None:
            return now
        local_at = int(typed.replace(tzinfo=UTC).timestamp())
        zone = zones.zone_of(person.zone, person.phone)
        if not zone:
            return local_at
        near = local_at - hours.local(zone, local_at)["offset_s"]
        return int(local_at - hours.local(zone, near)["offset_s"])


def _attribute(name: str, kind: str) -> forms.Field:
    if kind == "bool":
        choices = [("", "not set"), ("true", "true"), ("false", "false")]
        return forms.ChoiceField(label=name, choices=choices, required=False)
    if kind == "int":
        return forms.IntegerField(label=name, required=False, min_value=-(2**53) + 1, max_value=2**53 - 1)
    return forms.CharField(label=name, required=False, max_length=500)


def _typed(value: Any, kind: str) -> Any:
    """Return a typed attribute, None when it is not set."""
    if kind == "bool":
        return {"true": True, "false": False}.get(value)
    return None if value in (None, "") else value
