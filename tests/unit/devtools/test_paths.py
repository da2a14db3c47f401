"""Where dev.py puts things, and who may read them."""

import os
import tempfile
from pathlib import Path

import pytest

from devtools import paths


def test_sockets_lie_beside_the_data(tmp_path: Path) -> None:
    directory = paths.sockets(tmp_path / "data")

    assert directory == tmp_path / "data" / "run"
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_long_path_moves_the_sockets_to_a_private_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 5)

    directory = paths.sockets(deep)

    assert directory.parent == tmp_path
    assert directory.stat().st_mode & 0o777 == 0o700
    assert directory == paths.sockets(deep)
    assert directory != paths.sockets(deep / "other")


def test_a_folder_laid_out_by_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    with pytest.raises(paths.Refused, match="belongs to somebody else"):
        paths.private(tmp_path / "link")


def test_a_private_file_is_ours_alone_and_replaced_in_one_step(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    previous = os.umask(0)
    try:
        paths.write_private(file, "one")
        paths.write_private(file, "two")
    finally:
        os.umask(previous)

    assert file.read_text() == "two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]
