"""`dev.py run`, `manage` and `bench`: how do the parts of DEE come up, and in which order do they go down?"""

import errno
import hashlib
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from devtools import children, install, instance
from devtools.children import Child, Program
from devtools.instance import Instance, say
from devtools.paths import DATA, LOGS, REQUIREMENTS, ROOT, Refused, private, write_private

# These look after the tables themselves: they run as the owner, and nothing is migrated before them.
OWNERS_COMMANDS = {"migrate", "makemigrations", "showmigrations", "sqlmigrate", "squashmigrations", "optimizemigration"}
WITHOUT_TABLES = {"check", "help", "diffsettings", "collectstatic", "--help", "--version"}


def run(arguments: list[str]) -> int:
    """Start everything, wait until it works, say where it is, and stay until told to stop."""
    if arguments:
        raise Refused("`dev.py run` takes no arguments. The port is the environment variable PORT.")
    python = install.ready("run")
    with instance.locked("run"):
        _check_port(instance.port())
        with instance.started(python, DATA, durable=True) as running:
            prepare(running)
            logins = _load_demo(running)
            processes: list[Child] = []
            try:
                web, worker, beat = programs(running)
                for program in (web, worker):
                    processes.append(children.start(program, logs=LOGS, env=running.env, cwd=ROOT))
                # Three Pythons starting on two cores are slower than two and then one: beat comes when pages do.
                wait_for("healthz", running, processes)
                processes.insert(1, children.start(beat, logs=LOGS, env=running.env, cwd=ROOT))
                wait_for("readyz", running, processes, within_s=20)
                instance.tell(running)
                print(
                    f"\nDEE is running at {running.env['DEE_URL']}/admin/\n{logins}Ctrl-C stops everything.", flush=True
                )
                return _watch([*processes, *running.servers])
            finally:
                instance.ENV_FILE.unlink(missing_ok=True)
                children.stop(processes, together=3)


def manage(arguments: list[str]) -> int:
    """Run one management command beside a running DEE, or with servers of its own."""
    if not arguments:
        raise Refused("Which command? For example: python3 dev.py manage verify_log")
    python = install.ready("run")
    with instance.locked("manage") as holder:
        if holder:
            running = Instance(python, DATA, {**instance.environment(DATA), **instance.told()})
            return _one_command(running, arguments)
        with instance.started(python, DATA, durable=True) as running:
            if arguments[0] not in OWNERS_COMMANDS | WITHOUT_TABLES:
                _migrate(running)
            instance.tell(running)
            return _one_command(running, arguments)


def bench(arguments: list[str]) -> int:
    """Measure on servers of its own, with fsync on, so that the demo's data stays as it is; with --pages, the pages."""
    python = install.ready("run")
    pages = "--pages" in arguments
    rest = [argument for argument in arguments if argument != "--pages"]
    with instance.thrown_away(python, "bench", durable=not pages) as running:
        prepare(running)
        env = running.env if pages else {**running.env, "DEE_EMAIL_ADAPTER": "null"}
        command = running.manage("bench_pages" if pages else "bench", *rest)
        return children.foreground(command, env=env, cwd=ROOT)


def prepare(running: Instance) -> None:
    """Bring tables and static files up to date; cheap when they are."""
    _migrate(running)
    folders = [ROOT / "static", *ROOT.glob("[!.]*/static")]  # not .data/static, where they are collected
    static = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    if _changed("static", static, running.data):
        _must(running.manage("collectstatic", "--noinput", "--clear", "--verbosity=0"), running.env, "static files")
        _remember("static", static, running.data)


def _migrate(running: Instance) -> None:
    files = [*ROOT.glob("*/migrations/*.py"), ROOT / "dee_site" / "roles.py"]  # the roles follow every migrate
    ours = bool(running.superuser)  # what a server of the user's own holds, we cannot remember for it
    if not ours or _changed("migrated", files, running.data):
        _must(running.manage("migrate", "--noinput", "--verbosity=0"), running.owner_env, "migrations")
        if ours:
            _remember("migrated", files, running.data)


