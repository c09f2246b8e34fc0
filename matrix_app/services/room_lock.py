"""One writer at a time for each room in this process; other processes meet in the room's row."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

from matrix_app.services.keyed_locks import KeyedLocks

ATTEMPTS: Final = 8
LOCK_TIMEOUT: Final = 30.0

_locks: KeyedLocks[int] = KeyedLocks()


def room_locked(room_nid: int, timeout: float = LOCK_TIMEOUT) -> AbstractContextManager[None]:
    """Keep the other threads of this process from moving a room; raises `Unavailable` after a long wait."""
    return _locks.locked(room_nid, timeout)
