"""Where does everything lie? Inside the checkout, except a socket whose path would be too long for the system."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / ".data"
LOGS = DATA / "log"
REQUIREMENTS = ROOT / "requirements"
VENV = Path(os.environ.get("DEE_VENV") or ROOT / ".venv")

# sun_path holds 108 bytes on Linux and 104 on macOS, with the closing zero.
LONGEST_SOCKET = 103
LONGEST_NAME = "/postgres/.s.PGSQL.5432.lock"


class Refused(Exception):
    """dev.py cannot go on; the message is a sentence that says what to do."""


def private(directory: Path) -> Path:
    """Make the directory if it is missing; others may not read or write there, only pass through where we let them."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Refused(f"{directory} belongs to somebody else. Remove it, or work in a checkout of your own.")
    directory.chmod(found.st_mode & 0o711)
    return directory


def sockets(data: Path) -> Path:
    """Return a private directory for the sockets of the servers whose data lies in `data`."""
    near = data / "run"
    if len(os.fsencode(near)) + len(LONGEST_NAME) <= LONGEST_SOCKET:
        return private(near)
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return private(Path(tempfile.gettempdir()) / f"dee-{os.geteuid()}-{name}")


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, in one step: a reader sees the old text or the new."""
    private(path.parent)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
