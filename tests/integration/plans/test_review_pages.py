"""The pages of reviews: what they say to whom, what they change, and that nobody is told "done" when nothing was."""

import json
from typing import Any

import pytest
from django.test import Client

from plans import drafts, impact, models, operations, queries, reviewing
from tests.factories_runs import signed_in
from tests.integration.plans.world import ANN, DAN, document, make_draft, make_version, publish

pytestmark = pytest.mark.django_db

SEE, APPROVE, EDIT = "view_plan", "activate_plan", "edit_plan"
REVIEW = "/admin/plans/trial/v/2/review/"
LIST_QUERIES, PLAN_QUERIES = 13, 17
BARRED = "You edited this plan since the last activated version; someone else has to activate it."


def two_versions(actor: str = DAN) -> models.PlanVersion:
    """Version 1 is in force, version 2 waits longer and waits for a review."""
    make_version(actor=DAN)
    operations.activate_version(plan_key="trial", number=1, actor="user:950")
    return publish(actor=actor, seconds=259_200)


def actor(client: Client) -> str:
    return f"user:{client.session['_auth_user_id']}"


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


# --- who may see and do what --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "address", "rights"),
    [
        ("get", "/admin/reviews/", (SEE,)),
        ("get", REVIEW, (SEE,)),
        ("post", REVIEW, (SEE, APPROVE)),
        ("get", "/admin/plans/trial/compare/", (SEE,)),
        ("post", "/admin/plans/trial/v/2/open-again/", (EDIT,)),
    ],
)
def test_a_page_opens_for_those_who_may(as_person: Any, method: str, address: str, rights: tuple[str, ...]) -> None:
    two_versions()
    assert getattr(Client(), method)(address)["Location"].startswith("/admin/login/")
    for missing in rights:
        others = [each for each in (SEE, APPROVE, EDIT) if each != missing]
        assert getattr(as_person(f"without-{missing}", *others), method)(address).status_code == 403
    answer = getattr(as_person("with", *rights), method)(address)
    assert answer.status_code in (200, 302, 422)
    assert not answer.get("Location", "").startswith("/admin/login/")


@pytest.mark.parametrize(
    "address",
    ["/admin/plans/absent/compare/", "/admin/plans/trial/v/9/review/", "/admin/plans/unpublished/compare/"],
)
def test_what_is_not_there_is_not_found(as_person: Any, address: str) -> None:
    make_version()
    make_draft("unpublished")
    assert as_person("eve", SEE).get(address).status_code == 404


def test_an_approver_reads_the_changes_and_has_both_buttons(as_person: Any) -> None:
    two_versions()
    said = page(as_person("ann", SEE, APPROVE), REVIEW)
    for sentence in (
        "What v2 changes against v1, which is in force",
        "The wait pause takes 3 days instead of 1 min.",
        "All checks of the plan hold",
        "Once it is approved, new runs start on v2 instead of v1.",
        "ann can approve it.",
        'value="approved"',
        'value="sent_back"',
        "dg-is-changed",
        "/admin/plans/trial/v/2/rehearse/",
    ):
        assert sentence in said
    assert said.count('<svg class="dg') == 2


def test_who_edited_sees_the_rule_and_who_can_instead_of_buttons(as_person: Any) -> None:
    dan = as_person("dan", SEE, APPROVE, EDIT)
    as_person("ann", SEE, APPROVE)
    two_versions(actor(dan))
    for address in (REVIEW, "/admin/plans/trial/", "/admin/plans/trial/v/2/"):
        said = page(dan, address)
        assert BARRED in said
        assert "ann can approve it." in said
        assert 'value="approved"' not in said
    answer = dan.post(REVIEW, {"verdict": "approved", "seen": "1"})
    assert (answer.status_code, BARRED in answer.content.decode()) == (422, True)
    assert not models.Review.objects.filter(version__number=2).exists()


def test_without_the_right_the_buttons_are_disabled_and_say_why(as_person: Any) -> None:
    two_versions()
    said = page(as_person("vic", SEE), REVIEW)
    assert "You may look at plans, but not activate them." in said
    assert 'type="button" disabled' in said
    assert 'value="approved"' not in said


