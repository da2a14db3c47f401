"""What does every test get: a real database, no network, and a browser in which nothing may go wrong unseen?"""

import os
import re
import socket
from collections.abc import Iterator
from typing import Any

import hypothesis
import psycopg
import pytest
from django.test import TransactionTestCase

from plans import queries as plan_queries
from tests.database import TestDatabase
from tests.workers import start_engine, start_worker

__all__ = ["start_engine", "start_worker"]

# Derandomised: the same commit gives the same verdict. `--hypothesis-profile=explore` looks further.
hypothesis.settings.register_profile("dee", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=2000)
hypothesis.settings.load_profile("dee")

BROWSER = os.environ.get("DEE_TEST_BROWSER", "")
NO_BROWSER = "no Chromium on this machine, so no browser test ran (Debian: apt-get install chromium)"
LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1|")
# A page that refuses a form says so with its status, and Chromium reports that as an error. Every other one counts.
DEES_OWN_ANSWERS = re.compile(r"Failed to load resource: .* status of (409|422) ")


# --- the database ---


@pytest.fixture(scope="session")
def test_database(django_test_environment: None, django_db_blocker: Any) -> Iterator[TestDatabase]:
    """The session's database, made by the owner."""
    if "DATABASE_OWNER_URL" not in os.environ:
        pytest.exit("This test needs PostgreSQL. Run it with: python3 dev.py test <path>", returncode=4)
    database = TestDatabase()
    with django_db_blocker.unblock():
        database.make()
    yield database
    with django_db_blocker.unblock():
        database.drop()


@pytest.fixture(scope="session")
def django_db_setup(test_database: TestDatabase) -> Iterator[None]:
    """Stand in for pytest-django's own: the tests connect as the application, and a flush is the owner's work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: test_database.flush())
        yield


@pytest.fixture
def owner(db: None, test_database: TestDatabase) -> Iterator[psycopg.Connection]:
    """An autocommit connection as the role that owns the tables. It sees committed rows only."""
    with test_database.connect() as connection:
        yield connection


@pytest.fixture(autouse=True)
def forget_versions() -> None:
    """Published versions are kept in memory by id; between tests, ids are given out again."""
    plan_queries.forget()


# --- the network ---


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse every connection that would leave this machine."""

    def guard(name: str) -> Any:
        real = getattr(socket.socket, name)

        def connect(self: socket.socket, address: Any) -> Any:
            host = address[0] if isinstance(address, tuple) else ""
            if self.family != socket.AF_UNIX and not LOOPBACK.fullmatch(str(host)):
                raise AssertionError(f"A test tried to reach {host}. Tests stay on this machine.")
            return real(self, address)

        return connect

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, guard(name))
        yield


# --- the browser ---


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives a browser; without one, skip it, or on CI fail it."""
    for item in items:
        if "page" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
            if not BROWSER and not os.environ.get("DEE_TEST_NEEDS_BROWSER"):
                item.add_marker(pytest.mark.skip(reason=NO_BROWSER))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say it loudly when browser tests did not run."""
    if any(NO_BROWSER in str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line(f"!!! {NO_BROWSER}", yellow=True, bold=True)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the system's Chromium, and keep it from calling its maker."""
    if not BROWSER:
        pytest.fail(NO_BROWSER)
    quiet = ["background-networking", "component-update", "sync", "gpu", "quic"]
    arguments = [f"--disable-{feature}" for feature in quiet] + ["--no-first-run"]
    return {**browser_type_launch_args, "executable_path": BROWSER, "args": arguments}


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about. A test that provokes a complaint asserts on it and clears the list."""
    return []


@pytest.fixture
def page(page: Any, complaints: list[str]) -> Iterator[Any]:
    """A page on which an error in the console, a script that throws or a breach of the CSP fails the test."""

    def heard(message: Any) -> None:
        if message.type == "error" and not DEES_OWN_ANSWERS.match(message.text):
            complaints.append(f"{message.text} ({message.location.get('url', '')})")

    page.set_default_timeout(10_000)
    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation', (event) =>"
        " console.error(`CSP: ${event.violatedDirective} refused ${event.blockedURI || 'inline'}`))"
    )
    yield page
    assert not complaints, "the browser complained:\n" + "\n".join(complaints)
