"""`dev.py soak --processes`: does DEE keep its promises while its processes are killed, frozen and restarted by chance?

Everything is real and on this machine: PostgreSQL that fsyncs, Valkey, two Celery workers, beat, gunicorn, and a mail
provider with a ledger of its own. One process acts as people and providers do, this one kills by seed and starts again
what died; when all has come to rest, an oracle compares the ledger with the database. Ends only what it started.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

from devtools import children, install, instance, running
from devtools.children import Child, Program
from devtools.instance import Instance, say
from devtools.paths import DATA, ROOT, Refused, private, sockets
from devtools.servers import Place, Postgres, Valkey

LEASE_S = 4  # short, so that a death does not cost much time, and longer than nearly every send here
WORKERS = ("worker-1", "worker-2")
# Seconds of the whole that are kept for the end: what is open finishes, and the oracle reads everything.
FOR_THE_END_S = 130
SETTINGS = {
    "DEE_EMAIL_ADAPTER": "smtp",
    "DEE_SMTP_HOST": "127.0.0.1",
    "DEE_SMTP_TLS": "none",
    "DEE_MAIL_FROM": "DEE <dee@example.org>",
    "DEE_SANDBOX_DELAY_S": "1",  # calls take a second, so most deaths find messages on their way
    "DEE_LEASE_S": str(LEASE_S),
    "DEE_WAVE": "8",
    "DEE_HOOK_SECRETS": "provider=" + "only-for-soaks-" * 3,
    "DEE_LOG_LEVEL": "WARNING",
}
# What happens, in parts of a hundred.
WEIGHTS = {
    "worker killed": 46,
    "beat killed": 7,
    "web killed": 10,
    "PostgreSQL stopped at once": 12,
    "Valkey killed": 8,
    "Valkey emptied": 5,
    "worker frozen": 12,
}
NO_KILLS = {"Valkey emptied", "worker frozen"}
# A long soak in which one of these never happened has proved little, whatever else it says.
NEEDED = (
    "  which had left",
    "  which had not left",
    "  lost in a death of ours",
    "late reports on record",
    "gates that paused a run",
    "commands accepted",
    "commands refused by the engine",
    "recoveries applied",
    "events delivered more than once",
    "events of nobody",
    "engines that took over",
)
LONG, FEW = 100, 20  # deaths
# What mostly waits until messages are on their way, for that is when it hurts.
AIMED = {"worker killed", "worker frozen", "PostgreSQL stopped at once"}


class Estate:
    """The running processes, by name; `rest` waits while it starts again what has died."""

    def __init__(self, here: Instance, seed: str) -> None:
        self.here = here
        self.logs = here.data / "log"
        self.place = Place(here.data, sockets(here.data), private(self.logs), durable=True)
        self.postgres, self.valkey = Postgres(self.place), Valkey(self.place)
        self.ledger = here.data / "ledger"
        self.seed = seed
        self.running: dict[str, Child] = {}
        self.programs: dict[str, Program] = {}
        self.helpers: list[Child] = []
        self.counts: Counter[str] = Counter()
        self.killed: set[str] = set()

    def start_servers(self) -> None:
        """Start PostgreSQL and Valkey, with the tables and the world of the soak."""
        env = self.here.env
        self._start_valkey()
        self._start_postgres()
        env |= {"DATABASE_URL": self.postgres.url("dee_app"), "DATABASE_OWNER_URL": self.postgres.url("dee_owner")}
        env["REDIS_URL"] = self.valkey.url()
        migrate = self.here.manage("migrate", "--noinput", "--verbosity=0")
        subprocess.run(migrate, env=self.here.owner_env, cwd=ROOT, check=True)

    def start_programs(self) -> None:
        """Start the provider, the world, and DEE's own processes."""
        env = self.here.env
        env["DEE_SMTP_PORT"] = self._start_provider()
        subprocess.run(self._python("tests.soak.world"), env=env, cwd=ROOT, check=True)
        web, worker, beat = running.programs(self.here)
        named = [replace(worker, name=name, argv=[*worker.argv, "--hostname", f"{name}@soak"]) for name in WORKERS]
        self.programs = {program.name: program for program in (web, *named, beat)}
        for name in self.programs:
            self._start(name)
        self._wait_for_web()

    def start_driver(self) -> Child:
        """Start the people and providers; what they print is read at the end."""
        child = self._helper("driver", "tests.soak.driver", str(self.ledger), "--seed", self.seed)
        return child

    def rest(self, seconds: float) -> None:
        """Let time pass; start again what has died, and count what died of itself."""
        end = time.monotonic() + seconds
        while True:
            for name, child in list(self.running.items()):
                if child.process.poll() is not None:
                    self._bury(name)
            if time.monotonic() >= end:
                return
            time.sleep(0.05)

    def _bury(self, name: str) -> None:
        if name not in self.killed:
            self.counts[f"{name} ended by itself"] += 1
        self.killed.discard(name)
        self.counts["restarts"] += 1
        starts: dict[str, Callable[[], None]] = {"postgres": self._start_postgres, "valkey": self._start_valkey}
        starts.get(name, lambda: self._start(name))()

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """End a process and all of its session at once, as a power cut would."""
        child = self.running[name]
        if child.process.poll() is None:
            self.killed.add(name)
            if number == signal.SIGKILL:
                os.killpg(child.process.pid, number)
            else:
                child.process.send_signal(number)
            child.process.wait(20)

    def freeze(self, name: str, seconds: float) -> None:
        """Let a process stand still for a while: it knows nothing of it afterwards."""
        child = self.running[name]
        if child.process.poll() is None:
            child.process.send_signal(signal.SIGSTOP)
            try:
                self.rest(seconds)
            finally:
                child.process.send_signal(signal.SIGCONT)

    def engine(self) -> str:
        """Return the name of the worker that is the engine, or of the first where that cannot be told."""
        holder = self._look("SELECT split_part(holder, '/', 2) FROM runs_engine")
        pids = {str(self.running[name].process.pid): name for name in WORKERS}
        return pids.get(holder, WORKERS[0])

    def wait_for_messages(self, seconds: float) -> None:
        """Wait until messages are on their way, if that comes to pass in time."""
        end = time.monotonic() + seconds
        out = "SELECT count(*) > 0 FROM runs_run WHERE status = 'DISPATCHING'"
        while self._look(out) != "t" and time.monotonic() < end:
            self.rest(0.05)

    def _look(self, sql: str) -> str:
        """Return the database's answer to a question that it may have no time for, then the empty string."""
        argv = [str(self.postgres.bin / "psql"), "--no-psqlrc", "-At", "--host", str(self.postgres.sockets)]
        argv += ["--username", "postgres", "--dbname", "dee", "--command", sql]
        return subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False).stdout.strip()

    def empty_valkey(self) -> None:
        """Take every doorbell out of the broker."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(str(self.valkey.socket))
            connection.sendall(b"FLUSHALL\r\n")
            connection.recv(16)

    def ask(self, module: str, *arguments: str, within_s: float) -> dict[str, object]:
        """Run a module to its end and return the JSON that it printed."""
        argv = self._python(module, *arguments)
        process = subprocess.Popen(
            argv,
            env=self.here.env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            preexec_fn=children.die_with_us(signal.SIGKILL),
        )
        try:
            said, _ = process.communicate(timeout=within_s)
        finally:
            process.kill()
        if process.returncode:
            raise Refused(f"{module} failed (exit code {process.returncode}).")
        answer: dict[str, object] = json.loads(said)
        return answer

    def stop(self) -> None:
        """End everything, whatever state it is in."""
        for helper in self.helpers:
            helper.process.kill()
            helper.process.wait()
        processes = [child for name, child in self.running.items() if name in self.programs]
        for child in processes:
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGCONT)
        children.stop(processes, together=len(processes))
        children.stop([child for name, child in self.running.items() if name not in self.programs])

    def _start(self, name: str) -> None:
        self.running[name] = children.start(self.programs[name], logs=self.logs, env=self.here.env, cwd=ROOT)

    def _start_postgres(self) -> None:
        self.running["postgres"] = self.postgres.start()
        self.postgres.ready()

    def _start_valkey(self) -> None:
        self.running["valkey"] = self.valkey.start()
        self.valkey.ready()

    def _start_provider(self) -> str:
        said = self._helper("provider", "tests.channels_fakes.provider", str(self.ledger), "--seed", self.seed)
        children.wait_until(lambda: said.log.read_text().endswith("\n"), said)
        return said.log.read_text().strip()

    def _helper(self, name: str, module: str, *arguments: str) -> Child:
        program = Program(name, self._python(module, *arguments), death_signal=signal.SIGKILL)
        child = children.start(program, logs=self.logs, env=self.here.env, cwd=ROOT)
        self.helpers.append(child)
        return child

    def _python(self, module: str, *arguments: str) -> list[str]:
        return [str(self.here.python), "-m", module, *arguments]

    def _wait_for_web(self) -> None:
        def answers() -> bool:
            try:
                with urllib.request.urlopen(f"{self.here.env['DEE_URL']}/healthz", timeout=2):
                    return True
            except OSError:
                return False

        children.wait_until(answers, self.running["web"], within_s=60)


def soak(arguments: list[str]) -> int:
    """Kill, restart, compare; print a table and return 1 if any promise was broken."""
    given = argparse.ArgumentParser(prog="python3 dev.py soak --processes")
    given.add_argument("--processes", action="store_true", help="this soak; without it the simulator is meant")
    given.add_argument("--kills", type=int, default=200)
    given.add_argument("--minutes", type=float, default=15)
    given.add_argument("--seed", default=str(int(time.time())))
    asked = given.parse_args(arguments)
    python = install.ready("dev")
    with _home(python) as here:
        try:
            broken = _soak(here, asked)
        except Refused:
            say(f"the data and logs of this soak are kept in {_keep(here)}")
            raise
        if broken:
            say(f"the data and logs of this soak are kept in {_keep(here)}")
    return 1 if broken else 0


def _soak(here: Instance, asked: argparse.Namespace) -> bool:
    """Return whether a promise was broken; everything that was started has ended by then."""
    began = time.monotonic()
    estate = Estate(here, asked.seed)
    try:
        estate.start_servers()
        estate.start_programs()
        driver = estate.start_driver()
        left_s = asked.minutes * 60 - (time.monotonic() - began) - FOR_THE_END_S
        _chaos(estate, asked.kills, max(left_s, 6.0 * min(asked.kills, FEW)))
        did = _finish(estate, driver)
        found = estate.ask("tests.soak.oracle", str(estate.ledger), within_s=600)
    finally:
        estate.stop()
    return _report(asked.seed, estate.counts, did, found)


def _chaos(estate: Estate, kills: int, seconds: float) -> None:
    """Let misfortunes happen, spread over the time there is, until that many were deaths."""
    rng = Random(estate.seed)
    end = time.monotonic() + seconds
    done, misfortunes, busy_s = 0, 0, 0.0
    while done < kills and time.monotonic() < end:
        # A misfortune takes time by itself: what is left of its share of the time is spent in peace.
        share = (end - time.monotonic()) / (kills - done) - busy_s / max(1, misfortunes)
        estate.rest(rng.uniform(0.3, 1.2) * min(1.5 if kills <= FEW else 3.5, max(0.0, share)))
        what = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        began = time.monotonic()
        _happen(estate, what, rng)
        busy_s += time.monotonic() - began
        misfortunes += 1
        estate.counts[what] += 1
        done += what not in NO_KILLS
    estate.counts["deaths"] = done


def _happen(estate: Estate, what: str, rng: Random) -> None:
    if what in AIMED and rng.random() < 0.7:
        estate.wait_for_messages(2)
        estate.rest(rng.choice((0, 0, 0.1, 0.4, 0.9)))
    worker = estate.engine() if rng.random() < 0.8 else rng.choice(WORKERS)
    if what == "worker killed":
        estate.kill(worker)
    elif what == "worker frozen":
        estate.freeze(worker, LEASE_S + rng.uniform(0.5, 2))
    elif what == "PostgreSQL stopped at once":
        estate.kill("postgres", signal.SIGQUIT)  # its immediate shutdown: no checkpoint, recovery at the next start
    elif what == "Valkey emptied":
        estate.empty_valkey()
    else:
        estate.kill({"beat killed": "beat", "web killed": "web", "Valkey killed": "valkey"}[what])


def _finish(estate: Estate, driver: Child) -> dict[str, int]:
    """Let the people come to an end while everything runs, and return what they did."""
    estate.rest(3)
    driver.ask()
    end = time.monotonic() + 40
    while driver.process.poll() is None:
        if time.monotonic() > end:
            raise Refused(f"The driver did not come to an end. It said:\n{driver.last_lines()}")
        estate.rest(0.1)
    if driver.process.returncode:
        raise Refused(f"The driver failed. It said:\n{driver.last_lines()}")
    did: dict[str, int] = json.loads(driver.log.read_text().splitlines()[-1])
    return did


def _report(seed: str, counts: Mapping[str, int], did: Mapping[str, int], found: Mapping[str, object]) -> bool:
    """Print what happened and what was found; return whether a promise was broken."""
    seen, broken = found["counts"], found["broken"]
    assert isinstance(seen, dict) and isinstance(broken, list)
    for title, table in (("misfortunes", counts), ("what people and providers did", did), ("what was found", seen)):
        print(f"\n{title} (seed {seed})")
        for name, number in table.items():
            print(f"  {name:<38}{number:>9}")
    if counts["deaths"] >= LONG:
        broken = [*broken, *(f"never happened: {name.strip()}" for name in NEEDED if not seen.get(name))]
    print("\npromises broken" if broken else "\nno promise was broken")
    for sentence in broken:
        print(f"  {sentence}")
    sys.stdout.flush()
    return bool(broken)


@contextmanager
def _home(python: Path) -> Iterator[Instance]:
    """Yield an instance over a directory of this process's own, on a free port; removed afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        os.environ["PORT"] = str(probe.getsockname()[1])
    for old in (DATA / "soak").glob("*[0-9]"):  # of a soak that was killed
        if not Path(f"/proc/{old.name}").exists():
            shutil.rmtree(sockets(old), ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    data = private(DATA / "soak" / str(os.getpid()))
    here = Instance(python, data, {**instance.environment(data), **SETTINGS})
    try:
        yield here
    finally:
        shutil.rmtree(sockets(data), ignore_errors=True)
        shutil.rmtree(data, ignore_errors=True)


def _keep(here: Instance) -> Path:
    kept = here.data.with_name(f"{here.data.name}-kept")
    here.data.rename(kept)
    return kept
