"""How times, durations, money and hashes are written on pages."""

from datetime import UTC, datetime

import pytest

from audit import queries
from audit.templatetags import dee


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "00:00:00"),
        (59, "00:00:59"),
        (3600, "01:00:00"),
        (86400, "1 d 00:00"),
        (259560, "3 d 00:06"),
        (259561, "3 d 00:06:01"),
    ],
)
def test_ticks_in_human_time(seconds: int, words: str) -> None:
    assert dee.duration(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 s"), (14, "14 s"), (125, "2 min 5 s"), (180_000, "2 d 2 h")])
def test_lengths_of_time_roughly(seconds: int, words: str) -> None:
    assert dee.roughly(seconds) == words


@pytest.mark.parametrize(
    ("micros", "words"), [(0, "0.00"), (1_600_000, "1.60"), (1000, "0.001"), (50_000_000, "50.00"), (-500_000, "-0.50")]
)
def test_money_has_two_decimals_and_more_only_when_they_count(micros: int, words: str) -> None:
    assert dee.money(micros) == words
    assert dee.money(micros, "EUR") == f"{words} EUR"


def test_a_time_carries_utc_for_the_browser_to_turn_into_local_time() -> None:
    shown = '<time datetime="2026-11-22T09:00:00Z">22 Nov 2026 09:00:00 UTC</time>'

    assert dee.lane_time(1_795_338_000) == shown
    assert dee.wall_time(datetime(2026, 11, 22, 9, tzinfo=UTC)) == shown
    assert dee.wall_time("2026-11-22T09:00:00.123456Z") == shown
    assert dee.lane_time(None) == dee.lane_time("") == dee.wall_time(None) == ""


def test_hashes_and_numbers() -> None:
    assert dee.short_hash(bytes(32)) == "00000000"
    assert dee.hex("ab") == "ab"
    assert dee.count(1_204_331) == "1\u00a0204\u00a0331"


def test_an_entrys_data_in_a_few_words_without_what_is_empty() -> None:
    data = {"a": "x", "b": "", "c": None, "list": [1, 2], "rules": [{"x": 1}], "yes": True, "hash": "ab" * 32}
    held = {"note": {"c": "00", "kind": "note", "ref": 1}}

    assert queries.summary(data) == "a x · list 1, 2 · rules 1 items · yes true · hash abababab…"
    assert queries.summary(held) == "note (kept outside the log)"
    assert list(queries.commitments({"deep": [held]})) == [1]
    assert len(queries.summary({"long": "x" * 500})) == 140
