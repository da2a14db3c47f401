"""`dev.py mutants`: would the tests notice? Plants each fault in a copy of the checkout and runs the tests it names.

A mutant is killed when every test named for it fails, and fails by an assertion: a test that could not be collected,
broke down or took too long proves nothing.
"""

import os
import re
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools import children, install, instance, testing
from devtools.instance import say
from devtools.mutants import TABLES, Mutant, chosen, mutated
from devtools.paths import ROOT, Refused

LONGEST_S = 300
ALL_PASSED, SOME_FAILED = 0, 1  # pytest's exit codes; every other one says that it did not get to run the tests
ASSERTION = re.compile(r"assert\b|AssertionError|Failed: ")
AFTERWARDS = "failed on teardown"
# Said by tests that wait for another process: nothing was seen, so nothing was proved.
NO_SHOW = ("it did not happen in time", "it did not come to its point")


@dataclass(frozen=True)
class Case:
    """One test that ran. state: passed, failed, error or skipped. message: the first line of what went wrong."""

    test: str
    state: str
    message: str = ""


@dataclass(frozen=True)
class Trial:
    """What became of a mutant. trouble: why it is not killed, empty when it is."""

    mutant: Mutant
    trouble: str
    seconds: float


def mutate(arguments: list[str]) -> int:
    """Try the mutants of these names, or all; print a table and return 1 when one is not killed."""
    named = chosen(arguments)
    tried = [mutant for mutant in named if not mutant.equivalent]
    python = install.ready("dev")
    state = _state()  # of what is copied; the checkout may move on meanwhile
    with instance.thrown_away(python, "mutants") as running:
        copy = running.data / "checkout"
        _copy(copy)
        runner = Runner(python, copy, testing.environment(running, on_ci=False))
        broken = runner.check_unmutated(tried)
        if broken:
            print("These tests do not pass without any mutant, so they can kill none:", *broken, sep="\n  ")
            return 1
        trials = [_tell(runner.trial(mutant)) for mutant in tried]
    table = _table(trials, [mutant for mutant in named if mutant.equivalent])
    print(f"\n{table}")
    if not arguments:
        (TABLES / "RESULT.md").write_text(f"{_heading(trials, state)}\n\n{table}", encoding="utf-8")
    return 1 if any(trial.trouble for trial in trials) else 0


class Runner:
    """Runs named tests in a copy of the checkout, on servers that all of them share."""

    def __init__(self, python: Path, copy: Path, env: Mapping[str, str]) -> None:
        self.python = python
        self.copy = copy
        self.env = env

    def check_unmutated(self, mutants: Sequence[Mutant]) -> list[str]:
        """Return the tests that do not pass on the code as it is."""
        tests = list(dict.fromkeys(test for mutant in mutants for test in mutant.killed_by))
        code, cases = self.run(tests, LONGEST_S * 4)
        bad = [f"{case.test}: {case.state} {case.message}" for case in cases if case.state != "passed"]
        seen = {case.test for case in cases}
        return bad + [f"{test}: not found" for test in tests if test not in seen] or ([] if code == 0 else [f"{code}"])

    def trial(self, mutant: Mutant) -> Trial:
        """Plant a fault, run its tests, and take it out again."""
        begun = time.monotonic()
        changed = list(mutated(mutant, self.copy))
        try:
            for path, _, text in changed:
                _write(path, text)
            trouble = judge(mutant, *self.run(mutant.killed_by, LONGEST_S))
        finally:
            for path, text, _ in changed:
                _write(path, text)
        return Trial(mutant, trouble, time.monotonic() - begun)

    def run(self, tests: Sequence[str], longest_s: int) -> tuple[int, list[Case]]:
        """Run tests; return pytest's exit code, or -1 when they took too long, and what became of each."""
        report = self.copy / "report.xml"
        report.unlink(missing_ok=True)
        options = ["-q", "-p", "no:cacheprovider", "--tb=short", f"--junitxml={report}"]
        with (self.copy / "output").open("wb") as output:
            process = subprocess.Popen(
                [str(self.python), "-m", "pytest", *options, *tests],
                cwd=self.copy,
                env=dict(self.env),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=children.die_with_us(signal.SIGKILL),
            )
            try:
                code = process.wait(longest_s)
            except subprocess.TimeoutExpired:
                code = -1
            finally:
                _end(process)
        return code, read_report(report) if report.exists() else []


