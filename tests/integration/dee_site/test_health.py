"""The three addresses that machines ask."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from runs.models import Engine

pytestmark = pytest.mark.django_db


def test_a_process_that_serves_is_healthy(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"


@pytest.fixture
def working_engine() -> None:
    Engine.objects.update(beat_at=Now(), halted="")


def test_ready_means_that_database_broker_and_engine_work(client: Client, working_engine: None) -> None:
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, "checks": {"database": "ok", "broker": "ok", "engine": "ok"}},
    )


def test_an_engine_that_never_worked_is_named(client: Client) -> None:
    Engine.objects.update(beat_at=None)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["checks"]["engine"]) == (
        503,
        "No engine has worked on this database yet. Start the worker; inputs wait in the inbox until then.",
    )


def test_a_silent_engine_is_named(client: Client) -> None:
    Engine.objects.update(beat_at=Now() - timedelta(seconds=90))

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["checks"]["engine"]) == (
        503,
        "The engine has not reported for 90 s. Nothing is sent; inputs wait. Check the worker.",
    )


def test_a_broker_that_is_gone_is_named(client: Client, settings: Any, working_engine: None) -> None:
    settings.REDIS_URL = "unix:///nonexistent/redis.sock"

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "database": "ok",
        "broker": "The broker does not answer. Check Redis and REDIS_URL.",
        "engine": "ok",
    }


def test_metrics_are_in_the_prometheus_format(client: Client, working_engine: None) -> None:
    said = client.get("/metrics").content.decode().splitlines()

    assert 'dee_up{part="database"} 1.0' in said
    assert "dee_inbox_waiting 0.0" in said


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_none_of_them_can_be_posted_to(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
