"""What must not make a difference? The same story told in another way gives the same bytes, run by run. I10."""

import os

import pytest

from tests.simulator import campaign
from tests.simulator.story import CUTS

FIRST = int(os.environ.get("DEE_FIRST_SEED", "0"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("DEE_SEEDS", "300")) // 6)
CHUNK = 10


@pytest.mark.parametrize("first", SEEDS[::CHUNK])
def test_not_a_byte_depends_on_how_the_work_was_cut(first: int) -> None:
    """Waves, groups, loads, reads, slices, the order of sends, polling, split clock inputs, events delivered twice."""
    for seed in range(first, min(first + CHUNK, SEEDS.stop)):
        found = campaign.differing(seed, CUTS)
        assert not found, f"seed {seed}, {campaign.culprits(seed)} alone: {found[0]}"


@pytest.mark.parametrize("first", SEEDS[::CHUNK])
def test_the_order_in_which_strangers_start_changes_nothing_for_them(first: int) -> None:
    for seed in range(first, min(first + CHUNK, SEEDS.stop)):
        found = campaign.permuted(seed)
        assert not found, f"seed {seed}: {found[0]}"
