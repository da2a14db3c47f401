"""What may be asked of past runs? How many of them, how near a send has to be, and what is assumed."""

from django import forms

from runs.engine.whatif import terms
from runs.trying import whatifs


class WhatIfForm(forms.Form):
    """How many past runs, and what is assumed where they have no answer. The assumptions are words, blanks between."""

    last = forms.IntegerField(
        label="Past runs, newest first", min_value=1, max_value=whatifs.MOST_RUNS, initial=whatifs.USUAL_RUNS
    )
    tolerance = forms.IntegerField(
        label="Sends count as the same within (s)", min_value=0, max_value=7 * 86_400, initial=terms.TOLERANCE_S
    )
    assume = forms.CharField(
        label="Assume",
        required=False,
        max_length=2_000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Outcomes and events that no past run can tell, such as call-1=no_answer email-2.opened=never.",
    )
