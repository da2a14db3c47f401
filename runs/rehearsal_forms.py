"""What may be said about a rehearsal on its page? Who it is for, when it begins, and what comes of each send and task.

The fields of a plan's own steps are made from the plan; `RehearsalForm.script` reads them all back into a script.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django import forms

from channels import kinds
from channels.kinds import CALL_LABELS, CALL_RESULTS, EMAIL_EVENTS, Channel
from plans import graph, pages
from plans.document import Plan
from plans.steps import CHANNELS, TIMEOUT, Call, SendEmail, Task, channels
from policies import contact_fields, hours, zones
from runs.engine.script import Act, Answer, Happening
from runs.people import Person
from runs.rehearsals import NOBODY, MadeUp

MADE_UP, REAL = "made_up", "contact"
CONSENTS = (("granted", "granted"), ("revoked", "withdrawn"), ("unknown", "none recorded"))
NOT_SAID = "same"
_DURATION = re.compile(r"(\d{1,9})\s*(d|days?|h|hours?|min|minutes?|m|s|seconds?)?")
_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_USUAL = {
    "delivered": "10 s", "opened": "2 h", "clicked": "2 h 5 min", "replied": "1 d", "auto_reply": "1 min",
    "answered": "1 min", "no_answer": "30 s", "busy": "5 s", "voicemail": "1 min", "failed": "5 s",
}  # fmt: skip
# Found by the engine or told by an event: no adapter answers a send with these.
_NEVER_AN_ANSWER = ("outcome_lost", "call_failed")


def seconds(text: str) -> int:
    """Return a length of time such as "2 h 30 min", "3d" or "90" (seconds). Raises: ValueError."""
    total, rest = 0, text.strip().lower()
    while rest:
        found = _DURATION.match(rest)
        if not found:
            raise ValueError
        total += int(found[1]) * _SECONDS[(found[2] or "s")[0]]
        rest = rest[found.end() :].lstrip(" ,")
    return total


class AfterField(forms.CharField):
    """A length of time in words; its value is seconds."""

    def __init__(self, label: str, initial: str) -> None:
        widget = forms.TextInput(attrs={"size": 9, "autocomplete": "off"})
        super().__init__(label=label, initial=initial, required=False, max_length=40, widget=widget)

    def clean(self, value: Any) -> int:
        try:
            after_s = seconds(super().clean(value))
        except ValueError:
            raise forms.ValidationError("Write a length of time such as 90 s, 2 h 30 min or 3 d.") from None
        if after_s > 366 * 86_400:
            raise forms.ValidationError("That is longer than a year.")
        return after_s


@dataclass(frozen=True, slots=True)
class SendFields:
    """The fields of one send step. events: (event, tick box, delay)."""

    name: str
    kind: str
    what: str
    first: forms.BoundField
    later: forms.BoundField
    events: Sequence[tuple[str, forms.BoundField, forms.BoundField]]

    @property
    def ticked(self) -> list[str]:
        """Return the events that are ticked, for the summary of what is folded away."""
        return [str(box.label) for _, box, _ in self.events if box.value()]

    @property
    def errors(self) -> bool:
        return any(after.errors for _, _, after in self.events)


@dataclass(frozen=True, slots=True)
class TaskFields:
    """The fields of one task step."""

    name: str
    title: str
    outcome: forms.BoundField
    after: forms.BoundField


class RehearsalForm(forms.Form):
    """Who it is for, when it begins, what is true of a made-up contact, and what comes of each step that asks."""

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
        for name in graph.flow_order(plan):
            self._add_step(name)

    def _add_step(self, name: str) -> None:
        step = self.plan.steps[name]
        if isinstance(step, SendEmail | Call):
            answers = _answers(CHANNELS[step.kind])
            self.fields[f"first_{name}"] = forms.ChoiceField(label="What comes of it", choices=answers, required=False)
            later = [(NOT_SAID, "the same again"), *answers]
            self.fields[f"later_{name}"] = forms.ChoiceField(
                label="And of every later send of it", choices=later, required=False
            )
            for event in EMAIL_EVENTS if isinstance(step, SendEmail) else CALL_RESULTS:
                label = event.replace("_", " ")
                self.fields[f"event_{name}_{event}"] = forms.BooleanField(label=label, required=False)
                self.fields[f"after_{name}_{event}"] = AfterField(f"{label} after", _USUAL.get(event, "3 h"))
        elif isinstance(step, Task):
            choices = [(label, label) for label in step.on if label != TIMEOUT]
            self.fields[f"task_{name}"] = forms.ChoiceField(
                label="A person says", choices=[*choices, ("", "nothing, until the time is up")], required=False
            )
            self.fields[f"after_{name}"] = AfterField("after", "1 h")

    # For the template

    def sends(self) -> Iterator[SendFields]:
        """Yield the fields of each send step, in the order in which a reader follows the plan."""
        for name in graph.flow_order(self.plan):
            step = self.plan.steps[name]
            if isinstance(step, SendEmail | Call):
                events = EMAIL_EVENTS if isinstance(step, SendEmail) else CALL_RESULTS
                told = [(str(event), self[f"event_{name}_{event}"], self[f"after_{name}_{event}"]) for event in events]
                kind = "email" if isinstance(step, SendEmail) else "call"
                yield SendFields(name, kind, step.template, self[f"first_{name}"], self[f"later_{name}"], told)

    def tasks(self) -> Iterator[TaskFields]:
        """Yield the fields of each task."""
        for name in graph.flow_order(self.plan):
            step = self.plan.steps[name]
            if isinstance(step, Task):
                yield TaskFields(name, step.title, self[f"task_{name}"], self[f"after_{name}"])

    def facts(self) -> list[forms.BoundField]:
        """Return the fields that describe a made-up contact."""
        own = ["first_name", "last_name", "email", "phone", "zone", "country"]
        own += [f"consent_{channel}" for channel in channels(self.plan)]
        return [self[name] for name in (*own, "suppressed", *(f"attr_{name}" for name in self.plan.attributes))]

    # What was said

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

    def answers(self) -> dict[str, list[Answer]]:
        """Return what comes of the sends of each step."""
        said = {}
        for fields in self.sends():
            first = self.cleaned_data[f"first_{fields.name}"] or _answers(_channel(self.plan, fields.name))[0][0]
            later = self.cleaned_data[f"later_{fields.name}"]
            said[fields.name] = [_answer(first), *([_answer(later)] if later not in ("", NOT_SAID) else [])]
        return said

    def happenings(self) -> list[Happening]:
        """Return the ticked events, each after every send of its step."""
        ticked = []
        for fields in self.sends():
            for event, box, after in fields.events:
                if self.cleaned_data[box.name]:
                    ticked.append(Happening(event, self.cleaned_data[after.name], fields.name))
        return ticked

    def acts(self) -> list[Act]:
        """Return what people say about tasks."""
        return [
            Act("complete_task", self.cleaned_data[fields.after.name], fields.name, label)
            for fields in self.tasks()
            if (label := self.cleaned_data[fields.outcome.name])
        ]


def _channel(plan: Plan, name: str) -> Channel:
    return CHANNELS[plan.steps[name].kind]


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


def _answers(channel: Channel) -> list[tuple[str, Any]]:
    """Return what an adapter of a channel may say, grouped: it left, it did not, nobody knows."""
    if channel == Channel.EMAIL:
        well = [("accepted", "accepted: sent"), ("delivered", "delivered: sent")]
    else:
        well = [(f"label:{label}", label.replace("_", " ")) for label in CALL_LABELS]
        well.append(("accepted", "placed; the result comes as an event"))
    other = "call_" if channel == Channel.EMAIL else "smtp_"
    failures = [code for code in kinds.Failure if not code.startswith(other) and code not in _NEVER_AN_ANSWER]
    return [
        *well,
        ("Certainly not sent", [(f"not_sent:{code}", code.sentence) for code in failures if code.certain]),
        ("Nobody knows", [(f"unknown:{code}", code.sentence) for code in failures if not code.certain]),
    ]


def _answer(said: str) -> Answer:
    kind, _, detail = said.partition(":")
    return Answer(kind, label=detail) if kind == "label" else Answer(kind, detail)
