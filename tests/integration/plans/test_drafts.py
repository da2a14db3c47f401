"""How does a draft change, who is told, and what can be taken back?"""

import json
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from audit.models import Entry
from plans import drafts, models, operations
from plans.designing import edits
from tests.integration.plans.world import ANN, DAN, document, make_draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft() -> models.PlanDraft:
    """A plan that has a draft at r1: a wait, and an end."""
    return make_draft()


def edit(revision: int, change: Any, actor: str = DAN) -> models.PlanDraft:
    return drafts.edit(plan_key="trial", expected_revision=revision, change=change, actor=actor)[0]


def undo(revision: int, actor: str = DAN) -> models.PlanDraft:
    return drafts.undo(plan_key="trial", expected_revision=revision, actor=actor)[0]


def redo(revision: int, actor: str = DAN) -> models.PlanDraft:
    return drafts.redo(plan_key="trial", expected_revision=revision, actor=actor)[0]


def steps(found: models.PlanDraft) -> list[str]:
    return sorted(json.loads(found.body)["steps"])


@pytest.mark.usefixtures("draft")
def test_an_edit_is_a_revision_with_its_entry_its_author_and_its_words() -> None:
    found = edit(1, lambda sheet: edits.add(sheet, "end"), ANN)
    assert (found.revision, found.edited_by, found.updated_by) == (2, sorted([DAN, ANN]), ANN)
    change = found.changes.get(revision=2)
    assert (change.said, change.by, change.step) == ("Added end.", ANN, "end")
    assert json.loads(Entry.objects.filter(st="plan/trial").latest("n").body)["data"]["revision"] == 2


def test_every_change_can_be_taken_back_and_made_again(draft: models.PlanDraft) -> None:
    before = json.loads(draft.body)
    edit(1, lambda sheet: edits.add(sheet, "end"))
    edit(2, lambda sheet: edits.move(sheet, "end", (8, 16)))
    found = edit(3, lambda sheet: edits.rename(sheet, "end", "later"))
    after = json.loads(found.body)
    assert found.places == {"later": [8, 16]}
    for revision in (4, 5, 6):
        found = undo(revision)
    assert (json.loads(found.body), found.places, found.undoable) == (before, {}, [])
    for revision in (7, 8, 9):
        found = redo(revision)
    assert (json.loads(found.body), found.places, found.undone) == (after, {"later": [8, 16]}, [])
    assert found.changes.get(revision=10).said == "Did again: Renamed end to later."


@pytest.mark.usefixtures("draft")
def test_what_is_done_after_an_undo_forgets_what_could_be_done_again() -> None:
    edit(1, lambda sheet: edits.add(sheet, "end"))
    undo(2)
    found = edit(3, lambda sheet: edits.add(sheet, "wait"))
    assert found.undone == []
    with pytest.raises(drafts.Refused, match="nothing to redo"):
        redo(4)
    assert steps(undo(4)) == sorted(document("trial")["steps"])
    with pytest.raises(drafts.Refused, match="nothing left to undo"):
        undo(5)


@pytest.mark.usefixtures("draft")
def test_a_change_of_the_text_is_taken_back_too_even_of_one_that_cannot_be_drawn() -> None:
    drafts.save_text(plan_key="trial", body="{ not yet", expected_revision=1, actor=DAN)
    with pytest.raises(drafts.Refused, match="cannot be drawn"):
        edit(2, lambda sheet: edits.add(sheet, "end"))
    assert json.loads(undo(2).body) == document("trial")
    assert redo(3).body == "{ not yet"


@pytest.mark.usefixtures("draft")
def test_who_is_slower_hears_who_was_faster_and_changes_nothing() -> None:
    edit(1, lambda sheet: edits.add(sheet, "end"), ANN)
    for late in (lambda: edit(1, lambda sheet: edits.add(sheet, "wait")), lambda: undo(1), lambda: redo(1)):
        with pytest.raises(drafts.Stale, match=r"changed this draft after you opened it \(you had r1, it is now r2\)"):
            late()
    assert models.DraftChange.objects.count() == 2


@pytest.mark.usefixtures("draft")
def test_an_edit_that_means_nothing_or_changes_nothing_is_no_revision() -> None:
    with pytest.raises(drafts.Refused, match='no step "nobody"'):
        edit(1, lambda sheet: edits.remove(sheet, "nobody"))
    assert edit(1, lambda sheet: edits.rename(sheet, "pause", "pause")).revision == 1


def test_one_becomes_true_although_python_calls_them_equal(draft: models.PlanDraft) -> None:
    body = document("trial")
    body["steps"] |= {"done": {**body["steps"]["done"], "goal": 1}}
    drafts.save_text(plan_key="trial", body=json.dumps(body), expected_revision=1, actor=DAN)
    found = edit(2, lambda sheet: edits.put(sheet, "done", {**sheet.steps["done"], "goal": True}))
    assert json.loads(found.body)["steps"]["done"]["goal"] is True


def test_the_first_edit_of_a_published_plan_makes_its_draft() -> None:
    operations.install_plan(text=json.dumps(document("trial")), actor="cli")
    found = edit(0, lambda sheet: edits.add(sheet, "end"))
    assert (found.revision, found.edited_by) == (1, [DAN])
    assert json.loads(undo(1).body) == document("trial")


def test_what_a_form_cannot_say_stays_in_the_draft(draft: models.PlanDraft) -> None:
    body = {**document("trial"), "note": "mine", "steps": {**document("trial")["steps"], "odd": {"kind": "dance"}}}
    drafts.save_text(plan_key="trial", body=json.dumps(body), expected_revision=1, actor=DAN)
    found = json.loads(edit(2, lambda sheet: edits.add(sheet, "end")).body)
    assert (found["note"], found["steps"]["odd"]) == ("mine", {"kind": "dance"})


# --- what the database holds ---


@pytest.mark.parametrize("sql", ["UPDATE plans_draftchange SET said = ''", "DELETE FROM plans_draftchange"])
@pytest.mark.usefixtures("draft")
def test_the_history_of_a_draft_cannot_be_changed(sql: str) -> None:
    with pytest.raises(Exception, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "sql", ["UPDATE plans_draftchange SET said = ''", "DELETE FROM plans_draftchange", "TRUNCATE plans_draftchange"]
)
def test_not_even_by_the_owner(draft: models.PlanDraft, owner: psycopg.Connection, sql: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException):
        owner.execute(sql)
    assert models.DraftChange.objects.filter(draft=draft).count() == 1
