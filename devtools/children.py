"""How is a process started so that it never outlives dev.py, and how is it stopped?

Every child leads a session of its own, so a terminal's Ctrl-C reaches dev.py alone, which then stops the children in
order. On Linux the kernel also signals each child when dev.py dies in any way, SIGKILL included (PR_SET_PDEATHSIG).
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools.paths import Refused, private

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
LARGEST_LOG = 5_000_000


def die_with_us(with_signal: int) -> Callable[[], None]:
    """Return what the new process does before its program starts: ask for a signal at our death."""
    us = os.getpid()

    def ask() -> None:
        if LIBC is not None:
            LIBC.prctl(PR_SET_PDEATHSIG, with_signal)
        if os.getppid() != us:  # we died in between: the kernel's signal would never come
            os._exit(1)

    return ask


@dataclass
class Child:
    """A running process, its log, and the signal that asks it to stop."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals

    def last_lines(self, count: int = 15) -> str:
        """Return the end of its log, indented."""
        lines = self.log.read_text(errors="replace").splitlines()[-count:] if self.log.exists() else []
        return "".join(f"    {line}\n" for line in lines)

    def ask(self) -> None:
        """Ask it to stop."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def finish(self, within_s: float = 10) -> None:
        """Wait until it has stopped, and end whatever is left of its session."""
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            print(f"dee: {self.name} did not stop in {within_s:.0f} s and is killed.", file=sys.stderr)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait()


@dataclass(frozen=True)
class Program:
    """What to start."""

    name: str
    argv: Sequence[str]
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGTERM
    user: int | None = None


def start(program: Program, *, logs: Path, env: Mapping[str, str], cwd: Path) -> Child:
    """Start a program whose output goes to <logs>/<name>.log."""
    log = private(logs) / f"{program.name}.log"
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        process = subprocess.Popen(
            program.argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=die_with_us(program.death_signal),
            user=program.user,
            group=program.user,
            extra_groups=[] if program.user is not None else None,
        )
    return Child(program.name, process, log, program.stop_signal)


def wait_until(ready: Callable[[], bool], child: Child, within_s: float = 30) -> None:
    """Wait until `ready` says so; a child that ends first, or never gets there, is a sentence with its last words."""
    deadline = time.monotonic() + within_s
    while not ready():
        if child.process.poll() is not None:
            raise Refused(f"{child.name} ended at once ({child.process.returncode}). It said:\n{child.last_lines()}")
        if time.monotonic() > deadline:
            raise Refused(f"{child.name} was not ready in {within_s:.0f} s. It said:\n{child.last_lines()}")
        time.sleep(0.01)


def stop(children: Sequence[Child], *, together: int = 0) -> None:
    """Stop children in the given order; the first `together` of them are asked at the same time."""
    for child in children[:together]:
        child.ask()
    for child in children:
        child.ask()
        child.finish()


def foreground(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> int:
    """Run a command that keeps our terminal, and return its exit code. Ctrl-C is the command's to handle."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)

    ask_for_signal = die_with_us(signal.SIGTERM)

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        ask_for_signal()

    try:
        return subprocess.run(argv, env=dict(env), cwd=cwd, preexec_fn=prepare, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
