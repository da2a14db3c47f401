"""The designer without a browser: its page, its gestures as plain forms, and the moving parts for htmx."""

import json
from typing import Any

import pytest
from django.test import Client

from plans import drafts, models
from tests.integration.plans.world import ANN, DAN, document, make_draft

pytestmark = pytest.mark.django_db

URL = "/admin/plans/trial/design/"
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def draft() -> models.PlanDraft:
    return make_draft()


@pytest.fixture
def designer(as_person: Any) -> Client:
    found: Client = as_person("eve", "view_plan", "edit_plan")
    return found


@pytest.fixture
def viewer(as_person: Any) -> Client:
    found: Client = as_person("vera", "view_plan")
    return found


def act(client: Client, op: str, *, revision: int = 1, htmx: bool = False, **fields: Any) -> Any:
    return client.post(f"{URL}act/", {"op": op, "revision": revision, **fields}, **(HTMX if htmx else {}))


def stored() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(models.PlanDraft.objects.get().body)
    return found


@pytest.mark.usefixtures("draft")
def test_the_page_shows_canvas_panel_checks_and_list(designer: Client) -> None:
    page = designer.get(URL).content.decode()
    for name in stored()["steps"]:
        assert f'data-step="{name}"' in page and f'href="{URL}?step={name}"' in page
    assert "ready for review" in page and "The plan" in page


@pytest.mark.usefixtures("draft")
def test_a_card_leads_to_the_panel_of_its_step(designer: Client) -> None:
    assert 'aria-label="Step pause"' in designer.get(f"{URL}?step=pause").content.decode()
    assert 'aria-label="Step pause"' in designer.get(f"{URL}panel/?step=pause").content.decode()
    assert 'aria-label="Plan"' in designer.get(f"{URL}?step=nobody").content.decode()


@pytest.mark.usefixtures("draft")
def test_a_gesture_without_a_script_leads_back_to_the_page_and_says_what_was_done(designer: Client) -> None:
    answer = designer.post(f"{URL}act/", {"op": "add", "kind": "end", "revision": 1}, follow=True)
    assert answer.redirect_chain == [(f"{URL}?step=end", 302)]
    assert "Added end." in answer.content.decode()


@pytest.mark.usefixtures("draft")
def test_a_gesture_by_htmx_is_answered_with_the_moving_parts(designer: Client) -> None:
    answer = act(designer, "add", htmx=True, kind="end").content.decode()
    for part in ("tools", "panel", "checks", "list", "said", "notice"):
        assert f'id="designer-{part}"' in answer
    assert 'data-rev="2"' in answer and "<html" not in answer


@pytest.mark.usefixtures("draft")
def test_moving_a_card_sends_the_canvas_alone(designer: Client) -> None:
    answer = act(designer, "move", htmx=True, step="pause", x=8, y=16).content.decode()
    assert 'data-x="8"' in answer and 'id="designer-list"' not in answer


@pytest.mark.usefixtures("draft")
def test_undo_and_redo_are_gestures_too(designer: Client) -> None:
    act(designer, "remove", step="pause")
    assert "pause" not in stored()["steps"]
    act(designer, "undo", revision=2)
    assert stored() == document("trial")
    act(designer, "redo", revision=3)
    assert "pause" not in stored()["steps"]


@pytest.mark.usefixtures("draft")
def test_a_form_changes_its_step(designer: Client) -> None:
    name = next(name for name, body in document("trial")["steps"].items() if body["kind"] == "wait")
    act(designer, "put", step=name, **{"seconds~n": "3", "seconds~unit": "days"})
    assert stored()["steps"][name]["seconds"] == 259_200


@pytest.mark.usefixtures("draft")
def test_an_outcome_may_lead_to_a_new_step(designer: Client) -> None:
    act(designer, "put", step="pause", **{"on/completed": "+task"})
    assert stored()["steps"]["pause"]["on"] == {"completed": "task"}
    assert stored()["steps"]["task"]["kind"] == "task"


@pytest.mark.usefixtures("draft")
def test_what_a_form_cannot_mean_is_said_beside_its_field_and_changes_nothing(designer: Client) -> None:
    answer = act(designer, "put", step="pause", **{"seconds~n": "soon", "seconds~unit": "days"})
    assert answer.status_code == 422
    assert 'value="soon"' in answer.content.decode()
    assert stored() == document("trial")


