"""Jobs of this process that run at a time: in one thread, which exists only while there are any."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable

import structlog
from django.db import connection

Job = Callable[[], object]

_log = structlog.get_logger("matrix_app.timer")


class Timer:
    """Runs each job once for all the calls that are due; a process that ends forgets them.

    Whatever must happen in the end is also done by the schedule (`matrix_app.schedule`).
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Job]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def call_in(self, seconds: float, job: Job) -> None:
        """Run `job` after some time."""
        with self._changed:
            heapq.heappush(self._waiting, (time.monotonic() + seconds, id(job), job))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="timer", daemon=True)
                self._thread.start()
            self._changed.notify()

    def clear(self) -> None:
        """Forget every job: for tests, whose database goes before the jobs are due."""
        with self._changed:
            self._waiting.clear()
            self._changed.notify()

    def _work(self) -> None:
        while True:
            due = self._wait()
            if not due:
                return
            try:
                for job in due:
                    _run(job)
            finally:
                connection.close()

    def _wait(self) -> set[Job]:
        """Wait until jobs are due; empty when there are none left to wait for."""
        with self._changed:
            while self._waiting:
                rest = self._waiting[0][0] - time.monotonic()
                if rest <= 0:
                    return self._take(time.monotonic())
                self._changed.wait(rest)
            self._thread = None
            return set()

    def _take(self, now: float) -> set[Job]:
        due = set()
        while self._waiting and self._waiting[0][0] <= now:
            due.add(heapq.heappop(self._waiting)[2])
        return due


def _run(job: Job) -> None:
    try:
        job()
    except Exception:  # noqa: BLE001  (the boundary of the job: logged, and the timer goes on)
        # The schedule does it later.
        _log.exception("a timed job failed")


timer = Timer()
