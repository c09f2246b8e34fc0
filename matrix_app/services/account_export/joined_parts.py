"""The parts of an archive as one file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import IO

from matrix_app.media.store import media_store
from matrix_app.protocol.errors import NotFound
from matrix_app.storage.account_exports import PartRow


class JoinedParts(io.RawIOBase, IO[bytes]):
    """`length` bytes from `offset` on, read once; each part is opened when it is its turn."""

    def __init__(self, parts: Sequence[PartRow], offset: int, length: int) -> None:
        super().__init__()
        self._parts = list(parts)
        self._skip = offset
        self._left = length
        self._open: IO[bytes] | None = None

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        wanted = self._left if size < 0 else min(size, self._left)
        while wanted:
            if self._open is None:
                self._open = self._next()
            chunk = self._open.read(wanted)
            if chunk:
                self._left -= len(chunk)
                return chunk
            self._open.close()
            self._open = None
        return b""

    def _next(self) -> IO[bytes]:
        while self._parts and self._skip >= self._parts[0].size:
            self._skip -= self._parts.pop(0).size
        if not self._parts:
            raise NotFound("The export has been lost")
        part, skip, self._skip = self._parts.pop(0), self._skip, 0
        try:
            return media_store().open(part.location, skip)
        except FileNotFoundError as error:
            raise NotFound("The export has been lost") from error

    def close(self) -> None:
        """Close the part that is open."""
        if self._open is not None:
            self._open.close()
        super().close()
