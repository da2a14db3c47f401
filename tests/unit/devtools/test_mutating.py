"""Do the planted faults still fit the code, and does `dev.py mutants` call nothing killed that is not?"""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from devtools import mutating
from devtools.mutants import Edit, Mutant, load, mutated
from devtools.mutating import Case
from devtools.paths import ROOT, Refused

# study/engine.md §8, in its order; and what came with the commands of issue 3.
OF_THE_STUDY = """recovery-resends count-at-outcome consent-of-the-start no-dedupe-in-inbox prev-not-bound queue-by-hash
    events-always-before-timers the-timer-wins-the-tie timer-takes-processing-time dispatch-before-acknowledgement
    void-on-unknown retry-skips-gate accept-stale-command drop-early-event entries-can-be-updated skip-epoch-check
    body-as-jsonb float-in-facts a-day-has-24-hours""".split()
OF_THE_COMMANDS = """
    redispatch-reserves-again redispatch-after-its-key refusal-hides-the-unknown retry-offered-on-unknown
    duplicate-not-said release-forgets-exits release-forgets-timers opt-out-stays-in-its-run split-by-run
    require-on-old-facts wait-until-in-the-engines-zone recovery-before-its-failure recovery-ignores-max-attempts
    late-report-is-an-outcome not-after-not-checked failed-left-without-an-entry wave-mixes-turns
    freed-units-count-at-once""".split()
MUTANTS = load()


@cache
def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_fault_fits_the_code_as_it_is(mutant: Mutant) -> None:
    for path, _, text in mutated(mutant, ROOT):
        compile(text, str(path), "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_fault_names_tests_that_exist_or_says_why_none_can(mutant: Mutant) -> None:
    assert bool(mutant.killed_by) != bool(mutant.equivalent)
    missing = [test for test in mutant.killed_by if test.partition("::")[2] not in names_in(test.partition("::")[0])]
    assert missing == []


def test_every_fault_that_the_study_names_is_planted_once() -> None:
    names = Counter(mutant.name for mutant in MUTANTS)
    assert [name for name, times in names.items() if times > 1] == []
    assert {*OF_THE_STUDY, *OF_THE_COMMANDS} - names.keys() == set()


# --- what counts as killed ---

TEST, OTHER = "tests/unit/test_x.py::test_x", "tests/unit/test_x.py::test_y"
FAILED = "assert 1 == 2"


def judged(code: int, *cases: Case, raises: str = "", tests: tuple[str, ...] = (TEST,)) -> str:
    return mutating.judge(Mutant("m", "", (), tests, raises), code, cases)


@pytest.mark.parametrize(
    "message", ["assert 1 == 2", "AssertionError: it is late", "Failed: DID NOT RAISE <class 'X'>"]
)
def test_a_failed_assertion_kills(message: str) -> None:
    assert judged(1, Case(TEST, "passed"), Case(TEST, "failed", message)) == ""


@pytest.mark.parametrize(
    ("code", "cases", "why"),
    [
        (0, [Case(TEST, "passed")], "SURVIVED"),
        (-1, [], "took longer"),
        (2, [Case("tests/unit/test_x.py::", "error", "collection failure")], "did not run"),
        (5, [], "did not run"),
        (1, [Case(TEST, "error", "failed on setup with X")], "did not run"),
        (1, [Case(TEST, "failed", FAILED), Case(OTHER, "error", "failed on setup with X")], "did not run"),
        (1, [Case(TEST, "passed"), Case(TEST, "error", "failed on teardown with X")], "SURVIVED"),
        (1, [Case(TEST, "passed"), Case(OTHER, "failed", FAILED)], "SURVIVED"),
        (1, [Case(TEST, "failed", "KeyError: 'x'")], "no assertion"),
        (1, [Case(TEST, "failed", "AssertionError: it did not happen in time")], "no assertion"),
        (1, [Case(TEST, "failed", "AssertionError: it did not come to its point: b''")], "no assertion"),
    ],
)
def test_nothing_else_does(code: int, cases: list[Case], why: str) -> None:
    assert why in judged(code, *cases)


def test_a_test_that_failed_is_not_excused_by_what_its_fixtures_say_afterwards() -> None:
    assert judged(1, Case(TEST, "failed", FAILED), Case(TEST, "error", "failed on teardown with X")) == ""


def test_every_test_that_is_named_has_to_fail() -> None:
    cases = [Case(TEST, "failed", FAILED), Case(OTHER, "passed")]
    assert f"SURVIVED: {OTHER}" in judged(1, *cases, tests=(TEST, OTHER))


def test_a_guard_may_speak_in_place_of_an_assertion_where_the_table_says_which() -> None:
    told = Case(TEST, "failed", "runs.engine.walk.IllegalMove: run/1: no")
    assert judged(1, told, raises="IllegalMove") == ""
    assert "no assertion" in judged(1, Case(TEST, "failed", FAILED), raises="IllegalMove")


def test_pytests_report_is_read_by_node_id_without_parameters(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="tests.unit.test_x" name="test_x[a-b]">'
        '<failure message="assert 1 == 2&#10; + where">trace</failure></testcase>'
        '<testcase classname="tests.unit.test_x" name="test_y"/></testsuite></testsuites>'
    )
    assert mutating.read_report(report) == [Case(TEST, "failed", FAILED), Case(OTHER, "passed")]


# --- what a table may say ---


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [("one", "two", "2 times"), ("three", "two", "0 times"), ("only", "only", "changes nothing")],
)
def test_a_fault_that_does_not_fit_is_an_error_and_not_a_pass(tmp_path: Path, old: str, new: str, why: str) -> None:
    (tmp_path / "x.py").write_text("one one only")
    with pytest.raises(Refused, match=why):
        list(mutated(Mutant("m", "", (Edit("x.py", old, new),)), tmp_path))


def test_a_file_that_is_gone_is_an_error() -> None:
    with pytest.raises(Refused, match="no file"):
        list(mutated(Mutant("m", "", (Edit("gone.py", "a", "b"),)), ROOT))