def test_a_first_version_is_shown_alone(as_person: Any) -> None:
    make_version()
    said = page(as_person("ann", SEE, APPROVE), "/admin/plans/trial/v/1/review/")
    assert "This is the first version of the plan" in said
    assert said.count('<svg class="dg') == 1


def test_what_speaks_against_a_version_takes_the_button_away(as_person: Any, settings: Any) -> None:
    two_versions()
    settings.DEE_ACTIVATION_CHECKS = ["tests.integration.plans.test_operations.no_policy"]
    said = page(as_person("ann", SEE, APPROVE), REVIEW)
    assert "There is no policy outreach." in said
    assert 'value="approved" disabled' in said
    assert 'value="sent_back">' in said


# --- deciding -----------------------------------------------------------------------------------------------------


def test_approving_brings_the_version_into_force(as_person: Any) -> None:
    two_versions()
    ann = as_person("ann", SEE, APPROVE)
    answer = ann.post(REVIEW, {"verdict": "approved", "seen": "1", "note": "Good."}, follow=True)
    assert answer.redirect_chain == [("/admin/plans/trial/", 302)]
    assert "Version 2 of trial is approved and in force" in answer.content.decode()
    assert "approved by ann" in answer.content.decode()
    assert models.Plan.objects.get().active_version.number == 2
    after = page(ann, REVIEW)
    assert "Approved by ann" in after
    assert 'value="approved"' not in after
    assert "What v2 changes against v1" in after


def test_sending_back_asks_for_a_comment_and_shows_it_to_the_author(as_person: Any) -> None:
    two_versions()
    ann = as_person("ann", SEE, APPROVE)
    answer = ann.post(REVIEW, {"verdict": "sent_back", "seen": "1", "note": " "})
    assert (answer.status_code, "Say in the comment what has to change" in answer.content.decode()) == (422, True)
    answer = ann.post(REVIEW, {"verdict": "sent_back", "seen": "1", "note": "Two days <are> enough."}, follow=True)
    assert answer.redirect_chain == [("/admin/plans/trial/v/2/", 302)]
    dan = as_person("dan", SEE, EDIT)
    said = page(dan, "/admin/plans/trial/v/2/")
    assert "Two days &lt;are&gt; enough." in said
    assert "Open as draft again" in said
    answer = dan.post("/admin/plans/trial/v/2/open-again/", follow=True)
    assert answer.redirect_chain == [("/admin/plans/trial/design/", 302)]
    assert "The draft is the text of version 2" in answer.content.decode()


@pytest.mark.parametrize("sent", [{}, {"verdict": "perhaps", "seen": "1"}, {"verdict": "approved", "seen": "x"}])
def test_a_broken_form_changes_nothing(as_person: Any, sent: dict[str, str]) -> None:
    two_versions()
    answer = as_person("ann", SEE, APPROVE).post(REVIEW, sent)
    assert answer.status_code == 422
    assert models.Plan.objects.get().active_version.number == 1


def test_the_second_of_two_approvers_gets_409_with_who_was_first(as_person: Any) -> None:
    two_versions()
    ann, bob = as_person("ann", SEE, APPROVE), as_person("bob", SEE, APPROVE)
    sent = {"verdict": "approved", "seen": "1"}
    assert ann.post(REVIEW, sent).status_code == 302
    answer = bob.post(REVIEW, sent)
    said = answer.content.decode()
    assert answer.status_code == 409
    assert "Nothing was changed. ann approved version 2 before you." in said
    assert "Approved by ann" in said
    assert 'value="approved"' not in said
    assert models.Activation.objects.count() == 2


def test_an_approval_of_changes_that_are_no_longer_those_gets_409_and_the_new_ones(as_person: Any) -> None:
    make_version()
    operations.activate_version(plan_key="trial", number=1, actor=ANN)
    publish(seconds=90)
    operations.activate_version(plan_key="trial", number=2, actor=ANN)
    publish(seconds=120)
    operations.activate_version(plan_key="trial", number=1, actor=ANN)
    answer = as_person("bob", SEE, APPROVE).post("/admin/plans/trial/v/3/review/", {"verdict": "approved", "seen": "2"})
    said = answer.content.decode()
    assert answer.status_code == 409
    assert "Since you opened this page version 1 is in force" in said
    assert "The wait pause takes 2 min instead of 1 min." in said
    assert 'name="seen" value="1"' in said


