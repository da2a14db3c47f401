"""What may a person send to the pages of plans? Field by field; the rules of documents are not repeated here."""

from django import forms

from audit import canon
from channels.kinds import Channel
from plans import template_document

LIMIT = canon.DOCUMENT.max_bytes


def _lines(text: str) -> str:
    """Browsers send CRLF from a textarea; documents are kept with line feeds."""
    return text.replace("\r\n", "\n")


class DraftForm(forms.Form):
    """The text of a draft, and the revision it was opened at."""

    body = forms.CharField(
        label="Plan document (JSON)",
        strip=False,
        widget=forms.Textarea(attrs={"rows": 32, "spellcheck": "false", "class": "mono", "autocomplete": "off"}),
        error_messages={"required": "The document is empty; write one, or go back to the plan."},
    )
    revision = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def clean_body(self) -> str:
        return _lines(self.cleaned_data["body"])


class NewPlanForm(forms.Form):
    """A new plan: from a document that exists, or from a key and a title."""

    key = forms.RegexField(
        r"^[a-z0-9][a-z0-9-]{0,39}\Z",
        label="Key",
        required=False,
        help_text="Lower-case letters, digits and hyphens; it can never change. Leave it empty when you import a file.",
        error_messages={"invalid": "Use lower-case letters, digits and hyphens, at most 40."},
    )
    title = forms.CharField(label="Title", required=False, max_length=200, help_text="What people call the plan.")
    file = forms.FileField(
        label="Import a JSON file",
        required=False,
        help_text="A dee.plan/1 document, such as an export of another plan.",
    )

    def clean_file(self) -> str:
        """Return the text of the file, "" when there is none."""
        file = self.cleaned_data["file"]
        if file is None:
            return ""
        if file.size > LIMIT:
            raise forms.ValidationError(f"The file is longer than {LIMIT // 1024} KiB.")
        try:
            return str(file.read().decode())
        except UnicodeDecodeError as error:
            raise forms.ValidationError(f"Byte {error.start + 1} is not UTF-8; save the file as UTF-8.") from None

    def clean(self) -> None:
        if not self.errors and not self.cleaned_data.get("key") and not self.cleaned_data.get("file"):
            self.add_error("key", "Give the plan a key, or choose a file to import.")


class RetireForm(forms.Form):
    """Why a plan is retired."""

    note = forms.CharField(
        label="Reason",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Give a reason: it is kept with the retirement."},
    )


class ReviewForm(forms.Form):
    """What somebody says about a version. seen: the version in force that it was compared with, 0 for none."""

    verdict = forms.ChoiceField(
        choices=[("approved", "Approve and activate"), ("sent_back", "Send back")],
        error_messages={"required": "Say whether you approve the version or send it back."},
    )
    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    note = forms.CharField(
        label="Comment",
        required=False,
        max_length=2000,
        help_text="Needed to send it back: say what has to change. It is kept with the review, outside the log.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class TemplateForm(forms.Form):
    """A template's next version."""

    key = forms.CharField(label="Key", max_length=40, help_text="A new key, or that of a template to add a version to.")
    channel = forms.ChoiceField(label="Channel", choices=[(channel.value, channel.value) for channel in Channel])
    subject = forms.CharField(
        label="Subject",
        required=False,
        max_length=template_document.MAX_SUBJECT,
        strip=False,
        help_text="For emails only.",
    )
    body = forms.CharField(
        label="Text", strip=False, max_length=template_document.MAX_BODY, widget=forms.Textarea(attrs={"rows": 14})
    )

    def clean_body(self) -> str:
        return _lines(self.cleaned_data["body"])
