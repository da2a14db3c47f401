"""What was said on the page of a rehearsal: read strictly; what is wrong is said and left out, nothing raised."""

from typing import Any

import pytest

from plans.document import Plan
from runs.engine.script import Act, Answer, Happening
from runs.trying import rehearsal_said
from runs.trying.rehearsal_said import Delay, Said, Word
from tests.unit.runs.rehearsing import DONE, MAIL, plan

STEPS: dict[str, Any] = {
    "mail": MAIL | {"on": {"sent": "ring"}},
    "ring": {"kind": "call", "template": "script@1", "on": {"answered": "look"}},
    "look": {"kind": "task", "title": "Look", "timeout_s": 3600, "on": {"good": "pause", "timeout": "done"}},
    "pause": {"kind": "wait", "seconds": 60, "on": {"completed": "done"}},
    "done": DONE,
}


@pytest.fixture(scope="module")
def tried() -> Plan:
    return plan(STEPS)


def read(tried: Plan, **fields: str) -> Said:
    """Read fields whose names are written with __ for the dots."""
    return rehearsal_said.read(tried, {name.replace("__", "."): value for name, value in fields.items()})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 0), ("90", 90), ("2 h 30 min", 9000), ("3d", 259_200), ("1 day, 2 hours", 93_600), (" 5 MINUTES ", 300)],
)
def test_a_length_of_time_is_written_as_people_write_it(text: str, seconds: int) -> None:
    assert rehearsal_said.seconds(text) == seconds


@pytest.mark.parametrize("text", ["soon", "2 weeks", "-1", "1.5 h", "h", "2 h x", "٣ h"])
def test_what_is_no_length_of_time_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        rehearsal_said.seconds(text)


def test_an_empty_form_says_nothing(tried: Plan) -> None:
    said = read(tried)

    assert said == Said() and not said.wrong
    assert rehearsal_said.script_answers(tried, said) == {}
    assert rehearsal_said.happenings(said) == [] and rehearsal_said.acts(said) == []


def test_other_fields_of_the_page_are_nobodys_business(tried: Plan) -> None:
    assert read(tried, who="made_up", csrfmiddlewaretoken="x", attr_tier="gold") == Said()


def test_a_tick_belongs_to_one_send_and_comes_in_its_time(tried: Plan) -> None:
    said = read(tried, tick__mail__2__opened="on", after__mail__2__opened="3 h", after__mail__1__clicked="soon")

    assert said.ticks == {("mail", 2, "opened"): Delay("3 h", 10_800)} and not said.wrong
    assert rehearsal_said.happenings(said) == [Happening("opened", 10_800, "mail", 2)]


def test_a_tick_without_a_delay_takes_the_usual_one(tried: Plan) -> None:
    assert read(tried, tick__mail__1__opened="on").ticks == {("mail", 1, "opened"): Delay("2 h", 7200)}


def test_an_answer_counts_for_its_own_send_and_the_usual_one_for_all_others(tried: Plan) -> None:
    said = read(tried, answer__mail__2="not_sent:smtp_421", answer__mail__1="accepted", answer__ring__1="label:busy")

    assert said.answers == {("mail", 2): "not_sent:smtp_421", ("ring", 1): "label:busy"}
    assert rehearsal_said.script_answers(tried, said) == {
        "mail": [Answer("accepted"), Answer("not_sent", "smtp_421"), Answer("accepted")],
        "ring": [Answer("label", label="busy"), Answer("label", label="answered")],
    }


def test_a_person_says_something_at_each_entry_of_a_task(tried: Plan) -> None:
    said = read(
        tried,
        person__look__1="good",
        person__look__2="good",
        **{"person-after__look__2": "30 min"},
    )

    assert said.people[("look", 1)] == Word("good", Delay("1 h", 3600))
    assert rehearsal_said.acts(said) == [
        Act("complete_task", 3600, "look", "good"),
        Act("complete_task", 1800, "look", "good"),
    ]


def test_nobody_acts_after_an_entry_at_which_nobody_did(tried: Plan) -> None:
    """The core takes a step's acts in order: the second one would be taken at the first entry."""
    said = read(tried, person__look__1="", person__look__2="good")

    assert ("look", 2) in said.people and rehearsal_said.acts(said) == []


