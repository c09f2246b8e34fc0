"""Answers as they travel: packed with gzip where the other side takes that, and where it is worth it."""

from __future__ import annotations

from typing import Final

from isal import isal_zlib

# Shorter answers travel in one packet in any case.
COMPRESS_FROM: Final = 1024
# Of 137 kB of events in 0.2 ms the same 56 kB that zlib makes at its level 4 in 1.6.
_LEVEL: Final = 2
# zlib's way of saying: in gzip's format, with the largest window.
_GZIP: Final = 31


def gzipped(body: bytes) -> bytes:
    """The body in the format of gzip (RFC 1952)."""
    packed: bytes = isal_zlib.compress(body, _LEVEL, _GZIP)
    return packed
