"""A plan against its own past runs is always SAME: over stories with crashes, outages, operators and late providers."""

import psycopg
import pytest

from plans import queries as plan_queries
from runs.engine.whatif.findings import Class
from runs.models import Run
from runs.trying import whatifs
from tests.database import TestDatabase
from tests.functional.acts import BETWEEN, WEIGHED
from tests.functional.stories import Story

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_run_of_every_story_is_the_same_on_its_own_plan(
    owner: psycopg.Connection, test_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = 0
    monkeypatch.setattr(whatifs, "MOST_ENTRIES", 10_000)
    for seed in range(12):
        with pytest.MonkeyPatch.context() as patch:
            story = Story(seed, owner, patch)
            story.tell(WEIGHED, BETWEEN)
        for key in Run.objects.order_by("plan_key").values_list("plan_key", flat=True).distinct():
            found = whatifs.compare(plan_queries.active(key).plan, runs_of=key, last=200).findings
            assert [each for each in found if each.verdict != Class.SAME] == [], f"story {seed}"
            compared += len(found)
        test_database.flush()
        plan_queries.forget()
    assert compared > 100
