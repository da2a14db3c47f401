"""Reviews: who may say what about a version, what the log keeps of it, and what comes after."""

import json
import threading
from typing import Any

import pytest
from django.db import connections

from audit import vault, verify
from plans import document as documents
from plans import drafts, models, operations, queries, review_queries, reviewing
from plans.operations import Refused
from plans.reviewing import Decided
from tests.integration.plans.world import ANN, DAN, document, entries, make_draft, make_version, publish

pytestmark = pytest.mark.django_db
BOB, EVE = "user:903", "user:904"


def approve(number: int = 1, actor: str = ANN, **more: Any) -> models.Activation:
    return reviewing.approve(plan_key="trial", number=number, actor=actor, **more)


def send_back(number: int = 1, actor: str = ANN, note: str = "Wait longer.") -> models.Review:
    return reviewing.send_back(plan_key="trial", number=number, actor=actor, note=note)


def can_approve(version: models.PlanVersion) -> str:
    return review_queries.approvers(queries.barred(version))


def waiting() -> list[str]:
    return [str(version) for version in queries.waiting_for_review()]


# --- approving ----------------------------------------------------------------------------------------------------


def test_an_approval_is_a_review_and_an_activation_in_one() -> None:
    version = make_version()
    assert waiting() == ["trial v1"]
    done = approve(note="Looks right.")
    review = models.Review.objects.get()
    assert (review.version_id, review.verdict, review.by, review.at) == (version.pk, "approved", ANN, done.at)
    assert queries.active("trial").id == version.pk
    assert waiting() == []
    about = {"version": 1, "hash": version.hash}
    assert entries("plan/trial")[-2:] == [
        ("plan.approved", {**about, "note": review.note}),
        ("plan.activated", about),
    ]
    assert vault.reveal(review.note["ref"]) == "Looks right."
    assert verify.check("plan/trial").checked == 5


def test_a_comment_on_an_approval_is_optional_and_stays_out_of_the_log() -> None:
    make_version()
    approve()
    assert models.Review.objects.get().note is None
    assert "note" not in entries("plan/trial")[-2][1]
    publish(seconds=90)
    approve(2, note="Mrs Miller asked for it")
    assert "Miller" not in json.dumps(entries("plan/trial"))


def test_whatever_the_verb_a_first_activation_is_an_approval() -> None:
    make_version()
    operations.activate_version(plan_key="trial", number=1, actor=ANN)
    assert models.Review.objects.get().by == ANN


def test_the_command_line_installs_without_a_review() -> None:
    operations.install_plan(text=json.dumps(document()), actor="cli")
    assert not models.Review.objects.exists()
    assert waiting() == []


def test_a_version_that_was_in_force_comes_back_without_another_review() -> None:
    make_version()
    approve()
    publish(seconds=90)
    approve(2)
    operations.activate_version(plan_key="trial", number=1, actor=BOB)
    assert models.Review.objects.count() == 2
    assert waiting() == []
    with pytest.raises(Decided, match="approved version 2 before you"):
        approve(2, BOB)


@pytest.mark.parametrize("verb", [approve, send_back])
def test_who_edited_reviews_nothing_and_the_superuser_is_no_exception(verb: Any, django_user_model: Any) -> None:
    boss = f"user:{django_user_model.objects.create_superuser('boss').pk}"
    make_version(actor=boss)
    with pytest.raises(Refused, match="You edited this plan since the last activated version"):
        verb(1, boss)
    publish(actor=DAN, seconds=90)
    with pytest.raises(Refused, match="You edited this plan since the last activated version"):
        verb(2, boss)
    assert not models.Review.objects.exists()
    assert models.Plan.objects.get().state == "draft"


def test_an_approval_asks_the_other_rooms(settings: Any) -> None:
    make_version()
    del settings.DEE_ACTIVATION_CHECKS
    with pytest.raises(Refused, match="No check of policies is configured"):
        approve()
    assert not models.Review.objects.exists()
    send_back()


# --- sending back -------------------------------------------------------------------------------------------------


def test_a_version_that_is_sent_back_never_comes_into_force() -> None:
    version = make_version()
    review = send_back()
    assert waiting() == []
    assert entries("plan/trial")[-1] == ("plan.sent_back", {"version": 1, "hash": version.hash, "note": review.note})
    assert vault.reveal(review.note["ref"]) == "Wait longer."
    with pytest.raises(Refused, match="was sent back, so it never comes into force"):
        operations.activate_version(plan_key="trial", number=1, actor=BOB)
    with pytest.raises(Decided, match="sent back version 1 before you"):
        approve(1, BOB)


