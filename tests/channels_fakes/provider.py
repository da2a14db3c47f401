"""A mail provider with a memory of its own: every message it takes is a line in its ledger before it says anything.

The ledger is append-only and fsynced, so it tells what left, whatever became of us. As a process
(`python -m tests.channels_fakes.provider LEDGER --seed 7`) it misbehaves by seed and prints its port.
"""

import argparse
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.channels_fakes.smtp import POLITE, Act, Drop, Reply, ScriptedSmtp, Silence

_INTENT = re.compile(rb"^X-DEE-Intent: ([^\r\n]+)\r\n", re.MULTILINE)
_MESSAGE_ID = re.compile(rb"^Message-ID: <([^@\r\n]+)@", re.MULTILINE)

# In a script: the message is read to its final dot and then forgotten, whatever is said about it.
LOST = "lost"

Script = Mapping[str, Act]
Moods = Callable[[int], Script]


@dataclass(frozen=True, slots=True)
class Line:
    """One message that was taken. at: the provider's own clock, Unix seconds."""

    intent: str
    at: float


class Ledger:
    """The file in which a provider writes down what it took."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._writing = threading.Lock()

    def add(self, intent: str) -> None:
        """Write a line; it is on the disk when this returns."""
        line = json.dumps({"intent": intent, "at": time.time()}) + "\n"
        with self._writing:
            os.write(self._file, line.encode())
            os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)

    def lines(self) -> list[Line]:
        return read_ledger(self._path)


def read_ledger(path: Path) -> list[Line]:
    """Return the whole lines of a ledger, oldest first; a line that is being written is not there yet."""
    whole, _, _ = path.read_text().rpartition("\n")
    return [Line(**json.loads(line)) for line in whole.splitlines()]


class Provider(ScriptedSmtp):
    """`with Provider(path) as provider:` takes mail on 127.0.0.1:provider.port."""

    def __init__(
        self, ledger: Path, script: Script | None = None, moods: Callable[[int], Script] | None = None
    ) -> None:
        """script: for every connection. moods: a script for each connection by its number, in place of one for all."""
        super().__init__(script)
        self.ledger = Ledger(ledger)
        self.keyed = False  # whether it knows an intent that it has taken, and takes it no second time
        self._moods = moods

    def script_of(self, connection: int) -> Script:
        return {**self.script, **self._moods(connection)} if self._moods else self.script

    def take(self, message: bytes, script: Script) -> None:
        """Write the message down, unless it is going to be refused or lost."""
        final = script["final"]
        refused = isinstance(final, Reply) and not final.text.startswith("2")
        if not refused and LOST not in script:
            intent, minted = _INTENT.search(message), _MESSAGE_ID.search(message)
            assert intent and minted and intent[1] == minted[1], "the mail does not say whose it is"
            super().take(message, script)
            if not self.keyed or intent[1].decode() not in self.intents():
                self.ledger.add(intent[1].decode())

    def intents(self) -> list[str]:
        """Return the intents of the messages that were taken, as often as they were."""
        return [line.intent for line in self.ledger.lines()]


# What a bad day is made of, in parts of a thousand; the rest is polite.
BAD_DAY: tuple[tuple[int, str, Script], ...] = (
    (20, "slow to greet", {"banner": Reply("220 fake ESMTP", after_s=0.4)}),
    (15, "slow to confirm", {"final": Reply("250 2.0.0 Ok", after_s=1.0)}),
    (4, "slower to confirm than a lease", {"final": Reply("250 2.0.0 Ok", after_s=4.5)}),
    (15, "closes the door", {"banner": Reply("421 4.3.2 come back later")}),
    (15, "refuses for now", {"rcpt": Reply("451 4.7.1 greylisted")}),
    (10, "refuses the recipient", {"rcpt": Reply("550 5.1.1 no such user")}),
    (10, "drops before the message", {"data": Drop()}),
    (10, "drops in the message", {"body": Drop(reset=True)}),
    (10, "defers the message", {"final": Reply("452 4.3.1 disk full")}),
    (20, "takes it and drops", {"final": Drop()}),
    (10, "takes it and resets", {"final": Drop(reset=True)}),
    (2, "takes it and falls silent", {"final": Silence()}),
    (15, "loses it and drops", {LOST: Drop(), "final": Drop()}),
    (10, "loses it and talks nonsense", {LOST: Drop(), "final": Reply("hello?")}),
)


def bad_day(seed: str) -> Moods:
    """Return how a provider behaves on a bad day: by seed and number of the connection."""

    def mood(connection: int) -> Script:
        place = Random(f"{seed}/{connection}").randrange(1000)
        for share, _, script in BAD_DAY:
            place -= share
            if place < 0:
                return script
        return POLITE

    return mood


def main() -> None:
    """Take mail until told to stop."""
    given = argparse.ArgumentParser()
    given.add_argument("ledger", type=Path)
    given.add_argument("--seed", default="0")
    asked = given.parse_args()
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    with Provider(asked.ledger, moods=bad_day(asked.seed)) as provider:
        print(provider.port, flush=True)
        over.wait()


if __name__ == "__main__":
    main()
