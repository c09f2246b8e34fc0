"""The one event loop of a process on which it speaks with other servers, in a thread of its own.

Views and services are synchronous: they hand coroutines to the loop and wait. The loop never touches the
database itself; coroutines do that by `in_thread`.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import ExitStack
from typing import Any, Final, ParamSpec, TypeVar

from django.db import close_old_connections, connections

from matrix_app.http.view_threads import waiting_for_others
from matrix_app.protocol.errors import RemoteUnreachable, Unavailable
from matrix_app.protocol.said import said

THREADS: Final = 2
CHECK_SECONDS: Final = 1.0

T = TypeVar("T")
P = ParamSpec("P")


class LoopThread:
    """An event loop in a thread of its own, and a few threads for what would block it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="federation-work")
        # Called on the loop before it ends.
        self.closers: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._thread = threading.Thread(target=self._run, name="federation", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def is_here(self) -> bool:
        """Whether the caller runs in the loop's thread."""
        return threading.current_thread() is self._thread

    def stop(self) -> None:
        """End the thread; what still runs on the loop is cancelled."""
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()
        # As many as there are threads, each waiting for the others: so every thread gets one.
        together = threading.Barrier(THREADS)
        for _ in range(THREADS):
            self.threads.submit(_close_connections, together)
        self.threads.shutdown()

    async def _close(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for close in self.closers:
            await close()


def _close_connections(together: threading.Barrier) -> None:
    together.wait(10)
    connections.close_all()


class _Process:
    """What this process has: nothing until the first use, and nothing again after a fork."""

    lock = threading.Lock()
    here: LoopThread | None = None


def _forget() -> None:
    _Process.lock = threading.Lock()
    _Process.here = None


os.register_at_fork(after_in_child=_forget)


def loop_thread() -> LoopThread:
    """The loop of this process, started when it is first asked for."""
    with _Process.lock:
        if _Process.here is None:
            _Process.here = LoopThread()
        return _Process.here


def submit(coroutine: Coroutine[Any, Any, T]) -> Future[T]:
    """Start a coroutine on the loop; called from any thread but the loop's own."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop_thread().loop)


def run(coroutine: Coroutine[Any, Any, T], timeout: float, check: Callable[[], None] | None = None) -> T:
    """The coroutine's result; cancels it and raises `RemoteUnreachable` after `timeout` seconds.

    `check` is called every second; when it raises, the coroutine is cancelled. A view that waits here takes
    no other request's turn. Raises `Unavailable` when too many do.
    """
    if loop_thread().is_here():
        coroutine.close()
        raise RuntimeError("A coroutine on the loop awaits; it must not wait for the loop")
    with ExitStack() as waiting:
        try:
            waiting.enter_context(waiting_for_others())
        except Unavailable:
            coroutine.close()
            raise
        future = submit(coroutine)
        if check is not None:
            timeout -= _watch(future, timeout, check)
        return _result(future, timeout)


def _watch(future: Future[T], timeout: float, check: Callable[[], None]) -> float:
    """Wait for the end or the time-out, whichever comes first; the seconds that took."""
    began = time.monotonic()
    while not future.done() and (passed := time.monotonic() - began) < timeout:
        try:
            check()
        except BaseException:
            future.cancel()
            raise
        wait([future], min(CHECK_SECONDS, timeout - passed))
    return time.monotonic() - began


def _result(future: Future[T], timeout: float) -> T:
    try:
        return future.result(timeout)
    except FutureTimeoutError:
        if future.done():  # the coroutine's own error
            raise
        future.cancel()
        raise RemoteUnreachable(said("Other servers did not answer in time")) from None


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that blocks, such as one that reads the database, in one of the loop's threads."""
    here = loop_thread()

    def work() -> T:
        close_old_connections()
        return function(*args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(here.threads, work)


def stop() -> None:
    """End the loop of this process, if it has one: for tests."""
    with _Process.lock:
        here, _Process.here = _Process.here, None
    if here is not None:
        here.stop()
