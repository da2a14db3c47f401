"""Which command did the user give?"""

import signal
import sys
from collections.abc import Callable

from devtools import mutating, running, showing, soaking, testing
from devtools.instance import say
from devtools.paths import Refused

USAGE = """usage: python3 dev.py run                  start DEE at http://127.0.0.1:${PORT:-8000}/admin/
       python3 dev.py test [pytest args]   check everything; with arguments, only pytest
       python3 dev.py bench                measure the engine, and print a table
       python3 dev.py bench --pages        … the pages, over 100,000 runs; --designer: its gestures
       python3 dev.py soak [--seeds N]     tell simulated stories with crashes, and check every promise
       python3 dev.py soak --processes     kill and restart real processes for a while, and compare
       python3 dev.py mutants [NAME …]     plant faults, and see whether the tests notice
       python3 dev.py screenshots [DIR]    take pictures of every page: light, dark, phone
       python3 dev.py manage COMMAND …     one management command, with the servers running"""


def _bench(arguments: list[str]) -> int:
    return showing.gestures() if arguments == ["--designer"] else running.bench(arguments)


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "run": running.run,
    "test": testing.test,
    "bench": _bench,
    "manage": running.manage,
    "mutants": mutating.mutate,
    "screenshots": showing.screenshots,
    "soak": soaking.soak,
}


class Stopped(BaseException):
    """Somebody asked dev.py to stop."""


def _stop(number: int, _frame: object) -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # stopping is bounded, and must not be cut short half-way
    raise Stopped(number)


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    if not arguments or arguments[0] not in COMMANDS:
        print(USAGE, file=sys.stdout if arguments in (["help"], ["--help"], ["-h"]) else sys.stderr)
        return 0 if arguments in (["help"], ["--help"], ["-h"]) else 2
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _stop)
    try:
        return COMMANDS[arguments[0]](arguments[1:])
    except Refused as error:
        say(str(error))
        return 1
    except Stopped as stopped:
        return 0 if arguments[0] == "run" else 128 + stopped.args[0]
