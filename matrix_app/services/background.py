"""Handing work that nobody waits for to the worker."""

from __future__ import annotations

import threading
import time
from functools import lru_cache
from typing import Any

from matrix_app.services.timer import timer
from matrix_app.storage import db


def run_later(task: str, *arguments: Any) -> None:
    """Have a function of `matrix_app/tasks.py` called in a worker, once what is being written is committed.

    Tasks are idempotent, and find in Hearth's own tables what there is to do: give them IDs, not secrets.
    """

    def enqueue() -> None:
        from django_q.tasks import async_task

        async_task(f"matrix_app.tasks.{task}", *arguments)

    db.on_commit(enqueue)


class _Nudge:
    """Has one task run for all that asks for it within some seconds: at once, and again at their end."""

    def __init__(self, task: str, seconds: float) -> None:
        self._task = task
        self._seconds = seconds
        self._lock = threading.Lock()
        self._last = -seconds
        self._is_waiting = False

    def give(self) -> None:
        with self._lock:
            if self._is_waiting:
                return
            wait = self._last + self._seconds - time.monotonic()
            self._is_waiting = wait > 0
        if wait > 0:
            timer.call_in(wait, self._run)
        else:
            self._run()

    def _run(self) -> None:
        with self._lock:
            self._last, self._is_waiting = time.monotonic(), False
        run_later(self._task)


@lru_cache(maxsize=64)
def _nudge(task: str, seconds: float) -> _Nudge:
    return _Nudge(task, seconds)


def run_soon(task: str, seconds: float = 0.5) -> None:
    """`run_later` for what comes in bursts: the task runs at once, and then once in so many seconds."""
    db.on_commit(lambda: _nudge(task, seconds).give())


def forget_bursts() -> None:
    """Begin anew: for tests, whose timer forgets its jobs."""
    _nudge.cache_clear()
