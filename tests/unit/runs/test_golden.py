"""What was recorded under these semantics comes out the same for ever: a core that decides otherwise needs a new `sem`.

A run that no longer replays is no reason to record it again. See tests/golden/record.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from plans import document
from policies.rules import document as policy_document
from runs.engine import divergence, recorded, walk
from runs.engine.replay import Report, replay
from tests.golden import record
from tests.golden.stories import STORIES

FILES = sorted(record.FOLDER.glob("*.json"))


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def told_again(path: Path) -> Report:
    run = load(path)
    policies = {policy.hash: policy.body for policy in map(policy_document.parse, run["policies"])}
    return replay(document.parse(run["plan"]), policies, run["entries"])


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_recorded_run_comes_out_byte_for_byte(path: Path) -> None:
    report = told_again(path)

    found = report.difference
    assert found is None, divergence.explain(found, load(path)["entries"])
    assert report.entries == len(load(path)["entries"]) > 0


def test_every_story_is_recorded_and_every_record_has_its_story() -> None:
    assert {path.stem for path in FILES} == STORIES.keys()


def test_every_kind_of_entry_is_recorded_somewhere() -> None:
    seen = {json.loads(text)["type"] for path in FILES for text in load(path)["entries"]}

    assert seen == recorded.INPUTS | recorded.OUTPUTS


def test_a_core_that_decides_otherwise_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk.Walk, "exit_if_due", lambda self: False)

    assert [path.stem for path in FILES if told_again(path).difference] == ["left-by-an-exit"]


def test_what_is_recorded_is_never_written_again() -> None:
    before = FILES[0].read_bytes()

    with pytest.raises(FileExistsError):
        record.record(STORIES[FILES[0].stem](), FILES[0])

    assert FILES[0].read_bytes() == before
