"""How busy the pools of threads of a process are, and how much waits for them: gauges by the pool's name."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import lru_cache
from typing import Final, ParamSpec, TypeVar

from prometheus_client import Gauge

from appliance.metrics.counted import REGISTRY

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = Gauge(
    "hearth_pool_threads",
    "Threads that may work at once, in all processes.",
    ["pool"],
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
BUSY: Final = Gauge(
    "hearth_pool_busy",
    "Requests and jobs that a thread works on.",
    ["pool"],
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
QUEUED: Final = Gauge(
    "hearth_pool_queued",
    "Requests and jobs that wait for a thread.",
    ["pool"],
    registry=REGISTRY,
    multiprocess_mode="livesum",
)


class Pool:
    """The gauges of a pool, by a short name that docs/metrics.md has."""

    def __init__(self, name: str) -> None:
        self.busy = BUSY.labels(name)
        self.queued = QUEUED.labels(name)
        self._threads = THREADS.labels(name)
        self._number, self._told_by = 0, 0

    def has_threads(self, number: int) -> None:
        """Say how many may work at once in each process that has something to do."""
        self._number, self._told_by = number, 0

    def job(self) -> Job:
        """Something that waits for a thread from now on."""
        self.tell()
        return Job(self)

    def submit(self, threads: Executor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have the threads of the pool do something, which counts until it is done or given up."""
        job = self.job()

        def counted() -> T:
            job.begin()
            return work(*args, **kwargs)

        future = threads.submit(counted)
        future.add_done_callback(lambda _: job.end())
        return future

    def tell(self) -> None:
        """Tell of the threads, once in each process: a pool may be made before processes are forked."""
        if self._told_by != os.getpid():
            self._told_by = os.getpid()
            self._threads.set(self._number)


class Job:
    """Something that waits for a thread, is begun by one, and ended or given up."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._gauge: Gauge | None = pool.queued
        pool.queued.inc()

    def begin(self) -> None:
        """A thread has taken it."""
        self._to(self._pool.busy)

    def end(self) -> None:
        """It is done, or nobody wants it any more; again does nothing."""
        self._to(None)

    def _to(self, gauge: Gauge | None) -> None:
        if self._gauge is not None:
            self._gauge.dec()
            if gauge is not None:
                gauge.inc()
            self._gauge = gauge


@lru_cache(maxsize=32)
def pool(name: str) -> Pool:
    """The gauges of a pool."""
    return Pool(name)
