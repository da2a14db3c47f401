"""What does every test of the API begin with? Nobody has sent a request yet."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def fresh_counts() -> Iterator[None]:
    """Requests are counted in the process's own cache, by users whose numbers come again in the next test."""
    cache.clear()
    yield
    cache.clear()
