"""Reading bodies of answers that may be of any size, packed or not."""

from __future__ import annotations

import zlib
from typing import Final

# A zlib stream or a gzip file, whichever it is.
_EITHER: Final = 32 + zlib.MAX_WBITS
_PACKED: Final = frozenset(("gzip", "x-gzip", "deflate"))


class Unpacker:
    """Unpacks a body as it arrives, never more of it than there is room for."""

    def __init__(self, encoding: str) -> None:
        folded = encoding.strip().lower()
        if folded not in _PACKED | {"", "identity"}:
            raise ValueError("the body is packed in a way that was not asked for")
        self._zip = zlib.decompressobj(_EITHER) if folded in _PACKED else None

    def feed(self, chunk: bytes, room: int) -> bytes:
        """What a piece of the body holds, at most one byte more than `room`; raises `ValueError`."""
        if self._zip is None:
            return chunk[: room + 1]
        try:
            return self._zip.decompress(chunk, room + 1)
        except zlib.error as error:
            raise ValueError(f"the body cannot be unpacked: {error}") from error
