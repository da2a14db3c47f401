"""dev.py as a user meets it: started as a process, in a copy of this checkout that only its owner can enter."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devtools.paths import ROOT, VENV

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes under /proc"),
]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".data", ".*_cache", ".hypothesis", "test-results")
NOBODY = 65534


def clean_environment(**more: str) -> dict[str, str]:
    """The environment of somebody who has set nothing: this test itself runs with servers of its own."""
    ours = ("DEE_", "DJANGO_", "DATABASE_", "REDIS_", "PYTEST_", "HYPOTHESIS_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
        "DEE_VENV": str(VENV),
        **more,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(true: Callable[[], object], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.02)


class Checkout:
    """A copy of the checkout, and what can be done in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = free_port()
        self.env_file = root / ".data" / "env"
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "dev.py", *arguments],
            cwd=self.root,
            env=clean_environment(PORT=str(self.port), **environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def call(self, *arguments: str, **environment: str) -> tuple[int, str]:
        process = self.start(*arguments, **environment)
        said, _ = process.communicate(timeout=60)
        return process.returncode, said

    def start_running(self) -> subprocess.Popen[str]:
        self.env_file.unlink(missing_ok=True)  # a dev.py that was killed could not
        process = self.start("run")
        wait_until(lambda: self.env_file.exists() or process.poll() is not None, 90)
        if process.poll() is not None:
            assert process.stdout
            pytest.fail(process.stdout.read())
        return process

    def get(self, path: str) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return int(answer.status)

    def processes(self) -> dict[int, str]:
        """Every process that works in this checkout, with its command line."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    if Path(os.readlink(entry / "cwd")).is_relative_to(self.root):
                        found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
                except OSError:
                    continue
        return found


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    return Checkout(Path(shutil.copytree(ROOT, home / "dee", ignore=LEFT_OUT)))


@pytest.fixture
def checkout(copied: Checkout) -> Iterator[Checkout]:
    yield copied
    for process in copied.started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
    copied.started.clear()
    wait_until(lambda: not copied.processes(), 15)


def test_run_serves_the_admin_and_a_sudden_death_leaves_no_process(checkout: Checkout) -> None:
    running = checkout.start_running()

    assert checkout.get("/admin/login/") == 200
    assert stat.S_IMODE(checkout.env_file.stat().st_mode) == 0o600
    told = dict(line.split("=", 1) for line in checkout.env_file.read_text().splitlines())
    assert told.keys() == {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "DEE_URL"}
    assert told["DEE_URL"] == f"http://127.0.0.1:{checkout.port}"
    code, said = checkout.call("run")
    assert code == 1
    assert said.startswith(f"dee: DEE is already running in this checkout (dev.py run (process {running.pid})).")
    assert checkout.call("manage", "check")[0] == 0
    assert len(checkout.processes()) > 5

    running.kill()

    wait_until(lambda: not checkout.processes(), 15)
    assert stat.S_IMODE(checkout.root.parent.stat().st_mode) == 0o700


def test_after_that_it_starts_again_and_ctrl_c_stops_everything(checkout: Checkout) -> None:
    running = checkout.start_running()

    assert checkout.get("/readyz") == 200
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=30)

    assert running.returncode == 0
    assert f"DEE is running at http://127.0.0.1:{checkout.port}/admin/" in said
    assert not checkout.processes()
    assert not checkout.env_file.exists()


def test_when_one_part_dies_it_is_named_and_everything_stops(checkout: Checkout) -> None:
    running = checkout.start_running()
    [worker] = [pid for pid, command in checkout.processes().items() if "--queues engine" in command]

    os.kill(worker, signal.SIGKILL)
    said, _ = running.communicate(timeout=30)

    assert running.returncode == 1
    assert "dee: worker ended by itself (exit code -9), so everything is stopped." in said
    assert not checkout.processes()


def test_a_taken_port_is_a_sentence(checkout: Checkout) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", checkout.port))
        other.listen()

        code, said = checkout.call("run")

    assert code == 1
    assert said == (
        f"dee: Port {checkout.port} is taken by another program. "
        f"Choose another one: PORT={checkout.port + 1} python3 dev.py run\n"
    )


def test_half_a_set_of_own_servers_is_a_sentence(checkout: Checkout) -> None:
    code, said = checkout.call("manage", "check", DATABASE_URL="postgresql://dee_app@localhost/dee")

    assert code == 1
    assert said.startswith("dee: DATABASE_URL is set alone. DEE needs two roles")


def test_a_wrong_command_prints_the_usage(checkout: Checkout) -> None:
    code, said = checkout.call("start")

    assert code == 2
    assert said.startswith("usage: python3 dev.py run")


def test_a_missing_variable_stops_django_with_a_sentence(checkout: Checkout) -> None:
    done = subprocess.run(
        [VENV / "bin" / "python", "manage.py", "check"],
        cwd=checkout.root,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == (
        "dee: DEE_SECRET_KEY is not set. Make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'\n"
    )


def readable_by_nobody(path: Path) -> bool:
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return subprocess.run([*become, "test", "-r", path], check=False).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to leave root")
def test_where_root_gets_no_user_namespace_the_server_runs_as_nobody() -> None:
    if not readable_by_nobody(VENV / "pyvenv.cfg"):
        pytest.skip("the environment lies where nobody else can read")
    home = Path(tempfile.mkdtemp(prefix="dee-"))
    try:
        home.chmod(0o755)
        opened = Checkout(Path(shutil.copytree(ROOT, home / "dee", ignore=LEFT_OUT)))

        code, said = opened.call("manage", "showmigrations", "auth", PATH="/nonexistent")

        assert code == 0, said
        data = home / "dee" / ".data"
        assert (data / "postgres").owner() == "nobody"
        assert stat.S_IMODE(data.stat().st_mode) == 0o711
        assert stat.S_IMODE((data / "secret_key").stat().st_mode) == 0o600
    finally:
        shutil.rmtree(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="the tests above already ran as an ordinary user")
def test_an_ordinary_user_needs_nothing_else() -> None:
    system = f"/usr/bin/python3.{sys.version_info[1]}"
    packages = VENV / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if not (Path(system).exists() and readable_by_nobody(packages / "django" / "__init__.py")):
        pytest.skip("no Python and no packages here that another user could read")

    home = Path(tempfile.mkdtemp(prefix="dee-"))
    try:
        shutil.copytree(ROOT, home / "dee", ignore=LEFT_OUT)
        borrowed = home / "venv"
        (borrowed / "bin").mkdir(parents=True)
        (borrowed / "bin" / "python").symlink_to(system)
        (borrowed / "pyvenv.cfg").write_text("home = /usr/bin\n")
        theirs = borrowed / packages.relative_to(VENV)
        theirs.mkdir(parents=True)
        for package in packages.iterdir():
            (theirs / package.name).symlink_to(package)
        # Our environment leaves this back-port out when its own Python is newer than 3.11.2.
        (theirs / "async_timeout.py").write_text("from asyncio import timeout\n")
        shutil.copy(VENV / "dee-locks", borrowed)
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", home], check=True)
        home.chmod(0o700)

        done = subprocess.run(
            [*become, system, "dev.py", "manage", "showmigrations", "auth"],
            cwd=home / "dee",
            env=clean_environment(DEE_VENV=str(borrowed), HOME=str(home)),
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert "0001_initial" in done.stdout
        assert {path.owner() for path in (home / "dee" / ".data").iterdir()} == {"nobody"}
    finally:
        shutil.rmtree(home)
