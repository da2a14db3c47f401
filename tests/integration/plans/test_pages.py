"""The pages of plans: who may open them, what they say, and that they never say "saved" when nothing was."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from plans import document as document_of_plans
from plans import drafts, models, operations, queries
from tests.factories import make_policy
from tests.integration.plans.world import ANN, DAN, document, make_draft, make_template, make_version, publish

pytestmark = pytest.mark.django_db

RIGHTS = ("view_plan", "view_template", "edit_plan", "activate_plan")
PAGES = [
    ("get", "/admin/plans/", "view_plan"),
    ("get", "/admin/plans/trial/", "view_plan"),
    ("get", "/admin/plans/trial/v/1/", "view_plan"),
    ("get", "/admin/plans/trial/v/1/plan.json", "view_plan"),
    ("get", "/admin/plans/new/", "edit_plan"),
    ("get", "/admin/plans/trial/draft/", "edit_plan"),
    ("post", "/admin/plans/trial/draft/check/", "edit_plan"),
    ("get", "/admin/plans/trial/retire/", "activate_plan"),
    ("post", "/admin/plans/trial/v/1/activate/", "activate_plan"),
    ("get", "/admin/plans/templates/", "view_template"),
    ("get", "/admin/plans/templates/hello/1/", "view_template"),
    ("get", "/admin/plans/templates/new/", "edit_plan"),
]


@pytest.mark.parametrize(("method", "address", "right"), PAGES)
def test_a_page_opens_for_those_who_may(as_person: Any, method: str, address: str, right: str) -> None:
    make_version()
    make_template()
    anonymous = getattr(Client(), method)(address)
    assert (anonymous.status_code, anonymous["Location"].split("?")[0]) == (302, "/admin/login/")
    others = [each for each in RIGHTS if each != right]
    assert getattr(as_person("without", *others), method)(address).status_code == 403
    answer = getattr(as_person("with", right), method)(address)
    assert answer.status_code in (200, 302)
    assert not answer.get("Location", "").startswith("/admin/login/")


@pytest.mark.parametrize(
    "address",
    [
        "/admin/plans/absent/",
        "/admin/plans/trial/v/9/",
        "/admin/plans/absent/draft/",
        "/admin/plans/templates/hello/9/",
    ],
)
def test_what_is_not_there_is_not_found(as_person: Any, address: str) -> None:
    make_version()
    make_template()
    assert as_person("eve", *RIGHTS).get(address).status_code == 404


@pytest.mark.parametrize("address", ["/admin/plans/trial/v/1/activate/", "/admin/plans/trial/draft/check/"])
def test_what_changes_or_checks_is_posted(as_person: Any, address: str) -> None:
    make_version()
    assert as_person("eve", *RIGHTS).get(address).status_code == 405


# --- the list, a plan, a version ----------------------------------------------------------------------------------


def test_the_empty_list_says_what_fills_it(as_person: Any) -> None:
    assert "No plan yet" in as_person("eve", "view_plan").get("/admin/plans/").content.decode()


def test_the_list_names_state_version_and_draft(as_person: Any) -> None:
    make_version()
    operations.activate_version(plan_key="trial", number=1, actor=ANN)
    drafts.save_text(plan_key="trial", body="{}", expected_revision=1, actor=DAN)
    page = as_person("eve", "view_plan").get("/admin/plans/").content.decode()
    for said in ("Trial", "active", "v1", "r2", "not submitted"):
        assert said in page


def test_the_list_costs_the_same_for_many_plans(as_person: Any, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        make_version(f"plan-{number}")
    client = as_person("eve", "view_plan")
    with django_assert_max_num_queries(12):
        client.get("/admin/plans/")


def test_a_version_shows_picture_steps_document_and_hash(as_person: Any) -> None:
    version = make_version(meta={"title": "Trial", "description": "What it is for"})
    page = as_person("eve", "view_plan").get("/admin/plans/trial/v/1/").content.decode()
    for said in (
        '<svg class="dg',
        'data-step="pause"',
        "1 min",
        "completed →",
        version.hash,
        "What it is for",
        "ends the run",
    ):
        assert said in page


def test_an_export_is_the_canonical_document(as_person: Any) -> None:
    make_version(meta={"title": "Trial"})
    answer = as_person("eve", "view_plan").get("/admin/plans/trial/v/1/plan.json")
    assert answer["Content-Disposition"] == 'attachment; filename="trial-v1.json"'
    assert answer.content.decode() == json.dumps(
        document(meta={"title": "Trial"}), sort_keys=True, separators=(",", ":")
    )


def test_a_version_that_was_changed_behind_the_database_is_shown_as_such(as_person: Any, monkeypatch: Any) -> None:
    make_version()
    queries.forget()
    monkeypatch.setattr(document_of_plans, "content_hash", lambda body: "0" * 64)
    client = as_person("eve", *RIGHTS)
    for address in ("/admin/plans/trial/", "/admin/plans/trial/v/1/"):
        assert "The stored text of version 1 does not hash to" in client.get(address).content.decode()
    assert client.post("/admin/plans/trial/v/1/activate/").status_code == 422
    assert models.Plan.objects.get().state == "draft"


# --- coming into force --------------------------------------------------------------------------------------------


def test_an_approver_activates(as_person: Any) -> None:
    make_version()
    client = as_person("ann", "view_plan", "activate_plan")
    assert "Review v1" in client.get("/admin/plans/trial/").content.decode()
    answer = client.post("/admin/plans/trial/v/1/activate/", follow=True)
    assert answer.redirect_chain == [("/admin/plans/trial/", 302)]
    assert "Version 1 of trial is active" in answer.content.decode()


def test_who_edited_sees_the_sentence_instead_of_the_button_and_is_refused(as_person: Any) -> None:
    client = as_person("dan", *RIGHTS)
    dan = f"user:{client.session['_auth_user_id']}"
    make_version(actor=dan)
    sentence = "You edited this plan since the last activated version; someone else has to activate it."
    page = client.get("/admin/plans/trial/").content.decode()
    assert sentence in page
    assert '<button class="btn btn-primary" type="submit">Activate' not in page
    answer = client.post("/admin/plans/trial/v/1/activate/")
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert models.Plan.objects.get().state == "draft"


def test_retiring_asks_for_a_reason(as_person: Any) -> None:
    make_version()
    operations.activate_version(plan_key="trial", number=1, actor=ANN)
    client = as_person("ann", "view_plan", "activate_plan")
    answer = client.post("/admin/plans/trial/retire/", {"note": ""})
    assert (answer.status_code, "Give a reason" in answer.content.decode()) == (422, True)
    assert client.post("/admin/plans/trial/retire/", {"note": "Over"})["Location"] == "/admin/plans/trial/"
    assert models.Plan.objects.get().state == "retired"


# --- drafts -------------------------------------------------------------------------------------------------------


def text(**changes: Any) -> str:
    return json.dumps(document(**changes))


def test_a_draft_is_saved_and_published_without_script(as_person: Any) -> None:
    make_draft()
    client = as_person("eve", "edit_plan", "view_plan")
    sent = {"body": text(seconds=90).replace("\n", "\r\n"), "revision": "1", "action": "save"}
    assert client.post("/admin/plans/trial/draft/", sent)["Location"] == "/admin/plans/trial/draft/"
    assert models.PlanDraft.objects.get().revision == 2
    sent = {"body": text(seconds=120), "revision": "2", "action": "publish"}
    assert client.post("/admin/plans/trial/draft/", sent)["Location"] == "/admin/plans/trial/v/1/"
    assert '"seconds":120' in models.PlanVersion.objects.get().body


def test_line_ends_of_the_browser_change_nothing(as_person: Any) -> None:
    body = json.dumps(document(), indent=2)
    operations.create_plan(key="trial", title="", body=body, actor=DAN)
    sent = {"body": body.replace("\n", "\r\n"), "revision": "1"}
    as_person("eve", "edit_plan").post("/admin/plans/trial/draft/", sent)
    assert models.PlanDraft.objects.get().revision == 1


def test_a_stale_draft_is_answered_with_409_and_who_was_faster(as_person: Any, person: Any) -> None:
    make_draft()
    maria = person("maria")
    drafts.save_text(plan_key="trial", body="{}", expected_revision=1, actor=f"user:{maria.pk}")
    answer = as_person("eve", "edit_plan").post("/admin/plans/trial/draft/", {"body": text(seconds=7), "revision": "1"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Not saved. maria changed this draft after you opened it (you had r1, it is now r2)." in page
    assert "&quot;seconds&quot;: 7" in page
    assert models.PlanDraft.objects.get().body == "{}"


def test_publishing_with_problems_saves_and_says_them(as_person: Any) -> None:
    make_draft()
    broken = text().replace('"completed": "done"', '"completed": "dnoe"')
    answer = as_person("eve", "edit_plan").post(
        "/admin/plans/trial/draft/", {"body": broken, "revision": "1", "action": "publish"}
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Saved as r2, but not submitted" in page
    assert "did you mean &quot;done&quot;?" in page
    assert 'name="revision" value="2"' in page
    assert not models.PlanVersion.objects.exists()


@pytest.mark.parametrize("sent", [{"body": "", "revision": "1"}, {"body": "{}", "revision": "x"}, {}])
def test_a_broken_form_is_answered_with_422(as_person: Any, sent: dict[str, str]) -> None:
    make_draft()
    assert as_person("eve", "edit_plan").post("/admin/plans/trial/draft/", sent).status_code == 422


def test_live_checks_answer_with_the_part_only_and_save_nothing(as_person: Any) -> None:
    make_draft()
    client = as_person("eve", "edit_plan")
    broken = text().replace('"completed": "done"', '"completed": "dnoe"')
    answer = client.post("/admin/plans/trial/draft/check/", {"body": broken}, headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert page.lstrip().startswith('<section class="card" id="draft-checks"')
    assert "2 problems" in page
    assert "/steps/pause/on/completed" in page
    assert '<svg class="dg' in page
    whole = client.post("/admin/plans/trial/draft/check/", {"body": broken, "revision": "1"}).content.decode()
    assert "<html" in whole
    assert "dnoe" in whole
    assert models.PlanDraft.objects.get().revision == 1


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "{}", "null", '{"steps": {}}', '{"steps": {"a": {"kind": "call"}}}', "[" * 5000]
)
def test_live_checks_bear_anything(as_person: Any, body: str) -> None:
    make_draft()
    answer = as_person("eve", "edit_plan").post(
        "/admin/plans/trial/draft/check/", {"body": body}, headers={"HX-Request": "true"}
    )
    assert (answer.status_code, "badge-bad" in answer.content.decode()) == (200, True)


def test_a_plan_without_a_draft_is_edited_from_its_newest_version(as_person: Any) -> None:
    operations.install_plan(text=text(seconds=77), actor="cli")
    client = as_person("eve", "edit_plan", "view_plan")
    page = client.get("/admin/plans/trial/draft/").content.decode()
    assert "&quot;seconds&quot;: 77" in page
    assert 'name="revision" value="0"' in page
    client.post("/admin/plans/trial/draft/", {"body": text(seconds=78), "revision": "0"})
    assert models.PlanDraft.objects.get().revision == 1


# --- new plans and templates --------------------------------------------------------------------------------------


def test_a_new_plan_starts_in_the_designer_with_everything_but_its_steps(as_person: Any) -> None:
    make_policy()
    client = as_person("eve", "edit_plan")
    answer = client.post("/admin/plans/new/", {"key": "fresh", "title": "Fresh"})
    assert answer["Location"] == "/admin/plans/fresh/design/"
    assert "Add the first step" in client.get("/admin/plans/fresh/design/").content.decode()
    client.post("/admin/plans/fresh/design/act/", {"op": "add", "kind": "end", "revision": 1})
    problems = [problem.message for problem in queries.review(models.PlanDraft.objects.get().body, "fresh").problems]
    assert problems == []


def test_a_document_is_imported_under_its_own_key(as_person: Any) -> None:
    file = SimpleUploadedFile("plan.json", json.dumps(document("imported", meta={"title": "Ünlü"})).encode())
    answer = as_person("eve", "edit_plan").post("/admin/plans/new/", {"file": file})
    assert answer["Location"] == "/admin/plans/imported/design/"
    assert models.Plan.objects.get().title == "Ünlü"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "Give the plan a key"),
        ({"key": "trial"}, "already a plan &quot;trial&quot;"),
        ({"key": "No Key"}, "Use lower-case letters"),
        ({"key": "templates"}, "is reserved"),
        ({"file": SimpleUploadedFile("a.json", b'{\n "key" 1}')}, "line 2 column 8"),
        ({"file": SimpleUploadedFile("a.json", b"\xff{}")}, "Byte 1 is not UTF-8"),
        ({"file": SimpleUploadedFile("a.json", b" " * 262_145)}, "longer than 256 KiB"),
        ({"file": SimpleUploadedFile("a.json", b'{"steps": {}}')}, "is not allowed here"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:20],
)
def test_a_new_plan_that_cannot_be_is_answered_with_422(as_person: Any, sent: dict[str, Any], said: str) -> None:
    make_draft()
    answer = as_person("eve", "edit_plan").post("/admin/plans/new/", sent)
    assert (answer.status_code, said in answer.content.decode()) == (422, True)
    assert models.Plan.objects.count() == 1


def test_a_template_is_previewed_and_never_becomes_html(as_person: Any) -> None:
    make_template(body="<b>{{ full_name }}</b> {{ attr_tier }}")
    page = as_person("eve", "view_template").get("/admin/plans/templates/hello/1/").content.decode()
    assert "&lt;b&gt;Ada Lovelace&lt;/b&gt; (tier)" in page
    assert "&lt;b&gt;{{ full_name }}&lt;/b&gt;" in page


def test_a_template_is_published_from_the_page(as_person: Any) -> None:
    make_template()
    client = as_person("eve", "edit_plan", "view_template")
    assert "Hi {{ first_name }}" in client.get("/admin/plans/templates/new/?from=hello@1").content.decode()
    sent = {"key": "hello", "channel": "email", "subject": "New", "body": "a\r\nb"}
    assert client.post("/admin/plans/templates/new/", sent)["Location"] == "/admin/plans/templates/hello/2/"
    assert models.TemplateVersion.objects.get(number=2).body == "a\nb"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"body": "{{ nope }}"}, "does not exist"),
        ({"subject": ""}, "An email has a subject"),
        ({"key": "A"}, "is not allowed"),
    ],
)
def test_a_template_with_faults_is_answered_with_422(as_person: Any, change: dict[str, str], said: str) -> None:
    sent = {"key": "hello", "channel": "email", "subject": "New", "body": "text"} | change
    answer = as_person("eve", "edit_plan").post("/admin/plans/templates/new/", sent)
    assert (answer.status_code, said in answer.content.decode()) == (422, True)


def test_text_in_a_plan_never_becomes_html(as_person: Any) -> None:
    make_version(meta={"title": "<script>x</script>", "description": "<b>"})
    publish(meta={"title": "<script>y</script>"}, seconds=90)
    client = as_person("eve", *RIGHTS)
    for address in ("/admin/plans/", "/admin/plans/trial/", "/admin/plans/trial/v/1/", "/admin/plans/trial/draft/"):
        page = client.get(address).content.decode()
        assert "<script>x" not in page
        assert "<script>y" not in page
