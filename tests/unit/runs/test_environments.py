"""The same inputs give the same bytes under every hash seed, zone, language, Python and order of keys.

`scenario` is told in processes of their own. Every dependence that the matrix looks for is also planted once, to see it
found.
"""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from runs.engine.transitions import Command
from tests.unit.plans import generated, mutations

ROOT = Path(__file__).resolve().parents[3]
PLANS = 10

# Whatever chance draws, each of its stories comes by what is asked for below.
EVERYTHING: dict[str, Any] = {
    "schema": "dee.plan/1",
    "key": "everything",
    "entry": "mail",
    "purpose": "marketing",
    "policy": "outreach",
    "attributes": generated.ATTRIBUTES,
    "limits": {"max_steps": 50, "max_duration_s": 9_000_000},
    "exit_on": [{"when": {"op": "event_seen", "event": "replied"}, "goto": "left"}],
    "steps": {
        "mail": {"kind": "send_email", "template": "hello@1", "on": {"sent": "call", "blocked": "call"}},
        "call": {
            "kind": "call",
            "template": "script@1",
            "require": {"op": "not", "arg": {"op": "event_seen", "event": "clicked"}},
            "on": dict.fromkeys(("answered", "no_answer", "busy", "voicemail", "blocked"), "half"),
        },
        "half": {
            "kind": "split",
            "arms": [{"name": "b", "weight": 2, "goto": "nine"}, {"name": "a", "weight": 1, "goto": "ask"}],
        },
        "nine": {"kind": "wait_until", "time": "09:00", "days": [7, 1], "on": {"completed": "ask"}},
        "ask": {"kind": "task", "title": "Ask", "timeout_s": 7200, "on": {"yes": "known", "timeout": "known"}},
        "known": {
            "kind": "branch",
            "cases": [{"name": "yes", "when": {"op": "outcome_is", "step": "ask", "label": "yes"}, "goto": "done"}],
            "else": {"name": "no", "goto": "bye"},
        },
        "bye": {"kind": "record_opt_out", "channels": ["voice", "email"], "on": {"recorded": "left"}},
        "left": {"kind": "end", "result": "left"},
        "done": {"kind": "end", "result": "finished", "goal": True},
    },
}

ENVIRONMENTS: dict[str, dict[str, str]] = {
    "hash seed 0": {"PYTHONHASHSEED": "0"},
    "hash seed 1": {"PYTHONHASHSEED": "1"},
    "a random hash seed": {"PYTHONHASHSEED": "random"},
    "UTC": {"TZ": "UTC"},
    "half an hour beside the others": {"TZ": "America/St_Johns"},
    "a day ahead": {"TZ": "Pacific/Kiritimati"},
    "the dotless i": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "no language": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "without assertions": {"PYTHONOPTIMIZE": "1"},
    "keys in another order": {"ORDER": "reversed"},
    "keys in no order": {"ORDER": "shuffled", "PYTHONHASHSEED": "2", "TZ": "Asia/Kathmandu"},
}
# Every kind of step, every verdict, every way of settling and every command has to be in the story.
EXPECTED = {
    *("run.started", "run.completed", "run.failed", "run.stopped", "run.exited", "run.paused", "run.held"),
    *("run.released", "engine.fault", "event.received", "event.after_end", "send.intended", "send.outcome"),
    *("send.voided", "send.redispatched", "send.reported", "recovery.applied", "recovery.exhausted"),
    *("branch.evaluated", "split.evaluated", "opt_out.recorded", "time.resolved", "step.waiting", "step.skipped"),
    *("gate allow ", "gate deny consent", "gate deny suppression", "gate deny require", "gate deny budget"),
    *("gate pause calling_hours", "gate pause daily_limit", "gate pause kill_switch"),
    *("settle post", "settle void", "settle keep", "refused", "identical"),
    *map(str, Command),
}


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plans by chance, good and broken, made once: another Python might draw others."""
    rng = Random(7)
    good = [generated.valid_plan(rng, key=f"plan-{n}") for n in range(PLANS)] + [EVERYTHING] * 12
    broken = [mutations.shaken(plan, rng) for plan in good] + [mutations.broken(plan, rng)[2] for plan in good]
    return write(tmp_path_factory, good, broken)


@pytest.fixture(scope="module")
def one_plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory, [generated.valid_plan(Random(7))], [])


def write(tmp_path_factory: pytest.TempPathFactory, plans: list[Any], broken: list[Any]) -> Path:
    file = tmp_path_factory.mktemp("environments") / "plans.json"
    file.write_text(json.dumps({"plans": plans, "broken": broken}), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def usual(plans: Path) -> tuple[str, dict[str, int]]:
    return tell(plans)


def tell(plans: Path, python: str = sys.executable, **more: str) -> tuple[str, dict[str, int]]:
    """Return the digest of the story as told in an environment, and how often what happened."""
    env = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"} | more
    command = [python, "-m", "tests.unit.runs.scenario", str(plans)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    digest, _, told = done.stdout.partition(" ")
    return digest, json.loads(told)


@cache
def other_pythons() -> dict[str, str]:
    """Return {version: path} of the Pythons from 3.11 on that this machine has beside the one that runs the tests."""
    named = [shutil.which(f"python3.{minor}") for minor in range(11, 30)]
    found: dict[str, str] = {}
    for python in [*map(str, sorted(Path.home().glob(".pyenv/versions/*/bin/python3"))), *filter(None, named)]:
        ask = [python, "-c", "import sys; print(*sys.version_info[:2], sep='.')"]
        said = subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip()
        if said and tuple(map(int, said.split("."))) >= (3, 11):
            found.setdefault(said, python)
    found.pop("{}.{}".format(*sys.version_info), None)
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_not_a_byte_depends_on(environment: str, plans: Path, usual: tuple[str, dict[str, int]]) -> None:
    assert tell(plans, **ENVIRONMENTS[environment]) == usual


def test_not_a_byte_depends_on_the_version_of_python(plans: Path, usual: tuple[str, dict[str, int]]) -> None:
    if not other_pythons():
        pytest.skip("no other Python from 3.11 on is on this machine")
    assert {version: tell(plans, python) for version, python in other_pythons().items()} == dict.fromkeys(
        other_pythons(), usual
    )


def test_the_story_meets_everything_and_replays_to_the_byte(usual: tuple[str, dict[str, int]]) -> None:
    _, told = usual
    assert sorted(EXPECTED - {what for what, times in told.items() if times}) == []
    assert "replayed otherwise" not in told
    assert told["identical"] == told["run.started"]


@pytest.mark.parametrize(
    ("plant", "first", "second"),
    [
        ("hash", "hash seed 0", "hash seed 1"),
        ("zone", "UTC", "half an hour beside the others"),
        ("language", "the dotless i", "no language"),
        ("optimize", "UTC", "without assertions"),
        ("order", "UTC", "keys in another order"),
        ("order", "keys in another order", "keys in no order"),
    ],
)
def test_a_planted_dependence_is_found(plant: str, first: str, second: str, one_plan: Path) -> None:
    told = [tell(one_plan, PLANT=plant, **ENVIRONMENTS[each])[0] for each in (first, second)]
    assert told[0] != told[1]


def test_a_planted_dependence_on_the_version_is_found(one_plan: Path) -> None:
    if not other_pythons():
        pytest.skip("no other Python from 3.11 on is on this machine")
    told = [tell(one_plan, python, PLANT="python")[0] for python in (sys.executable, *other_pythons().values())]
    assert len(set(told)) == len(told)
