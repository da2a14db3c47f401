"""The zip file itself: one way to write it, and no way to hide anything in it."""

import shutil
import struct
import subprocess
import warnings
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from runs import bundle_file
from runs.bundle_file import LIMITS, MANIFEST, OPENINGS, README, NotABundle, pack, unpack

MEMBERS = {name: name.encode() * 20 for name in LIMITS}


def zipped(*names: str, method: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip as somebody else's program writes it."""
    file = BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as made:
        warnings.simplefilter("ignore")  # that a name stands twice is what we want
        for name in names or LIMITS:
            made.writestr(zipfile.ZipInfo(name), MEMBERS.get(name, b"x"), method)
    return file.getvalue()


def test_packing_twice_gives_the_same_bytes_whatever_the_order_of_the_files() -> None:
    backwards = dict(reversed(MEMBERS.items()))

    assert pack(MEMBERS) == pack(backwards)
    assert unpack(pack(MEMBERS)) == MEMBERS
    assert list(unpack(pack(MEMBERS))) == list(LIMITS)


def test_other_programs_read_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(BytesIO(pack(MEMBERS))) as read:
        assert read.testzip() is None
        assert {info.filename: read.read(info) for info in read.infolist()} == MEMBERS
        assert {(info.date_time, info.compress_type) for info in read.infolist()} == {((1980, 1, 1, 0, 0, 0), 0)}
    path = tmp_path / "run.zip"
    path.write_bytes(pack(MEMBERS))
    if unzip := shutil.which("unzip"):
        assert subprocess.run([unzip, "-tqq", path], check=False).returncode == 0


def test_it_may_do_without_openings_and_nothing_else() -> None:
    for name in LIMITS:
        some = {other: data for other, data in MEMBERS.items() if other != name}
        if name == OPENINGS:
            assert unpack(pack(some)) == some
        else:
            with pytest.raises(NotABundle, match=name):
                pack(some)


def size_of_first(data: bytes, size: int) -> bytes:
    return data[:18] + struct.pack("<LL", size, size) + data[26:]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no zip file"),
        (b"PK", "no zip file"),
        (b"PK\x03\x04", "cut off"),
        (b"PK\x05\x06" + bytes(18), "no zip file"),
        (pack(MEMBERS)[:-1], "holds more than its files"),
        (pack(MEMBERS)[:300], "cut off"),
        (pack(MEMBERS) + b"x", "holds more than its files"),
        (b"#!/bin/sh\n" + pack(MEMBERS), "no zip file"),
        (pack(MEMBERS)[:-2] + b"\x05\x00hello", "holds more than its files"),
        (zipped(method=zipfile.ZIP_DEFLATED), "stores its files as they are"),
        (zipped(), "holds more than its files"),  # another program's marks
        (zipped(MANIFEST, MANIFEST), "twice"),
        (zipped(MANIFEST, "../../etc/passwd"), "no file of a bundle"),
        (zipped("/etc/passwd"), "no file of a bundle"),
        (zipped("manifest.json\x00.exe"), "more than its files|no file of a bundle|holds no"),
        (zipped("MANIFEST.JSON"), "no file of a bundle"),
        (zipped("ünïcode"), "compressed, encrypted or streamed|no file of a bundle"),
        (zipped(README), "holds no manifest.json"),
        (size_of_first(pack(MEMBERS), 2**32 - 1), "cut off"),
        (size_of_first(pack(MEMBERS), 0), "holds"),
    ],
)
def test_what_is_no_bundle_is_refused_with_a_sentence(data: bytes, said: str) -> None:
    with pytest.raises(NotABundle, match=said) as refused:
        unpack(data)

    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("function", [pack, lambda members: unpack(_packed_anyway(members))])
def test_a_file_that_is_too_long_is_refused(function: Callable[[dict[str, bytes]], object]) -> None:
    too_long = {**MEMBERS, README: bytes(LIMITS[README] + 1)}

    with pytest.raises(NotABundle, match=README):
        function(too_long)
    assert unpack(pack({**MEMBERS, README: bytes(LIMITS[README])}))


def _packed_anyway(members: dict[str, bytes]) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle_file, "_check", lambda members: None)
        return pack(members)


def test_a_file_as_a_whole_may_be_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_file, "MAX_BYTES", 100)

    with pytest.raises(NotABundle, match="longer than"):
        unpack(pack(MEMBERS))
