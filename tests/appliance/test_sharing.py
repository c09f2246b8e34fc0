"""What is done to memory before processes are forked, each in a process of its own."""

from __future__ import annotations

import ctypes
import os
import sys
import tracemalloc
from collections.abc import Callable

import pytest

from appliance.sharing import fill_holes, make_room_for_names

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

LIBRARY = ctypes.CDLL(None)
PIECES = 4000
PIECE_BYTES = 500
NAMES = 5000
MOST_NAMES = 1_000_000
TABLE_BYTES = 100_000


def in_child(work: Callable[[], bool]) -> bool:
    """Whether the work says so, in a process that ends with it."""
    pid = os.fork()
    if not pid:
        code = 2
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def make_holes() -> list[int]:
    """Frees every other of many pieces; the addresses that are free then."""
    LIBRARY.malloc.restype = ctypes.c_void_p
    pieces = [LIBRARY.malloc(PIECE_BYTES) for _ in range(PIECES)]
    for address in pieces[::2]:
        LIBRARY.free(ctypes.c_void_p(address))
    return pieces[::2]


@pytest.mark.skipif(not hasattr(LIBRARY, "mallinfo2"), reason="not glibc")
def test_new_pieces_do_not_lie_between_old_ones() -> None:
    def avoids_holes() -> bool:
        holes = set(make_holes())
        fill_holes()
        return not holes & {LIBRARY.malloc(PIECE_BYTES) for _ in range(PIECES)}

    assert in_child(avoids_holes)


@pytest.mark.skipif(not hasattr(LIBRARY, "mallinfo2"), reason="not glibc")
def test_new_pieces_lie_between_old_ones_otherwise() -> None:
    def uses_holes() -> bool:
        holes = set(make_holes())
        return bool(holes & {LIBRARY.malloc(PIECE_BYTES) for _ in range(PIECES)})

    assert in_child(uses_holes)


def room_for_names(most: int) -> int:
    """How many names fit until the table of all names is made anew."""
    tracemalloc.start()
    for number in range(most):
        sys.intern(f"name of a test {number}")
        if tracemalloc.get_traced_memory()[0] > TABLE_BYTES:
            return number
    return most


def counted_in_child(most: int) -> int:
    reading, writing = os.pipe()
    assert in_child(lambda: os.write(writing, str(room_for_names(most)).encode()) > 0)
    return int(os.read(reading, 100))


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="such names are kept for good")
def test_names_of_a_process_find_room() -> None:
    def finds_room() -> bool:
        for number in range(counted_in_child(MOST_NAMES) - 1):
            sys.intern(f"another name {number}")
        was_full = counted_in_child(NAMES) < NAMES
        make_room_for_names()
        return was_full and counted_in_child(NAMES) == NAMES

    assert in_child(finds_room)
