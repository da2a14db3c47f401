"""Stories by chance: whatever people, pages, providers and crashes do to it, the engine keeps its invariants.

`DEE_STORIES=500 DEE_FIRST_STORY=1000` tells more and other ones; a story that fails names its seed.
"""

import os
import secrets
from collections import Counter

import psycopg
import pytest

from audit.models import Entry
from plans import queries as plan_queries
from tests.database import TestDatabase
from tests.functional import invariants
from tests.functional.acts import BETWEEN, WEIGHED
from tests.functional.stories import CRASHES, Story

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = int(os.environ.get("DEE_FIRST_STORY", "0"))
STORIES = range(FIRST, FIRST + int(os.environ.get("DEE_STORIES", "30")))
# A generator that never gets there proves nothing: each of these has to happen somewhere in the campaign.
MUST_HAPPEN = (
    *(f"crash {point}" for point in CRASHES),
    "another engine",
    "the same engine goes on",
    "a replaced engine was refused",
    "an outcome lost in a crash",
    "outcome unknown",
    "outcome not_sent",
    "outcome delivered",
    "outcome label",
    "gate pause daily_limit",
    "gate pause calling_hours",
    "gate pause kill_switch",
    "gate deny consent",
    "gate deny suppression",
    "gate deny budget",
    "gate deny contact_state",
    "ended opted_out",
    "ended render_failed",
    "ended duration_limit",
    "an opt-out reached another run",
    "command retry",
    "command resolve",
    "command cancel",
    "command skip",
    "command redispatch",
    "command send_again",
    "command hold",
    "command release",
    "command complete_task",
    "recovery retry",
    "recovery redispatch",
    "recovery resolve_on_evidence",
    "a late report",
    "a message that may be a duplicate",
    "an opt-out recorded by a step",
    "a stale command",
    "a voided intent",
    "a duplicate delivery",
    "an unmatched event",
    "an exit",
    "a send later than it was due",
    "FAILED was left",
)
told: Counter[str] = Counter()


@pytest.mark.parametrize("seed", STORIES)
def test_a_story_keeps_every_invariant(seed: int, owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(seed, owner, monkeypatch, cut="by chance")
    story.tell(WEIGHED, BETWEEN)
    assert story.wrong == []
    invariants.check(story.sent, story.seen)
    told.update(story.seen)
    told["stories"] += 1


@pytest.mark.parametrize("seed", STORIES[::4])
def test_not_a_byte_of_a_story_depends_on_how_the_work_was_cut(
    seed: int, owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, test_database: TestDatabase
) -> None:
    monkeypatch.setattr(secrets, "token_bytes", bytes)
    tellings = []
    for cut in ("", "by chance"):
        test_database.flush()
        plan_queries.forget()
        with monkeypatch.context() as patch:
            Story(seed, owner, patch, cut=cut, calm=True).tell(WEIGHED, BETWEEN)
        rows = Entry.objects.filter(st__startswith="run/").order_by("st", "n").values_list("st", "n", "body")
        tellings.append({f"{st}#{n}": body for st, n, body in rows})
    usual, other = tellings
    assert [(key, other.get(key), text) for key, text in usual.items() if other.get(key) != text][:1] == []
    assert other.keys() == usual.keys()


def test_everything_rare_happened_somewhere() -> None:
    if told["stories"] < len(STORIES):
        pytest.skip("not every story was told")
    print(*(f"{times:6} {what}" for what, times in sorted(told.items())), sep="\n")
    assert [what for what in MUST_HAPPEN if not told[what]] == []
