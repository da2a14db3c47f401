"""`load_plan` names everything that stands against a plan at once: its own text, its templates and its policy."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from plans.models import Plan

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_broken_plan_hears_of_targets_templates_and_policy_together(tmp_path: Path, settings: Any) -> None:
    settings.DEE_ACTIVATION_CHECKS = ["dee_site.activation.policy_problems"]
    steps = {"a": {"kind": "send_email", "template": "nobody@1", "on": {"sent": "nowhere"}}}
    document = {
        "schema": "dee.plan/1",
        "key": "x",
        "entry": "a",
        "purpose": "marketing",
        "policy": "none",
        "limits": {"max_steps": 5, "max_duration_s": 100},
        "steps": steps,
    }
    file = tmp_path / "x.json"
    file.write_text(json.dumps(document))
    with pytest.raises(CommandError) as error:
        call_command("load_plan", str(file))
    said = str(error.value)
    assert "/steps/a/on/sent" in said
    assert "/steps/a/template" in said
    assert "/policy" in said
    assert "Nothing was changed." in said
    assert not Plan.objects.exists()
