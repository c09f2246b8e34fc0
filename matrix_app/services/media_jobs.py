"""Work on media that takes a while: done by a few threads, once for all who wait for the same."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Final, TypeVar

from django.db import connections

from appliance.metrics.pools import pool
from matrix_app.protocol.errors import Unavailable

STORING_THREADS: Final = 2
MOST_QUEUED: Final = 128

T = TypeVar("T")


class Jobs:
    """A bounded queue before a few threads. Who asks for what is being done already gets the same future."""

    def __init__(self, name: str, threads: int, most: int = MOST_QUEUED) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most = most
        self._gauges = pool(name)
        self._gauges.has_threads(threads)
        self._lock = threading.Lock()
        self._running: dict[Hashable, Future[Any]] = {}

    def submit(self, key: Hashable, job: Callable[[], T]) -> Future[T]:
        """Have a job done; raises `Unavailable` when too many wait already."""
        with self._lock:
            running = self._running.get(key)
            if running is not None:
                return running
            if len(self._running) >= self._most:
                raise Unavailable("The server is busy with other media")
            future = self._gauges.submit(self._threads, _alone, job)
            self._running[key] = future
        future.add_done_callback(lambda _: self._ended(key))
        return future

    def _ended(self, key: Hashable) -> None:
        with self._lock:
            del self._running[key]


def _alone(job: Callable[[], T]) -> T:
    try:
        return job()
    finally:
        # Jobs are few and far between: none keeps a connection to the database meanwhile.
        connections.close_all()


@lru_cache(maxsize=1)
def drawing() -> Jobs:
    """Thumbnails and sizes of pictures: there is one process that opens them."""
    return Jobs("drawing", 1)


@lru_cache(maxsize=1)
def reading() -> Jobs:
    """Pages of previews: there is one process that reads them."""
    return Jobs("reading", 1)


@lru_cache(maxsize=1)
def storing() -> Jobs:
    """Putting into the store what was fetched."""
    return Jobs("storing", STORING_THREADS)


os.register_at_fork(after_in_child=drawing.cache_clear)
os.register_at_fork(after_in_child=reading.cache_clear)
os.register_at_fork(after_in_child=storing.cache_clear)