def _load_demo(running: Instance) -> str:
    """Load the demo on the first start, and return the lines that name its logins."""
    said = DATA / "demo-logins"
    ours = bool(running.superuser)
    if not ours or not said.exists():
        write_private(said, _must(running.manage("load_demo", "--if-empty"), running.env, "the demo"))
    return said.read_text()


def _one_command(running: Instance, arguments: list[str]) -> int:
    env = running.owner_env if arguments[0] in OWNERS_COMMANDS else running.env
    return children.foreground(running.manage(*arguments), env=env, cwd=ROOT)


def programs(running: Instance) -> tuple[Program, Program, Program]:
    """Return web, worker and beat."""
    python = str(running.python)
    gunicorn = [python, "-m", "gunicorn", "dee_site.wsgi:application", "--bind", f"127.0.0.1:{instance.port()}"]
    gunicorn += ["--workers", "1", "--threads", "8", "--graceful-timeout", "3", "--no-control-socket"]
    gunicorn += ["--worker-tmp-dir", str(private(DATA / "run")), "--log-level", "warning"]
    celery = [python, "-m", "celery", "--app", "dee_site.celery", "--quiet"]
    worker = [*celery, "worker", "--queues", "engine", "--concurrency", "1", "--pool", "solo"]
    worker += ["--without-mingle", "--without-gossip"]  # there is one worker: nobody to greet
    # At our sudden death the worker goes as suddenly: a warm stop could wait for a broker that has gone as well.
    return (
        Program("web", gunicorn),
        Program("worker", worker, death_signal=signal.SIGKILL),
        Program("beat", [*celery, "beat", "--pidfile="], death_signal=signal.SIGKILL),
    )


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise Refused(f"Port {port} cannot be used: {error.strerror}. Choose another one with PORT=…") from None
            raise Refused(
                f"Port {port} is taken by another program. Choose another one: PORT={port + 1} python3 dev.py run"
            ) from None


def wait_for(address: str, running: Instance, processes: list[Child], within_s: float = 60) -> None:
    """Wait until /healthz or /readyz is good. One that answers, but never well, is told with its reason."""
    deadline = time.monotonic() + within_s
    reason = ""
    while time.monotonic() < deadline:
        _refuse_the_dead(processes)
        try:
            with urllib.request.urlopen(f"{running.env['DEE_URL']}/{address}", timeout=5):
                return
        except urllib.error.HTTPError as error:
            reason = _sentences(error.read())
        except OSError:
            pass
        time.sleep(0.1)
    if not reason:
        raise Refused(f"The web server did not answer in {within_s:.0f} s. It said:\n{processes[0].last_lines()}")
    say(f"DEE answers, but is not ready: {reason}")


def _sentences(body: bytes) -> str:
    try:
        return " ".join(said for said in json.loads(body)["checks"].values() if said != "ok")
    except (ValueError, KeyError, AttributeError):
        return "see .data/log/web.log"


def _refuse_the_dead(processes: list[Child]) -> None:
    for child in processes:
        if child.process.poll() is not None:
            raise Refused(
                f"{child.name} ended by itself (exit code {child.process.returncode}), so everything is stopped. "
                f"The end of {child.log.relative_to(ROOT)}:\n{child.last_lines()}"
            )


def _watch(processes: list[Child]) -> int:
    while True:
        _refuse_the_dead(processes)
        time.sleep(0.2)


def _must(argv: list[str], env: dict[str, str], what: str) -> str:
    """Run a command to its end and return what it printed."""
    done = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    sys.stderr.write(done.stderr if done.returncode else "")
    if done.returncode:
        raise Refused(f"{what} failed (exit code {done.returncode}): {' '.join(argv[1:])}")
    return done.stdout


def _digest(files: Iterable[Path]) -> str:
    """Return one hash over names and contents, and over the lock: packages bring migrations and static files too."""
    whole = hashlib.sha256()
    for path in sorted({*files, REQUIREMENTS / "run.lock"}):
        whole.update(f"{path.relative_to(ROOT)}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def _changed(name: str, files: Iterable[Path], data: Path = DATA) -> bool:
    stamp = data / f"{name}.stamp"
    return not stamp.exists() or stamp.read_text() != _digest(files)


def _remember(name: str, files: Iterable[Path], data: Path = DATA) -> None:
    (data / f"{name}.stamp").write_text(_digest(files))
