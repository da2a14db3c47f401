"""On which channel may a run send next, as far as its plan can say before any further wait?"""

import pytest

from channels.kinds import Channel
from runs.upcoming import Within, channels_next
from tests.unit.plans.documents import asked, drawable, follow_up, plan

EMAIL, VOICE = {Channel.EMAIL}, {Channel.VOICE}


@pytest.mark.parametrize(
    ("step", "waiting", "expected"),
    [
        ("mail", False, EMAIL),  # it stands at the send itself
        ("call", False, VOICE),
        ("pause", True, set()),  # the wait ends, and the branch behind it leads to the end or to another wait
        ("reply", True, VOICE),  # its timeout leads to the call; the event would end it
        ("reply", False, set()),  # it is about to begin this wait
        ("done", False, set()),
        ("gone", False, set()),
    ],
)
def test_what_a_run_of_the_follow_up_may_send_next(step: str, waiting: bool, expected: set[Channel]) -> None:
    assert channels_next(plan(follow_up()), step, waiting=waiting) == expected


@pytest.mark.parametrize(
    ("step", "waiting", "expected"),
    [
        ("ask", False, EMAIL | VOICE),  # a split may go either way
        ("morning", True, set()),  # a task comes first
        ("check", True, EMAIL),  # nobody did it in time
        ("no-more", False, set()),
    ],
)
def test_splits_tasks_and_opt_outs(step: str, waiting: bool, expected: set[Channel]) -> None:
    assert channels_next(plan(asked()), step, waiting=waiting) == expected


def test_a_call_whose_result_is_awaited_is_not_a_call_to_come() -> None:
    assert channels_next(plan(follow_up()), "call", waiting=False, stuck=True) == set()


def test_a_loop_without_a_wait_ends_the_search() -> None:
    looping = follow_up()
    looping["steps"]["opened"]["else"]["goto"] = "opened"

    assert channels_next(drawable(looping), "opened", waiting=False) == set()


def test_a_span_contains_the_shorter_ones() -> None:
    counted = Within().plus(0, 1).plus(1, 10).plus(2, 100).plus(3, 1000)

    assert (counted.hour, counted.day, counted.week) == (11, 111, 1111)
