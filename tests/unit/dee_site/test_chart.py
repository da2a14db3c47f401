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
    assert "100 in all, 50 of them stand FAILED" in drawn.sentence


def test_a_single_run_beside_many_can_be_seen() -> None:
    drawn = chart.stacked([(0, {"done": 10_000, "failed": 1})])

    assert min(part.height for part in drawn.parts) >= 1


@pytest.mark.parametrize("most", [0, 1, 2, 3, 7, 10, 11, 99, 100, 101, 999, 12_345, 1_000_001])
def test_the_scale_is_round_and_high_enough(most: int) -> None:
    drawn = chart.stacked([(0, {"open": most})])

    top = int(drawn.grid[-1].text)
    assert top >= max(most, 2) and top % 2 == 0
    assert top <= max(2, most) * 2.5
    assert all(part.y >= 0 for part in drawn.parts)


def test_the_table_beneath_says_the_same_numbers() -> None:
    drawn = chart.stacked([(0, {"done": 1}), (DAY, {"open": 2, "stopped": 3})])

    assert [(label.text, list(label.numbers)) for label in drawn.labels] == [
        ("1 Jan", [1, 0, 0, 0]),
        ("2 Jan", [0, 3, 2, 0]),
    ]