def test_what_is_said_stands_in_the_order_of_the_plan(tried: Plan) -> None:
    said = read(
        tried,
        tick__ring__1__busy="on",
        tick__mail__2__opened="on",
        tick__mail__1__opened="on",
        tick__mail__1__clicked="on",
    )

    assert list(said.ticks) == [
        ("mail", 1, "clicked"),
        ("mail", 1, "opened"),
        ("mail", 2, "opened"),
        ("ring", 1, "busy"),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("soon", rehearsal_said.NO_LENGTH), ("400 d", rehearsal_said.TOO_LONG), ("\x00", rehearsal_said.NO_LENGTH)],
)
def test_a_wrong_delay_is_said_beside_its_field_and_its_tick_is_left_out(tried: Plan, text: str, sentence: str) -> None:
    said = read(tried, tick__mail__1__opened="on", after__mail__1__opened=text, tick__mail__1__clicked="on")

    assert said.problems == {"after.mail.1.opened": sentence} and said.wrong
    assert [happening.event for happening in rehearsal_said.happenings(said)] == ["clicked"]
    assert said.ticks[("mail", 1, "opened")].seconds is None


def test_a_year_is_not_too_long(tried: Plan) -> None:
    assert not read(tried, tick__mail__1__opened="on", after__mail__1__opened="366 d").wrong


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("answer__mail__1", "label:busy"),
        ("answer__mail__1", "not_sent:call_refused"),
        ("answer__ring__1", "delivered"),
        ("answer__mail__1", "unknown:outcome_lost"),
        ("person__look__1", "timeout"),
        ("person__look__1", "perfect"),
    ],
)
def test_an_answer_that_nobody_offered_is_said_beside_its_field(tried: Plan, name: str, value: str) -> None:
    said = read(tried, **{name: value})

    assert list(said.problems) == [name.replace("__", ".")]
    assert f"“{value}”" in said.problems[name.replace("__", ".")]
    assert not said.answers and not said.people


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("tick__mail__1__exploded", "“exploded” is not an event of mail."),
        ("tick__mail__1__answered", "“answered” is not an event of mail."),
        ("tick__mail__0__opened", "Of the sends of mail, only the first 50 can be told apart."),
        ("tick__mail__51__opened", "Of the sends of mail, only the first 50 can be told apart."),
        ("answer__mail__51", "Of the sends of mail, only the first 50 can be told apart."),
        ("person__look__51", "Of the entries of look, only the first 50 can be told apart."),
        ("tick__mail__1", "A field of the form was not understood and is left out."),
        ("answer__mail__1__opened", "A field of the form was not understood and is left out."),
        ("tick__mail__-1__opened", "A field of the form was not understood and is left out."),
        ("tick__ma il__1__opened", "A field of the form was not understood and is left out."),
        ("tick__\ufffd__1__opened", "A field of the form was not understood and is left out."),
    ],
)
def test_what_has_no_field_on_the_page_is_refused_in_a_sentence(tried: Plan, name: str, sentence: str) -> None:
    said = read(tried, **{name: "on"})

    assert said.refused == (sentence,) and said.wrong and not said.ticks


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("tick__gone__1__opened", "“gone” is no longer a step of this plan"),
        ("answer__gone__1", "“gone” is no longer a step of this plan"),
        ("tick__pause__1__opened", "“pause” is no longer the kind of step that it was"),
        ("person__mail__1", "“mail” is no longer the kind of step that it was"),
        ("answer__look__1", "“look” is no longer the kind of step that it was"),
    ],
)
def test_what_was_said_of_an_older_draft_is_left_out_and_told_and_nothing_is_wrong(
    tried: Plan, name: str, sentence: str
) -> None:
    said = read(tried, **{name: "accepted"})

    assert len(said.gone) == 1 and said.gone[0].startswith(sentence)
    assert not said.wrong and not said.answers and not said.ticks and not said.people


def test_a_step_that_is_gone_is_told_of_once_and_never_too_many(tried: Plan) -> None:
    fields = {f"tick__gone-{number}__{nth}__opened": "on" for number in range(30) for nth in (1, 2)}

    assert len(read(tried, **fields).gone) == rehearsal_said.MOST_SENTENCES


def test_never_too_much_is_refused_in_sentences(tried: Plan) -> None:
    fields = {f"tick__mail__1__{letter}": "on" for letter in "abcdefghijklmnopqrstuvwxyz"}

    assert len(read(tried, **fields).refused) == rehearsal_said.MOST_SENTENCES


def test_no_more_than_so_many_events_are_ticked(tried: Plan) -> None:
    events = rehearsal_said.events(tried.steps["mail"])
    fields = {f"tick__mail__{nth}__{event}": "on" for nth in range(1, 51) for event in events}

    said = read(tried, **fields)

    assert len(said.ticks) == rehearsal_said.MOST_TICKS
    assert said.refused == ("At most 200 events can be ticked; the others are left out.",)


def test_what_no_page_can_hold_becomes_a_mark() -> None:
    assert rehearsal_said.printable("a\x00b\ud800c\udfffd…") == "a\ufffdb\ufffdc\ufffdd…"
