"""`dev.py screenshots`: what does every page look like? The demo, three days on, in light, dark and on a phone."""

import argparse
import sys
from pathlib import Path

from devtools import children, install, instance, running, testing
from devtools.instance import say
from devtools.paths import DATA, ROOT, private

DAYS_S = 3 * 86_400


def screenshots(arguments: list[str]) -> int:
    """Take a picture of every page on servers of its own; return 1 when the browser complained about one."""
    given = argparse.ArgumentParser(prog="python3 dev.py screenshots")
    given.add_argument("folder", nargs="?", default=str(DATA / "screenshots"), help="where the pictures go")
    folder = Path(given.parse_args(arguments).folder).resolve()
    python = install.ready("dev")
    with instance.thrown_away(python, "screenshots") as here:
        running.prepare(here)
        for command in (["load_demo"], ["advance_clock", str(DAYS_S)], ["drain"]):
            if children.foreground(here.manage(*command), env=here.env, cwd=ROOT):
                return 1
        logs, started = private(here.data / "log"), []
        try:
            for program in running.programs(here):
                started.append(children.start(program, logs=logs, env=here.env, cwd=ROOT))
            running.wait_for("healthz", here, started)
            env = {**testing.environment(here, on_ci=False), "PYTHONPATH": str(ROOT)}
            camera = [str(python), "-m", "devtools.camera", here.env["DEE_URL"], str(folder)]
            taken = children.foreground(camera, env=env, cwd=ROOT)
        finally:
            children.stop(started, together=3)
    say(f"the pictures are in {folder}")
    sys.stdout.flush()
    return taken
