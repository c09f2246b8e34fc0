"""A part of an open file as a file of its own."""

from __future__ import annotations

import io
from typing import IO


class FileSlice(io.RawIOBase, IO[bytes]):
    """The next `length` bytes of a file, which is closed with it."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        super().__init__()
        self._file = file
        self._left = length

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        wanted = self._left if size < 0 else min(size, self._left)
        chunk = self._file.read(wanted) if wanted else b""
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()
