"""Is a kept difference enough to go back and forth between two drafts?"""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.designing import delta

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@given(VALUES, VALUES)
def test_a_difference_leads_from_one_value_to_the_other_and_back(before: Any, after: Any) -> None:
    kept = copy.deepcopy(before)
    found = json.loads(json.dumps(delta.difference(before, after)))  # as it is stored
    assert text(delta.apply(found, before)) == text(after)
    assert text(delta.apply(delta.inverse(found), after)) == text(before)
    assert text(before) == text(kept)


@given(VALUES)
def test_equal_values_have_no_difference(value: Any) -> None:
    assert delta.difference(value, copy.deepcopy(value)) == []


def test_one_changed_field_is_one_small_place() -> None:
    before = {"steps": {"mail": {"kind": "wait", "seconds": 1}, "other": {"kind": "end"}}}
    after = {"steps": {"mail": {"kind": "wait", "seconds": 2}, "other": {"kind": "end"}}}
    assert delta.difference(before, after) == [{"at": ["steps", "mail", "seconds"], "was": 1, "is": 2}]


@pytest.mark.parametrize(("before", "after"), [({"a": 1}, {"a": True}), ({"a": [0]}, {"a": [False]}), (0, False)])
def test_true_is_not_one(before: Any, after: Any) -> None:
    assert delta.difference(before, after) != []


@pytest.mark.parametrize(
    ("start", "end", "elsewhere"),
    [
        ({"a": 1}, {"a": 2}, {"a": 3}),
        ({"a": 1}, {"a": 2}, {}),
        ({"a": 1}, {}, {"a": 3}),
        ({}, {"a": 1}, {"a": 1}),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, {"a": 5}),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, {}),
        (1, 2, 3),
        ({"a": 1}, {"a": 2}, 7),
    ],
)
def test_a_difference_does_not_apply_to_what_it_does_not_start_from(start: Any, end: Any, elsewhere: Any) -> None:
    with pytest.raises(delta.DoesNotApply):
        delta.apply(delta.difference(start, end), elsewhere)
