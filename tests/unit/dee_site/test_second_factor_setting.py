"""Is a second factor required? As soon as something may leave the machine, unless the setting says otherwise."""

import os
import subprocess
import sys

import pytest

ASK = "from dee_site import settings; print(settings.DEE_REQUIRE_2FA)"


@pytest.mark.parametrize(
    ("said", "required"),
    [
        ({}, "False"),
        ({"DEE_EMAIL_ADAPTER": "smtp"}, "True"),
        ({"DEE_VOICE_ADAPTER": "null"}, "True"),
        ({"DEE_REQUIRE_2FA": "1"}, "True"),
        ({"DEE_EMAIL_ADAPTER": "smtp", "DEE_REQUIRE_2FA": "0"}, "False"),
    ],
)
def test_a_second_factor_is_required(said: dict[str, str], required: str) -> None:
    here = {name: value for name, value in os.environ.items() if not name.startswith("DEE_")}
    place = {"DEE_SECRET_KEY": "x", "DATABASE_URL": "postgresql://dee_app@/dee", "REDIS_URL": "redis://localhost/0"}

    done = subprocess.run([sys.executable, "-c", ASK], env=here | place | said, capture_output=True, text=True)

    assert done.stdout.strip() == required, done.stderr