@pytest.mark.usefixtures("draft")
def test_a_form_that_is_refused_as_a_whole_says_why(designer: Client) -> None:
    body = document("trial")
    body["steps"] |= {f"s{n}": {"kind": "end", "result": "finished"} for n in range(498)}
    drafts.save_text(plan_key="trial", body=json.dumps(body), expected_revision=1, actor=DAN)
    answer = act(designer, "put", revision=2, htmx=True, step="pause", **{"on/completed": "+task"})
    assert answer.status_code == 422
    assert "Nothing was changed. A plan has at most 500 steps" in answer.content.decode()


@pytest.mark.usefixtures("draft")
@pytest.mark.parametrize(
    ("op", "fields", "says"),
    [
        ("dance", {}, "nothing that can be done"),
        ("add", {"kind": "dance"}, "is not a kind of step"),
        ("remove", {"step": "nobody"}, "There is no step"),
        ("move", {"step": "pause", "x": "far", "y": "1"}, "two numbers"),
        ("move", {"step": "pause", "x": "1e400", "y": "1"}, "two numbers"),
        ("move", {"step": "pause", "x": "nan", "y": "1"}, "two numbers"),
        ("paste", {"text": "hello"}, "holds no step"),
        ("redo", {}, "nothing to redo"),
    ],
)
def test_a_gesture_that_means_nothing_is_refused_with_a_sentence(
    designer: Client, op: str, fields: dict[str, str], says: str
) -> None:
    answer = act(designer, op, htmx=True, **fields)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert stored() == document("trial")


@pytest.mark.usefixtures("draft")
@pytest.mark.parametrize("revision", ["7", "", "x", "²", "9" * 30])
def test_a_stale_gesture_names_who_was_faster_and_shows_the_draft_as_it_is(designer: Client, revision: str) -> None:
    drafts.save_text(plan_key="trial", body=json.dumps({"steps": {"theirs": {}}}), expected_revision=1, actor=ANN)
    answer = act(designer, "add", htmx=True, revision=revision, kind="end")  # type: ignore[arg-type]
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "changed this draft after you opened it" in page and "theirs" in page and 'data-rev="2"' in page


@pytest.mark.usefixtures("draft")
def test_a_text_that_is_no_object_is_not_drawn_and_says_where_to_mend_it(designer: Client) -> None:
    drafts.save_text(plan_key="trial", body="[", expected_revision=1, actor=DAN)
    page = designer.get(URL).content.decode()
    assert "Nothing can be drawn" in page and "/admin/plans/trial/draft/" in page


@pytest.mark.usefixtures("draft")
def test_a_step_that_cannot_be_read_is_in_the_list_and_can_be_removed(designer: Client) -> None:
    body = {**document("trial"), "steps": {**document("trial")["steps"], "odd": {"kind": "dance"}}}
    drafts.save_text(plan_key="trial", body=json.dumps(body), expected_revision=1, actor=DAN)
    assert "cannot be read" in designer.get(URL).content.decode()
    act(designer, "remove", revision=2, step="odd")
    assert stored() == document("trial")


def test_a_draft_is_submitted_as_it_was_seen(designer: Client) -> None:
    make_draft()
    assert designer.post(f"{URL}publish/", {"revision": 7}).status_code == 409
    answer = designer.post(f"{URL}publish/", {"revision": 1})
    assert answer.status_code == 302
    assert models.PlanVersion.objects.get().number == 1


@pytest.mark.usefixtures("draft")
def test_a_draft_with_problems_is_not_submitted(designer: Client) -> None:
    act(designer, "add", kind="send_email")
    answer = designer.post(f"{URL}publish/", {"revision": 2})
    assert answer.status_code == 422 and "Mend what the checks say first" in answer.content.decode()
    assert not models.PlanVersion.objects.exists()


@pytest.mark.usefixtures("draft")
def test_only_who_may_edit_plans_sees_the_designer(viewer: Client) -> None:
    for url in (URL, f"{URL}panel/"):
        assert viewer.get(url).status_code == 403
    for url in (f"{URL}act/", f"{URL}publish/"):
        assert viewer.post(url).status_code == 403


@pytest.mark.usefixtures("draft")
def test_the_number_of_queries_does_not_grow_with_the_plan(
    designer: Client, django_assert_max_num_queries: Any
) -> None:
    body = document("trial")
    body["steps"] |= {f"s{n}": {"kind": "wait", "seconds": 1, "on": {"completed": "done"}} for n in range(150)}
    drafts.save_text(plan_key="trial", body=json.dumps(body), expected_revision=1, actor=DAN)
    designer.get(URL)
    with django_assert_max_num_queries(30):
        designer.get(URL)
