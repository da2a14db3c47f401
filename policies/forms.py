"""What may be typed on the pages of policies? Shape only; whether it makes sense is decided by the operations."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms

from policies.models import Contact
from policies.rules import consent, document, suppression

MAX_FILE_BYTES = 1024 * 1024
MAX_PASTED = 1_100_000  # a file of full size, pasted back for confirmation

_CHANNELS = [("email", "email"), ("voice", "voice (calls)")]
_KEPT = "Kept beside the log and erasable; the log itself holds its fingerprint only."


def _words(values: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(value, value.replace("_", " ")) for value in values]


def _note(label: str, **more: Any) -> forms.CharField:
    area = forms.Textarea(attrs={"rows": 2, "autocomplete": "off"})
    return forms.CharField(label=label, max_length=500, widget=area, help_text=_KEPT, **more)


class ContactForm(forms.Form):
    """A contact's fields, with the version the person saw."""

    ref = forms.CharField(
        label="Reference", max_length=64, help_text="How files and the log name this contact, like c-1001."
    )
    first_name = forms.CharField(max_length=200, required=False)
    last_name = forms.CharField(max_length=200, required=False)
    email = forms.CharField(max_length=254, required=False)
    phone = forms.CharField(max_length=40, required=False, help_text="With + and country code, like +12125550100.")
    zone = forms.CharField(
        label="Time zone",
        max_length=64,
        required=False,
        help_text="Only as stated by the contact, like America/New_York.",
    )
    country = forms.CharField(max_length=2, required=False, help_text="Two letters, like US.")
    attributes = forms.JSONField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text='Values for conditions, as JSON: {"tier": "gold", "balance": 120, "vip": true}.',
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, contact: Contact | None = None, **kwargs: Any) -> None:
        """contact: the one to change; None to add one."""
        super().__init__(*args, **kwargs)
        if contact:
            del self.fields["ref"]
            states = [("active", "active"), ("closed", "closed: kept, no longer contacted")]
            self.fields["state"] = forms.ChoiceField(choices=states, initial=contact.state)


class ConsentForm(forms.Form):
    """A grant with its proof."""

    channel = forms.ChoiceField(choices=_CHANNELS)
    purpose = forms.CharField(max_length=48, initial="marketing", help_text="One lower-case word, as plans name it.")
    kind = forms.ChoiceField(label="Legal basis", choices=_words(consent.KINDS), initial="express")
    source = forms.CharField(max_length=80, help_text="Where it was said, in a few plain words: web form 12.")
    text_version = forms.CharField(
        label="Wording", max_length=80, required=False, help_text="Which text the contact saw: signup-v3."
    )
    proof = _note(
        "Proof", error_messages={"required": "Say what proves it: a form record, a recording, a signed paper."}
    )
    given = forms.DateField(
        label="Given on",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: now. A withdrawal on that day or later wins.",
    )

    def clean_given(self) -> int | None:
        """Return the start of the day in UTC, epoch seconds."""
        return _midnight(self.cleaned_data["given"])


class WithdrawForm(forms.Form):
    """A withdrawal."""

    channel = forms.ChoiceField(choices=_CHANNELS)
    purpose = forms.CharField(max_length=48, initial="marketing")
    source = forms.CharField(max_length=80, help_text="How we were told, in a few plain words: phone call.")
    note = _note("Note", required=False)


class SuppressionForm(forms.Form):
    """One address and why it is not contacted."""

    address = forms.CharField(label="Email or phone", max_length=254)
    scope = forms.ChoiceField(
        choices=[
            ("channel", "channel: this address's own channel"),
            ("global", "global: this person, on every channel"),
            ("plan", "plan: only one plan"),
        ]
    )
    plan_key = forms.CharField(label="Plan", max_length=48, required=False, help_text="For the scope plan only.")
    reason = forms.ChoiceField(choices=_words(suppression.REASONS), initial="manual")
    expires_at = forms.DateField(
        label="Until",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: for good. What the person or the law said never expires.",
    )
    note = _note("Note", required=False)

    def clean_expires_at(self) -> int | None:
        """Return the start of the day in UTC, epoch seconds."""
        return _midnight(self.cleaned_data["expires_at"])


