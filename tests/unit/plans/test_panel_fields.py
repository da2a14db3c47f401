"""What the inputs of a field hold for a value, and what value they say."""

from typing import Any

import pytest

from plans.panel import codecs
from plans.panel.codecs import Number, Option, Seconds, Text, Tick, Time, Unreadable, choice, ticks
from plans.panel.paths import ABSENT, get, ident, put
from plans.panel.words import Word
from plans.reading import WORD, WORD_RULE

WEEK = [Option(str(day), str(day), day) for day in range(1, 8)]
STEPS = [Option("mail", "mail", "mail"), Option("no", "no", "no", refused="Not now.")]


@pytest.mark.parametrize(
    ("seconds", "number", "unit"),
    [
        (0, "0", "seconds"),
        (59, "59", "seconds"),
        (60, "1", "minutes"),
        (5400, "90", "minutes"),
        (7200, "2", "hours"),
        (259_200, "3", "days"),
        (1_209_600, "2", "weeks"),
    ],
)
def test_a_duration_is_shown_in_the_largest_unit_that_divides_it(seconds: int, number: str, unit: str) -> None:
    assert Seconds().show(seconds) == ((number,), (unit,))
    assert Seconds().read(((number,), (unit,)), ABSENT) == seconds


@pytest.mark.parametrize(
    ("number", "unit", "sentence"),
    [
        ("abc", "days", "Write a whole number; for a day and a half, write 36 hours."),
        ("1.5", "days", "Write a whole number; for a day and a half, write 36 hours."),
        ("", "days", "Write a whole number; for a day and a half, write 36 hours."),
        ("-1", "days", "That is no length of time; write a whole number from 0."),
        ("9" * 14, "weeks", "That is no length of time; write a whole number from 0."),
        ("1", "years", '"years" is no unit; choose one of weeks, days, hours, minutes, seconds.'),
    ],
)
def test_what_is_no_duration_is_refused(number: str, unit: str, sentence: str) -> None:
    with pytest.raises(Unreadable) as refused:
        Seconds().read(((number,), (unit,)), 60)
    assert str(refused.value) == sentence


def test_a_unit_alone_says_nothing_yet() -> None:
    assert Seconds().read((("",), ("hours",)), ABSENT) is ABSENT
    assert Seconds().read((("",), ("hours",)), "junk") == "junk"


def test_a_duration_that_may_be_left_out_is_left_out_when_empty() -> None:
    assert Seconds(optional=True).read((("",), ("days",)), 60) is ABSENT


@pytest.mark.parametrize("junk", ["x", -1, True, None, [], {}, ABSENT])
def test_what_is_no_duration_is_shown_as_none(junk: Any) -> None:
    assert Seconds().show(junk) == (("",), ("days",))


@pytest.mark.parametrize(("typed", "value"), [("3", 3), (" -12 ", -12), ("+4", 4), ("-0", 0)])
def test_a_number_may_have_a_sign_and_blanks_around_it(typed: str, value: int) -> None:
    assert Number().read(((typed,),), 0) == value


@pytest.mark.parametrize("typed", ["", "x", "1.0", "1,000", "9" * 17, "9007199254740992", "٣"])
def test_what_is_no_whole_number_of_a_document_is_refused(typed: str) -> None:
    with pytest.raises(Unreadable, match=r"Write a whole number, such as 3\."):
        Number().read(((typed,),), 0)


@pytest.mark.parametrize(("typed", "value"), [("09:00", "09:00"), ("09:00:00", "09:00"), (" 23:59 ", "23:59")])
def test_a_time_of_day_is_hours_and_minutes(typed: str, value: str) -> None:
    assert Time().read(((typed,),), "") == value


@pytest.mark.parametrize("typed", ["", "24:00", "9:00", "09:60", "09:00:30", "noon"])
def test_what_is_no_time_of_day_is_refused(typed: str) -> None:
    with pytest.raises(Unreadable, match=r"Write hours and minutes from 00:00 to 23:59, such as 09:00\."):
        Time().read(((typed,),), "09:00")


def test_a_text_is_written_in_one_form_of_unicode() -> None:
    assert Text().read((("Pru\u0308fe ",),), "") == "Pr\u00fcfe "
    assert Text(strip=True).read(((" won ",),), "") == "won"


