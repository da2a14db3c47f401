"""How the page tests ask: what a page says, what it costs, and the form of a command."""

import uuid
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from runs.models import Run

HTMX = {"HTTP_HX_REQUEST": "true"}


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def queries_of(client: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


def act(run: Run, name: str = "retry") -> str:
    return reverse("runs:act", args=[run.no, name])


def form(run: Run, **changes: Any) -> dict[str, Any]:
    return {"expected_n": run.n, "command_id": str(uuid.uuid4()), "note": "the server is back"} | changes