class FileForm(forms.Form):
    """A file of at most 1 MB; larger ones go through the management command."""

    file = forms.FileField(required=False, widget=forms.FileInput(attrs={"accept": ".csv,text/csv,text/plain"}))

    def clean_file(self) -> Any:
        """Refuse a file that is too long for a page."""
        file = self.cleaned_data["file"]
        if file and file.size > MAX_FILE_BYTES:
            raise forms.ValidationError("The file is longer than 1 MB; import it with the management command.")
        return file


class SuppressionsForm(FileForm):
    """Many addresses, pasted or as a file, with what counts for lines that do not say."""

    text = forms.CharField(
        label="Addresses",
        required=False,
        max_length=MAX_PASTED,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
        help_text="One a line, or CSV with the columns address, scope, channel, plan, reason, expires.",
    )
    scope = forms.ChoiceField(choices=[("global", "global"), ("channel", "channel: the address's own")])
    reason = forms.ChoiceField(choices=_words(suppression.REASONS), initial="manual")

    def clean(self) -> dict[str, Any]:
        """Ask for one of the two."""
        data = super().clean() or {}
        if not self.errors and not data.get("file") and not (data.get("text") or "").strip():
            raise forms.ValidationError("Paste addresses or choose a file.")
        return data


class ReasonForm(forms.Form):
    """Why."""

    reason = _note("Reason", error_messages={"required": "Say why; the reason is kept."})


class SwitchForm(ReasonForm):
    """What to stop."""

    field_order = ("scope", "channel", "plan", "reason")
    scope = forms.ChoiceField(
        label="Stop", choices=[("global", "everything"), ("channel", "one channel"), ("plan", "one plan")]
    )
    channel = forms.ChoiceField(choices=[("", "Choose …"), *_CHANNELS], required=False)
    plan = forms.CharField(label="Plan", max_length=48, required=False)

    def clean(self) -> dict[str, Any]:
        """Add the key of the switch."""
        data = super().clean() or {}
        chosen = {"global": "", "channel": data.get("channel", ""), "plan": data.get("plan", "")}
        return {**data, "key": chosen[data.get("scope", "global")]}


class PolicyForm(ReasonForm):
    """A whole policy document."""

    field_order = ("text", "reason")
    text = forms.CharField(
        label="Policy, dee.policy/1",
        widget=forms.Textarea(attrs={"rows": 28, "spellcheck": "false", "autocomplete": "off", "class": "mono"}),
    )
    expected = forms.IntegerField(widget=forms.HiddenInput)


class LimitsForm(ReasonForm):
    """The numbers of a policy: limits, budgets and prices as people write them."""

    expected = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, body: Mapping[str, Any], **kwargs: Any) -> None:
        """body: the document the numbers come from."""
        super().__init__(*args, **kwargs)
        self.body = body
        for item in body["daily_limits"]:
            label = f"{item['channel'].capitalize()} messages a day ({item['key']})"
            self.fields[f"limit-{item['key']}"] = forms.IntegerField(min_value=0, label=label, initial=item["limit"])
        for item in body["budgets"]:
            period = "a month" if item["period"] == "month" else "for good"
            label = f"Budget in {body['currency']} {period} ({item['key']})"
            self.fields[f"budget-{item['key']}"] = _money(label, item["limit"])
        for channel in document.CHANNELS:
            if channel in body["prices"]:
                label = f"Price of one {channel} message, {body['currency']}"
                self.fields[f"price-{channel}"] = _money(label, body["prices"][channel])
        self.order_fields([name for name in self.fields if name != "reason"])

    def document(self) -> dict[str, Any]:
        """Return the policy document with the numbers of this form."""
        data = self.cleaned_data
        return {
            **self.body,
            "prices": {channel: _micros(data[f"price-{channel}"]) for channel in self.body["prices"]},
            "daily_limits": [{**item, "limit": data[f"limit-{item['key']}"]} for item in self.body["daily_limits"]],
            "budgets": [{**item, "limit": _micros(data[f"budget-{item['key']}"])} for item in self.body["budgets"]],
        }


def _money(label: str, micros: int) -> forms.DecimalField:
    shown = f"{micros // 1_000_000}.{micros % 1_000_000:06}".rstrip("0").rstrip(".")
    return forms.DecimalField(min_value=0, max_digits=15, decimal_places=6, label=label, initial=shown)


def _micros(amount: Any) -> int:
    return int(amount * 1_000_000)


def _midnight(day: Any) -> int | None:
    return None if day is None else int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
