"""Where the waiting endpoints do their work: light pieces in batches, heavy ones a few at a time.

Many clients have something to fetch at the same moment: the members of a room when a message comes. Their
pieces of work are run one after the other in one go of a thread, because handing each to a thread of its
own costs more than the work. Syncs from the beginning are heavy: they have threads of their own, few of
them, which let views go first (`http.views_first`), so that they never hold up the others (design,
section 6). When everybody comes back at once they are too many even to be looked at among the light ones.

On SQLite heavy work is done one piece at a time while each is short: two threads of one interpreter do the
same in more time than one, as they wrest it from each other. Beside one that takes long, the next begins.
PostgreSQL does its part in processes of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import close_old_connections

from appliance.config import get_config
from appliance.metrics.pools import Job, pool
from matrix_app.http.views_first import GivingWay, views_first
from matrix_app.http.warm_threads import WarmThreads
from matrix_app.protocol.errors import Unavailable
from matrix_app.storage import db

LIGHT_THREADS = 2
MOST_IN_BATCH = 32
# For how long a heavy piece of work keeps the next from beginning beside it.
ALONE_SECONDS = 1.0

Work = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Heavy:
    """What light work returns when the rest of it is heavy."""

    work: Work


class WorkQueue:
    """Runs pieces of work for one event loop; `at_once` heavy ones that are short."""

    def __init__(self, at_once: int) -> None:
        web = get_config().web
        self._light = WarmThreads(LIGHT_THREADS, "light-sync")
        self._heavy = WarmThreads(web.heavy_syncs, "heavy-sync")
        self._most = web.connections
        self._waiting: deque[tuple[Work, asyncio.Future[Any]]] = deque()
        self._batches = 0
        self._heavy_waiting = 0
        self._heavy_turns = asyncio.Semaphore(at_once)
        self._light_gauges, self._heavy_gauges = pool("light-sync"), pool("heavy-sync")
        self._light_gauges.has_threads(LIGHT_THREADS)
        self._heavy_gauges.has_threads(web.heavy_syncs)

    async def run(self, work: Work, *, heavy: bool = False) -> Any:
        """The result of a piece of work, or of the heavy work that it leads to.

        `heavy` is what is known to be so before it is begun.
        """
        if heavy:
            return await self._run_heavy(work)
        if len(self._waiting) >= self._most:
            raise Unavailable("The server is busy")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        self._light_gauges.tell()
        self._light_gauges.queued.inc()
        self._begin_batch()
        result = await future
        return await self._run_heavy(result.work) if isinstance(result, Heavy) else result

    async def _run_heavy(self, work: Work) -> Any:
        if self._heavy_waiting >= self._most:
            raise Unavailable("The server is busy")
        self._heavy_waiting += 1
        job = self._heavy_gauges.job()
        try:
            async with self._turn():
                return await self._heavy.run(_fresh, work, job)
        finally:
            self._heavy_waiting -= 1
            job.end()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """The turn to do heavy work, which the next has when this is done or has taken long."""
        await self._heavy_turns.acquire()
        passed = ExitStack()
        passed.callback(self._heavy_turns.release)
        timer = asyncio.get_running_loop().call_later(ALONE_SECONDS, passed.close)
        try:
            yield
        finally:
            timer.cancel()
            passed.close()

    def _begin_batch(self) -> None:
        if self._batches < LIGHT_THREADS and self._waiting:
            self._batches += 1
            # What becomes ready in this turn of the loop goes along.
            asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(MOST_IN_BATCH, len(self._waiting)))]
        self._light_gauges.queued.dec(len(batch))
        self._light_gauges.busy.inc(len(batch))
        done = self._light.run(_run_all, [work for work, _ in batch])
        futures = [future for _, future in batch]
        done.add_done_callback(lambda finished: self._finish(futures, finished))

    def _finish(self, futures: list[asyncio.Future[Any]], finished: asyncio.Future[list[Any]]) -> None:
        self._batches -= 1
        self._light_gauges.busy.dec(len(futures))
        for future, (result, error) in zip(futures, finished.result(), strict=True):
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)
        self._begin_batch()


def _run_all(batch: list[Work]) -> list[tuple[Any, Exception | None]]:
    close_old_connections()
    results: list[tuple[Any, Exception | None]] = []
    for work in batch:
        try:
            results.append((work(), None))
        except Exception as error:  # noqa: BLE001  (handed to the request that it belongs to)
            results.append((None, error))
    return results


def _fresh(work: Work, job: Job) -> Any:
    job.begin()
    close_old_connections()
    with db.before_each_statement(GivingWay(views_first)):
        result = work()
        return result.work() if isinstance(result, Heavy) else result


@lru_cache(maxsize=1)
def work_queue() -> WorkQueue:
    """The queue of this process, which has one event loop."""
    return WorkQueue(1 if db.is_sqlite() else get_config().web.heavy_syncs)
