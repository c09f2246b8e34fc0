"""The threads of views: few that work, and more that wait for other servers.

A view that waits for another server says so (`waiting_for_others`) and no longer counts as one of those that
work: another request gets its turn. So servers that hang slow down nobody but those who asked for them. How
many may wait is bounded, too; who comes then is told at once that it cannot be done now.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Self, TypeVar

from appliance.metrics.pools import Job, pool
from matrix_app.http.views_first import ViewsFirst
from matrix_app.http.warm_threads import WarmThreads
from matrix_app.protocol.errors import Unavailable

T = TypeVar("T")

# For how long the event loop waits for a view to begin: one that takes longer has no processor.
LONGEST_TO_BEGIN: Final = 0.002


class ViewThreads:
    """Threads for views, and a count of the requests that have one or wait for one.

    A context manager: a request is inside from its first byte on; `Unavailable` when there are too many.
    What may take longer goes before nobody: it is given no `first`.
    """

    def __init__(
        self, name: str, first: ViewsFirst | None = None, *, threads: int, waiting: int, queue: int
    ) -> None:
        begin_within = LONGEST_TO_BEGIN if first is not None else 0.0
        self._threads = WarmThreads(threads + waiting, name, begin_within=begin_within)
        self._turns = asyncio.Semaphore(threads)
        self._gauges = pool(name)
        self._gauges.has_threads(threads)
        self._most = threads + waiting + queue
        self._active = 0
        self._lock = threading.Lock()
        self._most_waiting = waiting
        self._waiting = 0
        self._first = first

    def __enter__(self) -> Self:
        if self._active >= self._most:
            raise Unavailable("The server is busy")
        self._active += 1
        return self

    def __exit__(self, *_exc: object) -> None:
        self._active -= 1

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call a view in a thread, once it is its turn."""
        job = self._gauges.job()
        try:
            await self._turns.acquire()
        except asyncio.CancelledError:
            job.end()
            raise
        job.begin()
        if self._first is not None:
            self._first.begin()
        turn = _Turn(self, asyncio.get_running_loop(), job)
        try:
            result: T = await self._threads.run(turn.take, function, args)
            return result
        finally:
            turn.end()

    def begin_waiting(self) -> None:
        """A thread of these begins to wait for others; raises `Unavailable` when too many do."""
        with self._lock:
            if self._waiting >= self._most_waiting:
                raise Unavailable("Too many requests wait for other servers")
            self._waiting += 1

    def end_waiting(self) -> None:
        """It goes on."""
        with self._lock:
            self._waiting -= 1

    def free(self, job: Job) -> None:
        """Let the next request have its turn; on the event loop."""
        job.end()
        if self._first is not None:
            self._first.end()
        self._turns.release()


class _Turn:
    """One request's turn, which it gives up when it waits for others."""

    def __init__(self, threads: ViewThreads, loop: asyncio.AbstractEventLoop, job: Job) -> None:
        self.loop = loop
        self._job = job
        self._threads = threads
        self._is_given_up = False

    def take(self, function: Callable[..., T], args: tuple[Any, ...]) -> T:
        """Call the function in this thread."""
        _here.turn = self
        try:
            return function(*args)
        finally:
            _here.turn = None

    def end(self) -> None:
        """Let the next one begin, if that has not been done; on the event loop."""
        if not self._is_given_up:
            self._threads.free(self._job)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While this lasts, and from then on, the request takes no other's turn."""
        self._threads.begin_waiting()
        try:
            if not self._is_given_up:
                self._is_given_up = True
                self.loop.call_soon_threadsafe(self._threads.free, self._job)
            yield
        finally:
            self._threads.end_waiting()


class _Here(threading.local):
    turn: _Turn | None = None


_here = _Here()


@contextmanager
def waiting_for_others() -> Iterator[None]:
    """To be held while the caller waits for another server, in a thread of a view or any other.

    Raises `Unavailable` when too many requests wait for other servers already.
    """
    turn = _here.turn
    if turn is None:
        yield
        return
    with turn.waiting():
        yield
