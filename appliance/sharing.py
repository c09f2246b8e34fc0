"""Keeps memory shared between a process that has loaded everything and those that it forks.

A forked process shares a page of memory until one side writes to it. What it makes for itself should lie in
pages of its own, and not in the holes between what its parent has loaded: each hole that is filled copies a
page (docs/adr/0002).
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import sys
import tracemalloc

# Pieces to fill holes with, the largest first. The smallest is the smallest that glibc hands out.
_PIECES = (4000, 2000, 1000, 700, 500, 300, 200, 120, 56, 24)
_MOST_PIECES = 20_000
_LARGE = 200_000
# More than anything that interning one name takes, but for a larger table of names.
_TABLE_BYTES = 200_000
_MOST_NAMES = 500_000


class _Heap(ctypes.Structure):
    """What `mallinfo2` of glibc's malloc.h answers: bytes, but for numbers of pieces."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
                     "fordblks", "keepcost")
    ]  # fmt: skip


def share_memory() -> None:
    """To be called when everything is loaded, before the first fork."""
    gc.freeze()
    make_room_for_names()
    fill_holes()


def make_room_for_names() -> None:
    """Has Python's table of interned names grow now, so that it does not grow in each process.

    It is a dictionary of some megabytes, full or nearly full after thousands of modules were loaded; one that
    must grow is made anew. Removed names leave their places taken, so that it grows before long. Newer
    Pythons keep such names for good.
    """
    if sys.version_info >= (3, 12):
        return
    tracemalloc.start()
    try:
        for number in itertools.takewhile(_is_small, range(_MOST_NAMES)):
            sys.intern(f"hearth name {number}")
    finally:
        tracemalloc.stop()


def _is_small(_number: int) -> bool:
    return tracemalloc.get_traced_memory()[0] < _TABLE_BYTES


def fill_holes() -> int:
    """Takes what is free between pieces of C's heap and keeps it; the number of pieces.

    Where C's library is none that tells of its heap, nothing is done.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return 0
    library.mallinfo2.restype = _Heap
    library.malloc.restype = library.sbrk.restype = ctypes.c_void_p
    library.malloc.argtypes, library.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
    library.sbrk.argtypes = [ctypes.c_ssize_t]
    library.malloc_trim(0)
    library.free(library.malloc(_LARGE))  # makes the heap end with free memory, and sorts what is free
    end: int = library.sbrk(0) - library.mallinfo2().keepcost
    return sum(_fill(library, size, end) for size in _PIECES)


def _fill(library: ctypes.CDLL, size: int, end: int) -> int:
    """Take pieces of this size until one comes from the end of the heap."""
    for taken in range(_MOST_PIECES):
        if not library.malloc(size) < end:
            return taken
    return _MOST_PIECES
