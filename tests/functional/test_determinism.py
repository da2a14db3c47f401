"""The same plan, contacts and inputs give the same bytes, whatever the wave size, the group size or the polling."""

from collections.abc import Callable
from unittest.mock import patch

import psycopg
import pytest

from audit.models import Entry
from plans import queries as plan_queries
from runs import compose
from runs.models import Run
from tests.database import TestDatabase
from tests.factories import CALLS_A_DAY, make_contact, make_plan, make_policy, make_template
from tests.functional.engine import advance, drain, engine, enrol
from tests.functional.test_engine import FOLLOW_UP

pytestmark = pytest.mark.django_db(transaction=True)

START = 2_000_000_000  # beyond the database's clock, so that only the sandbox clock counts
TAGS = ["delivered", "opens", "refused", "timeout-after", "replies", "flaky", "silent", "clicks", "bounces", "opens"]


@pytest.fixture
def story(test_database: TestDatabase, owner: psycopg.Connection) -> Callable[[Callable[[], None]], dict[str, str]]:
    """Return a function that lets the same people walk through the same plan and returns {entry: its text}."""

    def tell(work: Callable[[], None]) -> dict[str, str]:
        test_database.flush()
        plan_queries.forget()
        owner.execute("UPDATE audit_head SET clock = %s", [START])
        make_policy(daily_limits=[{"key": "tight", "channel": "email", "limit": 8}, CALLS_A_DAY])
        make_template()
        make_template("script", "voice", "Hello.")
        make_plan("follow-up", FOLLOW_UP)
        refs = [make_contact(f"c-{n}", email=f"c-{n}+{tag}@example.org").ref for n, tag in enumerate(TAGS)]
        enrol("follow-up", *refs)
        with patch.object(compose.secrets, "token_bytes", lambda size: bytes(size)):
            work()
        assert Run.objects.count() == len(refs)
        rows = Entry.objects.filter(st__startswith="run/").order_by("st", "n").values_list("st", "n", "body")
        return {f"{st}#{n}": body for st, n, body in rows}

    return tell


WAYS: dict[str, Callable[[], None]] = {
    "a wave of one": lambda: advance(600_000, wave_size=1),
    "a wave of seven": lambda: advance(600_000, wave_size=7),
    "one action a transaction": lambda: advance(600_000, group=1, wave_size=2),
    "three actions a transaction": lambda: advance(600_000, group=3),
    "the clock in three parts": lambda: [advance(200_000) for _ in range(3)] and None,
    "a drain for every slice": lambda: in_slices(),
}


def in_slices() -> None:
    """Work in slices that end as soon as they can, each by an engine of its own."""
    from runs import operations

    operations.advance_clock(seconds=600_000, actor="cli")
    more = True
    while more:
        with engine(wave_size=3) as worker:
            more = worker.drain(budget_s=0)
    drain()


@pytest.mark.parametrize("way", WAYS)
def test_not_a_byte_depends_on_how_the_work_was_cut(
    story: Callable[[Callable[[], None]], dict[str, str]], way: str
) -> None:
    usual = story(lambda: advance(600_000))
    assert len(usual) > 60
    other = story(WAYS[way])
    assert [(key, other.get(key), text) for key, text in usual.items() if other.get(key) != text][:1] == []
    assert other.keys() == usual.keys()
