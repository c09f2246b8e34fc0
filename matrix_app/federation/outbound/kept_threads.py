"""Threads for pieces of work that come now and then: one is kept for the next, with its connection.

A new connection to the database costs the join of a small room as much again as its statements, with
PostgreSQL above all: it has everything to prepare.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from django.db import close_old_connections, connections

# So many threads wait for work, and so long.
KEPT: Final = 1
KEPT_SECONDS: Final = 300.0

_Work = tuple[Callable[[], None], "Future[None]"]


class KeptThreads:
    """Runs each piece of work at once, in a thread that has waited for it or in a new one."""

    def __init__(self, name: str, kept_seconds: float = KEPT_SECONDS) -> None:
        self._name = name
        self._kept_seconds = kept_seconds
        self._lock = threading.Lock()
        self._waiting = 0
        self._is_ended = False
        self._handed: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()

    def run(self, work: Callable[[], None]) -> Future[None]:
        """Begin the work; the future is done when it has ended."""
        done: Future[None] = Future()
        with self._lock:
            is_new = self._waiting == 0
            if not is_new:
                self._waiting -= 1
                self._handed.put((work, done))
        if is_new:
            thread = threading.Thread(target=self._live, args=((work, done),), name=self._name, daemon=True)
            thread.start()
        return done

    def end(self) -> None:
        """Keep no thread any more: each ends with the work that it has."""
        with self._lock:
            self._is_ended = True
            waiting, self._waiting = self._waiting, 0
        for _ in range(waiting):
            self._handed.put(None)

    def _live(self, given: _Work | None) -> None:
        try:
            while given is not None:
                work, done = given
                close_old_connections()
                try:
                    work()
                except BaseException as fault:  # told to whoever asks the future
                    done.set_exception(fault)
                    raise
                done.set_result(None)
                given = self._next()
        finally:
            connections.close_all()

    def _next(self) -> _Work | None:
        """The work that this thread is given next; None when it is to end."""
        with self._lock:
            if self._is_ended or self._waiting >= KEPT:
                return None
            self._waiting += 1
        try:
            return self._handed.get(timeout=self._kept_seconds)
        except queue.Empty:
            with self._lock:
                if self._waiting:
                    self._waiting -= 1
                    return None
        # It was handed some at the last moment.
        return self._handed.get()