@pytest.mark.parametrize("note", ["", " \n "])
def test_sending_back_needs_a_comment(note: str) -> None:
    make_version()
    with pytest.raises(Refused, match="what has to change"):
        send_back(note=note)
    assert waiting() == ["trial v1"]


def test_sent_back_then_edited_then_published_again_then_approved() -> None:
    make_version()
    send_back()
    assert "The draft is the text of version 1" in reviewing.open_again(plan_key="trial", number=1, actor=DAN)
    with pytest.raises(Refused, match="the same as version 1"):
        operations.publish_draft(plan_key="trial", expected_revision=1, actor=DAN)
    publish(actor=EVE, seconds=90)
    assert waiting() == ["trial v2"]
    for editor in (DAN, EVE):
        with pytest.raises(Refused, match="You edited this plan"):
            approve(2, editor)
    assert sorted(approve(2).barred) == [DAN, EVE]


def test_a_draft_that_went_on_stays_as_it_is() -> None:
    make_version()
    text = json.dumps(document(seconds=300))
    drafts.save_text(plan_key="trial", body=text, expected_revision=1, actor=EVE)
    send_back()
    said = reviewing.open_again(plan_key="trial", number=1, actor=DAN)
    assert "The draft went on since version 1 was published, so it stays as it is (r2)" in said
    assert models.PlanDraft.objects.get().body == text


def test_without_a_draft_editing_starts_from_what_was_sent_back() -> None:
    version = models.PlanVersion.objects.create(
        plan=models.Plan.objects.create(key="bare"),
        number=1,
        **hashed(document("bare", seconds=77)),
        published_at=1,
        published_by=DAN,
        edited_by=[DAN],
    )
    reviewing.send_back(plan_key="bare", number=1, actor=ANN, note="No.")
    assert "starts from the text of version 1" in reviewing.open_again(plan_key="bare", number=1, actor=EVE)
    draft = models.PlanDraft.objects.get(plan=version.plan)
    assert json.loads(draft.body)["steps"]["pause"]["seconds"] == 77
    assert draft.edited_by == [EVE]


def hashed(value: dict[str, Any]) -> dict[str, str]:
    body = documents.canonical(value)
    return {"body": body, "meta": "", "hash": documents.content_hash(body)}


def test_only_what_was_sent_back_is_opened_again() -> None:
    make_version()
    with pytest.raises(Refused, match="was not sent back"):
        reviewing.open_again(plan_key="trial", number=1, actor=DAN)


# --- who was faster -----------------------------------------------------------------------------------------------


def test_the_second_of_two_approvers_hears_who_was_first(person: Any) -> None:
    make_version()
    maria = f"user:{person('maria').pk}"
    approve(actor=maria)
    with pytest.raises(Decided, match=r"Nothing was changed\. maria approved version 1 before you"):
        approve(actor=BOB)
    with pytest.raises(Decided, match="You approved version 1 already"):
        approve(actor=maria)
    assert models.Activation.objects.count() == 1


def test_a_newer_version_takes_the_place_of_the_one_that_was_read(person: Any) -> None:
    make_version()
    maria = f"user:{person('maria').pk}"
    publish(actor=maria, seconds=90)
    assert waiting() == ["trial v2"]
    with pytest.raises(Decided, match="maria published version 2 before you; review that one"):
        approve(1)
    with pytest.raises(Refused, match="Version 2 was published after it"):
        operations.activate_version(plan_key="trial", number=1, actor=ANN)


def test_an_approval_is_of_the_changes_that_were_read() -> None:
    make_version()
    approve()
    publish(seconds=90)
    approve(2)
    publish(seconds=120)
    operations.activate_version(plan_key="trial", number=1, actor=BOB)
    with pytest.raises(Decided, match="Since you opened this page version 1 is in force"):
        approve(3, seen=2)
    assert approve(3, seen=1).version.number == 3
    operations.retire_plan(plan_key="trial", actor=ANN, note="Over")
    publish(seconds=150)
    with pytest.raises(Decided, match="no version is in force"):
        approve(4, seen=3)
    assert approve(4, seen=0)


