"""The pages show every kind of step: in the picture, in the list, in the editor, and with what a send requires."""

import json
from typing import Any

import pytest

from plans import document, operations, step_reading, steps, written
from tests.integration.plans.world import DAN, HELLO, SCRIPT
from tests.unit.plans.documents import ASKED, asked

pytestmark = pytest.mark.django_db
RIGHTS = ("view_plan", "edit_plan")


@pytest.fixture
def installed() -> str:
    """Publish the plan of the other kinds; return its key."""
    templates = [{**HELLO, "key": "notice"}, {**HELLO, "key": "notice", "body": "Once more"}, SCRIPT]
    for template in templates:
        operations.publish_template(text=json.dumps(template), actor=DAN)
    operations.install_plan(text=json.dumps(asked()), actor="cli")
    return "asked"


def page(as_person: Any, address: str) -> str:
    return str(as_person("eve", *RIGHTS).get(address).content.decode())


def test_a_version_lists_what_each_kind_does(as_person: Any, installed: str) -> None:
    shown = page(as_person, f"/admin/plans/{installed}/v/1/")
    for said in (
        "wait until", "09:05 Mon, Tue, Fri, local time",
        "record opt-out", "no more email and voice",
        "Look whether they paid", "A person has 1 day for it.", "Open the account.\nLook.",
        'mail <span class="muted">(3 of 4)</span>', 'voice <span class="muted">(1 of 4)</span>',
        "Only if not (replied of mail); asked at the gate.", "Fails when it is more than 1 h late.",
    ):  # fmt: skip
        assert said in shown


@pytest.mark.parametrize("where", ["", "v/1/", "draft/"])
def test_the_picture_has_a_card_for_each_kind(as_person: Any, installed: str, where: str) -> None:
    shown = page(as_person, f"/admin/plans/{installed}/{where}")
    for kind in ("split", "wait_until", "task", "record_opt_out"):
        assert f"dg-card dg-{kind} " in shown
    assert shown.count(">only if</text>") == 1


def test_the_editor_says_what_may_be_written_for_each_kind(as_person: Any, installed: str) -> None:
    shown = page(as_person, f"/admin/plans/{installed}/draft/")
    for kind in steps.Kind:
        assert f"<code>{kind}</code>" in shown
    for required, optional in step_reading.STEP_KEYS.values():
        for key in (*required, *optional):
            assert f'<code class="muted">{key}</code>' in shown
    for said in ("1 to 10 words of yours, and timeout", "the names of its arms"):
        assert said in shown


def test_a_document_is_laid_out_as_people_write_it() -> None:
    laid_out = written.laid_out(document.canonical(ASKED))
    found = json.loads(laid_out)
    assert list(found["steps"]["check"]) == ["kind", "title", "instructions", "timeout_s", "on"]
    assert list(found["steps"]["morning"]) == ["kind", "time", "days", "on"]
    assert list(found["steps"])[:2] == ["ask", "mail"]
    assert document.canonical(found) == document.canonical(ASKED)


def test_what_a_task_says_never_becomes_html(as_person: Any, installed: str) -> None:
    whole = asked()
    whole["steps"]["check"] |= {"title": "<b>bold</b>", "instructions": "<script>x</script>"}
    operations.install_plan(text=json.dumps(whole), actor="cli")
    shown = page(as_person, f"/admin/plans/{installed}/v/2/")
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown
    assert "&lt;script&gt;x&lt;/script&gt;" in shown
    assert "<script>x" not in shown
