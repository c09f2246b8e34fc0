"""Folders that cannot be written into are told of in a sentence."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.config import Config, load_config
from appliance.folders import NotWritable, make_folders, why_unusable

NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that others may look into: those of pytest are for their owner."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def as_nobody() -> Iterator[int]:
    """Not as root, who may write everywhere; the number of the user."""
    if os.geteuid() != 0:
        yield os.geteuid()
        return
    os.seteuid(NOBODY)
    try:
        yield NOBODY
    finally:
        os.seteuid(0)


def config(data: Path) -> Config:
    return load_config({"HEARTH_SERVER__DATA_DIR": str(data)})


def test_folders_that_are_missing_are_made(folder: Path) -> None:
    mine = config(folder / "a" / "b")
    make_folders(mine)
    make_folders(mine)
    for made in (mine.server.data_dir, mine.server.run_dir, mine.media.dir):
        assert made.is_dir()
        assert made.stat().st_mode & 0o007 == 0


def test_a_folder_of_somebody_else_is_refused_with_what_mends_it(folder: Path) -> None:
    data = folder / "data"
    data.mkdir(mode=0o555)
    mine = config(data)
    with as_nobody() as user, pytest.raises(NotWritable) as caught:
        make_folders(mine)
    assert str(caught.value).startswith("server.data_dir: ")
    assert f"chown -R {user}:" in str(caught.value)
    assert str(data) in str(caught.value)


def test_a_folder_that_cannot_be_made_is_told_of_by_what_is_above_it(folder: Path) -> None:
    above = folder / "above"
    above.mkdir(mode=0o555)
    mine = config(above / "data")
    with as_nobody(), pytest.raises(NotWritable, match=f"cannot use {above}, which"):
        make_folders(mine)


def test_a_file_in_the_place_of_a_folder_is_told_of(folder: Path) -> None:
    (folder / "data").write_text("")
    with pytest.raises(NotWritable, match=r"data cannot be made: (File exists|Not a directory)"):
        make_folders(config(folder / "data"))


def test_a_file_system_that_can_only_be_read_is_called_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class ReadOnly:
        f_flag = os.ST_RDONLY

    monkeypatch.setattr(os, "statvfs", lambda _path: ReadOnly())
    assert why_unusable(folder) == f"{folder} is on a file system that can only be read"


def test_why_a_file_cannot_be_used_is_told_by_the_folder_that_hides_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = folder / "data"
    data.mkdir(mode=0o000)
    monkeypatch.chdir(data)
    with as_nobody():
        for hidden in (data / "setup.toml", Path("hearth.toml")):
            assert f"cannot use {data}, which belongs to" in why_unusable(hidden)
