"""What arrives and may be of any size."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from matrix_app.federation.growing_file import GrowingFile


def _nowhere() -> IO[bytes]:
    raise AssertionError("no file is needed")


def test_what_is_small_needs_no_file() -> None:
    with GrowingFile(10, _nowhere) as kept:
        assert kept.stays_in_memory(10)
        kept.write(b"01234")
        kept.write(b"56789")
        assert (kept.size, kept.is_in_memory) == (10, True)
        kept.file.seek(0)
        assert kept.file.read() == b"0123456789"


def test_what_grows_is_whole_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    sizes: list[int] = []
    with GrowingFile(10, lambda: path.open("w+b")) as kept:
        kept.noted = sizes.append
        kept.write(b"01234567")
        assert not path.exists()
        assert not kept.stays_in_memory(3)
        kept.write(b"89a")
        kept.write(b"b")
        assert (kept.size, kept.is_in_memory) == (12, False)
        kept.file.seek(0)
        assert kept.file.read() == b"0123456789ab"
    assert path.read_bytes() == b"0123456789ab"
    assert sizes == [8, 11, 12]


def test_what_is_in_a_file_already_is_used(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"0123456789ab")
    with GrowingFile(10, _nowhere) as kept:
        kept.use(path.open("rb"), 12)
        assert not kept.is_in_memory
        assert kept.file.read() == b"0123456789ab"
