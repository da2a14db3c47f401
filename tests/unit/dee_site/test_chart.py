"""The bars of the overview: proportional, stacked without gaps, never higher than the picture."""

import pytest

from dee_site import chart

DAY = 86400


def test_bars_stand_on_each_other_and_are_proportional() -> None:
    drawn = chart.stacked([(0, {"done": 50, "failed": 50})])

    done, failed = drawn.parts
    assert (done.css, failed.css) == ("is-done", "is-failed")
    assert done.height == failed.height
    assert failed.y + failed.height + 1 == done.y
    assert drawn.sentence == "Runs started per day over 1 day: 100 in all: 50 completed, 50 failed."


def test_a_single_run_beside_many_can_be_seen() -> None:
    drawn = chart.stacked([(0, {"done": 10_000, "failed": 1})])

    assert min(part.height for part in drawn.parts) >= 1


@pytest.mark.parametrize("most", [0, 1, 2, 3, 7, 10, 11, 99, 100, 101, 999, 12_345, 1_000_001])
def test_the_scale_is_round_and_high_enough(most: int) -> None:
    drawn = chart.stacked([(0, {"open": most})])

    top = int(drawn.grid[-1].text.replace("\u00a0", ""))
    assert top >= max(most, 2) and top % 2 == 0
    assert top <= max(2, most) * 2.5
    assert all(part.y >= 0 for part in drawn.parts)


def test_the_table_beneath_says_the_same_numbers() -> None:
    drawn = chart.stacked([(0, {"done": 1}), (DAY, {"open": 2, "stopped": 3})])

    assert [(label.text, list(label.numbers)) for label in drawn.labels] == [
        ("1 Jan", [1, 0, 0, 0]),
        ("2 Jan", [0, 3, 2, 0]),
    ]


def test_numbers_are_written_in_groups() -> None:
    drawn = chart.stacked([(0, {"open": 12_345})])

    assert drawn.grid[-1].text == "20\u00a0000"
    assert drawn.parts[0].title == "1 Jan: 12\u00a0345 open"


@pytest.mark.parametrize(("days", "named"), [(7, 7), (14, 7), (31, 7)])
def test_days_are_named_only_where_there_is_room_and_today_always(days: int, named: int) -> None:
    frame = chart.Frame(chart.RUNS.series, width=chart.LABEL_WIDTH * 7 + 44 + chart.RIGHT)

    drawn = chart.stacked([(day * DAY, {}) for day in range(days)], frame)

    assert sum(label.shown for label in drawn.labels) == named
    assert drawn.labels[-1].shown


def test_a_chart_of_messages_has_its_own_rows_and_words() -> None:
    drawn = chart.stacked([(0, {"sent": 8, "unknown": 1, "unsent": 2})], chart.MESSAGES, "Email messages")

    assert [part.css for part in drawn.parts] == ["is-sent", "is-stopped", "is-failed"]
    assert drawn.sentence == "Email messages per day over 1 day: 11 in all: 8 sent, 1 unknown, 2 not sent."
    assert list(drawn.labels[0].numbers) == [8, 0, 1, 2]


def test_no_days_are_no_bars() -> None:
    drawn = chart.stacked([])

    assert (drawn.parts, drawn.labels) == ([], [])
    assert drawn.sentence == "Runs started per day over 0 days: 0 in all."
