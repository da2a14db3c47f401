"""Whose zone files count? Those of the pinned package, whatever the machine has and says."""

import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ASK = "from policies import hours; print(hours.local('America/New_York', 1_800_000_000)['offset_s'])"


def test_the_zone_files_of_the_machine_are_never_read(tmp_path: Path) -> None:
    false = tmp_path / "America" / "New_York"
    false.parent.mkdir()
    false.write_bytes((resources.files("tzdata") / "zoneinfo" / "Asia" / "Tokyo").read_bytes())
    env = os.environ | {"PYTHONTZPATH": str(tmp_path), "PYTHONPATH": str(ROOT)}
    said = subprocess.run([sys.executable, "-c", ASK], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "-18000"
