"""Threads of which the one that was at work last is the next to work.

Each thread has a connection to the database of its own, which must learn every statement before it runs it
fast: as many threads as are needed at once are kept busy, and not all of them in turn.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple


class _Job(NamedTuple):
    """A call, and where its result is awaited."""

    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    function: Callable[..., Any]
    args: tuple[Any, ...]
    has_not_begun: threading.Lock


class WarmThreads:
    """At most so many threads, which are made when they are first needed and last as long as the process.

    The event loop waits until a thread has begun that is the only one at work, for `begin_within` seconds at
    most. Otherwise it would wait for a loop that has much else to do, from which the interpreter is taken
    only after 5 ms (docs/adr/0020). Where more are at work, the loop would wait for those.
    """

    def __init__(self, most: int, name: str, *, begin_within: float = 0.0) -> None:
        self._most = most
        self._name = name
        self._begin_within = begin_within
        self._lock = threading.Lock()
        self._idle: list[SimpleQueue[_Job]] = []
        self._queued: deque[_Job] = deque()
        self._made = 0

    def run(self, function: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Call it in a thread, as soon as one is free; to be called on an event loop."""
        loop = asyncio.get_running_loop()
        job = _Job(loop, loop.create_future(), function, args, threading.Lock())
        job.has_not_begun.acquire()
        if self._give(job) and self._begin_within:
            job.has_not_begun.acquire(timeout=self._begin_within)
        return job.future

    def _give(self, job: _Job) -> bool:
        """Give it to a thread; whether that is the only one at work."""
        with self._lock:
            alone = len(self._idle) == self._made
            if self._idle:
                self._idle.pop().put(job)
            elif self._made < self._most:
                self._made += 1
                name = f"{self._name}_{self._made}"
                threading.Thread(target=self._work, args=(job,), name=name, daemon=True).start()
            else:
                self._queued.append(job)
        return alone

    def _work(self, first: _Job) -> None:
        given: SimpleQueue[_Job] = SimpleQueue()
        given.put(first)
        while True:
            self._do(given.get(), given)

    def _do(self, job: _Job, given: SimpleQueue[_Job]) -> None:
        result, fault = None, None
        cancelled = job.future.cancelled()
        job.has_not_begun.release()
        try:
            if not cancelled:
                result = job.function(*job.args)
        except BaseException as error:  # noqa: BLE001  (raised where the call is awaited)
            fault = error
        # Free before the result is known, so that what follows from it finds this thread.
        with self._lock:
            if self._queued:
                given.put(self._queued.popleft())
            else:
                self._idle.append(given)
        try:
            job.loop.call_soon_threadsafe(_settle, job.future, result, fault)
        except RuntimeError:
            # The loop has ended, and whoever waited with it.
            return


def _settle(future: asyncio.Future[Any], result: Any, fault: BaseException | None) -> None:
    if future.done():
        return  # nobody waits for it any more
    if fault is None:
        future.set_result(result)
    else:
        future.set_exception(fault)
