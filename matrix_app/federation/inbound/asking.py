"""Asking other servers for what is missing, beside the tasks of a worker process.

A server that hangs holds one of a few threads, and only one: what others sent is completed meanwhile.
The table of staged PDUs is the queue (`LookingThread`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import structlog
from django.db import close_old_connections

from appliance.config import get_config
from matrix_app.federation.inbound.processing import judge_staged, nothing_held
from matrix_app.federation.looking import LookingThread
from matrix_app.storage import db, staging
from matrix_app.storage.clock import now_ms
from matrix_app.storage.staging import Asking

THREADS: Final = 6
POLL_SECONDS: Final = 5.0
# What was staged longer ago and has not been looked at, nobody is looking at.
LEFT_MS: Final = 10_000
_STOP_SECONDS: Final = 5.0
_MOST_LOOKED_AT: Final = 200

_log = structlog.get_logger("matrix_app.federation.inbound")


class AskingService(LookingThread):
    """Completes what waits, each server's in one thread at a time."""

    def __init__(self) -> None:
        super().__init__("asking", stop_seconds=_STOP_SECONDS)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="asking")
        self._busy: set[int] = set()
        self._lock = threading.Lock()
        self._has_released = False

    def stop(self) -> None:
        """Begin nothing new. What is under way is given a moment; it stays claimed, and is begun again."""
        super().stop()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def pause(self) -> float:
        """See `LookingThread`."""
        return POLL_SECONDS

    def look(self) -> None:
        """See `LookingThread`."""
        left_before = now_ms() - LEFT_MS
        if not self._has_released:
            left_before = now_ms()
            with db.write():
                staging.release_all()
            self._has_released = True
        judge_left(left_before)
        for asking in staging.to_ask(now_ms(), _MOST_LOOKED_AT, self._busy_now()):
            self._begin(asking)

    def _busy_now(self) -> list[int]:
        with self._lock:
            return list(self._busy)

    def _begin(self, asking: Asking) -> None:
        with self._lock:
            if asking.origin_nid in self._busy or len(self._busy) >= THREADS:
                return
            self._busy.add(asking.origin_nid)
        self._pool.submit(_fill, asking).add_done_callback(lambda future: self._done(asking, future))

    def _done(self, asking: Asking, future: Future[None]) -> None:
        with self._lock:
            self._busy.discard(asking.origin_nid)
        if not future.cancelled() and (error := future.exception()) is not None:
            _log.error("what needs asking waits", exc_info=error)
        close_old_connections()
        self.wake()


class _Process:
    service: AskingService | None = None


def start() -> Callable[[], None]:
    """Ask from this process; what is returned ends it."""
    if not get_config().federation.enabled:
        return lambda: None
    service = _Process.service = AskingService()
    service.start()

    def stop() -> None:
        _Process.service = None
        service.stop()

    return stop


def wake() -> None:
    """Something waits: for the service of this process or, where there is none, for this thread."""
    if _Process.service is not None:
        _Process.service.wake()
    else:
        fill_all()


def judge_left(before_ts: int) -> None:
    """Judge what came before a time and nobody has looked at; a room where that fails holds up no other."""
    for room_nid in staging.left_rooms(before_ts, _MOST_LOOKED_AT):
        try:
            judge_staged(room_nid, nothing_held)
        except Exception:  # noqa: BLE001  (the boundary of the room: logged, and it is looked at again)
            _log.exception("received events wait", room_nid=room_nid, again_in=POLL_SECONDS)
            close_old_connections()


def fill_all() -> None:
    """Judge everything that waits and is due, in this thread."""
    judge_left(now_ms())
    while waiting := staging.to_ask(now_ms(), _MOST_LOOKED_AT):
        for asking in waiting:
            _fill(asking)


def _fill(asking: Asking) -> None:
    # The client for other servers is big, and most of the time nothing has to be asked.
    from matrix_app.federation.inbound.filling import fill

    fill(asking)
