"""What may be asked of the pages of accounts?"""

from django import forms

CODE = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "maxlength": "24"}
HELP = "Six digits of the app, or one of your recovery codes."


class CodeForm(forms.Form):
    """A code of the app; where it says so, a recovery code does too."""

    code = forms.CharField(
        label="Code", max_length=24, help_text=HELP, widget=forms.TextInput({**CODE, "autofocus": True})
    )


class ConfirmForm(forms.Form):
    """The first code of a new app."""

    code = forms.CharField(
        label="Code that the app shows now",
        max_length=24,
        widget=forms.TextInput({**CODE, "inputmode": "numeric"}),
    )


class ProofForm(forms.Form):
    """What a change of the second factor takes, so that an open browser alone is not enough."""

    password = forms.CharField(
        label="Your password",
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )
    code = forms.CharField(label="Code", max_length=24, help_text=HELP, widget=forms.TextInput(CODE))


class WhyForm(forms.Form):
    """Why somebody else's login is touched."""

    reason = forms.CharField(
        label="Reason, for the audit log",
        max_length=500,
        widget=forms.Textarea({"rows": 2}),
        help_text="How do you know that it is really them who asks?",
    )
