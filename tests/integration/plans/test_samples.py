"""The sample documents load as they are, twice, and come back byte for byte."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from audit import canon
from plans import models

SAMPLES = sorted((Path(__file__).parents[3] / "plans" / "samples").glob("*.json"))


@pytest.fixture(autouse=True)
def nobody_objects(settings):
    settings.DEE_ACTIVATION_CHECKS = []


@pytest.mark.django_db
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_loads_once_and_then_changes_nothing(path):
    first, second = StringIO(), StringIO()
    call_command("load_plan", str(path), stdout=first)
    call_command("load_plan", str(path), stdout=second)
    assert f"{path.stem} v1: active with hash" in first.getvalue()
    assert second.getvalue().count("nothing changed") == len(second.getvalue().splitlines())
    assert models.Plan.objects.get(key=path.stem).versions.count() == 1
