"""What bytes go through on their way into a backup and out of it, one piece at a time."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Callable
from typing import IO, Any, Final

from appliance.backup.age import Source, Target
from appliance.backup.errors import BackupError
from matrix_app.protocol.said import said

CHUNK: Final = 1 << 20
_GZIP: Final = 31


class Gzipped(io.BufferedIOBase):
    """A file as gzip packs it; `told` is called with how much of it was read."""

    def __init__(self, file: IO[bytes], told: Callable[[int], None]) -> None:
        self._file = file
        self._told = told
        self._packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
        self._packed = bytearray()
        self._has_ended = False

    def read(self, size: int | None = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        wanted = CHUNK if size is None or size < 0 else size
        while len(self._packed) < wanted and not self._has_ended:
            self._pack_more()
        found = bytes(self._packed[:wanted])
        del self._packed[:wanted]
        return found

    def _pack_more(self) -> None:
        chunk = self._file.read(CHUNK)
        self._packed += self._packer.compress(chunk) if chunk else self._packer.flush()
        self._has_ended = not chunk
        self._told(self._file.tell())


class Unzipping:
    """Unpacks gzip into a target; raises `BackupError` for what is damaged."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._unpacker = zlib.decompressobj(_GZIP)

    def write(self, data: bytes, /) -> int:
        """Take packed bytes. However well they are packed, memory stays bounded."""
        left = data
        try:
            while left:
                self._target.write(self._unpacker.decompress(left, CHUNK))
                left = self._unpacker.unconsumed_tail
        except zlib.error as fault:
            raise BackupError(said("It cannot be unpacked: {fault}", fault=fault)) from fault
        return len(data)

    def finish(self) -> None:
        """Raise `BackupError` unless everything has come."""
        if not self._unpacker.eof:
            raise BackupError("It cannot be unpacked: its end is missing")


class Ticking:
    """Hands on what is written, and tells each time that it goes on; that may raise to end the work."""

    def __init__(self, target: Target, tick: Callable[[], None]) -> None:
        self._target = target
        self._tick = tick

    def write(self, data: bytes, /) -> int:
        """Take some bytes."""
        self._target.write(data)
        self._tick()
        return len(data)


class Hashing:
    """Counts and hashes what goes through, read from a source or written towards a target, if any."""

    def __init__(self, source: Source | None = None, target: Target | None = None) -> None:
        self._source = source
        self._target = target
        self._hashed = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1, /) -> bytes:
        """From the source."""
        assert self._source is not None
        chunk = self._source.read(size)
        self._take(chunk)
        return chunk

    def write(self, data: bytes, /) -> Any:
        """To the target."""
        self._take(data)
        if self._target is not None:
            self._target.write(data)
        return len(data)

    def _take(self, data: bytes) -> None:
        self._hashed.update(data)
        self.size += len(data)

    def is_as(self, size: int, sha256: str | None) -> bool:
        """Whether what went through has this size, and this hash where it is known."""
        return self.size == size and sha256 in (None, self._hashed.hexdigest())


def copy_exactly(source: Source, target: Target, size: int) -> bool:
    """Copy so many bytes; False when there are fewer, or more, of which none are copied."""
    left = size
    while left and (chunk := source.read(min(CHUNK, left))):
        target.write(chunk)
        left -= len(chunk)
    return not left and not source.read(1)


def copy(source: Source, target: Target) -> None:
    """Copy from a source to its end."""
    while chunk := source.read(CHUNK):
        target.write(chunk)
