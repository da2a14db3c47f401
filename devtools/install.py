"""Is .venv what the hashed lock says? If not, make it so: with uv where it is on PATH, else with pip."""

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from devtools.paths import DATA, REQUIREMENTS, ROOT, VENV, Refused, private

STAMP = VENV / "dee-locks"
# Each lock is compiled under the one before it, so whoever has the last has them all.
HOLDS = {"prod": ("prod",), "run": ("prod", "run"), "dev": ("prod", "run", "dev")}


def ready(lock: str) -> Path:
    """Return the Python of an environment that holds requirements/<lock>.lock."""
    python = VENV / "bin" / "python"
    private(DATA)
    with (DATA / "install.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two test runs must not install at once
        if not python.exists() or _digest(lock) not in _installed():
            _install(lock, python)
        _offer_replay(python)
    return python


def _offer_replay(python: Path) -> None:
    """Put `dee-replay` into the environment: the checkout's own, run by the environment's Python."""
    command = python.parent / "dee-replay"
    text = f'#!/bin/sh\nexec {shlex.quote(str(python))} {shlex.quote(str(ROOT / "dee-replay"))} "$@"\n'
    if not command.exists() or command.read_text() != text:
        command.write_text(text)
        command.chmod(0o755)


def _digest(lock: str) -> str:
    return hashlib.sha256((REQUIREMENTS / f"{lock}.lock").read_bytes()).hexdigest()


def _installed() -> set[str]:
    return set(STAMP.read_text().split()) if STAMP.exists() else set()


def _install(lock: str, python: Path) -> None:
    print(f"dee: installing requirements/{lock}.lock into {VENV.name} (once) …", file=sys.stderr, flush=True)
    requirements = str(REQUIREMENTS / f"{lock}.lock")
    uv = _uv()
    if not python.exists():
        shutil.rmtree(VENV, ignore_errors=True)
        _make(uv)
    STAMP.unlink(missing_ok=True)
    if uv:
        command = [uv, "pip", "install", "--quiet", "--require-hashes", "--python", str(python), "-r", requirements]
    else:
        _run([str(python), "-m", "ensurepip", "--default-pip"], "pip could not be put into the environment.")
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        command += ["--only-binary", ":all:", "--require-hashes", "-r", requirements]
    _run(command, "Some packages could not be installed. Is the package index reachable?")
    STAMP.write_text("\n".join(_digest(name) for name in HOLDS[lock]) + "\n")


def _uv() -> str | None:
    """Return uv's path if it is there and works (a version manager's shim may be there and not work)."""
    uv = shutil.which("uv")
    if uv and subprocess.run([uv, "--version"], capture_output=True, check=False).returncode == 0:
        return uv
    return None


def _make(uv: str | None) -> None:
    if uv:
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)], "uv could not make the environment.")
        return
    hint = f"On Debian and Ubuntu: apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    try:
        _run([sys.executable, "-m", "venv", str(VENV)], f"This Python cannot make a virtual environment. {hint}")
    except Refused:
        shutil.rmtree(VENV, ignore_errors=True)  # half-made, it would be taken for a good one next time
        raise


def _run(command: list[str], trouble: str) -> None:
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip().splitlines()[-12:]
        raise Refused("\n    ".join([trouble, *said]))