def test_after_publishing_the_author_is_told_who_can_approve(as_person: Any) -> None:
    make_draft()
    as_person("ann", APPROVE)
    dan = as_person("dan", SEE, EDIT)
    sent = {"body": json.dumps(document(seconds=120)), "revision": "1", "action": "publish"}
    said = dan.post("/admin/plans/trial/draft/", sent, follow=True).content.decode()
    assert "Version 1 waits for a review. ann can approve it." in said
    assert "Version 1 waits for a review." in said


def test_what_was_in_force_can_come_back_from_its_page(as_person: Any) -> None:
    two_versions()
    ann = as_person("ann", SEE, APPROVE)
    ann.post(REVIEW, {"verdict": "approved", "seen": "1"})
    assert "Activate v1 again" in page(ann, "/admin/plans/trial/v/1/")
    ann.post("/admin/plans/trial/v/1/activate/")
    assert models.Plan.objects.get().active_version.number == 1


# --- lists --------------------------------------------------------------------------------------------------------


def test_the_empty_list_says_what_fills_it(as_person: Any) -> None:
    assert "Nothing waits for a review" in page(as_person("ann", SEE), "/admin/reviews/")


def test_the_list_says_who_can_and_the_menu_counts_what_waits_for_this_person(as_person: Any) -> None:
    ann = as_person("ann", SEE, APPROVE)
    vic = as_person("vic", SEE)
    two_versions()
    make_version("other", actor=actor(ann))
    said = page(ann, "/admin/reviews/")
    assert "Trial v2" in said
    assert "not you" in said
    assert "ann can approve it." in said
    assert "Nobody can approve it: everybody who may edited it." in said
    assert '<span>Reviews</span> <span class="count">1</span>' in said
    assert '<span>Reviews</span> <span class="count">' not in page(vic, "/admin/reviews/")
    reviewing.send_back(plan_key="other", number=1, actor=DAN, note="Say <b>please</b>.")
    said = page(ann, "/admin/reviews/")
    assert "Decided of late" in said
    assert "Say &lt;b&gt;please&lt;/b&gt;." in said


@pytest.mark.parametrize("plans", [1, 30])
def test_the_list_costs_the_same_for_many_versions(as_person: Any, django_assert_num_queries: Any, plans: int) -> None:
    for number in range(plans):
        make_version(f"plan-{number}")
        make_version(f"back-{number}")
        reviewing.send_back(plan_key=f"back-{number}", number=1, actor=ANN, note="No.")
    client = as_person("eve", SEE, APPROVE)
    with django_assert_num_queries(LIST_QUERIES):
        client.get("/admin/reviews/")


@pytest.mark.parametrize("versions", [1, 30])
def test_a_plan_costs_the_same_for_many_versions(as_person: Any, django_assert_num_queries: Any, versions: int) -> None:
    make_version()
    for number in range(versions):
        reviewing.send_back(plan_key="trial", number=number + 1, actor=ANN, note="No.")
        publish(seconds=100 + number)
    client = as_person("eve", SEE, APPROVE)
    page(client, "/admin/plans/trial/")  # reads and keeps the text of the newest
    with django_assert_num_queries(PLAN_QUERIES):
        client.get("/admin/plans/trial/")


