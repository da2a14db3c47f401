"""When are two addresses the same, and what is a contact's field?"""

import pytest

from policies import addresses, contact_fields


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        (" Ada.Lovelace@Example.COM ", "ada.lovelace@example.com"),
        ("ada+bounce@example.com", "ada+bounce@example.com"),
        ("ADA@MU\u0308NCHEN.example", "ada@m\u00fcnchen.example"),
        ("+1 (212) 555-0100", "+12125550100"),
    ],
)
def test_normal_forms(typed: str, normal: str) -> None:
    assert addresses.normal(typed) == normal
    assert addresses.normal(normal) == normal


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example",
        "a b@example.com",
        "a@b@c.com",
        "ada@ex..com",
        "212 555 0100",
        "+1",
        "Ada <ada@example.com>",
        "ada@example.com\nbcc: x@example.com",
        "+12125550100 ext. 5",
        "x" * 300 + "@example.com",
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(addresses.BadAddress, match="write it"):
        addresses.normal(typed)


def test_a_country_completes_a_national_number() -> None:
    assert addresses.normal_phone("020 7946 0000", "GB") == "+442079460000"


def test_masks_hide_the_person_and_keep_the_kind() -> None:
    assert addresses.masked("ada@example.com") == "a•••@example.com"
    assert addresses.masked("+12125550100") == "+1•••••00"
    assert addresses.masked("") == ""


def test_all_bad_fields_come_at_once() -> None:
    with pytest.raises(contact_fields.Invalid) as caught:
        contact_fields.read(
            {
                "email": "x",
                "phone": "y",
                "zone": "Mars",
                "country": "USA",
                "first_name": "a\x00",
                "attributes": {"A": 1},
            }
        )
    assert set(caught.value.problems) == {"email", "phone", "zone", "country", "first_name", "attributes"}


@pytest.mark.parametrize(
    "attributes", [{"a": 1.5}, {"a": None}, {"a": [1]}, {"a-b": 1}, {"a": 2**60}, {"a": "x" * 501}, [1]]
)
def test_attributes_are_whole_numbers_texts_and_truths(attributes: object) -> None:
    with pytest.raises(contact_fields.Invalid):
        contact_fields.read({"attributes": attributes})


def test_attributes_fit_into_one_entry() -> None:
    with pytest.raises(contact_fields.Invalid, match="bytes"):
        contact_fields.read({"attributes": {f"a{n}": "x" * 500 for n in range(20)}})


@pytest.mark.parametrize(
    ("ref", "good"), [("c-1001", True), ("00Q5g00000XyZ", True), ("a b", False), ("", False), ("a/b", False)]
)
def test_references_are_plain_words(ref: str, good: bool) -> None:
    if good:
        assert contact_fields.read_ref(f" {ref} ") == ref
    else:
        with pytest.raises(contact_fields.Invalid):
            contact_fields.read_ref(ref)
