"""Locks of this process by key, which exist as long as somebody holds or wants them."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from matrix_app.protocol.errors import Unavailable

K = TypeVar("K", bound=Hashable)


class _Lock:
    __slots__ = ("__weakref__", "lock")

    def __init__(self) -> None:
        self.lock = threading.RLock()


class KeyedLocks(Generic[K]):
    """A reentrant lock for each key."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[K, _Lock] = WeakValueDictionary()
        self._guard = threading.Lock()

    @contextmanager
    def locked(self, key: K, timeout: float) -> Iterator[None]:
        """Hold the lock of a key; raises `Unavailable` when it cannot be had in `timeout` seconds."""
        holder = self._lock_of(key)
        if not holder.lock.acquire(timeout=timeout):
            raise Unavailable("The room is busy")
        try:
            yield
        finally:
            holder.lock.release()

    def _lock_of(self, key: K) -> _Lock:
        with self._guard:
            found = self._locks.get(key)
            if found is None:
                found = self._locks[key] = _Lock()
            return found
