"""A folder as a store of media."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from matrix_app.media.file_slice import FileSlice
from matrix_app.media.store import StoredFile

CHUNK: Final = 1 << 20


class FolderStore:
    """Keeps files in a folder. What was staged is on the disk, not only on its way there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def stage(self, source: IO[bytes], location: str) -> StagedFile:
        """Copy a file to where it is to be, and hash it meanwhile."""
        path = self._folder / location
        _make_folders(self._folder, path.parent)
        staged = StagedFile(path, location)
        try:
            with path.open("xb", buffering=0) as target:
                staged.take(source, target)
            _sync(path.parent)
        except BaseException:
            staged.discard()
            raise
        return staged

    def open(self, location: str, offset: int = 0, length: int | None = None) -> IO[bytes]:
        """Open a file; raises `FileNotFoundError`."""
        file = (self._folder / location).open("rb")
        if offset:
            file.seek(offset)
        return file if length is None else FileSlice(file, length)

    def local(self, location: str) -> IO[bytes]:
        """Open a file; raises `FileNotFoundError`."""
        return (self._folder / location).open("rb")

    def size(self, location: str) -> int | None:
        """The size of a file in bytes; None when it is not there."""
        try:
            return (self._folder / location).stat().st_size
        except FileNotFoundError:
            return None

    def delete(self, location: str) -> None:
        """Remove a file, if it is there."""
        (self._folder / location).unlink(missing_ok=True)

    def files(self) -> Iterator[StoredFile]:
        """Every file, those included that have been staged."""
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder) / name
                try:
                    found = path.stat()
                except FileNotFoundError:
                    continue  # removed meanwhile
                location = path.relative_to(self._folder).as_posix()
                yield StoredFile(location, found.st_size, int(found.st_mtime * 1000))


class StagedFile:
    """A file that is where it is to be, under a name that nothing refers to yet."""

    def __init__(self, path: Path, location: str) -> None:
        self._path = path
        self.is_kept = False
        self.location = location
        self.digest = b""
        self.size = 0

    def take(self, source: IO[bytes], target: io.FileIO) -> None:
        """Copy `source`, and have the disk keep it."""
        hashed = hashlib.sha256()
        while chunk := source.read(CHUNK):
            hashed.update(chunk)
            rest = memoryview(chunk)
            while rest:
                rest = rest[target.write(rest) :]
            self.size += len(chunk)
        os.fsync(target.fileno())
        self.digest = hashed.digest()

    def keep(self) -> None:
        """Let the file stay."""
        self.is_kept = True

    def discard(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)


def _make_folders(root: Path, folder: Path) -> None:
    """Make a folder, and have the disk keep those that are new."""
    if folder.is_dir():
        return
    if folder != root:
        _make_folders(root, folder.parent)
    folder.mkdir(exist_ok=True, mode=0o750)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
