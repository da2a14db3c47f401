"""Rows and people for the pages of this room."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from channels.models import OutboxMessage

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def make_message(number: int = 1, **overrides: Any) -> OutboxMessage:
    values = {
        "intent": f"{number:032x}",
        "run": "run/12",
        "channel": "email",
        "adapter": "sandbox",
        "to_address": f"ann{number}@example.org",
        "subject": f"Welcome {number}",
        "body": "Hello Ann.",
        "salt": bytes(32),
        "created_at": START + timedelta(seconds=number),
        "outcome": "accepted",
        **overrides,
    }
    return OutboxMessage.objects.create(**values)


@pytest.fixture
def signed_in(db):
    """Return a client signed in as a member of staff with these permissions."""

    def sign_in(*permissions: str) -> Client:
        user = User.objects.create_user(f"operator-{len(permissions)}", is_staff=True)
        for name in permissions:
            user.user_permissions.add(Permission.objects.get(codename=name))
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def reader(signed_in) -> Client:
    return signed_in("view_outboxmessage", "view_address")


@pytest.fixture
def viewer(signed_in) -> Client:
    return signed_in("view_outboxmessage")