def test_a_plan_shows_where_each_version_stands_and_its_runs(as_person: Any, settings: Any) -> None:
    two_versions()
    settings.DEE_REVIEW_IMPACT = f"{__name__}.counted"
    said = page(as_person("eve", SEE), "/admin/plans/trial/")
    for words in ("in force", "waiting for review", "review it", "Compare two versions", "Failed runs", "plan.json"):
        assert words in said
    assert "314 runs stand here" in said and "The number at a step says how many runs" in said
    assert said.count("runs stand here") == 2, "in the label and in the title of one card, and of no other"
    assert "314 at pause" not in said, "whoever may not see runs is not led to them"
    seeing = page(signed_in("plans.view_plan", "runs.view_run", name="rob"), "/admin/plans/trial/")
    assert 'href="/admin/runs/?plan=trial&amp;step=pause">314 at pause</a>' in seeing
    assert "314 runs stand here" in page(as_person("sam", SEE), "/admin/plans/trial/v/1/")
    assert "runs stand here" not in page(as_person("tim", SEE), "/admin/plans/trial/v/2/")
    settings.DEE_REVIEW_IMPACT = ""
    plain = page(as_person("bob", SEE), "/admin/plans/trial/")
    assert "Failed runs" not in plain and "runs stand here" not in plain and "The number at a step" not in plain


def counted(plan_key: str) -> impact.Impact:
    version = models.PlanVersion.objects.get(plan__key=plan_key, number=1)
    count = impact.Count(open=312, failed=4, finished=20, steps={"pause": 314, "old-step": 2})
    return impact.Impact({version.pk: count}, enrolled=7)


def test_a_review_says_whom_it_touches(as_person: Any, settings: Any) -> None:
    two_versions()
    settings.DEE_REVIEW_IMPACT = f"{__name__}.counted"
    said = " ".join(page(as_person("ann", SEE, APPROVE), REVIEW).split())
    for words in (
        "<strong>316 runs stay on v1</strong>",
        "4 of them have failed and wait for a person",
        "pause (314)",
        "7 enrolments have not begun yet",
    ):
        assert words in said


# --- comparing ----------------------------------------------------------------------------------------------------


def test_any_two_versions_are_compared(as_person: Any) -> None:
    two_versions()
    eve = as_person("eve", SEE)
    said = page(eve, "/admin/plans/trial/compare/")
    assert "From v1 to v2" in said
    assert "The wait pause takes 3 days instead of 1 min." in said
    said = page(eve, "/admin/plans/trial/compare/?from=2&to=1")
    assert "The wait pause takes 1 min instead of 3 days." in said
    assert "The two versions say the same." in page(eve, "/admin/plans/trial/compare/?from=1&to=1")


@pytest.mark.parametrize(
    ("query", "said"), [("?from=1&to=9", "There is no version “9”"), ("?from=a&to=1", "There is no version “a”")]
)
def test_versions_that_are_not_there_are_said_to_be(as_person: Any, query: str, said: str) -> None:
    two_versions()
    assert said in page(as_person("eve", SEE), f"/admin/plans/trial/compare/{query}", status=422)


def test_a_draft_is_compared_for_who_may_edit_it(as_person: Any) -> None:
    make_version()
    drafts.save_text(plan_key="trial", body=json.dumps(document(seconds=7200)), expected_revision=1, actor=DAN)
    dan, vic = as_person("dan", SEE, EDIT), as_person("vic", SEE)
    assert "to=draft" in page(dan, "/admin/plans/trial/")
    for address in ("/admin/plans/trial/compare/", "/admin/plans/trial/compare/?from=1&to=draft"):
        said = page(dan, address)
        assert "From v1 to draft r2" in said
        assert "The wait pause takes 2 h instead of 1 min." in said
    assert "There is no version “draft”" in page(vic, "/admin/plans/trial/compare/?from=1&to=draft", status=422)
    drafts.save_text(plan_key="trial", body='{"steps": {}}', expected_revision=2, actor=DAN)
    assert "The draft cannot be compared yet" in page(dan, "/admin/plans/trial/compare/")


def test_one_version_has_nothing_to_be_compared_with(as_person: Any) -> None:
    make_version()
    assert "One version only" in page(as_person("eve", SEE), "/admin/plans/trial/compare/")


def test_a_version_that_cannot_be_trusted_is_not_compared(as_person: Any, monkeypatch: Any) -> None:
    two_versions()
    monkeypatch.setattr("plans.document.content_hash", lambda body: "0" * 64)
    queries.forget()
    said = page(as_person("ann", SEE, APPROVE), REVIEW)
    assert "The stored text of version 2 does not hash to" in said
    assert 'value="approved" disabled' in said
