"""The canonical form: one value, one text; everything else is refused with its place."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit import canon

texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
keys = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
scalars = st.none() | st.booleans() | st.integers(-canon.MAX_INT, canon.MAX_INT) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4))


@given(values)
def test_encoding_equals_the_rfc_8785_reference(value: object) -> None:
    assert canon.encode(value).encode() == rfc8785.dumps(value)


@given(values)
def test_what_was_encoded_decodes_to_the_same_value_and_the_same_bytes(value: object) -> None:
    text = canon.encode(value)
    assert canon.decode(text) == value
    assert canon.encode(canon.decode_exact(text)) == text


@given(st.dictionaries(keys, scalars, min_size=1, max_size=5))
def test_the_order_of_keys_in_memory_changes_nothing(value: dict[str, object]) -> None:
    assert canon.encode(dict(reversed(list(value.items())))) == canon.encode(value)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": 1.0}, "/a"),
        ({"a": [0, 2**53]}, "/a/1"),
        ({"a": -(2**53)}, "/a"),
        ({"A": 1}, "'A'"),
        ({"a-b": 1}, "'a-b'"),
        ({1: 1}, "'1'"),
        ({"a": "x\x00"}, "0000"),
        ({"a": "\ud800"}, "surrogate"),
        ({"a": b"x"}, "bytes"),
        ({"a": {1, 2}}, "set"),
    ],
)
def test_a_value_outside_the_profile_is_refused_with_its_place(value: object, where: str) -> None:
    with pytest.raises(canon.NotCanonical, match=where):
        canon.encode(value)


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def test_sixteen_levels_are_allowed_and_seventeen_are_not() -> None:
    canon.encode(nested(16))
    with pytest.raises(canon.NotCanonical, match="deeper than 16"):
        canon.encode(nested(17))
    with pytest.raises(canon.NotCanonical, match="deeper"):
        canon.decode("[" * 5000 + "]" * 5000)


def test_sixteen_kibibytes_are_allowed_and_one_byte_more_is_not() -> None:
    canon.encode("x" * (16 * 1024 - 2))
    for text in ("x" * (16 * 1024 - 1), "é" * (8 * 1024)):
        with pytest.raises(canon.NotCanonical, match="longer than 16384 bytes"):
            canon.encode(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a":1,"a":1}', "twice"),
        ('{"a":1.0}', "not an integer"),
        ('{"a":1e2}', "not an integer"),
        ('{"a":NaN}', "not a JSON value"),
        ('{"a":-Infinity}', "not a JSON value"),
        ('{"a":-0}', "-0"),
        ('{"a":9007199254740992}', "outside"),
        ('{"a":99999999999999999999999}', "outside"),
        ('{"a":1', "line 1 column"),
        ('{\n "a": }', "line 2 column 7"),
        ("", "line 1 column 1"),
        ('{"a":"\\u0000"}', "U\\+0000"),
        ('{"a":"\\ud800"}', "surrogate"),
        ("\ufeff{}", "line 1"),
    ],
)
def test_hostile_json_is_refused(text: str, why: str) -> None:
    with pytest.raises(canon.NotCanonical, match=why):
        canon.decode(text)


@pytest.mark.parametrize("text", ['{"b":1,"a":2}', '{"a": 1}', '{"a":"\\u0041"}', '{"a":"\\/"}', '{"a":1}\n'])
def test_valid_json_in_another_form_is_not_canonical(text: str) -> None:
    canon.decode(text)
    with pytest.raises(canon.NotCanonical, match="not in canonical form"):
        canon.decode_exact(text)


def test_composed_and_decomposed_letters_stay_different() -> None:
    assert canon.encode("é") != canon.encode("e\u0301")


def test_a_document_may_be_keyed_by_step_names() -> None:
    assert canon.encode({"wait-3-days": 1}, canon.DOCUMENT) == json.dumps({"wait-3-days": 1}, separators=(",", ":"))
