"""A whole backup as one file: a tar archive that can be unpacked in the folder of backups.

It is made while it is read, so it takes no room. Its manifest comes first.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

from appliance.backup import media_list
from appliance.backup.errors import BackupError
from appliance.backup.layout import POOL, Stored
from appliance.backup.manifest import FILE
from appliance.backup.streams import CHUNK
from matrix_app.protocol.said import said

BLOCK: Final = 512
_RECORD: Final = 20 * BLOCK
_END: Final = 2 * BLOCK


class Entry(NamedTuple):
    """A file of the archive: its name there, where it is, and its size."""

    name: str
    file: Path
    size: int


def entries(stored: Stored) -> Iterator[Entry]:
    """The files of a backup; files of media that are not there are left out."""
    for name in (FILE, *stored.manifest.parts):
        file = stored.folder / name
        yield Entry(f"{stored.manifest.id}/{name}", file, file.stat().st_size)
    for pooled in media_list.pooled_of(stored.folder):
        file = stored.folder.parent / POOL / pooled.name
        if file.is_file():
            yield Entry(f"{POOL}/{pooled.name}", file, pooled.size)


class SingleFile(io.RawIOBase, IO[bytes]):
    """The archive, to be read once; `size` is its length."""

    def __init__(self, stored: Stored) -> None:
        super().__init__()
        self._mtime = stored.manifest.created_ts // 1000
        whole = sum(len(self._header(one)) + padded(one.size) for one in entries(stored)) + _END
        self.size = -(-whole // _RECORD) * _RECORD
        self._chunks = self._all(stored)
        self._rest = memoryview(b"")

    def _header(self, entry: Entry) -> bytes:
        info = tarfile.TarInfo(entry.name)
        info.size, info.mode, info.mtime = entry.size, 0o600, self._mtime
        return info.tobuf(tarfile.GNU_FORMAT)

    def _all(self, stored: Stored) -> Iterator[bytes]:
        sent = 0
        for entry in entries(stored):
            for chunk in self._one(entry):
                sent += len(chunk)
                yield chunk
        yield bytes(self.size - sent)

    def _one(self, entry: Entry) -> Iterator[bytes]:
        yield self._header(entry)
        left = entry.size
        with entry.file.open("rb") as source:
            while left:
                chunk = source.read(min(CHUNK, left))
                if not chunk:
                    raise BackupError(said("{file} is shorter than it was", file=entry.file))
                left -= len(chunk)
                yield chunk
        yield bytes(padded(entry.size) - entry.size)

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = memoryview(chunk)
        wanted = len(self._rest) if size < 0 else size
        found, self._rest = bytes(self._rest[:wanted]), self._rest[wanted:]
        return found


def padded(size: int) -> int:
    """How much room a file of a size takes in the archive."""
    return -(-size // BLOCK) * BLOCK
