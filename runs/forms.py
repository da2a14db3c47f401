"""What may be typed on the pages of runs, and what is said when it is not right?"""

import re
from collections.abc import Iterable, Mapping

from django import forms

MAX_NAMED = 5_000
_ROW = re.compile(r"(\d{1,18}):(\d{1,18})")


class CommandForm(forms.Form):
    """A command on one run, with the entry number the person saw and an id minted when the page was made."""

    expected_n = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    command_id = forms.UUIDField(widget=forms.HiddenInput)
    label = forms.ChoiceField(
        label="What came of the step",
        required=False,
        error_messages={"invalid_choice": "Choose one of the step's own outcomes."},
    )
    note = forms.CharField(
        label="Reason, for the audit log",
        max_length=500,
        error_messages={"required": "Give a reason: it is kept with the command and shown to whoever asks why."},
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
        help_text="Kept beside the log and erasable; the log itself holds its fingerprint only.",
    )

    def __init__(self, *args, command: str, labels: Mapping[str, str], **kwargs) -> None:
        """command: which one. labels: {outcome: where it leads}, asked for by `resolve` only."""
        super().__init__(*args, auto_id=f"{command}-%s", label_suffix="", **kwargs)
        if command == "resolve":
            choices = [(label, f"{label} → {goto}") for label, goto in labels.items()]
            self.fields["label"].choices = [("", "Choose …"), *choices]
            self.fields["label"].required = True
            self.fields["label"].error_messages["required"] = "Say what came of the step."
        else:
            del self.fields["label"]


class BulkForm(forms.Form):
    """One reason (and for resolve one outcome) for every ticked run."""

    batch = forms.UUIDField(widget=forms.HiddenInput)
    label = CommandForm.base_fields["label"]
    note = CommandForm.base_fields["note"]

    def __init__(self, *args, command: str, labels: Iterable[str], **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        if command == "resolve":
            self.fields["label"].choices = [("", "Choose …"), *((label, label) for label in labels)]
            self.fields["label"].required = True
            self.fields["label"].error_messages["required"] = "Say what came of the step."
        else:
            del self.fields["label"]


def ticked(values: Iterable[str]) -> list[tuple[int, int]]:
    """Return (run number, entry number seen) of each ticked box, in order, without repeats; the rest is left out."""
    found = (_ROW.fullmatch(value) for value in values)
    return list(dict.fromkeys((int(match[1]), int(match[2])) for match in found if match))


class EnrolForm(forms.Form):
    """Which plan, and for whom."""

    plan = forms.ChoiceField(label="Plan")
    who = forms.ChoiceField(
        label="For whom",
        choices=[
            ("list", "The contacts named below"),
            ("all", "Every active contact without an open run of this plan"),
        ],
        widget=forms.RadioSelect,
        initial="list",
    )
    refs = forms.CharField(
        label="Contacts",
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text="References such as c-1001, separated by spaces, commas or lines.",
    )

    again = forms.BooleanField(
        label="Also contacts who had this plan before",
        required=False,
        help_text="Without this, a contact who was ever enrolled into the plan is left alone.",
    )
    round = forms.SlugField(max_length=32, widget=forms.HiddenInput)

    def __init__(self, *args, plans: Iterable[tuple[str, str]], **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["plan"].choices = [("", "Choose …"), *plans]

    def clean_refs(self) -> list[str]:
        """Return the references named, each once, in the order written."""
        refs = list(dict.fromkeys(re.findall(r"[^\s,;]+", self.cleaned_data["refs"])))
        if len(refs) > MAX_NAMED:
            raise forms.ValidationError(f"At most {MAX_NAMED} contacts at once; use the command `enrol` for more.")
        return refs

    def clean(self) -> dict:
        cleaned = super().clean() or {}
        if cleaned.get("who") == "list" and cleaned.get("refs") == []:
            self.add_error("refs", "Name at least one contact, or choose every active contact.")
        return cleaned


class AdvanceForm(forms.Form):
    """How far to drive the sandbox clock."""

    STEPS = (("3600", "1 hour"), ("86400", "1 day"), ("259200", "3 days"), ("next", "to the next event"))
    by = forms.ChoiceField(choices=STEPS)

    def seconds(self) -> int | None:
        """Return how many seconds, or None for "to the next event"."""
        by = self.cleaned_data["by"]
        return None if by == "next" else int(by)