@pytest.mark.django_db(transaction=True)
def test_two_who_approve_at_the_same_time_are_one_approval_and_one_refusal() -> None:
    make_version()
    start, said = threading.Barrier(2), []

    def go(actor: str) -> None:
        start.wait()
        try:
            approve(actor=actor)
            said.append("approved")
        except Decided:
            said.append("too late")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go, args=[actor]) for actor in (ANN, BOB)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["approved", "too late"]
    assert (models.Review.objects.count(), models.Activation.objects.count()) == (1, 1)


# --- who can approve ----------------------------------------------------------------------------------------------


def test_who_can_approve_are_those_with_the_right_who_edited_nothing(person: Any, django_user_model: Any) -> None:
    assert can_approve(make_version()) == (
        "Nobody can approve it: nobody has the right to activate plans. Give that right to somebody else, under Users."
    )
    ann, bob = person("ann", "activate_plan"), person("bob", "activate_plan", "edit_plan")
    person("vic", "view_plan")
    gone = person("gone", "activate_plan")
    gone.is_active = False
    gone.save()
    program = person("program", "activate_plan")
    program.is_staff = False
    program.save()
    boss = django_user_model.objects.create_superuser("boss")
    assert can_approve(publish(seconds=61)) == "ann, bob or boss can approve it."
    assert can_approve(publish(seconds=62, actor=f"user:{bob.pk}")) == "ann or boss can approve it."
    assert can_approve(publish(seconds=63, actor=f"user:{boss.pk}")) == "ann can approve it."
    said = can_approve(publish(seconds=64, actor=f"user:{ann.pk}"))
    assert said.startswith("Nobody can approve it: everybody who may edited it.")


def test_of_many_who_can_approve_a_few_are_named(person: Any) -> None:
    for number in range(8):
        person(f"ann-{number}", "activate_plan")
    said = can_approve(make_version())
    assert said == "ann-0, ann-1, ann-2, ann-3, ann-4, ann-5 and 2 more can approve it."


def test_what_waits_for_somebody_is_what_they_did_not_edit() -> None:
    make_version(actor=DAN)
    make_version("other", actor=ANN)
    make_draft("unpublished")
    assert [str(version) for version in queries.waiting_for_review()] == ["trial v1", "other v1"]
    assert [str(version) for version in queries.reviewable_by(ANN)] == ["trial v1"]
    assert [str(version) for version in queries.reviewable_by(DAN)] == ["other v1"]
    publish(actor=EVE, seconds=90)
    assert DAN in queries.barred(models.PlanVersion.objects.get(plan__key="trial", number=2))
    assert [str(version) for version in queries.reviewable_by(DAN)] == ["other v1"]
    approve(2)
    publish(actor=EVE, seconds=120)
    assert [str(version) for version in queries.reviewable_by(DAN)] == ["other v1", "trial v3"]


def test_the_list_bars_the_same_people_as_the_rule() -> None:
    make_version(actor=DAN)
    approve()
    publish(actor=ANN, seconds=90)
    publish(actor=EVE, seconds=120)
    make_version("other", actor=BOB)
    for actor in (ANN, BOB, DAN, EVE):
        rows = review_queries.waiting(actor)
        assert [row.barred for row in rows] == [actor in queries.barred(row.version) for row in rows]


# --- where versions stand -----------------------------------------------------------------------------------------


def test_every_version_has_a_state() -> None:
    make_version()
    approve()
    publish(seconds=90)
    send_back(2)
    publish(seconds=120)
    publish(seconds=150)
    plan = models.Plan.objects.get()
    versions = review_queries.versions_of(plan)
    assert [(line.version.number, line.words) for line in review_queries.lines(versions, 4)] == [
        (4, "waiting for review"),
        (3, "never in force"),
        (2, "sent back"),
        (1, "in force"),
    ]
    approve(4)
    versions = review_queries.versions_of(models.Plan.objects.get())
    assert [line.words for line in review_queries.lines(versions, 4)][0::3] == ["in force", "was in force"]


def test_an_erased_comment_is_said_to_be_gone(monkeypatch: Any) -> None:
    make_version()
    send_back()
    monkeypatch.setattr(vault, "reveal_many", lambda refs: {})
    (line,) = review_queries.lines(review_queries.versions_of(models.Plan.objects.get()), 1)
    assert line.review.note == "(The comment was erased.)"
