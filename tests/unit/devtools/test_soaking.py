"""Does `dev.py soak` say what its processes found?"""

import json
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from devtools import soak_processes, soaking
from devtools.children import Child
from devtools.paths import Refused


def ended(log: Path, *lines: dict[str, Any], code: int = 0) -> Child:
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Child(log.stem, SimpleNamespace(returncode=code), log, signal.SIGTERM)  # type: ignore[arg-type]


def test_what_the_processes_saw_is_added_up(tmp_path: Path) -> None:
    one = ended(tmp_path / "one.log", {"seed": 4, "wrong": "a clock"}, {"seen": {"stories": 2}, "must": ["a crash"]})
    two = ended(tmp_path / "two.log", {"seen": {"stories": 3, "a crash": 1}, "must": ["a crash"]})
    result = soaking._read([one, two])
    assert (result.seen["stories"], result.wrong, result.missing) == (5, {4: ["a clock"]}, [])


def test_what_never_happened_counts_once_enough_stories_were_told(tmp_path: Path) -> None:
    few = soaking._read([ended(tmp_path / "few.log", {"seen": {"stories": 299}, "must": ["a crash"]})])
    many = soaking._read([ended(tmp_path / "many.log", {"seen": {"stories": 300}, "must": ["a crash"]})])
    assert (few.missing, many.missing) == ([], ["a crash"])


def test_a_process_that_broke_down_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"broken ended with 1\. It said:\n.*a word"):
        soaking._read([ended(tmp_path / "broken.log", {"last": "a word"}, code=1)])


def test_the_soak_with_real_processes_is_the_same_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak_processes, "soak", lambda arguments: len(arguments))
    assert soaking.soak(["--processes", "--kills", "7"]) == 3
