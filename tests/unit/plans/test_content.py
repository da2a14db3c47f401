"""Templates are filled in once, strictly, and know no logic."""

import pytest

from plans import content


def test_variables_are_listed_once_in_order() -> None:
    assert content.variables("{{ b }} {{a}} {{\tb }} {{ attr_tier }}") == ["b", "a", "attr_tier"]


def test_rendering_fills_in_every_variable() -> None:
    assert content.render("Dear {{ first_name }}{{x}}!", {"first_name": "Ann", "x": ""}) == "Dear Ann!"


def test_rendering_happens_once() -> None:
    assert content.render("{{ a }}", {"a": "{{ b }} \\1", "b": "no"}) == "{{ b }} \\1"


def test_an_undefined_variable_is_an_error() -> None:
    with pytest.raises(content.Undefined) as caught:
        content.render("{{ first_name }} {{ attr_tier }}", {"first_name": "Ann"})
    assert caught.value.name == "attr_tier"


@pytest.mark.parametrize("text", ["", "plain", "{ x }", "{{ first_name }}", "{{attr_anything}}", "100 % {a}"])
def test_good_text_has_no_faults(text: str) -> None:
    assert content.faults(text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hi {{ First }}", "is no variable"),
        ("Hi {{ first name }}", "is no variable"),
        ("Hi {{ first_name", "is no variable"),
        ("Hi }}", "is no variable"),
        ("{% if x %}", "is no variable"),
        ("{{ first_name|upper }}", "is no variable"),
        ("{{ name }}", 'The variable "name" does not exist; use one of first_name'),
        ("{{ attr_ }}", 'The variable "attr_" does not exist'),
    ],
)
def test_a_fault_is_said(text: str, said: str) -> None:
    (fault,) = content.faults(text)
    assert said in fault


def test_undeclared_attributes_are_found() -> None:
    assert content.undeclared(["email", "attr_tier", "attr_x"], {"tier"}) == ["attr_x"]
