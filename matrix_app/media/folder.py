"""A folder as a store of media."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO, Final

CHUNK: Final = 1 << 20


class FolderStore:
    """Keeps files in a folder. What was kept is on the disk, not only on its way there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"

    def stage(self, source: IO[bytes]) -> StagedFile:
        """Copy a file next to the others, and hash it meanwhile."""
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o750)
        number, path = tempfile.mkstemp(dir=self._incoming)
        staged = StagedFile(self._folder, Path(path))
        try:
            with os.fdopen(number, "wb") as target:
                staged.take(source, target)
        except BaseException:
            staged.discard()
            raise
        return staged

    def open(self, name: str) -> IO[bytes]:
        """Open a file; raises `FileNotFoundError`."""
        return (self._folder / name).open("rb")

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self._folder / name).unlink(missing_ok=True)

    def delete_below(self, folder: str) -> None:
        """Remove a folder, if it is there."""
        path = self._folder / folder
        if path.exists():
            shutil.rmtree(path)

    def clear_incoming(self, before: float) -> int:
        """Remove what processes that ended have left half written, from before a time; how many files."""
        if not self._incoming.exists():
            return 0
        old = [path for path in self._incoming.iterdir() if path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


class StagedFile:
    """A file in the folder `incoming`."""

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder = folder
        self._path = path
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

    def keep(self, name: str) -> None:
        """Give the file its name."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._path.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self) -> None:
        """Remove the file, if it still is where it was staged."""
        self._path.unlink(missing_ok=True)
