"""Stories by chance, thousands of them: crashes at every point, providers and people who do as they like.

`DEE_SEEDS=5000 DEE_FIRST_SEED=1000` tells more and other ones; so does `python3 dev.py soak`.
"""

import os
from collections import Counter

import pytest

from tests.simulator import campaign
from tests.simulator.happened import MUST_HAPPEN

FIRST = int(os.environ.get("DEE_FIRST_SEED", "0"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("DEE_SEEDS", "300")))
CHUNK = 25
seen: Counter[str] = Counter()


@pytest.mark.parametrize("first", SEEDS[::CHUNK])
def test_every_story_keeps_every_invariant(first: int) -> None:
    happened, wrong = campaign.campaign(seed for seed in range(first, first + CHUNK) if seed in SEEDS)
    seen.update(happened)
    assert not wrong, campaign.told_wrong(wrong)


def test_everything_rare_happened_somewhere() -> None:
    if seen["stories"] < len(SEEDS) or len(SEEDS) < 300:
        pytest.skip("too few stories were told")
    assert [what for what in MUST_HAPPEN if not seen[what]] == []


def test_a_seed_tells_the_same_story_again() -> None:
    assert [campaign.told(seed).digest for seed in (3, 4)] == [campaign.told(seed).digest for seed in (3, 4)]
