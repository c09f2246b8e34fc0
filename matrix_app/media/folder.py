"""A folder as a store of media."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from matrix_app.media.file_slice import FileSlice
from matrix_app.media.store import StoredFile

CHUNK: Final = 1 << 20
INCOMING: Final = "incoming"


class FolderStore:
    """Keeps files in a folder. What was kept is on the disk, not only on its way there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / INCOMING

    def stage(self, source: IO[bytes], location: str) -> StagedFile:
        """Copy a file next to the others, and hash it meanwhile."""
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o750)
        number, path = tempfile.mkstemp(dir=self._incoming)
        staged = StagedFile(self._folder, Path(path), location)
        try:
            with os.fdopen(number, "wb") as target:
                staged.take(source, target)
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
        """Every file, those included that are on their way in."""
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
    """A file in the folder `incoming`."""

    def __init__(self, folder: Path, path: Path, location: str) -> None:
        self._folder = folder
        self._path = path
        self.location = location
        self.digest = b""
        self.size = 0

    def take(self, source: IO[bytes], target: IO[bytes]) -> None:
        """Copy `source`, and have the disk keep it."""
        hashed = hashlib.sha256()
        while chunk := source.read(CHUNK):
            hashed.update(chunk)
            target.write(chunk)
            self.size += len(chunk)
        target.flush()
        os.fsync(target.fileno())
        self.digest = hashed.digest()

    def keep(self) -> None:
        """Give the file its name."""
        path = self._folder / self.location
        _make_folders(self._folder, path.parent)
        self._path.replace(path)
        _sync(path.parent)

    def discard(self) -> None:
        """Remove the file, if it still is where it was staged."""
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
