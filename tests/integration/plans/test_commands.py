"""`load_plan` and `export_plan`: what goes in comes out byte for byte, and what is wrong is said line by line."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from plans import document, models
from tests.integration.plans.world import HELLO, MAIL, make_draft
from tests.integration.plans.world import document as plan_document
from tests.unit.plans.documents import DONE, minimal

pytestmark = pytest.mark.django_db

SAMPLES = sorted((Path(__file__).parents[3] / "plans" / "samples").glob("*.json"))


def load(path: Path, content: Any) -> str:
    """Load a file with this content (text, or a value to be written as JSON); return what is printed."""
    out = StringIO()
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
    call_command("load_plan", str(path), stdout=out)
    return out.getvalue()


def exported(key: str, *more: str) -> str:
    out = StringIO()
    call_command("export_plan", key, *more, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_loads_once_and_then_changes_nothing(path: Path, tmp_path: Path) -> None:
    first = load(tmp_path / "a.json", path.read_text())
    second = load(tmp_path / "a.json", path.read_text())
    assert f"{path.stem} v1: active with hash" in first
    assert second.count("nothing changed") == len(second.splitlines())
    assert models.Plan.objects.get(key=path.stem).versions.count() == 1


def test_an_export_is_the_canonical_document_and_comes_back_byte_for_byte(tmp_path: Path) -> None:
    whole = plan_document(meta={"title": "Größe", "description": "two\nlines"})
    load(tmp_path / "a.json", whole)
    text = exported("trial")
    assert text == document.canonical(whole)
    assert "nothing changed" in load(tmp_path / "b.json", text)
    call_command("export_plan", "trial", "-o", str(tmp_path / "c.json"))
    assert (tmp_path / "c.json").read_bytes() == text.encode()


def test_an_earlier_version_can_be_exported(tmp_path: Path) -> None:
    load(tmp_path / "a.json", plan_document(seconds=60))
    load(tmp_path / "a.json", plan_document(seconds=90))
    assert '"seconds":60' in exported("trial", "--version-number", "1")
    assert '"seconds":90' in exported("trial")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent"], 'no plan "absent"'),
        (["trial"], "no active version"),
        (["trial", "--version-number", "4"], "no version 4"),
    ],
)
def test_an_export_of_nothing_says_so(arguments: list[str], said: str) -> None:
    make_draft()
    with pytest.raises(CommandError, match=said):
        exported(*arguments)


def test_a_template_alone_can_be_loaded(tmp_path: Path) -> None:
    assert load(tmp_path / "a.json", HELLO) == "hello@1: published\n"
    assert load(tmp_path / "a.json", HELLO) == "hello@1: already published, nothing changed\n"


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ('{\n  "schema": "dee.plan/1"\n  "key": 1}', ["a.json: /: ", "line 3 column 3: Expecting"]),
        ([HELLO, {**HELLO, "body": ""}], ["a.json: /1/body: The text is empty"]),
        (
            minimal({"mail": {**MAIL, "on": {"sent": "dnoe"}, "x": 1}, "done": DONE}, purpose="?"),
            [
                "a.json: /purpose: ",
                "a.json: /steps/mail/x: ",
                'a.json: /steps/mail/on/sent: "dnoe" is not a step',
                "a.json: /steps/done: ",
            ],
        ),
        ("[]" * 200_000, ["a.json: /: ", "the text is longer than 262144 bytes"]),
        ({"schema": "dee.policy/1"}, ["a.json: /schema: This is not a plan document"]),
    ],
    ids=["syntax", "list", "plan", "size", "other schema"],
)  # fmt: skip
def test_every_problem_stands_on_its_own_line_and_nothing_changes(
    tmp_path: Path, content: Any, lines: list[str]
) -> None:
    with pytest.raises(CommandError) as caught:
        load(tmp_path / "a.json", content)
    said = str(caught.value).splitlines()
    for line in lines:
        assert any(line in each for each in said), said
    assert all(each.startswith(str(tmp_path)) for each in said[:-1])
    assert said[-1] == "Nothing was changed."
    assert not models.Plan.objects.exists()
    assert not models.Template.objects.exists()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("load_plan", str(tmp_path / "absent.json"))
    (tmp_path / "latin.json").write_bytes(b'{"key": "\xfc"}')
    with pytest.raises(CommandError, match="byte 10 is not UTF-8"):
        call_command("load_plan", str(tmp_path / "latin.json"))