def judge(mutant: Mutant, code: int, cases: Iterable[Case]) -> str:
    """Return why a mutant is not killed, or an empty sentence when it is."""
    cases = list(cases)
    if code == -1:
        return f"its tests took longer than {LONGEST_S} s"
    if code == ALL_PASSED:
        return "SURVIVED: its tests pass"
    # A test whose fixtures complain afterwards has run.
    broken = next((case for case in cases if case.state == "error" and not case.message.startswith(AFTERWARDS)), None)
    if code != SOME_FAILED or broken:
        return f"its tests did not run (pytest's exit code {code}) {broken.message if broken else ''}".rstrip()
    for test in mutant.killed_by:
        failed = [case for case in cases if case.test == test and case.state == "failed"]
        if not failed:
            return f"SURVIVED: {test} passes"
        if not any(_proves(case.message, mutant.raises) for case in failed):
            return f"{test} failed, but by no assertion: {failed[0].message}"
    return ""


def _proves(message: str, raises: str) -> bool:
    if any(words in message for words in NO_SHOW):
        return False
    if raises:
        return message.partition(":")[0].rpartition(".")[2] == raises
    return ASSERTION.match(message) is not None


def read_report(report: Path) -> list[Case]:
    """Return what pytest wrote down; a test's name is its node id without parameters."""
    cases = []
    for case in ET.parse(report).getroot().iter("testcase"):
        module, name = case.get("classname", ""), case.get("name", "")
        test = f"{module.replace('.', '/')}.py::{name.partition('[')[0]}"
        told = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
        states = {"failure": "failed", "error": "error", "skipped": "skipped"}
        state = states[told.tag] if told is not None else "passed"
        message = (told.get("message") or "") if told is not None else ""
        cases.append(Case(test, state, message.partition("\n")[0][:200]))
    return cases


def _write(path: Path, text: str) -> None:
    """Write a source file and forget its compiled form, which is told apart only by second and size."""
    path.write_text(text, encoding="utf-8")
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End whatever is left of a run's session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _copy(to: Path) -> None:
    """Copy the checkout as it lies in the working tree: what git knows and what it does not know yet."""
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, to / name)


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Refused(f"git {arguments[0]} failed; `dev.py mutants` copies what git knows of this checkout.") from error
    return done.stdout


# What is told


def _tell(trial: Trial) -> Trial:
    say(f"{trial.mutant.name}: {trial.trouble or 'killed'} ({trial.seconds:.0f} s)")
    return trial


def _state() -> str:
    """Return the commit of the checkout, and whether its code lies there otherwise."""
    changed = " with uncommitted changes" if _git("status", "--porcelain", "--", "*.py").strip() else ""
    return _git("rev-parse", "--short", "HEAD").strip() + changed


def _heading(trials: Sequence[Trial], state: str) -> str:
    killed = sum(not trial.trouble for trial in trials)
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return (
        "# Planted faults and the tests that notice them\n\n"
        f"Made by `python3 dev.py mutants` on {day} at {state}: "
        f"{killed} of {len(trials)} killed."
    )


def _table(trials: Sequence[Trial], equivalent: Sequence[Mutant]) -> str:
    lines = ["| mutant | what DEE would do then | killed by | s |", "|---|---|---|---:|"]
    for trial in trials:
        mutant, seconds = trial.mutant, round(trial.seconds)
        tests = ", ".join(f"`{test.rpartition('/')[2]}`" for test in mutant.killed_by)
        by = f"**{trial.trouble}**" if trial.trouble else f"{tests}{f' (by {mutant.raises})' if mutant.raises else ''}"
        lines.append(f"| {mutant.name} | {mutant.stands_for} | {by} | {seconds} |")
    if equivalent:
        lines += ["", "Equivalent, so not tried and not counted:", ""]
        lines += [f"- **{mutant.name}** ({mutant.stands_for}): {mutant.equivalent}" for mutant in equivalent]
    return "\n".join(lines) + "\n"
