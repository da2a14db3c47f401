"""What may be asked of the verify page?"""

import re

from django import forms


def stream_named(text: str) -> str:
    """Return the stream that people mean: they know a run as run-17, its stream is run/17."""
    return re.sub(r"^run-(\d+)$", r"run/\1", text.strip())


class VerifyForm(forms.Form):
    """One stream, or empty for the whole log."""

    stream = forms.CharField(required=False, max_length=200)

    def clean_stream(self) -> str:
        stream = stream_named(self.cleaned_data["stream"])
        if stream and not re.fullmatch(r"[a-z]+(/[A-Za-z0-9._-]+)?", stream):
            raise forms.ValidationError("A stream is named like run/17, plan/trial-followup or contact/c-1001.")
        return stream