@pytest.mark.parametrize("typed", ["a\x00b", "a\ud800b"])
def test_a_text_that_no_document_can_keep_is_refused(typed: str) -> None:
    with pytest.raises(Unreadable, match="a character that no document can keep"):
        Text().read(((typed,),), "")


def test_an_empty_text_is_left_out_where_it_may_be() -> None:
    assert Text(optional=True).read((("",),), "x") is ABSENT
    assert Text().read((("",),), "x") == ""


def test_browsers_line_ends_are_those_of_documents() -> None:
    assert codecs.cleaned(["one\r\ntwo\rthree"], "textarea") == ("one\ntwo\nthree",)
    assert Text(lines=True).show("one\r\ntwo") == (("one\ntwo",),)
    assert Text().show("one\ntwo") == (("onetwo",),)


@pytest.mark.parametrize(
    ("value", "token", "text"),
    [
        ("mail", "mail", "mail"),
        ("gone", "gone", "gone (no such step)"),
        (["x"], "~", "(A list)"),
        (ABSENT, "", "Choose…"),
        ("", "", "Choose…"),
    ],
)
def test_what_stands_in_the_document_is_among_the_options(value: Any, token: str, text: str) -> None:
    made = choice(STEPS, value, missing="no such step")

    assert made.show(value) == ((token,),)
    assert [option.text for option in made.options if option.token == token] == [text]


def test_a_choice_of_none_is_offered_where_there_may_be_none() -> None:
    assert choice(STEPS, "mail", blank="(nowhere yet)").read((("",),), "mail") is ABSENT
    assert choice(STEPS, "mail", blank="(nowhere yet)", none="").read((("",),), "mail") == ""


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("gone", "That is not on offer any more; choose one of the list."),
        ("", "That is not on offer any more; choose one of the list."),
        ("no", "Not now."),
    ],
)
def test_what_is_not_on_offer_is_refused(token: str, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        choice(STEPS, "mail").read(((token,),), "mail")


def test_true_is_not_the_number_one() -> None:
    made = choice([Option("true", "yes", True), Option("false", "no", False)], 1)

    assert made.show(1) == (("~",),)


def test_a_tick_says_true_or_nothing() -> None:
    assert (Tick().show(True), Tick().show(False), Tick().show("x")) == ((("on",),), ((),), ((),))
    assert Tick().read((("on",),), ABSENT) is True
    assert Tick().read(((),), True) is ABSENT


def test_every_day_is_said_by_leaving_the_days_out() -> None:
    made = ticks(WEEK, ABSENT, whole=True)

    assert made.show(ABSENT) == (("1", "2", "3", "4", "5", "6", "7"),)
    assert made.read((("7", "1"),), ABSENT) == [1, 7]
    assert made.read((tuple("1234567"),), [1]) is ABSENT
    assert made.read(((),), [1]) == []


def test_what_a_list_holds_beside_the_options_has_a_box_of_its_own() -> None:
    made = ticks(WEEK, [1, "x", 9], whole=True)

    assert made.show([1, "x", 9]) == (("1", "~0", "~1"),)
    assert made.read((("1", "~1"),), [1, "x", 9]) == [1, 9]


@pytest.mark.parametrize(
    ("typed", "sentence"), [("Yes!", '"Yes!" is not allowed here'), ("no", 'There is already one named "no"')]
)
def test_a_word_that_cannot_be_a_key_is_refused(typed: str, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        Word(WORD, WORD_RULE, frozenset({"no"})).read(((typed,),), "yes")


def test_ids_are_safe_and_tell_names_apart() -> None:
    names = ["a/b", "a_b", "a-b", "a~b", "a/_b", "a_/b", "é", "a__b", "a_-b", "a~tb", "a_tb"]

    assert ident("cases/0/when~about") == "field-cases_-0_-when_tabout"
    assert len({ident(name) for name in names}) == len(names)
    assert all(character.isascii() for name in names for character in ident(name))


def test_writing_makes_objects_on_the_way_and_never_lists() -> None:
    body: dict[str, Any] = {"list": [1], "text": "x"}
    put(body, ("meta", "title"), "T")
    put(body, ("cases", 0, "name"), "yes")
    put(body, ("text", "a"), 1)
    put(body, ("list", 5), 1)
    put(body, ("gone", "a"), ABSENT)

    assert body == {"list": [1], "text": "x", "meta": {"title": "T"}}
    assert get(body, ("list", 3)) is get(body, ("text", "a")) is get(body, ("list", "a")) is ABSENT
