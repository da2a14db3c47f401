"""Tells stories in a process of its own, for `dev.py soak`: one JSON line at its end, and one for whatever is wrong."""

import argparse
import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from runs.engine import trace  # noqa: E402
from tests.simulator import campaign, happened  # noqa: E402
from tests.simulator.story import CUTS  # noqa: E402

ALSO_CUT = 6  # every so many seeds are told in other ways too, and compared


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--first", type=int, required=True)
    given.add_argument("--seeds", type=int, required=True)
    given.add_argument("--step", type=int, default=1)
    given.add_argument("--minutes", type=float, default=0)
    asked = given.parse_args()
    end = time.monotonic() + asked.minutes * 60 if asked.minutes else float("inf")
    seen: Counter[str] = Counter()
    for seed in range(asked.first, asked.first + asked.seeds, asked.step):
        if time.monotonic() > end:
            break
        for line in _tell(seed, seen, alone=asked.seeds == 1):
            print(json.dumps({"seed": seed, "wrong": line}), flush=True)
    print(json.dumps({"seen": seen, "must": happened.MUST_HAPPEN}), flush=True)


def _tell(seed: int, seen: Counter[str], *, alone: bool) -> Iterator[str]:
    """Tell one story, and some in several ways; yield what is wrong, and for a single one how it came to be."""
    found, wrong = campaign.campaign([seed])
    seen.update(found)
    if wrong:
        yield from wrong[seed]
        if alone:
            yield from _traces(seed, "\n".join(wrong[seed]))
    if seed % ALSO_CUT == 0:
        seen["stories told in several ways"] += 1
        yield from (f"cut by {', '.join(campaign.culprits(seed))}: {each}" for each in campaign.differing(seed, CUTS))
        yield from (f"in another order: {each}" for each in campaign.permuted(seed))


def _traces(seed: int, wrong: str) -> Iterator[str]:
    """Yield the traces of the runs that are named in what is wrong."""
    bodies = campaign.told(seed).bodies
    for st in sorted(set(re.findall(r"run/\d+", wrong))):
        for key, text in bodies.items():
            if key.startswith(f"{st}#"):
                yield f"{key} {trace.line(json.loads(text), key.partition('#')[2])}"


if __name__ == "__main__":
    main()
