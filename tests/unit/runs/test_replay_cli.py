"""`dee-replay` as an auditor runs it: with Python alone, without Django, without a network."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devtools import install
from runs import core_digest
from runs.bundle_chain import Exit
from runs.bundle_file import PLAN, README, pack
from runs.replay_cli import main
from tests.golden.stories import STORIES
from tests.unit.runs.bundles import Body, bundle, first, rewritten, seal

ROOT = core_digest.ROOT
# What Python runs in place of dee-replay: every use of a socket ends it, and Django has to be out of reach.
ALONE = """
import runpy, sys

def hook(event, args):
    if event.startswith(("socket.", "subprocess.", "os.exec", "os.posix_spawn", "urllib.")):
        sys.exit(99)

sys.addaudithook(hook)
try:
    import django
except ModuleNotFoundError:
    pass
else:
    sys.exit(98)
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    loaded = {name.partition(".")[0] for name in sys.modules}
    if loaded & {"django", "socket", "ssl", "psycopg", "celery", "zoneinfo"}:
        sys.exit(97)
"""


def alone(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run dee-replay with no site-packages, no environment and no network."""
    command = [sys.executable, "-S", "-I", "-c", ALONE, str(ROOT / "dee-replay"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env={"LC_ALL": "C.UTF-8"})


def other_arm(bodies: list[Body]) -> None:
    first(bodies, "branch.evaluated")["data"]["case"] = "yes"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """One bundle for each exit code."""
    whole = bundle(STORIES["overview"]())

    def other_sem(bodies: list[Body]) -> None:
        bodies[0]["data"]["sem"] = 2

    made = {
        "identical": whole,
        "diverged": rewritten(whole, other_arm),
        "tampered": {**whole, PLAN: whole[PLAN] + b" "},
        "unsupported": rewritten(whole, other_sem),
        "redacted": bundle(STORIES["overview"](), redacted=True),
    }
    for name, members in made.items():
        (tmp_path / f"{name}.zip").write_bytes(pack(members))
    return {name: tmp_path / f"{name}.zip" for name in made}


@pytest.mark.parametrize("exit", list(Exit))
def test_it_needs_nothing_but_python_and_exits_as_it_says(exit: Exit, files: dict[str, Path]) -> None:
    path = files[exit.name.lower()]

    done = alone(path)

    assert done.returncode == exit, done.stdout + done.stderr
    assert done.stdout.startswith(f"{path}: ") and done.stderr == ""


@pytest.mark.parametrize("code", ["import socket; socket.socket()", "import django", "import zoneinfo"])
def test_the_guard_of_the_test_before_is_awake(code: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(code)
    command = [sys.executable, "-S", "-I", "-c", ALONE, str(tmp_path / "script.py")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode in (97, 99) or "No module named 'django'" in done.stderr


def test_the_executable_of_the_checkout_runs_by_itself(files: dict[str, Path]) -> None:
    done = subprocess.run([ROOT / "dee-replay", files["identical"]], capture_output=True, text=True, check=False)

    assert done.returncode == 0 and "IDENTICAL" in done.stdout, done.stderr


def test_the_environment_offers_it_too(files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "bin with a space" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)

    install._offer_replay(python)
    written = python.with_name("dee-replay").stat().st_mtime_ns
    install._offer_replay(python)
    done = subprocess.run([python.with_name("dee-replay"), files["redacted"]], capture_output=True, check=False)

    assert done.returncode == 4
    assert python.with_name("dee-replay").stat().st_mtime_ns == written


def test_a_divergence_names_the_entry_both_values_the_input_and_the_cause(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(files["diverged"])]) == 1

    said = capsys.readouterr().out
    assert "DIVERGED at entry 9, tick 259200, step check-open." in said
    assert '/data/case\n    recorded  "yes"\n    replayed  "no"' in said
    assert said.count("[tick ") == 3
    assert "input: the timer that entry 5 set" in said
    assert "probable cause: ENGINE_CHANGED." in said  # the bundle names another core than this one


def test_the_trace_is_the_overviews(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    main([str(files["identical"]), "--trace"])

    lines = capsys.readouterr().out.splitlines()
    told = [line.strip() for line in lines if line.strip().startswith("[tick")]
    assert len(told) == len(STORIES["overview"]().texts)
    assert told[8].startswith("[tick 259200] step:check-open → action:evaluate → outcome:branch:no  hash:")


def test_the_trace_of_a_diverged_run_ends_where_it_parts(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(files["diverged"]), "--trace", "--json"])

    said = json.loads(capsys.readouterr().out)
    assert len(said["trace"]) == 8
    assert said["divergence"]["last_equal"] == said["trace"][5:]


def test_at_shows_the_state_after_an_entry(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(files["identical"]), "--at", "3", "--json"]) == 0

    state = json.loads(capsys.readouterr().out)["state"]
    assert (state["after_entry"], state["status"], state["step"]) == (3, "DISPATCHING", "welcome-email")
    assert state["head"] == json.loads(STORIES["overview"]().texts[3])["prev"]


@pytest.mark.parametrize(("n", "code"), [("17", 0), ("18", 2), ("0", 2), ("-1", 2)])
def test_at_an_entry_that_does_not_exist_is_refused(
    n: str, code: int, files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(files["identical"]), f"--at={n}"]) == code

    assert ("There is no entry" in capsys.readouterr().out) == (code == 2)


