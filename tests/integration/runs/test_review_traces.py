"""What stands on a review about what a version would do?"""

from typing import Any

import pytest

from plans import document, queries
from plans.models import PlanVersion
from runs.models import Intent, Run
from runs.trying import review_traces
from tests.factories import BLOCKED, DONE, make_plan
from tests.factories_runs import make_world, superuser

pytestmark = pytest.mark.django_db

STEPS: dict[str, Any] = {
    "mail": {"kind": "send_email", "template": "hello@1", "on": {"sent": "look", "blocked": "no"}},
    "look": {
        "kind": "wait_for_event",
        "event": "opened",
        "of": "mail",
        "timeout_s": 7200,
        "on": {"event": "won", "timeout": "done"},
    },
    "won": {"kind": "end", "result": "won", "goal": True},
    "done": DONE,
    "no": BLOCKED,
}


@pytest.fixture
def plan() -> document.Plan:
    make_world()
    make_plan("tried", STEPS)
    return queries.parsed(PlanVersion.objects.get(plan__key="tried").pk)


def test_each_supposition_takes_its_own_way_through_the_plan(plan: document.Plan) -> None:
    quiet, opens, never, refused = review_traces.of_version(plan, 1)
    assert quiet.lines[-1].outcome == "status:COMPLETED(finished)"
    assert (quiet.lines[-1].after_s, quiet.messages, quiet.level) == (7200, 1, "ok")
    assert opens.lines[-1].after_s == 3600 and opens.lines[-1].outcome == "status:COMPLETED(won)"
    assert never.messages == 0 and never.lines[-1].outcome == "status:COMPLETED(blocked)"
    assert refused.level == "bad" and "refused the recipient" in refused.ended


def test_a_plan_that_sends_nothing_has_one_rehearsal(plan: document.Plan) -> None:
    make_plan("still", {"rest": {"kind": "wait", "seconds": 5, "on": {"completed": "done"}}, "done": DONE})
    found = queries.parsed(PlanVersion.objects.get(plan__key="still").pk)
    assert len(review_traces.of_version(found, 1)) == 1


def test_the_same_version_has_the_same_traces_and_leaves_nothing_behind(plan: document.Plan) -> None:
    assert review_traces.of_version(plan, 1) == review_traces.of_version(plan, 1)
    assert not Run.objects.exists() and not Intent.objects.exists()


def test_the_review_shows_them(plan: document.Plan) -> None:
    page = superuser().get("/admin/plans/tried/v/1/review/").content.decode()
    assert "The contact never agreed to anything." in page and "Rehearse something else" in page
