"""Whom a new version touches: runs by version and step, enrolments that have not begun, where the next run starts."""

import json

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from plans import drafts, reviewing
from plans import operations as plan_operations
from plans.models import PlanVersion
from runs import operations, plan_impact
from runs.models import Run
from runs.rebuild import check
from runs.rebuild.report import Verdict
from tests.factories import DONE, make_contact, make_plan
from tests.factories_runs import make_world, start_run
from tests.functional.engine import drain
from tests.integration.runs.busy import changed

pytestmark = pytest.mark.django_db(transaction=True)

WAITS = {"rest": {"kind": "wait", "seconds": 3600, "on": {"completed": "done"}}, "done": DONE}
AUTHOR, APPROVER = "user:901", "user:902"


@pytest.fixture
def plan() -> str:
    make_world()
    return make_plan("slow", WAITS)


def published(seconds: int) -> PlanVersion:
    """Publish the plan's next version, which rests for another time."""
    newest = PlanVersion.objects.filter(plan__key="slow").latest("number")
    document = json.loads(newest.body)
    document["steps"]["rest"]["seconds"] = seconds
    draft = drafts.save_text(plan_key="slow", body=json.dumps(document), expected_revision=0, actor=AUTHOR)
    return plan_operations.publish_draft(plan_key="slow", expected_revision=draft.revision, actor=AUTHOR)


def ask(ref: str) -> None:
    make_contact(ref)
    operations.enrol(plan_key="slow", contact_refs=[ref], actor="cli")


def test_a_plan_without_runs_touches_nobody(plan: str) -> None:
    found = plan_impact.of_plan(plan)
    assert (found.versions, found.enrolled) == ({}, 0)


def test_runs_stay_and_enrolments_that_have_not_begun_start_on_the_new_version(plan: str) -> None:
    first = PlanVersion.objects.get(plan__key=plan)
    start_run("c-1", plan=plan)
    start_run("c-2", plan=plan)
    start_run("c-9")
    second = published(7200)
    ask("c-3")
    before = plan_impact.of_plan(plan)
    assert (before.enrolled, list(before.versions)) == (1, [first.pk])
    assert (before.of(first.pk).open, before.of(first.pk).steps) == (2, {"rest": 2})

    reviewing.approve(plan_key=plan, number=2, actor=APPROVER, seen=1)
    drain()

    after = plan_impact.of_plan(plan)
    assert (after.enrolled, after.of(first.pk).open, after.of(second.pk).open) == (0, 2, 1)
    assert Run.objects.get(contact__ref="c-3").plan_version_id == second.pk


def test_failed_and_finished_runs_are_counted_apart() -> None:
    make_world()
    start_run("c-1", behaves="refused")
    start_run("c-2")
    (count,) = plan_impact.of_plan("simple").versions.values()
    assert (count.open, count.failed, count.finished, count.staying, count.steps) == (0, 1, 1, 1, {"mail": 1})


def test_it_costs_two_queries(plan: str) -> None:
    start_run("c-1", plan=plan)
    with CaptureQueriesContext(connection) as asked:
        plan_impact.of_plan(plan)
    assert len(asked) == 2


def test_reviews_are_what_the_log_says(plan: str, owner: psycopg.Connection) -> None:
    published(7200)
    reviewing.approve(plan_key=plan, number=2, actor=APPROVER, note="Good.")
    assert check.check().verdict is Verdict.SAME
    for statement in ("UPDATE plans_review SET by = 'user:7'", "UPDATE plans_review SET verdict = 'sent_back'"):
        with changed(owner, "plans_review", statement):
            report = check.check()
        assert report.verdict is Verdict.DIFFERENT
        assert "reviews" in str(report.differences)
    assert check.check().compared["reviews"] == 1
