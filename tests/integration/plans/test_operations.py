"""Plans change by operations, each with its entry in the log, and nobody brings their own work into force."""

import hashlib
import json
from typing import Any

import pytest

from audit import verify
from plans import drafts, models, operations, queries
from plans.document import Invalid, Plan
from tests.integration.plans.world import (
    ANN,
    DAN,
    HELLO,
    MAIL,
    SCRIPT,
    document,
    entries,
    make_draft,
    make_template,
    make_version,
    publish,
)  # fmt: skip
from tests.unit.plans.documents import DONE, minimal

pytestmark = pytest.mark.django_db


def activate(number: int, actor: str = ANN, key: str = "trial") -> models.Activation:
    return operations.activate_version(plan_key=key, number=number, actor=actor)


# --- drafts -------------------------------------------------------------------------------------------------------


def test_a_new_plan_is_a_draft() -> None:
    draft = make_draft()
    assert (draft.plan.state, draft.revision, draft.edited_by, draft.updated_by) == ("draft", 1, [DAN], DAN)
    digest = hashlib.sha256(b"dee.draft/1\n" + draft.body.encode()).hexdigest()
    assert entries("plan/trial") == [
        ("plan.created", {"title": "Trial"}),
        ("draft.saved", {"revision": 1, "hash": digest}),
    ]


@pytest.mark.parametrize(
    ("key", "said"), [("trial", "already a plan"), ("New!", "is not allowed"), ("new", "reserved")]
)
def test_a_plan_needs_a_key_of_its_own(key: str, said: str) -> None:
    make_draft()
    with pytest.raises(operations.Refused, match=said):
        operations.create_plan(key=key, title="", body="{}", actor=DAN)


def test_a_draft_may_be_anything_while_it_is_written() -> None:
    make_draft()
    draft = drafts.save_text(plan_key="trial", body="{ not yet", expected_revision=1, actor=ANN)
    assert (draft.revision, draft.edited_by) == (2, [DAN, ANN])


def test_saving_what_is_there_changes_nothing() -> None:
    body = make_draft().body
    assert drafts.save_text(plan_key="trial", body=body, expected_revision=1, actor=ANN).edited_by == [DAN]
    assert len(entries("plan/trial")) == 2


def test_a_stale_draft_names_who_was_faster(person: Any) -> None:
    maria = person("maria")
    make_draft()
    drafts.save_text(plan_key="trial", body="{}", expected_revision=1, actor=f"user:{maria.pk}")
    with pytest.raises(drafts.Stale) as caught:
        drafts.save_text(plan_key="trial", body="[]", expected_revision=1, actor=DAN)
    assert str(caught.value) == ("Not saved. maria changed this draft after you opened it (you had r1, it is now r2).")
    assert models.PlanDraft.objects.get().body == "{}"


@pytest.mark.parametrize(
    ("body", "said"),
    [("x" * 262_145, "longer than 256 KiB"), ("ü" * 131_073, "longer than 256 KiB"), ("a\0", "cannot be stored")],
)
def test_a_text_that_cannot_be_kept_is_refused(body: str, said: str) -> None:
    make_draft()
    with pytest.raises(operations.Refused, match=said):
        drafts.save_text(plan_key="trial", body=body, expected_revision=1, actor=DAN)


# --- publishing ---------------------------------------------------------------------------------------------------


def test_publishing_makes_a_version_that_is_not_in_force() -> None:
    version = make_version(meta={"title": "A better title"})
    assert (version.number, version.published_by, version.edited_by) == (1, DAN, [DAN])
    assert queries.parsed(version.pk).hash == version.hash
    plan = models.Plan.objects.get()
    assert (plan.state, plan.active_version, plan.title) == ("draft", None, "A better title")
    assert models.PlanDraft.objects.get().edited_by == []
    assert entries("plan/trial")[-1] == ("plan.published", {"version": 1, "hash": version.hash})
    assert queries.active("trial") is None


def test_a_version_names_who_edited_since_the_one_before() -> None:
    make_version(actor=DAN)
    assert publish(actor=ANN, seconds=90).edited_by == [ANN]


