"""What every page says to the browser about itself, and what the settings promise."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

pytestmark = pytest.mark.django_db


def test_the_content_security_policy_allows_nothing_but_ourselves(client: Client) -> None:
    policy = client.get("/admin/login/").headers["Content-Security-Policy"]

    assert dict(part.split(" ", 1) for part in policy.split("; ")) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Frame-Options", "DENY"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    ],
)
def test_a_page_carries(client: Client, header: str, value: str) -> None:
    assert client.get("/admin/login/").headers[header] == value


def test_ten_wrong_passwords_lock_the_name_out_from_that_address(client: Client, settings: Any) -> None:
    settings.AXES_ENABLED = True
    wrong = {"username": "anna", "password": "wrong"}

    answers = [client.post("/admin/login/", wrong).status_code for _ in range(10)]
    elsewhere = client.post("/admin/login/", wrong, REMOTE_ADDR="127.0.0.2")

    assert answers == [200] * 9 + [429]
    assert client.post("/admin/login/", wrong).status_code == 429
    assert elsewhere.status_code == 200


def test_the_one_queue_has_one_worker_and_a_bell_every_second() -> None:
    drain = settings.CELERY_BEAT_SCHEDULE["drain"]

    assert (settings.CELERY_TASK_DEFAULT_QUEUE, settings.CELERY_WORKER_CONCURRENCY) == ("engine", 1)
    assert (settings.CELERY_WORKER_PREFETCH_MULTIPLIER, settings.CELERY_TASK_ACKS_LATE) == (1, True)
    assert drain == {"task": "runs.drain", "schedule": 1.0, "options": {"queue": "engine", "expires": 1}}
