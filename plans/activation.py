"""What do other rooms say against a plan coming into force? The checks that the site names in its settings.

`plans` may not look into `policies`, so the site hands the question on: DEE_ACTIVATION_CHECKS lists dotted names of
functions `(plan: document.Plan) -> Sequence[str]`, each returning sentences. Without the setting nothing is activated.
"""

from collections.abc import Sequence

from django.conf import settings
from django.utils.module_loading import import_string

from plans import document

UNCONFIGURED = "No check of policies is configured (DEE_ACTIVATION_CHECKS), so no plan can be activated."


def policies() -> Sequence[str]:
    """Return the keys of the policies in force, for who chooses one; none when the site names no source."""
    name = getattr(settings, "DEE_POLICY_KEYS", "")
    return import_string(name)() if name else ()


def problems(plan: document.Plan) -> Sequence[str]:
    """Return a sentence for everything outside `plans` that forbids activating this plan."""
    checks = getattr(settings, "DEE_ACTIVATION_CHECKS", None)
    if checks is None:
        return [UNCONFIGURED]
    return [sentence for name in checks for sentence in import_string(name)(plan)]
