"""One writer at a time for each room in this process; other processes meet in the room's row."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from weakref import WeakValueDictionary

from matrix_app.protocol.errors import Unavailable

ATTEMPTS: Final = 8
LOCK_TIMEOUT: Final = 30.0


class _RoomLock:
    __slots__ = ("__weakref__", "lock")

    def __init__(self) -> None:
        self.lock = threading.RLock()


_locks: WeakValueDictionary[int, _RoomLock] = WeakValueDictionary()
_guard = threading.Lock()


def _lock_of(room_nid: int) -> _RoomLock:
    with _guard:
        found = _locks.get(room_nid)
        if found is None:
            found = _locks[room_nid] = _RoomLock()
        return found


@contextmanager
def room_locked(room_nid: int) -> Iterator[None]:
    """Keep the other threads of this process from moving a room; raises `Unavailable` after a long wait."""
    holder = _lock_of(room_nid)
    if not holder.lock.acquire(timeout=LOCK_TIMEOUT):
        raise Unavailable("The room is busy")
    try:
        yield
    finally:
        holder.lock.release()
