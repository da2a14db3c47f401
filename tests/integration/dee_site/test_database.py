"""The tests' own database: roles as in production, and transactional tests that leave nothing behind."""

import socket

import psycopg
import pytest
from django.contrib.auth.models import Group, Permission
from django.db import DatabaseError, connection

from audit import log
from audit.models import Entry
from dee_site import roles

PERMISSIONS_AT_START: list[int] = []


@pytest.mark.django_db
def test_the_application_owns_nothing(owner: psycopg.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, count(*) FROM pg_tables WHERE tableowner = current_user")
        assert cursor.fetchone() == ("dee_app", 0)
    row = owner.execute("SELECT current_user, count(*) > 10 FROM pg_tables WHERE tableowner = current_user").fetchone()
    assert row == ("dee_owner", True)


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["ALTER TABLE audit_entry DISABLE TRIGGER ALL", "TRUNCATE audit_entry"])
def test_the_application_cannot_change_the_log(statement: str) -> None:
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("time", ["first", "second"])
def test_a_transactional_test_finds_what_the_migrations_left(time: str) -> None:
    PERMISSIONS_AT_START.append(Permission.objects.count())
    assert ({*Group.objects.values_list("name", flat=True)}, Entry.objects.count()) == ({*roles.ROLES}, 0)

    with log.writing(by="cli") as writing:
        entry = writing.append("log", "log.tested", {"time": time})
    group = Group.objects.create(name=time)
    Permission.objects.all().delete()

    assert entry.n == 1
    assert PERMISSIONS_AT_START[0] == PERMISSIONS_AT_START[-1]
    # Tests that were rolled back have used up numbers before the first one, and nobody after its flush.
    assert time == "first" or group.pk == len(roles.ROLES) + 1


@pytest.mark.django_db(transaction=True)
def test_after_a_flush_the_log_is_guarded_again(owner: psycopg.Connection) -> None:
    with log.writing(by="cli") as writing:
        writing.append("log", "log.tested", {})

    with pytest.raises(psycopg.errors.RaiseException):
        owner.execute("DELETE FROM audit_entry")


def test_no_test_reaches_another_machine() -> None:
    with socket.socket() as outward, pytest.raises(AssertionError, match="Tests stay on this machine"):
        outward.connect(("192.0.2.1", 80))
