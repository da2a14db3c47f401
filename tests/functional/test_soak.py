"""A short soak with real processes, as `dev.py soak --processes` does it for longer; it leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.paths import DATA, ROOT, VENV
from tests.workers import until

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes under /proc"),
]
OURS = ("DEE_", "DJANGO_", "DATABASE_", "REDIS_", "PYTEST_", "HYPOTHESIS_")


@pytest.fixture
def soak() -> Iterator[subprocess.Popen[str]]:
    """A soak of eight deaths that has just been started."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    process = subprocess.Popen(
        [sys.executable, "dev.py", "soak", "--processes", "--kills", "8", "--minutes", "1", "--seed", "7"],
        cwd=ROOT,
        env=environment | {"DEE_VENV": str(VENV)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process
    process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()
    until(lambda: not processes_of(process.pid), 15)


def processes_of(soak: int) -> dict[str, str]:
    """Return the processes that work in the directory of this soak, with their command lines."""
    place = f"/soak/{soak}/".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != soak:
            try:
                said = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes().replace(b"\0", b"/\0")
            except OSError:
                continue
            if place in said + b"/":
                found[entry.name] = (entry / "cmdline").read_text().replace("\0", " ")
    return found


def test_after_eight_deaths_the_ledger_and_the_database_agree(soak: subprocess.Popen[str]) -> None:
    said, _ = soak.communicate(timeout=400)
    assert soak.returncode == 0, said
    assert "no promise was broken" in said
    counts = {name.strip(): int(number) for name, number in re.findall(r"^  (.+?) +(\d+)$", said, re.MULTILINE)}
    assert counts["deaths"] == 8
    assert counts["mails that left twice"] == 0
    never = [
        name
        for name in ("runs replayed to the byte", "entries verified", "mails the provider took")
        if not counts[name]
    ]
    assert never == []
    assert not processes_of(soak.pid)
    assert not (DATA / "soak" / str(soak.pid)).exists()


def test_a_soak_that_is_interrupted_ends_what_it_started(soak: subprocess.Popen[str]) -> None:
    until(lambda: len(processes_of(soak.pid)) > 8, 120)  # two servers, web, two workers, beat, the provider, people
    soak.send_signal(signal.SIGINT)
    soak.communicate(timeout=40)
    assert soak.returncode == 128 + signal.SIGINT
    assert not processes_of(soak.pid)
    assert not (DATA / "soak" / str(soak.pid)).exists()
