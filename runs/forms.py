"""What may be typed on the pages of runs, and what is said when it is not right?"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from runs.engine.transitions import LABELLED, Command

MAX_NAMED = 5_000
_ROW = re.compile(r"(\d{1,18}):(\d{1,18})")


OUTCOME = {
    "resolve": "What came of the step",
    "skip": "Leave the step along",
    "complete_task": "What came of the task",
}


def _outcome(command: str, choices: Iterable[tuple[str, str]]) -> forms.ChoiceField:
    errors = {"required": "Choose one of the outcomes.", "invalid_choice": "Choose one of the step's own outcomes."}
    return forms.ChoiceField(label=OUTCOME[command], choices=choices, error_messages=errors, widget=forms.RadioSelect)


def _reason() -> forms.CharField:
    return forms.CharField(
        label="Reason, for the audit log",
        max_length=500,
        error_messages={"required": "Give a reason: it is kept with the command and shown to whoever asks why."},
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
        help_text="Kept beside the log and erasable; the log itself holds its fingerprint only.",
    )


class CommandForm(forms.Form):
    """A command on one run, with the entry number the person saw and an id minted when the page was made."""

    expected_n = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    command_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        command: str,
        ref: str,
        labels: Mapping[str, str],
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        """command: which one. ref: the run's name. labels: {outcome: where it leads}, for commands that take one."""
        super().__init__(data, initial=dict(initial or {}), auto_id=f"{command}-%s", label_suffix="")
        self.ref = ref
        if command in LABELLED:
            self.fields["label"] = _outcome(command, [(label, f"{label} → {goto}") for label, goto in labels.items()])
        self.fields["note"] = _reason()
        if command == Command.SEND_AGAIN:
            self.fields["confirmation"] = forms.CharField(
                label=f"Type {ref} to say that you mean it",
                max_length=32,
                error_messages={"required": f"Type {ref}: the contact may get this message twice."},
                widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
            )

    def clean_confirmation(self) -> str:
        """Return what was typed when it is the run's name."""
        if (typed := self.cleaned_data["confirmation"].strip()) != self.ref:
            raise forms.ValidationError(f"That is not {self.ref}. Nothing was sent.")
        return typed


class BulkForm(forms.Form):
    """One reason, and for commands that need it one outcome, for every run of a frozen list."""

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, command: str, labels: Iterable[tuple[str, str]]
    ) -> None:
        """labels: (outcome, what choosing it would do)."""
        super().__init__(data, label_suffix="")
        if command in LABELLED:
            self.fields["label"] = _outcome(command, list(labels))
        self.fields["note"] = _reason()


def ticked(values: Iterable[str]) -> dict[int, int]:
    """Return {run number: entry number seen} of the ticked boxes; what is no such pair is left out."""
    found = (_ROW.fullmatch(value) for value in values)
    return {int(match[1]): int(match[2]) for match in found if match}


class EnrolForm(forms.Form):
    """Which plan, and for whom."""

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

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        plans: Iterable[tuple[str, str]],
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        """plans: (key, title) of those that can be enrolled into."""
        super().__init__(data, initial=dict(initial or {}), label_suffix="")
        choices = [("", "Choose …"), *((key, f"{title} ({key})" if title else key) for key, title in plans)]
        self.fields["plan"] = forms.ChoiceField(label="Plan", choices=choices)
        self.order_fields(["plan"])

    def clean_refs(self) -> list[str]:
        """Return the references named, each once, in the order written."""
        refs = list(dict.fromkeys(re.findall(r"[^\s,;]+", self.cleaned_data["refs"])))
        if len(refs) > MAX_NAMED:
            raise forms.ValidationError(f"At most {MAX_NAMED} contacts at once; use the command `enrol` for more.")
        return refs

    def clean(self) -> dict[str, Any]:
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
