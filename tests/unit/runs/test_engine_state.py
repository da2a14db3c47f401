"""One word for the header: what the engine is doing, and whether that needs somebody."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runs import engine_state
from runs.queries import Desk

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())


def desk(**changes: Any) -> Desk:
    return Desk(**({"now": NOW, "beat_at": NOW - timedelta(seconds=1), "lane": SECONDS} | changes))


@pytest.mark.parametrize(
    ("given", "word", "level"),
    [
        (Desk(), "not started", "warn"),
        (desk(), "running", "ok"),
        (desk(next_due=SECONDS + 5), "running", "ok"),
        (desk(next_due=SECONDS - 61), "behind", "warn"),
        (desk(beat_at=NOW - timedelta(seconds=21)), "silent", "bad"),
        (desk(target=SECONDS + 3600), "driving", "ok"),
        (desk(halted="clock_gap"), "halted", "bad"),
        (desk(halted="other_reason", beat_at=None), "halted", "bad"),
    ],
)
def test_the_engine_in_one_word(given: Desk, word: str, level: str) -> None:
    state = engine_state.of(given)

    assert (state.word, state.level) == (word, level)
    assert state.sentence.endswith(".")


def test_only_a_jump_of_the_clock_can_be_confirmed() -> None:
    assert engine_state.of(desk(halted="clock_gap")).confirm
    assert not engine_state.of(desk(halted="rollback")).confirm


def test_the_lag_counts_on_the_sandbox_clock() -> None:
    assert engine_state.lag_s(desk(next_due=SECONDS, offset_s=90)) == 90
    assert engine_state.lag_s(desk(next_due=SECONDS, target=SECONDS + 30)) == 30
    assert engine_state.lag_s(desk(next_due=SECONDS + 30)) == 0
