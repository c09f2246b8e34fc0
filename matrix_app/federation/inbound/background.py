"""When staged PDUs are worked off: at once in this process, or in the worker where others must be asked."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import structlog
from django.db import close_old_connections, connection

from appliance.metrics.pools import pool
from matrix_app.federation.inbound.processing import judge_staged
from matrix_app.protocol.events import Event
from matrix_app.services.background import run_later
from matrix_app.services.timer import timer
from matrix_app.storage.staging import StagedRow

THREADS: Final = 2
# Seconds between two times that the worker is told of the same room.
ASK_EVERY: Final = 0.5
_MOST_HELD: Final = 2000

_log = structlog.get_logger("matrix_app.federation.inbound")


class Background:
    """Works off the rooms of one process: each by one thread at a time, a few at once."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._active: set[int] = set()
        self._again: set[int] = set()
        self._asked: dict[int, float] = {}
        self._held: OrderedDict[tuple[str, str], Event] = OrderedDict()

    def hold(self, origin: str, event: Event) -> None:
        """Keep a parsed event for the thread that will judge it soon, as `origin` has sent it."""
        with self._lock:
            self._held[origin, event.event_id] = event
            while len(self._held) > _MOST_HELD:
                self._held.popitem(last=False)

    def held(self, row: StagedRow) -> Event | None:
        """The event of a row that was kept, once."""
        with self._lock:
            return self._held.pop((row.origin, row.event_id), None)

    def wake(self, room_nids: Iterable[int]) -> list[Future[None]]:
        """Have rooms worked on; what is returned is done when they are."""
        with self._lock:
            started = [nid for nid in room_nids if nid not in self._active]
            self._again.update(nid for nid in room_nids if nid in self._active)
            self._active.update(started)
            if self._pool is None:
                self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="inbound")
                pool("inbound").has_threads(THREADS)
            futures = [pool("inbound").submit(self._pool, self._work, nid) for nid in started]
        for future in futures:
            future.add_done_callback(_tell)
        return futures

    def _work(self, room_nid: int) -> None:
        close_old_connections()
        done = False
        try:
            while not done:
                if judge_staged(room_nid, self.held):
                    self._ask_worker(room_nid)
                done = self._is_done(room_nid)
        finally:
            if not done:
                with self._lock:
                    self._active.discard(room_nid)

    def _is_done(self, room_nid: int) -> bool:
        with self._lock:
            if room_nid in self._again:
                self._again.discard(room_nid)
                return False
            self._active.discard(room_nid)
            return True

    def _ask_worker(self, room_nid: int) -> None:
        now = time.monotonic()
        with self._lock:
            self._asked = {nid: at for nid, at in self._asked.items() if now - at < ASK_EVERY}
            last = self._asked.get(room_nid, now - ASK_EVERY)
            if last > now:
                return
            at = self._asked[room_nid] = max(now, last + ASK_EVERY)
        if at <= now:
            run_later("fill_gaps")
        else:
            timer.call_in(at - now, lambda: run_later("fill_gaps"))

    def finish(self) -> None:
        """Wait for all threads and end them: for tests."""
        pool, self._pool = self._pool, None
        if pool is not None:
            together = threading.Barrier(THREADS)
            for _ in range(THREADS):
                pool.submit(_leave, together)
            pool.shutdown()
        with self._lock:
            self._asked.clear()
            self._held.clear()


def _tell(future: Future[None]) -> None:
    """Log what went wrong in a thread: the rows stay, and the schedule comes back to them."""
    error = future.exception()
    if error is not None:
        _log.error("inbound events wait", exc_info=error)


def _leave(together: threading.Barrier) -> None:
    """End the database connection of each thread, which all have to be here for that."""
    together.wait(30)
    connection.close()


class _Process:
    background = Background()


def _forget() -> None:
    _Process.background = Background()


os.register_at_fork(after_in_child=_forget)


def hold(origin: str, event: Event) -> None:
    """See `Background.hold`."""
    _Process.background.hold(origin, event)


def wake(room_nids: Iterable[int]) -> list[Future[None]]:
    """See `Background.wake`."""
    return _Process.background.wake(room_nids)


def finish() -> None:
    """See `Background.finish`."""
    _Process.background.finish()
