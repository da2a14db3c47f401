"""What tests of plans stand on: nobody outside objects, nothing is remembered, and people with one right each."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from plans import queries


@pytest.fixture(autouse=True)
def nobody_objects(settings: Any) -> None:
    """Activation asks no other room; the test of that question sets its own."""
    settings.DEE_ACTIVATION_CHECKS = []


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Versions made by a test that is rolled back are not immutable after all."""
    queries.forget()
    yield
    queries.forget()


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """Return a maker of staff members with the named rights of `plans`."""

    def make(name: str, *rights: str) -> User:
        user = User.objects.create_user(name, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(content_type__app_label="plans", codename__in=rights))
        return user

    return make


@pytest.fixture
def as_person(person: Callable[..., User]) -> Callable[..., Client]:
    """Return a maker of browsers in which somebody with these rights is logged in."""

    def make(name: str, *rights: str) -> Client:
        client = Client()
        client.force_login(person(name, *rights))
        return client

    return make