def test_publishing_refuses_with_all_problems_and_changes_nothing() -> None:
    broken = minimal({"mail": {**MAIL, "on": {"sent": "nowhere"}}, "done": DONE}, key="other")
    operations.create_plan(key="trial", title="", body=json.dumps(broken), actor=DAN)
    with pytest.raises(Invalid) as caught:
        operations.publish_draft(plan_key="trial", expected_revision=1, actor=DAN)
    assert [problem.pointer for problem in caught.value.problems] == [
        "/steps/mail/on/sent",
        "/steps/done",
        "/key",
        "/steps/mail/template",
    ]
    assert not models.PlanVersion.objects.exists()
    assert entries("plan/trial")[-1][0] == "draft.saved"


def test_publishing_the_same_again_is_refused() -> None:
    make_version()
    with pytest.raises(operations.Refused, match="the same as version 1"):
        operations.publish_draft(plan_key="trial", expected_revision=1, actor=DAN)
    assert publish(meta={"title": "Only the title"}).number == 2


def test_publishing_what_somebody_changed_meanwhile_is_refused() -> None:
    make_draft()
    drafts.save_text(plan_key="trial", body="{}", expected_revision=1, actor=ANN)
    with pytest.raises(drafts.Stale, match="Not published"):
        operations.publish_draft(plan_key="trial", expected_revision=1, actor=DAN)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({**MAIL, "template": "hello@2"}, "There is no template \"hello@2\"; its newest version is 1."),
        ({**MAIL, "template": "absent@1"}, "There is no template \"absent@1\"; publish it first"),
        ({**MAIL, "template": "script@1"}, "is for voice and this step needs email"),
        ({**MAIL, "template": "personal@1"}, 'uses attr_tier; declare tier in "attributes"'),
    ],
)  # fmt: skip
def test_v14_a_step_finds_its_template(step: dict[str, Any], said: str) -> None:
    make_template()
    make_template(**SCRIPT)
    make_template(key="personal", body="{{ attr_tier }} {{ first_name }}")
    body = json.dumps(minimal({"mail": step, "done": DONE}, key="trial"))
    (problem,) = queries.review(body, "trial").problems
    assert (problem.pointer, problem.step) == ("/steps/mail/template", "mail")
    assert said in problem.message


def test_v14_a_declared_attribute_may_be_used() -> None:
    make_template(key="personal", body="{{ attr_tier }}")
    whole = minimal({"mail": {**MAIL, "template": "personal@1"}, "done": DONE}, attributes={"tier": "string"})
    assert queries.review(json.dumps(whole), "small").problems == ()


# --- coming into force --------------------------------------------------------------------------------------------


def test_activating_brings_a_version_into_force() -> None:
    version = make_version()
    done = activate(1)
    assert (done.by, done.barred) == (ANN, [DAN])
    assert models.Plan.objects.get().state == "active"
    active = queries.active("trial")
    assert active is not None
    assert (active.id, active.number, active.plan.hash) == (version.pk, 1, version.hash)
    assert entries("plan/trial")[-1] == ("plan.activated", {"version": 1, "hash": version.hash})


def test_who_edited_may_not_activate_and_the_superuser_is_no_exception(django_user_model: Any) -> None:
    boss = f"user:{django_user_model.objects.create_superuser('boss').pk}"
    make_version(actor=boss)
    with pytest.raises(operations.Refused, match="You edited this plan"):
        activate(1, boss)
    assert queries.active("trial") is None


def test_who_edited_a_version_that_was_never_activated_is_barred_from_the_next() -> None:
    make_version(actor=ANN)
    publish(actor=DAN, seconds=90)
    with pytest.raises(operations.Refused, match="You edited this plan"):
        activate(2, ANN)
    assert activate(2, "user:903").barred == [DAN, ANN]
    publish(actor=DAN, seconds=120)
    assert activate(3, ANN).barred == [DAN]


def test_an_earlier_version_can_come_back() -> None:
    make_version(actor=DAN)
    activate(1)
    publish(actor=ANN, seconds=90)
    activate(2, DAN)
    activate(1, ANN)
    assert models.Plan.objects.get().active_version.number == 1


