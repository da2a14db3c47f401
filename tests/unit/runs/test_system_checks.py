"""Which settings are warned of?"""

import pytest
from django.core.checks import run_checks
from django.test import override_settings


@pytest.mark.parametrize(("seconds", "warned"), [(11, ["runs.W001"]), (12, []), (20, [])])
def test_a_lease_shorter_than_a_send_is_warned_of(seconds: int, warned: list[str]) -> None:
    with override_settings(DEE_LEASE_S=seconds):
        found = [message.id for message in run_checks() if message.id and message.id.startswith("runs.")]
    assert found == warned
