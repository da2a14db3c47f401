"""`dev.py test`: what is checked, in which order, on which servers?"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from devtools import children, install, instance
from devtools.instance import Instance, say
from devtools.paths import ROOT, VENV

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def test(arguments: list[str]) -> int:
    """Check everything, or with arguments run pytest alone. pytest's own summary is the last thing printed."""
    python = install.ready("dev")
    on_ci = os.environ.get("CI") == "true"
    if on_ci and not arguments:
        _install_chromium()
    failed = [] if arguments else _lint()
    with instance.thrown_away(python, "test") as running:
        env = environment(running, on_ci=on_ci)
        tested = children.foreground([str(python), "-m", "pytest", *arguments], env=env, cwd=ROOT)
    if failed:
        say(f"failed before the tests: {', '.join(failed)} (see above)")
    return tested or (1 if failed else 0)


def environment(running: Instance, *, on_ci: bool) -> dict[str, str]:
    """Return what pytest reads: the servers, the settings of the tests and the browser."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), "")
    return {
        **running.env,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",  # Playwright's synchronous API runs an event loop in the test's thread
        "DEE_TEST_BROWSER": os.environ.get("DEE_TEST_BROWSER", browser),
        "DEE_TEST_NEEDS_BROWSER": "1" if on_ci else "",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(running.data / "hypothesis"),
    }


def _install_chromium() -> None:
    if any(shutil.which(name) for name in BROWSERS) or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    say("installing Chromium for the browser tests …")
    quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)  # type: ignore[call-overload]
    install_it = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    subprocess.run(install_it, check=False, **quiet)  # type: ignore[call-overload]


def _lint() -> list[str]:
    """Run the checkers side by side; print what the failing ones said, and return their names."""
    tools = {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "import-linter": ["lint-imports"],
        "mypy": ["mypy", "."],
        "djlint": ["djlint", "templates", "--lint", "--quiet"],
    }
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT)}

    def check(command: list[str]) -> subprocess.CompletedProcess[str]:
        argv = [str(VENV / "bin" / command[0]), *command[1:]]
        return subprocess.run(
            argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )

    failed = []
    with ThreadPoolExecutor(2) as pool:
        for name, done in zip(tools, pool.map(check, tools.values()), strict=True):
            print(f"{name}: {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
            if done.returncode:
                failed.append(name)
                print(done.stdout, end="", file=sys.stdout, flush=True)
    return failed
