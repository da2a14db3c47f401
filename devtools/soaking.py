"""`dev.py soak`: does the engine keep its promises in thousands of simulated stories? One process for each core.

The stories are told by tests/simulator, without a server. `soak --processes` is the soak with real ones.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from devtools import children, install, soak_processes
from devtools.children import Child, Program
from devtools.instance import say
from devtools.paths import DATA, ROOT, Refused, private

ENOUGH = 300  # stories after which everything that must happen somewhere has to have happened


@dataclass
class Result:
    """What all the stories came to. wrong: by seed."""

    seen: Counter[str] = field(default_factory=Counter)
    wrong: dict[int, list[str]] = field(default_factory=dict)
    must: list[str] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        return [what for what in self.must if not self.seen[what]] if self.seen["stories"] >= ENOUGH else []


def soak(arguments: list[str]) -> int:
    """Tell stories, print what happened in them, and return 1 when one went wrong."""
    if "--processes" in arguments:
        return soak_processes.soak(arguments)
    given = argparse.ArgumentParser(prog="python3 dev.py soak")
    given.add_argument("--processes", action="store_true", help="kill and restart real processes instead")
    given.add_argument("--first", type=int, default=0, help="the first seed")
    given.add_argument("--seeds", type=int, default=2_000, help="how many stories")
    given.add_argument("--minutes", type=float, default=0, help="stop after so long; 0: tell all of them")
    asked = given.parse_args(arguments)
    python = install.ready("dev")
    logs = Path(tempfile.mkdtemp(prefix="soak-", dir=private(DATA)))
    started = time.monotonic()
    try:
        result = _read(_tell(python, logs, asked))
    finally:
        shutil.rmtree(logs, ignore_errors=True)
    _print(result, time.monotonic() - started)
    return 1 if result.wrong or result.missing or not result.seen["stories"] else 0


def _tell(python: Path, logs: Path, asked: argparse.Namespace) -> list[Child]:
    """Let each core tell every so-manieth story; return the processes when they have ended."""
    cores = min(os.cpu_count() or 1, asked.seeds)
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT)}
    running: list[Child] = []
    try:
        for core in range(cores):
            argv = [str(python), "-m", "tests.simulator", "--first", str(asked.first + core)]
            argv += ["--seeds", str(asked.seeds - core), "--step", str(cores), "--minutes", str(asked.minutes)]
            running.append(children.start(Program(f"stories-{core}", argv), logs=logs, env=env, cwd=ROOT))
        for child in running:
            child.process.wait()
    finally:
        children.stop(running, together=len(running))
    return running


def _read(ended: list[Child]) -> Result:
    result = Result()
    for child in ended:
        if child.process.returncode:
            raise Refused(f"{child.name} ended with {child.process.returncode}. It said:\n{child.last_lines()}")
        for line in child.log.read_text().splitlines():
            told = json.loads(line)
            if "wrong" in told:
                result.wrong.setdefault(told["seed"], []).append(told["wrong"])
            else:
                result.seen.update(told["seen"])
                result.must = told["must"]
    return result


def _print(result: Result, took_s: float) -> None:
    for what, times in sorted(result.seen.items()):
        print(f"{times:>9,}  {what}")
    for seed, wrong in sorted(result.wrong.items()):
        print(f"\nseed {seed} is wrong; python3 dev.py soak --first {seed} --seeds 1", *wrong, sep="\n    ")
    if result.missing:
        print("\nthese never happened, so they prove nothing:", *result.missing, sep="\n    ")
    verdict = f"{len(result.wrong)} of them wrong" if result.wrong else "every invariant held in each"
    say(f"{result.seen['stories']:,} stories in {took_s:.0f} s; {verdict}")
