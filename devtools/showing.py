"""How does a browser come to see DEE? The demo on servers of its own, and a module that drives Chromium against it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from devtools import children, install, instance, running, testing
from devtools.instance import say
from devtools.paths import DATA, ROOT, private

DAYS_S = 3 * 86_400


def screenshots(arguments: list[str]) -> int:
    """Take a picture of every page of the demo, three days on; return 1 when the browser complained about one."""
    given = argparse.ArgumentParser(prog="python3 dev.py screenshots")
    given.add_argument("folder", nargs="?", default=str(DATA / "screenshots"), help="where the pictures go")
    folder = Path(given.parse_args(arguments).folder).resolve()
    taken = show("screenshots", ["devtools.camera", str(folder)], after=(["advance_clock", str(DAYS_S)], ["drain"]))
    say(f"the pictures are in {folder}")
    sys.stdout.flush()
    return taken


def gestures() -> int:
    """Measure how long an operator waits for a gesture in the designer; return 1 when it is too long."""
    return show("bench", ["devtools.gestures"], durable=True)


def show(name: str, driver: Sequence[str], *, after: Sequence[list[str]] = (), durable: bool = False) -> int:
    """Load the demo, start everything, and run `python -m driver[0] URL driver[1:]`; return its exit code.

    after: management commands between the demo and the start.
    """
    python = install.ready("dev")
    with instance.thrown_away(python, name, durable=durable) as here:
        running.prepare(here)
        for command in (["load_demo"], *after):
            if children.foreground(here.manage(*command), env=here.env, cwd=ROOT):
                return 1
        logs, started = private(here.data / "log"), []
        try:
            for program in running.programs(here):
                started.append(children.start(program, logs=logs, env=here.env, cwd=ROOT))
            running.wait_for("healthz", here, started)
            env = {**testing.environment(here, on_ci=False), "PYTHONPATH": str(ROOT)}
            argv = [str(python), "-m", driver[0], here.env["DEE_URL"], *driver[1:]]
            return children.foreground(argv, env=env, cwd=ROOT)
        finally:
            children.stop(started, together=3)
