"""Answers that are good for a while, at most so many, and asked for once however many wait for them."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Clock = Callable[[], float]


class Kept(NamedTuple, Generic[V]):
    """A value and the time until which it is good."""

    value: V
    until: float


class TtlCache(Generic[K, V]):
    """Values by key, each for a time of its own; the least recently used go first."""

    def __init__(self, most: int, clock: Clock = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[K, Kept[V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value while it is good, or None."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until <= self._clock():
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return kept.value

    def put(self, key: K, value: V, seconds: float) -> None:
        """Keep a value."""
        self._kept[key] = Kept(value, self._clock() + seconds)
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def __len__(self) -> int:
        return len(self._kept)


class SingleFlight(Generic[K, V]):
    """Lets those who ask for the same at the same time share one answer. For one event loop."""

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Task[V]] = {}

    async def run(self, key: K, make: Callable[[], Awaitable[V]]) -> V:
        """What `make` returns or raises; it goes on when one of those who wait is cancelled."""
        task = self._running.get(key)
        if task is None:
            task = asyncio.ensure_future(_awaited(make))
            self._running[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(task)

    def _ended(self, key: K, task: asyncio.Task[V]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # all who waited may be gone: it counts as seen


async def _awaited(make: Callable[[], Awaitable[V]]) -> V:
    return await make()