@pytest.mark.parametrize(("number", "said"), [(1, "already active"), (7, "has no version 7")])
def test_activating_what_cannot_be_is_refused(number: int, said: str) -> None:
    make_version()
    activate(1)
    with pytest.raises(operations.Refused, match=said):
        activate(number, "user:903")


def no_policy(plan: Plan) -> list[str]:
    return [f"There is no policy {plan.policy}."]


def test_another_room_may_forbid_it(settings: Any) -> None:
    make_version()
    settings.DEE_ACTIVATION_CHECKS = [f"{__name__}.no_policy"]
    with pytest.raises(operations.Refused, match="There is no policy outreach"):
        activate(1)
    del settings.DEE_ACTIVATION_CHECKS
    with pytest.raises(operations.Refused, match="No check of policies is configured"):
        activate(1)


def test_retiring_keeps_the_reason_out_of_the_log() -> None:
    make_version()
    activate(1)
    operations.retire_plan(plan_key="trial", actor=ANN, note="Too many complaints")
    assert queries.active("trial") is None
    assert queries.Desk().state("trial") == "retired"
    kind, data = entries("plan/trial")[-1]
    assert (kind, data["note"]["kind"]) == ("plan.retired", "note")
    assert "complaints" not in json.dumps(data)
    with pytest.raises(operations.Refused, match="already retired"):
        operations.retire_plan(plan_key="trial", actor=ANN, note="Again")
    activate(1, "user:903")
    assert queries.Desk().state("trial") == "active"


def test_retiring_needs_a_reason() -> None:
    make_version()
    with pytest.raises(operations.Refused, match="Give a reason"):
        operations.retire_plan(plan_key="trial", actor=ANN, note=" ")


# --- templates and files ------------------------------------------------------------------------------------------


def test_templates_have_numbers_and_the_same_text_has_one() -> None:
    first, again, second = make_template(), make_template(), make_template(body="Other")
    assert (first.ref, again.pk, second.ref) == ("hello@1", first.pk, "hello@2")
    assert first.variables == ["first_name"]
    assert entries("plan/templates") == [
        ("template.published", {"template": "hello@1", "hash": first.hash}),
        ("template.published", {"template": "hello@2", "hash": second.hash}),
    ]
    assert queries.template("hello@2").body == "Other"


def test_a_file_is_installed_whole_and_once() -> None:
    text = json.dumps([HELLO, minimal({"mail": MAIL, "done": DONE})])
    done = operations.install_plan(text=text, actor="cli")
    assert [(item.ref, item.changed) for item in done] == [("hello@1", True), ("small v1", True)]
    again = operations.install_plan(text=text, actor="cli")
    assert [(item.ref, item.changed) for item in again] == [("hello@1", False), ("small v1", False)]
    assert [kind for kind, _ in entries("plan/small")] == ["plan.created", "plan.published", "plan.activated"]
    assert models.Activation.objects.get().by == "cli"


def test_installing_an_earlier_document_brings_its_version_back() -> None:
    for seconds in (60, 90, 60):
        operations.install_plan(text=json.dumps(document(seconds=seconds)), actor="cli")
    assert models.Plan.objects.get().active_version.number == 1
    assert models.PlanVersion.objects.count() == 2


def test_a_file_with_a_problem_changes_nothing(settings: Any) -> None:
    settings.DEE_ACTIVATION_CHECKS = [f"{__name__}.no_policy"]
    whole = minimal({"mail": {**MAIL, "template": "hello@3"}, "done": DONE})
    with pytest.raises(Invalid) as caught:
        operations.install_plan(text=json.dumps([HELLO, whole]), actor="cli")
    assert [problem.pointer for problem in caught.value.problems] == ["/1/steps/mail/template", "/1/policy"]
    assert not models.Template.objects.exists()
    assert not models.Plan.objects.exists()
    assert entries("plan/templates") == []


def test_the_log_of_all_this_verifies() -> None:
    make_version()
    activate(1)
    make_template()
    assert verify.check("plan/trial").checked == 5
    assert verify.check(None).verdict.name in ("VERIFIED", "CONSISTENT")
