"""Large files lie elsewhere in pieces, so that an upload goes on where it was: `cat NAME.0*` joins them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

# So much is in memory at a time, and is sent again after a break.
PIECE_BYTES: Final = 8 << 20


class Piece(NamedTuple):
    """A part of a file: its name elsewhere, where it begins in the file, and its size."""

    name: str
    offset: int
    size: int


def pieces_of(name: str, size: int) -> Iterator[Piece]:
    """The pieces of a file; one that is small is one, under its own name."""
    if size <= PIECE_BYTES:
        yield Piece(name, 0, size)
        return
    for number, offset in enumerate(range(0, size, PIECE_BYTES)):
        yield Piece(f"{name}.{number:06}", offset, min(PIECE_BYTES, size - offset))
