"""A template document is one message or call script, or everything wrong with it is said."""

import hashlib
import json
from typing import Any

import pytest

from plans import template_document
from plans.document import Invalid

WELCOME = {
    "schema": "dee.template/1",
    "key": "welcome",
    "channel": "email",
    "subject": "Hello {{ first_name }}",
    "body": "Dear {{ full_name }},\nyou are {{ attr_tier }}.",
}
SCRIPT = {**WELCOME, "channel": "voice", "subject": ""}


def test_a_good_document_is_a_template() -> None:
    found = template_document.parse(json.dumps(WELCOME, indent=2))
    assert (found.key, found.channel, found.subject, found.body) == (
        "welcome", "email", WELCOME["subject"], WELCOME["body"],
    )  # fmt: skip
    assert found.variables == ("first_name", "full_name", "attr_tier")
    assert found.text == json.dumps(WELCOME, sort_keys=True, separators=(",", ":"))
    assert found.hash == hashlib.sha256(b"dee.template/1\n" + found.text.encode()).hexdigest()


def test_a_script_has_no_subject() -> None:
    assert template_document.parse(json.dumps(SCRIPT)).channel == "voice"


def test_write_gives_the_canonical_document() -> None:
    parts = {name: value for name, value in WELCOME.items() if name != "schema"}
    assert template_document.write(**parts) == template_document.parse(json.dumps(WELCOME)).text


@pytest.mark.parametrize(
    ("change", "pointer", "said"),
    [
        ({"schema": "dee.plan/1"}, "/schema", "not a template document"),
        ({"key": "Welcome"}, "/key", "is not allowed here"),
        ({"channel": "sms"}, "/channel", "one of email, voice"),
        ({"subject": " "}, "/subject", "An email has a subject"),
        ({"subject": "a\nBcc: x"}, "/subject", "control character U+000A"),
        ({"subject": "x" * 201}, "/subject", "201 characters"),
        ({"subject": "{{ nope }}"}, "/subject", '"nope" does not exist'),
        ({"body": ""}, "/body", "The text is empty"),
        ({"body": "a\u0007"}, "/body", "control character U+0007"),
        ({"body": "{% now %}"}, "/body", "is no variable"),
        ({"body": 7}, "/body", "This must be a text."),
        ({"channel": "voice"}, "/subject", "A call has no subject"),
        ({"cc": "x"}, "/cc", "Remove the unknown key"),
    ],
)
def test_a_fault_is_named_with_its_place(change: dict[str, Any], pointer: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        template_document.parse(json.dumps({**WELCOME, **change}))
    assert [problem.pointer for problem in caught.value.problems if said in problem.message] == [pointer]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"schema":"dee.template/1"}'])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        template_document.parse(text)
