"""Caches of what cannot change, bounded by bytes, one of each per process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_all: list[ByteCache] = []  # type: ignore[type-arg]


class ByteCache(Generic[K, V]):
    """Least recently used entries go first once the sum of their sizes passes `limit` bytes."""

    def __init__(self, name: str, limit: int) -> None:
        self.name = name
        self.limit = limit
        self.size = 0
        self.hits = 0
        self.misses = 0
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()
        _all.append(self)

    def get(self, key: K) -> V | None:
        """The value, or None."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                self.misses += 1
                return None
            self.hits += 1
            self._entries.move_to_end(key)
            return entry[0]

    def get_many(self, keys: Iterable[K]) -> dict[K, V]:
        """The values of those keys that are there."""
        found: dict[K, V] = {}
        asked = 0
        with self._lock:
            entries = self._entries
            for key in keys:
                asked += 1
                entry = entries.get(key)
                if entry is not None:
                    entries.move_to_end(key)
                    found[key] = entry[0]
            self.hits += len(found)
            self.misses += asked - len(found)
        return found

    def put(self, key: K, value: V, size: int) -> None:
        """Keep `value`, which takes about `size` bytes."""
        self.put_many(((key, value, size),))

    def put_many(self, items: Iterable[tuple[K, V, int]]) -> None:
        """Keep values, each with its key before it and behind it about how many bytes it takes."""
        with self._lock:
            entries = self._entries
            for key, value, size in items:
                old = entries.pop(key, None)
                entries[key] = (value, size)
                self.size += size if old is None else size - old[1]
            while self.size > self.limit and entries:
                _, (_, freed) = entries.popitem(last=False)
                self.size -= freed

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.size = 0


def clear_all() -> None:
    """Empty every cache: for tests, which begin with another database."""
    for cache in _all:
        cache.clear()


def all_caches() -> list[ByteCache]:  # type: ignore[type-arg]
    """Every cache of this process, for metrics."""
    return list(_all)
