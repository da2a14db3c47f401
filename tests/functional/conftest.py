"""What do stories with real processes get? A provider that writes down what it takes, and another engine."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runs import lease
from tests.channels_fakes.provider import Provider
from tests.factories import make_plan, make_policy, make_template
from tests.functional.engine import drain
from tests.functional.leaving import Mail, check_evidence


@pytest.fixture
def mail(settings: Any, tmp_path: Path) -> Iterator[Mail]:
    """The plan `simple`, and a provider for its mail."""
    make_policy()
    make_template()
    make_plan()
    with Provider(tmp_path / "ledger") as provider:
        yield Mail(provider, settings)
        check_evidence(provider)


@pytest.fixture
def take_over(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function by which another engine, of this process, takes over at once and works until nothing is left."""
    monkeypatch.setattr(lease, "LEASE_S", 0)
    return drain
