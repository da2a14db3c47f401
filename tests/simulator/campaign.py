"""How is one seed told and judged?"""

import hashlib
import json
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from random import Random
from typing import Any

from tests.simulator import happened, invariants, telling
from tests.simulator.log import Log
from tests.simulator.making import beginning
from tests.simulator.story import CUTS, Story
from tests.simulator.world import World, simulated


@dataclass(slots=True)
class Told:
    """What came of one story. bodies: every entry of its runs, by stream and number. digest: of the whole log."""

    seed: int
    wrong: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    bodies: dict[str, str] = field(default_factory=dict)
    traces: dict[str, list[str]] = field(default_factory=dict)
    digest: str = ""


def told(seed: int, *, calm: bool = False, cut: Sequence[str] = ()) -> Told:
    """Tell one story in a world of its own and check every invariant."""
    with simulated(beginning(seed)) as world:
        story = Story(seed, world, calm=calm, cut=cut)
        telling.tell(story)
        return _judged(story, world)


def told_quietly(seed: int, order: Sequence[int]) -> Told:
    """Tell the story of people who have nothing in common, enrolled in this order."""
    with simulated(beginning(seed)) as world:
        story = Story(seed, world, calm=True, strangers=True)
        telling.tell_quietly(story, order)
        return _judged(story, world)


def _judged(story: Story, world: World) -> Told:
    log = invariants.check(story)
    happened.count(log, story.seen)
    story.seen.update(story.ledger.seen)
    rows = list(world.rows("audit_entry"))
    bodies = {f"{row['st']}#{row['n']}": row["body"] for row in rows if row["st"].startswith("run/")}
    digest = hashlib.sha256("\n".join(row["body"] + row["stamp"] for row in rows).encode()).hexdigest()
    return Told(story.seed, story.wrong, story.seen, bodies, _traces(log), digest)


def _traces(log: Log) -> dict[str, list[str]]:
    """Return what happened to each person, without the numbers that only say who was first."""
    found = {}
    for st, run in log.runs.items():
        names = {intent: f"intent {at}" for at, intent in enumerate(_mine(log, st))}
        lines = []
        for entry in log.of_stream[st]:
            text = json.dumps([entry.at - run["start_at"], entry.type, entry.step, entry.visit, _projected(entry.data)])
            for intent, name in names.items():
                text = text.replace(intent, name)
            lines.append(text)
        found[log.contacts[run["contact_id"]]["ref"]] = lines
    return found


def _mine(log: Log, st: str) -> list[str]:
    return [entry.data["intent"] for entry in log.of_stream[st] if entry.type == "send.intended"]


def _projected(data: dict[str, Any]) -> dict[str, Any]:
    """Leave out ids that are made of the run's number, and how much others have used."""
    kept = {key: value for key, value in data.items() if key not in ("id", "payload")}
    if "facts" in kept:
        kept["facts"] = {key: value for key, value in kept["facts"].items() if key not in ("counters", "suppressions")}
    return kept


def differing(seed: int, cut: Sequence[str]) -> list[str]:
    """Return where two tellings of a calm story differ that only cut the work differently."""
    usual, other = told(seed, calm=True), told(seed, calm=True, cut=cut)
    found = [f"{key}: {text} and {other.bodies.get(key)}" for key, text in _first(usual.bodies, other.bodies)]
    return usual.wrong + other.wrong + found


def _first(usual: dict[str, str], other: dict[str, str]) -> list[tuple[str, str]]:
    missing = [(key, "(nothing)") for key in other if key not in usual]
    return ([(key, text) for key, text in usual.items() if other.get(key) != text] + missing)[:1]


def culprits(seed: int) -> list[str]:
    """Return which ways of cutting the work, each alone, change a calm story."""
    return [cut for cut in CUTS if differing(seed, [cut])]


def permuted(seed: int) -> list[str]:
    """Return where the stories of unrelated people differ when they are enrolled in another order."""
    places = list(range(7))
    usual = told_quietly(seed, places)
    Random(f"order {seed}").shuffle(places)
    other = told_quietly(seed, places)
    for who, lines in usual.traces.items():
        for mine, theirs in zip_longest(lines, other.traces.get(who, []), fillvalue="(nothing)"):
            if mine != theirs:
                return [*usual.wrong, *other.wrong, f"{who}: {mine} and {theirs}"]
    return usual.wrong + other.wrong


def campaign(seeds: Iterable[int], tell: Callable[[int], Told] = told) -> tuple[Counter[str], dict[int, list[str]]]:
    """Tell many stories; return what happened, and what was wrong by seed."""
    seen: Counter[str] = Counter()
    wrong = {}
    for seed in seeds:
        try:
            story = tell(seed)
        except Exception as error:
            wrong[seed] = traceback.format_exception(error)[-3:]
            continue
        seen.update(story.seen)
        seen["stories"] += 1
        if story.wrong:
            wrong[seed] = story.wrong
    return seen, wrong


def told_wrong(wrong: dict[int, list[str]]) -> str:
    """Return what was wrong in some stories, each with the line that tells it again."""
    lines = []
    for seed, found in wrong.items():
        lines += [f"seed {seed}: {len(found)} times wrong; python3 dev.py soak --first {seed} --seeds 1", *found[:5]]
    return "\n".join(lines)