def test_at_after_the_difference_says_why_there_is_no_state(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(files["diverged"]), "--at", "12"]) == 1

    assert "The replay stops before entry 9, so there is no state after entry 12." in capsys.readouterr().out


def test_json_is_one_object_a_line_and_of_several_files_the_worst_counts(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    order = ["identical", "redacted", "unsupported", "diverged", "tampered"]

    codes = [main([*(str(files[name]) for name in order[: n + 1]), "--json"]) for n in range(len(order))]

    assert codes == [0, 4, 3, 1, 2]
    said: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()[-5:]]
    assert [one["verdict"] for one in said] == order
    assert [one["exit_code"] for one in said] == [0, 4, 3, 1, 2]
    assert said[3]["cause"] == "ENGINE_CHANGED" and said[3]["entry"] == 9
    assert said[3]["divergence"]["fields"] == [{"path": "/data/case", "recorded": "yes", "replayed": "no"}]
    assert said[0]["manifest"]["run"] == "run/1"


@pytest.mark.parametrize("name", ["missing.zip", ".", "text.zip"])
def test_what_cannot_be_read_is_a_sentence(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.zip").write_text("hello")

    assert main([str(tmp_path / name)]) == 2

    assert capsys.readouterr().out.splitlines()[0].endswith(".")


def test_nothing_in_a_bundle_reaches_the_terminal_as_a_control_character(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def colour(bodies: list[Body]) -> None:
        first(bodies, "branch.evaluated")["data"]["case"] = "\x1b[31m\u202eyes"

    (tmp_path / "odd.zip").write_bytes(pack(rewritten(bundle(STORIES["overview"]()), colour)))
    main([str(tmp_path / "odd.zip")])

    said = capsys.readouterr().out
    assert "\\u001b[31m" in said and "\\u202eyes" in said
    assert "\x1b" not in said and "\u202e" not in said


def test_a_changed_readme_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    members = bundle(STORIES["overview"]())
    (tmp_path / "run.zip").write_bytes(pack({**members, README: b"Trust me."}))

    assert main([str(tmp_path / "run.zip")]) == 2
    assert "Not what the manifest says: README.txt." in capsys.readouterr().out


def test_the_core_is_what_the_machine_imports() -> None:
    rooms = ("audit", "channels", "plans", "policies", "runs")
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {core_digest.CORE}; "
        f"print(*(n for n, m in sys.modules.items() if n.split('.')[0] in {rooms} and not hasattr(m, '__path__')))"
    )
    done = subprocess.run([sys.executable, "-S", "-I", "-c", script], capture_output=True, text=True, check=True)

    assert set(core_digest.modules()) == set(done.stdout.split())
    assert len(core_digest.core_digest()) == 64


def test_another_source_is_another_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = core_digest.core_digest()
    source = core_digest._source

    monkeypatch.setattr(core_digest, "_source", lambda name: source(name) + b"\n" * (name == "policies.rules.hours"))
    core_digest.core_digest.cache_clear()

    assert core_digest.core_digest() != before
    core_digest.core_digest.cache_clear()


def test_sealing_twice_gives_the_same_bytes() -> None:
    assert pack(seal(bundle(STORIES["overview"]()))) == pack(bundle(STORIES["overview"]()))
